"""Places as tables state them: units of length by any name, and numbers that stand for no place."""

import re

import numpy as np

UNIT_IN_MM = {"m": 1000.0, "cm": 10.0, "mm": 1.0}
_UNIT_NAMES = {
    r"m|met(er|re)s?": "m",
    r"cm|centimet(er|re)s?": "cm",
    r"mm|millimet(er|re)s?": "mm",
}
MOST_AT_ONE_PLACE = 3
# Further from the origin nothing on or in a head lies in millimetres, nor in a longer unit.
NO_PLACE = 900.0


def unit_of(stated) -> str | None:
    """m, cm or mm as a dataset spells it; None for anything else."""
    spelt = str(stated).strip().lower()
    return next((unit for name, unit in _UNIT_NAMES.items() if re.fullmatch(name, spelt)), None)


def stands_for_none(xyz: np.ndarray) -> np.ndarray:
    """Which coordinates (n, 3) programs write where they know none: 0 0 0, -999 -999 -999, one for many.

    A name that is in the table twice shares its place with itself: three may be there by rounding.
    A single -999 stands for none where the others are in a head; where all are so large, it is their unit.
    """
    alike = (xyz == xyz[:, :1]).all(1)
    _, index, count = np.unique(xyz, axis=0, return_inverse=True, return_counts=True)
    shared_by = count[index.ravel()]
    largest = np.nan_to_num(np.abs(xyz)).max(1, initial=0)
    beyond = (largest >= NO_PLACE) & ((largest < NO_PLACE).mean() > 0.5)
    shared = (alike & (shared_by > 1)) | (shared_by > MOST_AT_ONE_PLACE)
    return (xyz == 0).all(1) | beyond | shared
