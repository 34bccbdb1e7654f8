"""Do the contacts lie on the side of the head that their own table says?"""

import numpy as np
import pandas as pd

from pipeline.compare.contact_names import some
from pipeline.doubts import Doubt

# Nearer to the midline a position is of either side: heads are not placed better, nor symmetric.
NEAR_MIDLINE_MM = 10.0
_SIGNS = {"l": -1, "left": -1, "lh": -1, "r": 1, "right": 1, "rh": 1}


def side_doubts(placed: pd.DataFrame, rows: pd.DataFrame, midline_mm: float) -> list[Doubt]:
    """Compare the column ``hemisphere`` with where the contacts lie.

    Parameters
    ----------
    placed : DataFrame
        ``name``, ``key`` and ``x_mri_mm`` of each contact with a position.
    rows : DataFrame of str
        All rows of all electrodes.tsv, with ``key``.
    midline_mm : float
        Where the head's midline cuts the x axis.

    Returns
    -------
    list of Doubt
        Grave where most are on the other side: the coordinates or the T1w are mirrored.
    """
    if "hemisphere" not in rows:
        return []
    said = rows.assign(sign=rows["hemisphere"].str.strip().str.lower().map(_SIGNS))
    sign = placed["key"].map(said.dropna(subset="sign").groupby("key")["sign"].first())
    off_mm = placed["x_mri_mm"] - midline_mm
    decided = sign.notna() & (off_mm.abs() > NEAR_MIDLINE_MM)
    wrong = decided & (np.sign(off_mm) != sign)
    if not wrong.any():
        return []
    told = (
        f"{wrong.sum()} of {decided.sum()} contacts with a side lie on the other side of the head "
        f"than the column hemisphere says: {some(list(placed.loc[wrong, 'name']))}"
    )
    if wrong.sum() <= decided.sum() / 2:
        return [Doubt(told)]
    return [Doubt(f"{told}; their coordinates, or the T1w, may be mirrored", grave=True)]
