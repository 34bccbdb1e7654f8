"""Do the contacts lie on the side of the head that their own table or names say?"""

import re

import numpy as np
import pandas as pd

from pipeline.compare.contact_names import some
from pipeline.doubts import Doubt
from pipeline.names import contact_key

# Nearer to the midline a position is of either side: heads are not placed better, nor symmetric.
NEAR_MIDLINE_MM = 10.0
_SIGNS = {"l": -1, "left": -1, "lh": -1, "r": 1, "right": 1, "rh": 1}
# A shaft's letters: L or R and what it aims at. A single letter says nothing about a side.
_SIDED_SHAFT = re.compile(r"([lr])[a-z]+")
_SHAFT = re.compile(r"[^\W\d_]+'?")
_TWINS = re.compile(r"([a-z]+)([lr])")
MIN_SIDED_SHAFTS = 2


def midline_of(scalp_mri_mm: np.ndarray) -> float:
    """Where between left and right the middle of a head's outline (n, 3) lies."""
    return float(scalp_mri_mm[:, 0].min() + scalp_mri_mm[:, 0].max()) / 2


def side_doubts(placed: pd.DataFrame, rows: pd.DataFrame, midline_mm: float) -> list[Doubt]:
    """Compare the column ``hemisphere`` and the names with where the contacts lie.

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
    stated = pd.Series(np.nan, placed.index)
    if "hemisphere" in rows:
        said = rows.assign(sign=rows["hemisphere"].str.strip().str.lower().map(_SIGNS))
        stated = placed["key"].map(said.dropna(subset="sign").groupby("key")["sign"].first())
    decided = stated.notna() & (off_mm.abs() > NEAR_MIDLINE_MM)
    wrong = decided & (np.sign(off_mm) != stated)
    if not wrong.any():
        # A column that a program computed from the coordinates agrees with them, mirrored or not.
        return _by_names(placed, off_mm, confirmed=decided)
    told = (
        f"{wrong.sum()} of {decided.sum()} contacts with a side lie on the other side of the head "
        f"than the column hemisphere says: {some(list(placed.loc[wrong, 'name']))}"
    )
    if wrong.sum() <= decided.sum() / 2:
        return [Doubt(told)]
    return [Doubt(f"{told}; their coordinates, or the T1w, may be mirrored", grave=True)]


def _by_names(placed: pd.DataFrame, off_mm: pd.Series, confirmed: pd.Series) -> list[Doubt]:
    """A doubt where all shafts whose names tell a side lie on the other side.

    Names are no statement: shafts of one side may begin with either letter by what they aim at, so
    that one shaft on its own side is enough to say nothing. Where the column ``hemisphere``
    confirms the positions (n,) the doubt is not grave.
    """
    shaft = placed["name"].map(lambda name: _shaft(contact_key(name)))
    for called, sign in _signs_by_names(shaft).items():
        decided = sign.notna() & (off_mm.abs() > NEAR_MIDLINE_MM)
        wrong = decided & (np.sign(off_mm) != sign)
        if not wrong.any() or (decided & ~wrong).any():
            continue
        if shaft[wrong].nunique() < MIN_SIDED_SHAFTS:
            continue
        told = (
            f"All {wrong.sum()} contacts of shafts named {called} that lie clearly on a side lie on the "
            f"other one: {some(list(placed.loc[wrong, 'name']))}; their coordinates, or the T1w, may be "
            "mirrored"
        )
        grave = sign[wrong].nunique() > 1 and not confirmed[wrong].all()
        return [Doubt(told, grave=grave)]
    return []


def _shaft(key: str) -> str:
    """The letters, and the prime, with which a contact's key begins."""
    found = _SHAFT.match(key)
    return found[0] if found else ""


def _signs_by_names(shaft: pd.Series) -> dict[str, pd.Series]:
    """Side (-1 left, 1 right, NaN unknown) of shafts (n,), by each way in which names tell it."""
    first = shaft.str.extract(rf"^(?:{_SIDED_SHAFT.pattern})$", expand=False).map(_SIGNS)
    twins = shaft.str.extract(rf"^{_TWINS.pattern}$")
    both = twins[1].groupby(twins[0]).transform("nunique") == 2
    last = twins[1].map(_SIGNS).where(both)
    # Left shafts have a prime, the others are right ones; without any prime nobody names them so.
    primed = shaft.str.endswith("'")
    by_prime = pd.Series(np.where(primed, -1.0, 1.0), shaft.index).where(
        primed.any() & (shaft != "")
    )
    return {
        "L… or R…": first,
        "…L or …R": last,
        "with a prime (left) or without (right)": by_prime,
    }
