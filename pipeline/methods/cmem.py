"""Coherent maximum entropy on the mean (cMEM) on the regions.

Sources form parcels, each active as a whole or not at all. Among all distributions of source
activity that explain the data, the method takes the one nearest, in Kullback-Leibler divergence,
to a prior that the data themselves suggest, and returns its mean.

- Amblard, Lapalme & Lina 2004, IEEE Trans Biomed Eng 51:427: the dual problem and its solution.
- Mattout et al. 2005, NeuroImage 26:356: scores by multivariate source prelocalisation (MSP).
- Lapalme, Lina & Mattout 2006, NeuroImage 30:160: parcels and prior from these scores.
- Chowdhury et al. 2013, PLoS ONE 8:e55969: the variant for spikes with one set of parcels for all
  samples (appendix S1) and the constants; Harrison et al. 2007, NeuroImage 38:677: smoothness.
"""

from collections.abc import Callable

import numpy as np
from scipy.linalg import block_diag, expm
from scipy.optimize import minimize
from scipy.special import expit, logit

from pipeline.errors import InvalidInput
from pipeline.methods._method import MapMethod
from pipeline.methods._minimum_norm import Options
from pipeline.methods._model import Problem
from pipeline.methods._whitened import whitened
from pipeline.sampling import samples_through_peak

# Data components that hold this share of the power make the signal's subspace (Chowdhury 2013).
SIGNAL_INERTIA = 0.95
# Share of the normalised leadfield's singular values in which a component is looked for.
LEADFIELD_SHARE = 0.92
# Above it a parcel is active for certain.
CERTAIN = 0.8
# Variance of an active parcel's sources, as a share of their mean squared minimum-norm solution.
VARIANCE_SHARE = 0.05
SMOOTHNESS = 0.6
MIN_PARCEL_SIZE = 3


def cmem(
    data: np.ndarray,
    leadfield: np.ndarray,
    baseline: np.ndarray,
    adjacency: np.ndarray,
    snr: float = 3.0,
) -> np.ndarray:
    """Activity of the regions by cMEM.

    Parameters
    ----------
    data : ndarray, (n_channels, n_times)
        Whitened.
    leadfield : ndarray, (n_channels, n_regions)
        Whitened alike; one fixed dipole per region.
    baseline : ndarray, (n_channels, n)
        Whitened samples without a spike; their mean square is the variance of the data's noise,
        which the whitening makes alike in all channels. Their mean is noise as well: it is not
        taken away, or a third of a second of slow noise would seem to have less variance.
    adjacency : ndarray of bool, (n_regions, n_regions)
        Which regions are neighbours; a region and its neighbours make a parcel.
    snr : float
        Amplitude signal-to-noise ratio of the minimum-norm solution that scales the prior; its
        regularisation is the mean whitened gain over snr².

    Returns
    -------
    activity : ndarray, (n_regions, n_times)
        A·m where the leadfield is per A·m. Zero where the data are.

    Raises
    ------
    InvalidInput
        Arrays that don't fit together or are not finite, or a baseline without variance.
    """
    _check(data, leadfield, baseline, adjacency)
    if not data.any():
        return np.zeros((leadfield.shape[1], data.shape[1]))
    scores = msp_scores(data, leadfield)
    parcel = parcels(scores.mean(1), adjacency)
    gain = leadfield @ leadfield.T
    ridge = np.trace(gain) / len(gain) / snr**2
    minimum_norm = leadfield.T @ np.linalg.solve(gain + ridge * np.eye(len(gain)), data)
    root = _smoothness_root(parcel, adjacency)
    root_field = leadfield @ root
    noise_variance = np.mean(baseline**2)
    activity = np.empty_like(minimum_norm)
    for sample, measured in enumerate(data.T):
        probability = _by_parcel(np.median, scores[:, sample], parcel)
        probability[probability > CERTAIN] = 1
        power = _by_parcel(np.mean, minimum_norm[:, sample] ** 2, parcel)
        # In the active state, activity = root @ (scale * independent unit normal variables).
        scale = np.sqrt(VARIANCE_SHARE * power[parcel])
        field = root_field * scale
        multiplier = minimize(
            dual,
            np.zeros(len(measured)),
            (measured, field, noise_variance, probability, parcel),
            method="L-BFGS-B",
            jac=True,
            options={"maxiter": 500},
        ).x
        source = multiplier @ field
        active = _active_probability(source, probability, parcel)
        activity[:, sample] = root @ (scale * active[parcel] * source)
    return activity


def msp_scores(data: np.ndarray, leadfield: np.ndarray) -> np.ndarray:
    """How well each region's field lies in the data, between 0 and 1, at each sample.

    Each principal component of the data up to `SIGNAL_INERTIA` is projected on those singular
    vectors of the normalised leadfield that resemble it most (Mattout 2005, eqs. 6-12); a region's
    score is the squared cosine between its field and that projection. Scores of components add
    up, weighted by their time courses (Chowdhury 2013, appendix S1).
    """
    normalised = leadfield / np.linalg.norm(leadfield, axis=0)
    basis, singular, _ = np.linalg.svd(normalised, full_matrices=False)
    topographies, size, courses = np.linalg.svd(data, full_matrices=False)
    inertia = np.cumsum(size**2) / np.sum(size**2)
    n_kept = int(np.searchsorted(inertia, SIGNAL_INERTIA)) + 1
    scores = np.zeros((leadfield.shape[1], data.shape[1]))
    for topography, course in zip(topographies.T[:n_kept], courses[:n_kept], strict=True):
        share = basis.T @ topography
        order = np.argsort(-(share**2))
        cumulated = np.cumsum(singular[order]) / singular.sum()
        chosen = order[: int(np.searchsorted(cumulated, LEADFIELD_SHARE)) + 1]
        projected = basis[:, chosen] @ share[chosen]
        cosine = projected @ normalised / np.linalg.norm(projected)
        scores += np.outer(cosine**2, np.abs(course))
    return scores / scores.max()


def parcels(score: np.ndarray, adjacency: np.ndarray) -> np.ndarray:
    """Number of each region's parcel, from 0, grown around the highest scores (Lapalme 2006).

    What is left over with fewer than `MIN_PARCEL_SIZE` regions joins the neighbouring parcel of
    the highest score, or stays alone where it has no neighbour.
    """
    reach = adjacency | np.eye(len(score), dtype=bool)
    parcel = np.full(len(score), -1)
    n_parcels = 0
    by_score = np.argsort(-score, kind="stable")
    for centre in by_score:
        free = reach[centre] & (parcel < 0)
        if parcel[centre] < 0 and free.sum() >= MIN_PARCEL_SIZE:
            parcel[free] = n_parcels
            n_parcels += 1
    for region in by_score[parcel[by_score] < 0]:
        near = parcel[reach[region] & (parcel >= 0)]
        parcel[region] = near.min() if len(near) else n_parcels
        n_parcels += not len(near)
    return parcel


def dual(
    multiplier: np.ndarray,
    measured: np.ndarray,
    field: np.ndarray,
    noise_variance: float,
    probability: np.ndarray,
    parcel: np.ndarray,
) -> tuple[float, np.ndarray]:
    """The convex function whose minimum solves the problem, and its gradient (n_channels,).

    Amblard 2004, eq. 19, with the sign turned: -λᵀm + ½ λᵀΣ_d λ + Σ_k F_k(λ), where parcel k's
    F_k = ln[(1 - α_k) + α_k exp(½ |ξ_k|²)] and ξ = fieldᵀ λ; inactive parcels are silent.

    Parameters
    ----------
    multiplier : ndarray, (n_channels,)
        λ.
    measured : ndarray, (n_channels,)
        m.
    field : ndarray, (n_channels, n_regions)
        Leadfield times a root of the sources' covariance in the active state.
    noise_variance : float
        Σ_d is this times the identity.
    probability : ndarray, (n_parcels,)
        α of each parcel's active state.
    parcel : ndarray of int, (n_regions,)
    """
    source = multiplier @ field
    energy = 0.5 * np.bincount(parcel, source**2)
    with np.errstate(divide="ignore"):
        entropy = np.logaddexp(np.log1p(-probability), np.log(probability) + energy)
    active = _active_probability(source, probability, parcel)
    value = -multiplier @ measured + 0.5 * noise_variance * multiplier @ multiplier
    gradient = -measured + noise_variance * multiplier + field @ (active[parcel] * source)
    return value + entropy.sum(), gradient


def _active_probability(
    source: np.ndarray, probability: np.ndarray, parcel: np.ndarray
) -> np.ndarray:
    """α* of each parcel: α / (α + (1 - α) exp(-½ |ξ|²)), its probability given the data."""
    energy = 0.5 * np.bincount(parcel, source**2)
    return expit(logit(probability) + energy)


def _by_parcel(
    function: Callable[[np.ndarray], float], values: np.ndarray, parcel: np.ndarray
) -> np.ndarray:
    return np.array([function(values[parcel == k]) for k in range(parcel.max() + 1)])


def _smoothness_root(parcel: np.ndarray, adjacency: np.ndarray) -> np.ndarray:
    """Root of the covariance of neighbours within parcels, (n_regions, n_regions).

    Green's function of diffusion over neighbours (Harrison 2007), cut into parcels.
    """
    laplacian = adjacency - np.diag(adjacency.sum(1))
    smooth = expm(SMOOTHNESS * laplacian.astype(float))
    order = np.argsort(parcel, kind="stable")
    blocks = []
    for k in range(parcel.max() + 1):
        inside = np.flatnonzero(parcel == k)
        blocks.append(np.linalg.cholesky(smooth[np.ix_(inside, inside)]))
    root = np.empty_like(smooth)
    root[np.ix_(order, order)] = block_diag(*blocks)
    return root


def _check(
    data: np.ndarray, leadfield: np.ndarray, baseline: np.ndarray, adjacency: np.ndarray
) -> None:
    n_channels, n_regions = leadfield.shape
    if len(data) != n_channels or len(baseline) != n_channels:
        raise InvalidInput(
            f"cMEM got {len(data)} channels of data and {len(baseline)} of baseline for a "
            f"leadfield of {n_channels}",
            hint="give all three in the same whitened space",
        )
    if adjacency.shape != (n_regions, n_regions):
        raise InvalidInput(
            f"cMEM got neighbours of {len(adjacency)} regions for a leadfield of {n_regions}",
            hint="give the neighbours of the leadfield's own regions",
        )
    for name, values in (("data", data), ("leadfield", leadfield), ("baseline", baseline)):
        if not np.isfinite(values).all():
            raise InvalidInput(
                f"cMEM's {name} holds values that are not finite",
                hint="look for bad channels in the report's quality page",
            )
    if not np.all(leadfield.any(0)):
        raise InvalidInput(
            "cMEM's leadfield has regions without any field", hint="run the headmodel stage again"
        )
    if baseline.shape[1] < 2 or baseline.var(axis=1).mean() <= 0:
        raise InvalidInput("cMEM's baseline has no variance", hint="give spike-free samples")


def activity(problem: Problem, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """cMEM at the networks' 125 Hz, because it solves every sample anew.

    Its noise model is the same variance in all channels, so that it takes data that are white.
    """
    average, seen = problem.spike.average, whitened(problem)
    _, times_s = samples_through_peak(average.times, average.info["sfreq"])
    solution = cmem(
        seen.data[:, np.isin(average.times, times_s)],
        seen.gain,
        seen.baseline,
        problem.model.adjacency,
        options.snr,
    )
    return solution, times_s


METHOD = MapMethod(
    label="cMEM",
    short="cMEM",
    order=50,
    marker="P",
    colour="#b8860b",
    sentence="coherent maximum entropy on the mean (cMEM) {cite}, which is drawn to cortex that the "
    "sensors see strongly",
    references={
        "cmem": "Chowdhury RA, Lina JM, Kobayashi E, Grova C. MEG source localization of spatially "
        "extended generators of epileptic activity: comparing entropic and hierarchical Bayesian "
        "approaches. PLoS ONE 2013;8:e55969."
    },
    options=Options,
    by_default=True,
    unit="A·m",
    activity=activity,
)
