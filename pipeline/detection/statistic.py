"""How well a patch of this head explains a transient, sample by sample.

An adaptive matched subspace detector (Scharf & Friedlander, IEEE Trans. Signal Process. 42, 1994): the
field's part along a patch, over the noise that the rest of the field and the moments around show.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft
from scipy.signal import oaconvolve

# Half of the width of a spike's sharp part, as the networks' spikes have it.
SHARP_S = 0.014
AROUND_S, SPARED_S = 1.0, 0.15
REFRACTORY_S = 0.2
# Of every patch's power: far more alike than a head model's fields and the true ones.
KEPT_OF_FIELD = 0.98
# Small enough for a processor's cache.
PATCHES_AT_ONCE = 100
LEVEL_STEP = 4


@dataclass(frozen=True)
class Detector:
    """What is known of a head and its noise.

    Attributes
    ----------
    whiten : ndarray, (rank, n_channels)
        For data in the pass band.
    basis : ndarray of float32, (n_components, rank)
        Orthonormal directions in which the patches' whitened fields lie.
    fields : ndarray of float32, (n_patches, n_components)
        Fields of the patches in these, of unit norm.
    shapes : ndarray of float32, (n_shapes, n_components)
        The same, and those of larger patches: what a peak's field may be like.
    sfreq_hz : float
    """

    whiten: np.ndarray
    basis: np.ndarray
    fields: np.ndarray
    shapes: np.ndarray
    sfreq_hz: float


def make_detector(
    whiten: np.ndarray, leadfield: np.ndarray, sfreq_hz: float, larger: np.ndarray | None = None
) -> Detector:
    """The detector of a leadfield (n_channels, n_patches), and of `larger` patches (n_channels, n)."""
    fields = (whiten @ leadfield).T
    fields = fields / np.linalg.norm(fields, axis=1, keepdims=True)
    _, _, basis = np.linalg.svd(fields, full_matrices=False)
    kept = np.cumsum((fields @ basis.T) ** 2, axis=1).min(0)
    basis = basis[: int(np.argmax(kept >= KEPT_OF_FIELD)) + 1]

    def within(each: np.ndarray) -> np.ndarray:
        each = each @ basis.T
        return (each / np.linalg.norm(each, axis=1, keepdims=True)).astype("f4")

    fields = within(fields)
    shapes = fields if larger is None else np.vstack([fields, within((whiten @ larger).T)])
    return Detector(whiten, basis.astype("f4"), fields, shapes, sfreq_hz)


def sharp_kernel(sfreq_hz: float) -> np.ndarray:
    """A Ricker wavelet of a spike's width: without a mean, so that slow waves give little."""
    return ricker(SHARP_S, sfreq_hz)


def ricker(width_s: float, sfreq_hz: float) -> np.ndarray:
    """A Ricker wavelet of unit energy, five widths to either side."""
    reach = int(np.ceil(5 * width_s * sfreq_hz))
    time = np.arange(-reach, reach + 1) / sfreq_hz / width_s
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
        larger of that in the moments around (up to a second, by the mean size, which the spikes around
        raise less than the mean power) and in the rest of the field, each 1 where the noise is as usual.
    """
    kernel = sharp_kernel(detector.sfreq_hz)
    sharp = oaconvolve(white.astype(np.float32), kernel[None], mode="same", axes=1)
    power = (sharp**2).sum(0)
    usual = max(np.median(power) / len(sharp), 1e-30)
    best = np.zeros(len(power), np.float32)
    seen = detector.basis @ sharp
    for first in range(0, len(detector.fields), PATCHES_AT_ONCE):
        along = np.abs(detector.fields[first : first + PATCHES_AT_ONCE] @ seen)
        # Of a Gaussian's size; neighbouring samples hold the same waves.
        level = np.median(along[:, ::LEVEL_STEP], axis=1, keepdims=True) / 0.6745
        noise = _around(along, detector.sfreq_hz) * np.float32(np.sqrt(np.pi / 2))
        np.maximum(noise, np.maximum(level, 1e-15), out=noise)
        noise **= 2
        along **= 2
        rest = power - along
        rest /= (len(sharp) - 1) * usual
        noise *= np.maximum(rest, 1, out=rest)
        along /= noise
        np.maximum(best, along.max(0), out=best)
    return best


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
    spectrum = scipy.fft.rfft(limited, axis=1)
    turn = np.exp(2j * np.pi * rng.random(spectrum.shape[1])).astype(spectrum.dtype)
    turn[0] = 1
    spectrum *= turn
    return scipy.fft.irfft(spectrum, white.shape[1], axis=1)


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
    wide, narrow = (round(s * sfreq_hz) for s in (AROUND_S, SPARED_S))
    padded = np.pad(along, ((0, 0), (wide + 1, wide)), mode="symmetric")
    padded[:, 0] = 0
    total, n = np.cumsum(padded, axis=1, out=padded), along.shape[1]

    def within(reach: int) -> np.ndarray:
        first = wide - reach
        return total[:, first + 2 * reach + 1 :][:, :n] - total[:, first : first + n]

    around = within(wide)
    around -= within(narrow)
    around /= 2 * (wide - narrow)
    return np.maximum(around, 0, out=around)
