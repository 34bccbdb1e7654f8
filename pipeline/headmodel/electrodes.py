"""Whether electrodes lie as somebody measured them: their names tell sides, and a template tells itself."""

import re
from pathlib import Path

import mne
import numpy as np

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.modality import modality_of, picks_against_average
from pipeline.names import contact_key

# Names of the 10-20 system and its extensions end in an odd number on the left, an even one on the right.
_SIDED = re.compile(r"(?:fp|af|f|ft|fc|t|tp|c|cp|p|po|o)(\d+)")
# Along the head the first letters tell; the midline's electrodes too.
_ENDS = re.compile(r"(?:(fp|af|f)|(o|po|p))(?:\d+|z)")
_SYSTEM = "colin27_1005"
_FEWEST = 6
_NEAR_MIDLINE_M = 0.015
_NEAR_EARS_M = 0.01
# Of measured electrodes from a template that is turned, moved and scaled to them: some 5 mm and more.
_SAME_MM = 1.0


def check_electrodes(info: mne.Info, file: Path) -> None:
    """Refuse electrodes whose names belong to the other side, or to the other end of the head.

    Raises
    ------
    InvalidInput
        Most electrodes with odd numbers lie on the right, those with even ones on the left; or most
        frontal ones lie behind the ears, occipital and parietal ones before them.
    """
    if not modality_of(info).average_reference:
        return
    wrong = [is_wrong for is_wrong, _ in _wrong_sides(info).values()]
    if len(wrong) >= _FEWEST and np.mean(wrong) > 0.5:
        raise InvalidInput(
            f"{sum(wrong)} of {len(wrong)} electrodes lie on the other side than their names say",
            file=file,
            hint="check which landmark is left and right, and whether the coordinates are mirrored",
        )
    ends = _ends(info)
    if len(ends) >= _FEWEST and np.mean(ends) > 0.5:
        raise InvalidInput(
            f"{sum(ends)} of {len(ends)} frontal, parietal and occipital electrodes lie at the other end of "
            "the head than their names say",
            file=file,
            hint="check the sign of the axis from back to front, and whether the landmarks are in the same axes",
        )


def electrode_doubts(info: mne.Info) -> tuple[Doubt, ...]:
    """Doubts about where electrodes lie.

    A grave one where the places are those of a template, whatever says that they were measured; one
    where single electrodes lie clearly on the other side than their names say.
    """
    if not modality_of(info).average_reference:
        return ()
    return (*_of_template(info), *_exchanged(info))


def _exchanged(info: mne.Info) -> tuple[Doubt, ...]:
    sided = _wrong_sides(info)
    wrong = [name for name, (is_wrong, x) in sided.items() if is_wrong and abs(x) > _NEAR_MIDLINE_M]
    if not wrong:
        return ()
    text = (
        f"{len(wrong)} of {len(sided)} electrodes lie on the other side than their names say "
        f"({', '.join(wrong[:5])}): they may have been exchanged on the head, or when they were measured"
    )
    return (Doubt(text),)


def _wrong_sides(info: mne.Info) -> dict[str, tuple[bool, float]]:
    """For each electrode whose name tells a side, whether it lies on the other one, and its x in metres."""
    return {
        key: ((int(found[1]) % 2 == 1) == (x > 0), float(x))
        for key, (x, _, _) in _places_m(info).items()
        if (found := _SIDED.fullmatch(key))
    }


def _ends(info: mne.Info) -> list[bool]:
    """For each electrode whose name tells an end of the head, whether it lies clearly at the other one."""
    return [
        bool((-y if found[1] else y) > _NEAR_EARS_M)
        for key, (_, y, _) in _places_m(info).items()
        if (found := _ENDS.fullmatch(key))
    ]


def _of_template(info: mne.Info) -> tuple[Doubt, ...]:
    montage = mne.channels.make_standard_montage(_SYSTEM)
    system = {contact_key(name): pos for name, pos in montage.get_positions()["ch_pos"].items()}
    places = {key: pos for key, pos in _places_m(info).items() if key in system}
    if len(places) < _FEWEST or _misfit_mm(places, system) > _SAME_MM:
        return ()
    text = (
        f"the places of {len(places)} electrodes are those of the 10-20 system's template, turned and "
        "scaled: nobody measured them on this head, on which they may lie a centimetre or two off"
    )
    return (Doubt(text, grave=True),)


def _misfit_mm(places: dict, system: dict) -> float:
    """Median distance of places from a template's, moved, turned and scaled to them (Umeyama 1991)."""
    here, there = (np.array([each[key] for key in places]) for each in (places, system))
    here, there = here - here.mean(0), there - there.mean(0)
    left, size, right = np.linalg.svd(here.T @ there)
    turned = (there @ right.T @ left.T) * size.sum() / (there**2).sum()
    return float(1000 * np.median(np.linalg.norm(turned - here, axis=1)))


def _places_m(info: mne.Info) -> dict[str, np.ndarray]:
    return {
        contact_key(info["ch_names"][pick]): info["chs"][pick]["loc"][:3]
        for pick in picks_against_average(info)
    }
