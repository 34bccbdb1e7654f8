"""Noise covariance from stretches without spikes, whitening, and the SNR of the average."""

from dataclasses import dataclass

import mne
import numpy as np
from mne.proj import make_projector

from pipeline.records.spikes_qc import AverageQC
from pipeline.whitening import powers, snr_db

BASELINE_S = 1.0
SPIKE_GUARD_S = 0.5
# Twice the pass band's upper edge and a little more: further samples say nothing new.
COVARIANCE_SFREQ_PER_LOWPASS = 2.5
RANK_TOLERANCE = 1e-5
RANK_WINDOWS = 60
PEAK_HALF_WIDTH_S = 0.02
ONSET_HALF_WIDTH_S = 0.01
SNR_DEFINITION = (
    "10 log10 of the mean power of the whitened average within 20 ms of its peak over the mean "
    "power, in the same window, of the whitened average with alternating signs"
)
SNR_OVER_BASELINE_DEFINITION = (
    "10 log10 of the mean power of the whitened average within 20 ms of its peak over its mean "
    "power from 0.5 to 0.2 s before the peak"
)


def baseline_starts(n_times: int, sfreq: float, busy_s: np.ndarray, max_windows: int) -> np.ndarray:
    """First samples of windows of `BASELINE_S` free of spikes and bad stretches.

    Parameters
    ----------
    n_times : int
    sfreq : float
    busy_s : ndarray, (n, 2)
        Start and end of what is to be avoided.
    max_windows : int
        Evenly drawn from all when there are more.
    """
    length = round(BASELINE_S * sfreq)
    busy = np.zeros(n_times, bool)
    for start, stop in busy_s:
        first = max(0, int(np.floor(start * sfreq)))
        busy[first : max(first, int(np.ceil(stop * sfreq)))] = True
    fitting, position = [], 0
    blocked = np.flatnonzero(np.append(busy, True))
    while position + length <= n_times:
        following = blocked[np.searchsorted(blocked, position)]
        if following - position >= length:
            fitting.append(position)
            position += length
        else:
            position = int(following) + 1
    starts = np.array(fitting, int)
    if len(starts) > max_windows:
        starts = starts[np.linspace(0, len(starts) - 1, max_windows).round().astype(int)]
    return starts


def noise_covariance(windows: np.ndarray, info: mne.Info) -> tuple[mne.Covariance, dict[str, int]]:
    """Covariance of spike-free windows, shrunk as Ledoit & Wolf (2004) do.

    Parameters
    ----------
    windows : ndarray, (n_windows, n_channels, n_times)
    info : mne.Info
        Its projectors are applied.

    Returns
    -------
    covariance : mne.Covariance
    rank : dict
        Per sensor type, or ``meg`` after signal-space separation.
    """
    step = max(1, int(info["sfreq"] / (COVARIANCE_SFREQ_PER_LOWPASS * info["lowpass"])))
    info = info.copy()
    with info._unlock():
        info["sfreq"] /= step
    epochs = mne.EpochsArray(windows[:, :, ::step].astype(float), info, proj=True)
    some = epochs[:RANK_WINDOWS]
    rank = mne.compute_rank(some, rank=None, tol=RANK_TOLERANCE, tol_kind="relative")
    covariance = mne.compute_covariance(epochs, method="ledoit_wolf", rank=rank)
    return covariance, {kind: int(value) for kind, value in rank.items()}


def whitening(covariance: mne.Covariance, info: mne.Info, rank: dict[str, int]) -> np.ndarray:
    """Projection and whitening in one matrix (rank, n_channels) for unprojected data."""
    whitener = mne.cov.compute_whitener(covariance, info, rank=rank, pca=True)[0]
    projector = make_projector(info["projs"], info.ch_names)[0]
    return whitener @ projector


@dataclass(frozen=True)
class Whitener:
    """The noise of data that are projected as their `info` says, and what whitens it.

    Attributes
    ----------
    covariance : mne.Covariance
    rank : dict of str to int
        By sensor type.
    matrix : ndarray, (rank, n_channels)
        Projection and whitening in one.
    """

    covariance: mne.Covariance
    rank: dict[str, int]
    matrix: np.ndarray


def whitener_of(baseline: np.ndarray, info: mne.Info) -> Whitener:
    """The whitener of spike-free windows (n, n_channels, n_times)."""
    covariance, rank = noise_covariance(baseline, info)
    return Whitener(covariance, rank, whitening(covariance, info, rank))


def average_quality(whitened: np.ndarray, sfreq: float, peak: int) -> AverageQC:
    """SNR and rise of an average.

    Parameters
    ----------
    whitened : ndarray, (n_spikes, n_components, n_times)
    sfreq : float
    peak : int
        Sample of the peak.

    Returns
    -------
    quality : AverageQC
        The SNRs as their definitions say; ``half_rise_s``: when the power of the average, less its noise, last passed a quarter of its peak (half of
        its amplitude) before it, relative to the peak, None where it does not within 0.2 s.
    """
    average = whitened.mean(axis=0)
    reach = round(PEAK_HALF_WIDTH_S * sfreq)
    core = slice(peak - reach, peak + reach + 1)
    peak_power, noise = powers(whitened[:, :, core])
    before_spike = average[:, peak - round(0.5 * sfreq) : peak - round(0.2 * sfreq)]
    power = np.mean(average**2, axis=0) - noise
    below = np.flatnonzero(power[max(0, peak - round(0.2 * sfreq)) : peak] < power[peak] / 4)
    before = min(peak, round(0.2 * sfreq)) - below[-1] if len(below) else None
    onset_reach = round(ONSET_HALF_WIDTH_S * sfreq)
    onset_snr_db = None
    if before is not None and peak - before >= onset_reach:
        at_onset = slice(peak - before - onset_reach, peak - before + onset_reach + 1)
        onset_snr_db = snr_db(whitened[:, :, at_onset])
    return AverageQC(
        snr_db=float(10 * np.log10(peak_power / noise)),
        snr_over_baseline_db=float(10 * np.log10(peak_power / np.mean(before_spike**2))),
        half_rise_s=None if before is None else float(-before / sfreq),
        onset_snr_db=onset_snr_db,
    )
