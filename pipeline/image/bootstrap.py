"""How sure the networks' maps are, given these spikes: a bootstrap over single spikes.

Single spikes are drawn with replacement, averaged anew and imaged by the same network (Efron and
Tibshirani 1993). The spread of the results tells how far the choice of spikes carries; it knows
nothing of errors that all spikes share, such as those of head model and co-registration.
"""

import numpy as np
import torch

from pipeline.localisation import otsu_extent, peak_map
from pipeline.methods._network import Network
from pipeline.projection import prepare_recording
from pipeline.records.image_qc import BootstrapQC
from pipeline.sampling import NETWORK_SFREQ_HZ

BATCH = 50
PERCENTILES = (2.5, 97.5)
STABLE_SHARE = 0.95


def draw_weights(n_spikes: int, n_resamples: int, seed: int) -> np.ndarray:
    """Weight of each spike in each resampled average (n_resamples, n_spikes); rows sum to 1."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n_spikes, np.full(n_spikes, 1 / n_spikes), size=n_resamples)
    return counts / n_spikes


def resampled_peak_maps(
    network: Network, spikes: np.ndarray, weights: np.ndarray, window_s: float
) -> np.ndarray:
    """The map of the peak of every weighted average of the spikes.

    Parameters
    ----------
    network : Network
    spikes : ndarray, (n_spikes, n_channels, n_times)
        On the average's own time axis.
    weights : ndarray, (n_resamples, n_spikes)
    window_s : float
        Width of the window around the peak.

    Returns
    -------
    maps : ndarray float32, (n_resamples, n_regions)
    """
    step = max(1, round(network.sfreq_hz / NETWORK_SFREQ_HZ))
    whiten = network.whiten.astype(np.float32)
    shape = len(whiten), len(network.times_s)
    averages = np.zeros((len(weights), np.prod(shape)), np.float32)
    # Whitening is linear: it is done once per spike, not once per average.
    for first in range(0, len(spikes), BATCH):
        some = slice(first, first + BATCH)
        kept = spikes[some, :, network.start :: step].astype(np.float32)
        whitened = whiten @ kept
        averages += weights[:, some].astype(np.float32) @ whitened.reshape(len(kept), -1)
    near = np.flatnonzero(np.abs(network.times_s) <= window_s)
    samples = slice(int(near[0]), int(near[-1]) + 1)
    maps = []
    for first in range(0, len(weights), BATCH):
        batch = averages[first : first + BATCH].reshape(-1, *shape)
        recordings = prepare_recording(batch, network.projection)
        with torch.inference_mode():
            peak = torch.full((len(recordings),), network.peak)
            activity = network.module(recordings, network.projection, peak, samples).numpy()
        maps += [peak_map(each, network.times_s[samples], window_s) for each in activity]
    return np.array(maps, np.float32)


def summarise(maps: np.ndarray) -> dict[str, np.ndarray]:
    """Extent and maximum of every resample, and how often each region is in the extent.

    Parameters
    ----------
    maps : ndarray, (n_resamples, n_regions)

    Returns
    -------
    arrays : dict
        peak_map (as given), extent (bool, same shape), max_region (n_resamples,), stability
        (n_regions,), 0 to 1.
    """
    extent = np.array([otsu_extent(each)[1] for each in maps])
    return {
        "peak_map": maps,
        "extent": extent,
        "max_region": maps.argmax(1),
        "stability": extent.mean(0).astype(np.float32),
    }


def describe(
    arrays: dict[str, np.ndarray],
    max_region: int,
    region_pos_mri_mm: np.ndarray,
    region_area_mm2: np.ndarray,
) -> BootstrapQC:
    """Intervals of 95 % for the place of the maximum and the extent's area.

    A maximum is a region's: places are no finer than the regions, and an interval of 0 mm says that
    the maximum never left its region. ``region_radius_mm``, the radius of a disc of that region's
    area, stands beside it.

    Parameters
    ----------
    arrays : dict
        From `summarise`.
    max_region : int
        Of the average of all spikes.
    region_pos_mri_mm : ndarray, (n_regions, 3)
    region_area_mm2 : ndarray, (n_regions,)
    """
    pos_mm = region_pos_mri_mm[arrays["max_region"]]
    away_mm = np.linalg.norm(pos_mm - region_pos_mri_mm[max_region], axis=1)
    area_cm2 = arrays["extent"] @ region_area_mm2 / 100
    low_mm, high_mm = np.percentile(pos_mm, PERCENTILES, axis=0)
    return BootstrapQC(
        n_resamples=len(pos_mm),
        max_within_mm_95=float(np.percentile(away_mm, 95)),
        region_radius_mm=float(np.sqrt(region_area_mm2[max_region] / np.pi)),
        max_ci95_low_mri_mm=tuple(low_mm.tolist()),
        max_ci95_high_mri_mm=tuple(high_mm.tolist()),
        same_max_region_share=float((arrays["max_region"] == max_region).mean()),
        extent_area_ci95_cm2=tuple(np.percentile(area_cm2, PERCENTILES).tolist()),
        stable_area_cm2=float(region_area_mm2[arrays["stability"] >= STABLE_SHARE].sum() / 100),
    )
