"""How an estimated extent overlaps with the truth.

The definitions of Sun et al. 2022 (section "Clinical MEG Data Analysis"). Positions are in mm,
distances Euclidean; "size" is area.
"""

import numpy as np

from pipeline.localisation import nearest_distance_mm
from pipeline.metrics._case import Case

NEIGHBOURHOOD_MM = 30.0
N_DRAWS = 100


def sublobar_sensitivity_specificity(
    estimated: np.ndarray, soz: np.ndarray, considered: np.ndarray | None = None
) -> tuple[float, float]:
    """Agreement over the sublobar regions.

    Parameters
    ----------
    estimated, soz : ndarray of bool, (20,)
        Sublobar regions that hold estimated regions, and those that hold SOZ contacts.
    considered : ndarray of bool, (20,), optional
        Restrict the comparison to these.

    Returns
    -------
    sensitivity : float
        Part of the SOZ's sublobar regions that hold an estimated region; NaN without any.
    specificity : float
        Part of the others that hold none; NaN without any.
    """
    considered = np.ones_like(soz) if considered is None else considered
    positive, negative = considered & soz, considered & ~soz
    sensitivity = (estimated & positive).sum() / positive.sum() if positive.any() else np.nan
    specificity = (~estimated & negative).sum() / negative.sum() if negative.any() else np.nan
    return float(sensitivity), float(specificity)


def sensitivity(estimated: np.ndarray, true: np.ndarray, area_mm2: np.ndarray) -> float:
    """Part of the true regions' area that is estimated active; all arrays (n_regions,)."""
    return float(area_mm2[estimated & true].sum() / area_mm2[true].sum())


def balanced_specificity(
    estimated: np.ndarray,
    true: np.ndarray,
    area_mm2: np.ndarray,
    pos_mm: np.ndarray,
    seed: int,
    n_draws: int = N_DRAWS,
) -> tuple[float, float, float]:
    """Specificity over as many inactive regions as there are true ones (Chowdhury et al. 2013).

    Over all inactive regions it would be high for every map, since they are so many. As many regions
    as are true are drawn from the inactive ones within 30 mm of the true regions (close), and from
    those beyond but within 30 mm of a spuriously estimated region that lies beyond, too (far). The
    published measure takes one draw; the mean of many does not depend on chance.

    Parameters
    ----------
    estimated, true : ndarray of bool, (n_regions,)
    area_mm2 : ndarray, (n_regions,)
    pos_mm : ndarray, (n_regions, 3)
    seed : int

    Returns
    -------
    specificity, close, far : float
        Specificity is the mean of close and far. Without a spurious region beyond 30 mm far is 1.
        NaN where there is nothing to draw from.
    """
    rng = np.random.default_rng(seed)
    to_true_mm = nearest_distance_mm(pos_mm, pos_mm[true])
    neighbour = to_true_mm <= NEIGHBOURHOOD_MM
    close = _drawn_specificity(estimated, neighbour & ~true, true.sum(), area_mm2, n_draws, rng)
    spurious = estimated & ~neighbour
    if not spurious.any():
        far = 1.0
    else:
        near_spurious = nearest_distance_mm(pos_mm, pos_mm[spurious]) <= NEIGHBOURHOOD_MM
        far = _drawn_specificity(
            estimated, near_spurious & ~neighbour, true.sum(), area_mm2, n_draws, rng
        )
    return (close + far) / 2, close, far


def _drawn_specificity(
    estimated: np.ndarray,
    candidates: np.ndarray,
    n: int,
    area_mm2: np.ndarray,
    n_draws: int,
    rng: np.random.Generator,
) -> float:
    pool = np.flatnonzero(candidates)
    if not len(pool):
        return float("nan")
    values = []
    for _ in range(n_draws):
        drawn = rng.choice(pool, size=min(n, len(pool)), replace=False)
        values.append(area_mm2[drawn[~estimated[drawn]]].sum() / area_mm2[drawn].sum())
    return float(np.mean(values))


def resection_specificities(case: Case) -> tuple[float, float, float]:
    """`balanced_specificity` against the resected regions."""
    head = case.head
    return balanced_specificity(
        case.extent,
        case.resected,
        head.region_area_mm2,
        head.region_pos_mri_mm,
        case.references.seed,
    )
