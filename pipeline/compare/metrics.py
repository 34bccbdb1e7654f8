"""How an estimated source compares with seizure-onset contacts and with a resection.

The definitions of Sun et al. 2022 (section "Clinical MEG Data Analysis") on plain arrays. Positions
are scanner RAS of the pre-operative T1w in mm, distances Euclidean; "size" is area.
"""

import numpy as np
from scipy.spatial import cKDTree

NEIGHBOURHOOD_MM = 30.0
SAMPLED_MM = 20.0
N_DRAWS = 100


def nearest_distance_mm(from_mm: np.ndarray, to_mm: np.ndarray) -> np.ndarray:
    """Distance (n,) of each of the points `from_mm` (n, 3) to the nearest of `to_mm` (m, 3)."""
    return cKDTree(to_mm).query(from_mm)[0]


def soz_localisation_error_mm(
    soz_mm: np.ndarray, estimated_mm: np.ndarray
) -> tuple[float, float, float]:
    """SOZ localisation error and its two parts.

    Parameters
    ----------
    soz_mm : ndarray, (n, 3)
        Contacts marked as seizure onset.
    estimated_mm : ndarray, (m, 3)
        Estimated regions.

    Returns
    -------
    both, soz_to_estimate, estimate_to_soz : float
        Mean distance of each contact to its nearest estimated region, of each estimated region to
        its nearest contact, and the mean of the two.
    """
    soz_to_estimate = float(nearest_distance_mm(soz_mm, estimated_mm).mean())
    estimate_to_soz = float(nearest_distance_mm(estimated_mm, soz_mm).mean())
    return (soz_to_estimate + estimate_to_soz) / 2, soz_to_estimate, estimate_to_soz


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


def _drawn_specificity(estimated, candidates, n, area_mm2, n_draws, rng) -> float:
    pool = np.flatnonzero(candidates)
    if not len(pool):
        return float("nan")
    values = []
    for _ in range(n_draws):
        drawn = rng.choice(pool, size=min(n, len(pool)), replace=False)
        values.append(area_mm2[drawn[~estimated[drawn]]].sum() / area_mm2[drawn].sum())
    return float(np.mean(values))


def spatial_dispersion_mm(values: np.ndarray, distance_mm: np.ndarray) -> float:
    """Mean distance of the estimated regions to the resection, weighted by their activity.

    SD = sum(d_i J_i) / sum(J_i), over the regions of the extent.

    Parameters
    ----------
    values : ndarray, (n,)
        Map J of the estimated regions.
    distance_mm : ndarray, (n,)
        Distance d of each to the resection, 0 inside.
    """
    return float((distance_mm * values).sum() / values.sum())


def sampled_share(estimated_mm: np.ndarray, area_mm2: np.ndarray, contacts_mm: np.ndarray) -> float:
    """Part of the estimated area (n regions) whose centre lies within 20 mm of any contact."""
    seen = nearest_distance_mm(estimated_mm, contacts_mm) <= SAMPLED_MM
    return float(area_mm2[seen].sum() / area_mm2.sum())
