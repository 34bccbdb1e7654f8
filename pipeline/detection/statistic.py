"""How well a patch of this head explains a transient, sample by sample.

An adaptive matched subspace detector (Scharf & Friedlander, IEEE Trans. Signal Process. 42, 1994): the
field's part along a patch, over the noise that the rest of the field and the moments around show.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import oaconvolve

# Half of the width of a spike's sharp part, as the networks' spikes have it.
SHARP_S = 0.014
AROUND_S, SPARED_S = 1.0, 0.15
REFRACTORY_S = 0.2


@dataclass(frozen=True)
class Detector:
    """What is known of a head and its noise.

    Attributes
    ----------
    whiten : ndarray, (rank, n_channels)
        For data in the pass band.
    fields : ndarray of float32, (n_patches, rank)
        Whitened fields of the patches, of unit norm.
    sfreq_hz : float
    """

    whiten: np.ndarray
    fields: np.ndarray
    sfreq_hz: float


def make_detector(whiten: np.ndarray, leadfield: np.ndarray, sfreq_hz: float) -> Detector:
    """The detector of a leadfield (n_channels, n_patches)."""
    fields = (whiten @ leadfield).T
    fields = fields / np.linalg.norm(fields, axis=1, keepdims=True)
    return Detector(whiten, fields.astype(np.float32), sfreq_hz)


def sharp_kernel(sfreq_hz: float) -> np.ndarray:
    """A Ricker wavelet of unit energy: without a mean, so that slow waves give little."""
    reach = int(np.ceil(5 * SHARP_S * sfreq_hz))
    time = np.arange(-reach, reach + 1) / sfreq_hz / SHARP_S
    kernel = (1 - time**2) * np.exp(-(time**2) / 2)
    kernel -= kernel.mean()
    return (kernel / np.linalg.norm(kernel)).astype(np.float32)


def statistic(white: np.ndarray, detector: Detector) -> np.ndarray:
    """The statistic of each sample.

    Parameters
    ----------
    white : ndarray, (rank, n_times)
        Whitened data.
    detector : Detector

    Returns
    -------
    statistic : ndarray, (n_times,)
        Squared amplitude along the best patch over that patch's usual one, over the noise's power: the
        larger of that in the moments around (up to a second) and in the rest of the field, each 1 where
        the noise is as usual.
    """
    kernel = sharp_kernel(detector.sfreq_hz)
    sharp = oaconvolve(white.astype(np.float32), kernel[None], mode="same", axes=1)
    power = (sharp**2).sum(0)
    usual = np.median(power) / len(sharp)
    along = detector.fields @ sharp
    along **= 2
    level = np.median(along, axis=1, keepdims=True) / 0.455  # of a squared Gaussian
    around = _around(along, detector.sfreq_hz)
    rest = np.maximum(power - along, 0) / (len(sharp) - 1) / max(usual, 1e-30)
    along /= np.maximum(np.maximum(around, level), 1e-30) * np.maximum(rest, 1)
    return along.max(0)


def peaks(values: np.ndarray, sfreq_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Samples and heights of the maxima that no higher one has within `REFRACTORY_S`, by time."""
    reach = round(REFRACTORY_S * sfreq_hz)
    order = np.argsort(values)[::-1]
    free = np.ones(len(values), bool)
    found = []
    for at in order:
        if not free[at]:
            continue
        inside = slice(max(0, at - reach), at + reach + 1)
        # The flank of a higher peak is none.
        if values[at] >= values[inside].max():
            found.append(at)
        free[inside] = False
    samples = np.array(sorted(found), int)
    return samples, values[samples]


def surrogate(white: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same block without transients: its spectra and its fields, its phases drawn anew.

    All channels' phases turn alike, so that what goes with what stays (Prichard & Theiler, Phys. Rev.
    Lett. 73, 1994). Samples of more than three times the usual field are scaled down to it before,
    so that a block's spikes do not raise their own threshold.
    """
    size = np.linalg.norm(white, axis=0)
    usual = 3 * np.median(size)
    limited = white * np.minimum(1, usual / np.maximum(size, 1e-30))
    spectrum = np.fft.rfft(limited, axis=1)
    turn = np.exp(2j * np.pi * rng.random(spectrum.shape[1]))
    turn[0] = 1
    return np.fft.irfft(spectrum * turn, white.shape[1], axis=1)


def threshold_of(null: np.ndarray, null_minutes: float, false_per_minute: float) -> float:
    """The height that peaks of the null reach `false_per_minute` times a minute.

    Parameters
    ----------
    null : ndarray, (n,)
        Heights of all peaks of surrogates.
    null_minutes : float
        Their length together.
    false_per_minute : float
    """
    rank = max(1, round(false_per_minute * null_minutes))
    ordered = np.sort(null)[::-1]
    return float(ordered[min(rank, len(ordered)) - 1])


def _around(along: np.ndarray, sfreq_hz: float) -> np.ndarray:
    """Mean of each row over `AROUND_S` on either side, without `SPARED_S`."""
    wide, narrow = (2 * round(s * sfreq_hz) + 1 for s in (AROUND_S, SPARED_S))
    total = uniform_filter1d(along, wide, axis=1, mode="reflect") * wide
    total -= uniform_filter1d(along, narrow, axis=1, mode="reflect") * narrow
    return np.maximum(total, 0) / (wide - narrow)
