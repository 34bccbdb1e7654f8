"""Do the contacts lie on the side of the head that their own table or names say?"""

import re

import numpy as np
import pandas as pd

from pipeline.compare.contact_names import some
from pipeline.doubts import Doubt

# Nearer to the midline a position is of either side: heads are not placed better, nor symmetric.
NEAR_MIDLINE_MM = 10.0
_SIGNS = {"l": -1, "left": -1, "lh": -1, "r": 1, "right": 1, "rh": 1}
# A shaft's letters: L or R and what it aims at. A single letter says nothing about a side.
_SIDED_SHAFT = re.compile(r"([lr])[a-z]+")
MIN_SIDED_SHAFTS = 2


def side_doubts(placed: pd.DataFrame, rows: pd.DataFrame, midline_mm: float) -> list[Doubt]:
    """Compare the column ``hemisphere``, or without it the names, with where the contacts lie.

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
    off_mm = placed["x_mri_mm"] - midline_mm
    if "hemisphere" not in rows:
        return _by_names(placed, off_mm)
    said = rows.assign(sign=rows["hemisphere"].str.strip().str.lower().map(_SIGNS))
    sign = placed["key"].map(said.dropna(subset="sign").groupby("key")["sign"].first())
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


def _by_names(placed: pd.DataFrame, off_mm: pd.Series) -> list[Doubt]:
    """A doubt where all shafts that are named L… or R… lie on the other side.

    Names are no statement: shafts of one side may begin with either letter by what they aim at, so
    that one shaft on its own side is enough to say nothing.
    """
    shaft = placed["name"].str.lower().str.extract(r"^([a-z]+)", expand=False)
    sign = shaft.str.extract(_SIDED_SHAFT, expand=False).map(_SIGNS)
    decided = sign.notna() & (off_mm.abs() > NEAR_MIDLINE_MM)
    wrong = decided & (np.sign(off_mm) != sign)
    if not wrong.any() or (decided & ~wrong).any():
        return []
    if shaft[wrong].nunique() < MIN_SIDED_SHAFTS:
        return []
    told = (
        f"All {wrong.sum()} contacts of shafts named L… or R… that lie clearly on a side lie on the "
        f"other one: {some(list(placed.loc[wrong, 'name']))}; their coordinates, or the T1w, may be "
        "mirrored"
    )
    return [Doubt(told, grave=sign[wrong].nunique() > 1)]
