"""Time courses of the virtual patient: spikes, ongoing activity, heart, eyes and surroundings.

The spike's shape is drawn from Gaussians, not from the neural-mass model that the networks
are trained with, so that no network has met it before.
"""

import numpy as np

from bids_app.demo.scenarios._scenario import USUAL_SHAPE, Shape

# Interictal discharges cross a few centimetres of cortex in some ten milliseconds.
SPREAD_S_PER_MM = 0.4e-3
# Width at half height of a sharp peak that is not stretched.
DURATION_S = 0.0353


def coloured_noise(
    rng: np.random.Generator, n_rows: int, n_times: int, sfreq: float, amplitude
) -> np.ndarray:
    """Gaussian noise of unit variance with a given amplitude spectrum: float32 (n_rows, n_times).

    Parameters
    ----------
    amplitude : callable
        Relative spectral amplitude of frequencies in Hz; 0 Hz is left out.
    """
    frequency = np.fft.rfftfreq(n_times, 1 / sfreq)
    gain = np.zeros(len(frequency))
    gain[1:] = amplitude(frequency[1:])
    gain *= np.sqrt(n_times / (gain[1:] ** 2).sum() / 2)
    noise = np.empty((n_rows, n_times), np.float32)
    for row in range(n_rows):
        white = rng.standard_normal((2, len(frequency))) * np.sqrt(n_times / 2)
        noise[row] = np.fft.irfft((white[0] + 1j * white[1]) * gain, n_times)
    return noise


def one_over_f(frequency: np.ndarray) -> np.ndarray:
    """Amplitude of ongoing cortical activity: power 1/f above 2 Hz, steeper above 30 Hz."""
    return 1 / np.sqrt((np.maximum(frequency, 2.0)) * (1 + (frequency / 30) ** 2))


def alpha(frequency: np.ndarray) -> np.ndarray:
    """Amplitude of a waxing and waning 10 Hz rhythm with a little of its harmonic."""
    return np.exp(-(((frequency - 10) / 1.2) ** 2)) + 0.25 * np.exp(-(((frequency - 20) / 2) ** 2))


def drift(frequency: np.ndarray) -> np.ndarray:
    return 1 / np.maximum(frequency, 0.05) ** 1.2


def spike_times_s(
    rng: np.random.Generator, n_marks: int, length_s: float, margin_s: float = 2.0
) -> np.ndarray:
    """Times of marks with irregular spacing that leaves stretches free of spikes."""
    slot = (length_s - 2 * margin_s) / n_marks
    return margin_s + slot * (np.arange(n_marks) + rng.uniform(0.1, 0.9, n_marks) * 0.8)


def spike_waveform(
    time_s: np.ndarray, stretch: float, slow_wave: float, slow_delay_s: float
) -> np.ndarray:
    """Sharp wave of unit height at 0 s, rising faster than it falls, then an opposite slow wave."""
    sharp = _peak(time_s, stretch)
    onset = -0.12 * np.exp(-0.5 * ((time_s + 0.042 * stretch) / (0.014 * stretch)) ** 2)
    slow = -slow_wave * np.exp(-0.5 * ((time_s - slow_delay_s) / 0.055) ** 2)
    return sharp + onset + slow


def _peak(time_s, stretch):
    width = np.where(time_s < 0, 0.011, 0.019) * stretch
    return np.exp(-0.5 * (time_s / width) ** 2)


def spike_train(
    rng: np.random.Generator,
    peaks_s: np.ndarray,
    delays_s: np.ndarray,
    n_times: int,
    sfreq: float,
    shape: Shape = USUAL_SHAPE,
) -> tuple[np.ndarray, np.ndarray]:
    """Activity of rings of the patch over a whole recording.

    Parameters
    ----------
    peaks_s : ndarray, (n_spikes,)
        A polyspike's first peak.
    delays_s : ndarray, (n_rings,)
        How much later than the centre each ring discharges.
    shape : Shape

    Returns
    -------
    train : ndarray of float32, (n_rings, n_times)
    amplitude : ndarray, (n_spikes,)
        Height of each spike; their root mean square is 1.
    """
    amplitude = np.exp(rng.normal(0, 0.18, len(peaks_s)))
    amplitude /= np.sqrt((amplitude**2).mean())
    train = np.zeros((len(delays_s), n_times), np.float32)
    later_s = shape.peak_interval_s * np.arange(1, shape.n_peaks)
    for peak, height in zip(peaks_s, amplitude, strict=True):
        stretch = np.exp(rng.normal(0, 0.08)) * shape.duration_s / DURATION_S
        slow_wave, slow_delay = rng.uniform(*shape.slow_wave), rng.uniform(0.11, 0.17)
        slow_delay += shape.peak_interval_s * (shape.n_peaks - 1)
        first = max(0, int((peak - 0.3) * sfreq))
        sample = np.arange(first, min(n_times, int((peak + 0.9) * sfreq)))
        for ring, delay in enumerate(delays_s + rng.normal(0, 0.0015, len(delays_s))):
            time_s = sample / sfreq - peak - delay
            wave = spike_waveform(time_s, stretch, slow_wave, slow_delay)
            wave += sum(_peak(time_s - more, stretch) for more in later_s)
            train[ring, sample] += height * wave
    return train, amplitude


def heart(rng: np.random.Generator, n_times: int, sfreq: float) -> np.ndarray:
    """QRS complexes and T waves of unit height at about 66 beats per minute: (n_times,)."""
    length_s = n_times / sfreq
    beats = np.cumsum(rng.normal(0.91, 0.04, int(length_s / 0.7) + 2))
    course = np.zeros(n_times)
    for beat in beats[beats < length_s - 0.6]:
        sample = np.arange(max(0, int((beat - 0.1) * sfreq)), int((beat + 0.5) * sfreq))
        t = sample / sfreq - beat
        course[sample] += np.exp(-0.5 * (t / 0.010) ** 2)
        course[sample] -= 0.18 * np.exp(-0.5 * ((t + 0.028) / 0.009) ** 2)
        course[sample] -= 0.25 * np.exp(-0.5 * ((t - 0.030) / 0.011) ** 2)
        course[sample] += 0.22 * np.exp(-0.5 * ((t - 0.26) / 0.045) ** 2)
    return course


def blinks(rng: np.random.Generator, n_times: int, sfreq: float, per_minute: float) -> np.ndarray:
    """Eye blinks of about unit height: (n_times,)."""
    length_s = n_times / sfreq
    course = np.zeros(n_times)
    for onset in np.sort(rng.uniform(1, length_s - 1, max(2, int(per_minute * length_s / 60)))):
        closing, opening = rng.uniform(0.05, 0.07), rng.uniform(0.09, 0.14)
        sample = np.arange(int((onset - 0.3) * sfreq), int((onset + 0.6) * sfreq))
        sample = sample[(sample >= 0) & (sample < n_times)]
        t = sample / sfreq - onset
        width = np.where(t < 0, closing, opening)
        course[sample] += rng.uniform(0.7, 1.2) * np.exp(-0.5 * (t / width) ** 2)
    return course
