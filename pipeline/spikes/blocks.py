"""A recording in blocks with few samples a second, as the detector reads it."""

from pathlib import Path

import mne
import numpy as np
import scipy.fft
from scipy.ndimage import uniform_filter1d

from pipeline.detection.likeness import fast_level
from pipeline.detection.statistic import AROUND_S
from pipeline.modality import sensor_picks
from pipeline.spikes.config import Config
from pipeline.spikes.filtering import bridged, held, read_padded, still

# Twice the pass band's upper edge and a little more.
LEAST_SFREQ_HZ = 120.0
BLOCK_S = 30.0
MARGIN_S = AROUND_S + 0.2
# Muscles are there, and the power line and its harmonic are not.
FAST_HZ, FAST_SMOOTH = (65.0, 95.0), 3


class Blocks:
    """Blocks of a recording in the pass band, with few samples a second.

    Attributes
    ----------
    sfreq : float
        Of what it gives, Hz.
    starts : ndarray of int, (n_blocks,)
        First sample of each block at that rate, from the first stored one.
    good : ndarray of int, (n_good,)
        Sensors that `at` gives; all of them until a detector is fitted.
    """

    def __init__(self, raw: mne.io.BaseRaw, path: Path, config: Config):
        self.raw, self.path = raw, path
        self.picks = sensor_picks(raw.info)
        self.step = max(1, int(raw.info["sfreq"] // LEAST_SFREQ_HZ))
        self.sfreq = raw.info["sfreq"] / self.step
        band = config.highpass_hz, config.lowpass_hz
        self.kernel = mne.filter.create_filter(
            None, raw.info["sfreq"], *band, fir_design="firwin", verbose="error"
        )
        self.good = np.arange(len(self.picks))
        length = round(BLOCK_S * self.sfreq)
        n_kept = raw.n_times // self.step
        self.length = min(length, n_kept)
        self.starts = np.arange(0, n_kept - self.length + 1, self.length)

    def at(self, index: int, margin_s: float) -> np.ndarray:
        """Good channels (n, n_times); beyond the recording's ends they are mirrored."""
        return self.filtered(index, margin_s)[1][self.good]

    def with_fast(self, index: int, margin_s: float) -> tuple[np.ndarray, np.ndarray | None]:
        """What `at` gives, and the power of fast activity over its usual one at these samples.

        The second is None where the sampling rate is too low to tell.
        """
        block = self._read(index, margin_s)[0]
        block = bridged(block, still(block))
        spectrum, length = spectrum_of(block, self.step)
        n_times = self.length + 2 * round(margin_s * self.sfreq)
        band = few_of(spectrum, length, block.shape[1], self.kernel, self.step)[:, :n_times]
        if self.raw.info["sfreq"] < 2.1 * FAST_HZ[1]:
            return band[self.good], None
        power, places = fast_power(spectrum[self.good], length, self.raw.info["sfreq"])
        first = len(self.kernel) // 2
        # The ends do not fit each other, as a spectrum takes them to.
        inner = (places >= first) & (places < block.shape[1] - first)
        at = first + self.step * np.arange(n_times)
        return band[self.good], np.interp(at, places[inner], fast_level(power[:, inner]))

    def filtered(self, index: int, margin_s: float) -> tuple[np.ndarray, np.ndarray]:
        """A block as recorded, and in the pass band with its margin."""
        block, reach = self._read(index, margin_s)
        core = block[:, reach : reach + self.length * self.step]
        band = few_samples(bridged(block, still(block)), self.kernel, self.step)
        return core, band[:, : self.length + 2 * round(margin_s * self.sfreq)]

    def _read(self, index: int, margin_s: float) -> tuple[np.ndarray, int]:
        """A block with all that is needed around it, and where itself begins in that."""
        reach = len(self.kernel) // 2 + round(margin_s * self.sfreq) * self.step
        start = int(self.starts[index]) * self.step
        stop = start + self.length * self.step
        return held(read_padded(self.raw, self.path, self.picks, start, stop, reach))[0], reach


def few_samples(block: np.ndarray, kernel: np.ndarray, step: int) -> np.ndarray:
    """Every `step`-th sample of a block's valid convolution, float32 (n_channels, n).

    Parameters
    ----------
    block : ndarray, (n_channels, n_times)
    kernel : ndarray, (n_kernel,)
        Of a pass band that ends below half the sampling rate of the result: what lies above is left out
        before the way back from frequencies, which takes most of the time away.
    step : int
    """
    spectrum, length = spectrum_of(block, step)
    return few_of(spectrum, length, block.shape[1], kernel, step)


def spectrum_of(block: np.ndarray, step: int) -> tuple[np.ndarray, int]:
    """Spectra of a block without its mean, complex64 (n_channels, n), and the length they are of."""
    length = step * scipy.fft.next_fast_len(-(-block.shape[1] // step), real=True)
    block = block - block.mean(1, keepdims=True)  # single precision does not hold an offset
    return scipy.fft.rfft(block.astype(np.float32), length, axis=1), length


def few_of(
    spectrum: np.ndarray, length: int, n_times: int, kernel: np.ndarray, step: int
) -> np.ndarray:
    """`few_samples` of a block of `n_times` whose `spectrum_of` is known."""
    spectrum = spectrum[:, : length // step // 2 + 1]
    frequency = np.arange(spectrum.shape[1])
    begin = np.exp(2j * np.pi * frequency * (len(kernel) - 1) / length) / step
    gain = scipy.fft.rfft(kernel, length)[: len(frequency)] * begin
    n_valid = -(-(n_times - len(kernel) + 1) // step)
    return scipy.fft.irfft(spectrum * gain.astype(np.complex64), length // step, axis=1)[
        :, :n_valid
    ]


def fast_power(spectrum: np.ndarray, length: int, sfreq: float) -> tuple[np.ndarray, np.ndarray]:
    """Power in `FAST_HZ`, about thirty times a second, (n_channels, n), and the samples it is at (n,)."""
    first, last = (round(hz * length / sfreq) for hz in FAST_HZ)
    envelope = scipy.fft.ifft(spectrum[:, first:last], axis=1)
    power = uniform_filter1d(np.abs(envelope) ** 2, FAST_SMOOTH, axis=1)
    return power, np.arange(last - first) * length / (last - first)
