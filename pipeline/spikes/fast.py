"""What the low-pass takes away of an average: its share of power above the pass band.

A spike that lives above the pass band, such as a burst of fast oscillations, leaves next to nothing
below it, and the image is then that of whatever is left.
"""

from pathlib import Path

import mne
import numpy as np
from scipy.interpolate import CubicSpline
from scipy.signal import oaconvolve

from pipeline.doubts import Doubt
from pipeline.modality import picks_against_average, sensor_picks
from pipeline.spikes.filtering import common_signal, held, read_padded
from pipeline.spikes.noise import PEAK_HALF_WIDTH_S
from pipeline.whitening import powers

# From where the low-pass has ended its transition of a quarter, to five times its edge: ripples, 40 Hz given.
BAND_PER_LOWPASS = (1.25, 5.0)
NARROWEST = 1.5
HIGHEST_PER_SFREQ = 0.4
FAST_HZ = 1000.0
"""Rate at which fast segments are kept, whatever the recordings' own."""
STANDS_OUT = 2.0
"""Power of the fast average over that of its noise, from which there is any."""
TOLD_SHARE, GRAVE_SHARE = 0.2, 0.5


def fast_band_hz(
    sfreq_hz: float, highest_hz: float, lowpass_hz: float
) -> tuple[float, float] | None:
    """The band above the pass band that a recording holds; None where it holds next to none.

    Parameters
    ----------
    sfreq_hz, highest_hz : float
        The recording's sampling rate and its own low-pass.
    lowpass_hz : float
        Upper edge of the pass band.
    """
    low, high = (factor * lowpass_hz for factor in BAND_PER_LOWPASS)
    high = min(high, HIGHEST_PER_SFREQ * sfreq_hz, highest_hz)
    return (low, high) if high >= NARROWEST * low else None


def fast_segments(
    raw: mne.io.BaseRaw, path: Path, mark_s: np.ndarray, max_shift_s: float, lowpass_hz: float
) -> np.ndarray | None:
    """The MEG channels above the pass band around each mark, at `FAST_HZ`.

    Parameters
    ----------
    raw : mne.io.BaseRaw
    path : Path
        Its file, for messages.
    mark_s : ndarray, (n,)
        From the first stored sample; what lies at the recording's edge stays zero.
    max_shift_s : float
        How far a peak may lie from its mark.
    lowpass_hz : float

    Returns
    -------
    segments : ndarray of float32, (n, n_channels, n_times), or None
        The mark in the middle; None where the recording holds no such band.
    """
    sfreq, picks = raw.info["sfreq"], sensor_picks(raw.info)
    against_average = picks_against_average(mne.pick_info(raw.info, picks))
    band_hz = fast_band_hz(sfreq, raw.info["lowpass"], lowpass_hz)
    if band_hz is None:
        return None
    kernel = mne.filter.create_filter(None, sfreq, *band_hz, fir_design="firwin", verbose="error")
    half = len(kernel) // 2
    reach = round((max_shift_s + PEAK_HALF_WIDTH_S) * FAST_HZ) + 1
    grid_s = np.arange(-reach, reach + 1) / FAST_HZ
    segments = np.zeros((len(mark_s), len(picks), len(grid_s)), np.float32)
    for segment, at_s in zip(segments, mark_s, strict=True):
        start, stop = (
            int(np.rint((at_s + end) * sfreq)) + more
            for end, more in zip(grid_s[[0, -1]], (-3, 4), strict=True)
        )
        if start < half or stop + half > raw.n_times:
            continue
        block, _ = held(read_padded(raw, path, picks, start, stop, half))
        block[against_average] -= common_signal(block[against_average])
        fast = oaconvolve(block, kernel[np.newaxis], mode="valid", axes=1)
        segment[:] = CubicSpline(np.arange(start, stop) / sfreq - at_s, fast, axis=1)(grid_s)
    return segments


def share_above(slow: np.ndarray, fast: np.ndarray, noise_std: np.ndarray) -> float:
    """Share of an average's power that lies above the pass band, each less its noise; 0 where none stands out.

    Parameters
    ----------
    slow, fast : ndarray, (n_spikes, n_channels, n_times)
        The same spikes around their peaks, in the pass band and above it; rates may differ.
    noise_std : ndarray, (n_channels,)
        Spike-free, in the pass band: channels of all types then count alike.
    """
    scale = noise_std[:, np.newaxis]
    power, noise = powers(slow / scale)
    fast_power, fast_noise = powers(fast / scale)
    if fast_power < STANDS_OUT * fast_noise:
        return 0.0
    above, within = fast_power - fast_noise, max(power - noise, 0.0)
    return float(above / (above + within))


def doubts_of_fast(share: float | None, lowpass_hz: float) -> tuple[Doubt, ...]:
    """What page one must tell where the image lacks much of the average's power."""
    if share is None or share < TOLD_SHARE:
        return ()
    text = (
        f"{share:.0%} of the averaged spike's power lies above {lowpass_hz:g} Hz, where the pass band ends: "
        "what is imaged is only the slower part, which may have another source"
    )
    return (Doubt(text, grave=share >= GRAVE_SHARE),)
