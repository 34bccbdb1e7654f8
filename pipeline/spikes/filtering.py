"""Band-pass and resampling in one pass over the file, measuring each half second on the way."""

from dataclasses import dataclass, fields, replace
from pathlib import Path

import mne
import numpy as np
from scipy.signal import oaconvolve

from pipeline.compensation import compensation_grade
from pipeline.errors import OutOfMemory
from pipeline.machine import available_memory_bytes
from pipeline.modality import picks_against_average, recording_picks, sensor_picks
from pipeline.progress import Progress
from pipeline.spikes.recording import read_block

WINDOW_S = 0.5
WINDOWS_PER_CHUNK = 60
# What is made on the way of a chunk is several times its size: few channels at a time.
CHANNELS_AT_ONCE = 32


@dataclass(frozen=True)
class WindowStats:
    """What each channel did in each window; all arrays are (n_channels, n_windows).

    Attributes
    ----------
    stuck : ndarray
        Fraction of samples equal to the one before.
    level : ndarray
        Largest absolute value of the raw signal.
    in_band_std : ndarray
        Standard deviation after the band-pass.
    in_band_ptp : ndarray
        Peak to peak after the band-pass.
    fast_std : ndarray
        Standard deviation of the raw signal's second difference: sensor noise at high
        frequencies, with the brain and the power line nearly gone.
    window_s : float
        Length of a window: a whole number of samples, close to `WINDOW_S`.
    """

    stuck: np.ndarray
    level: np.ndarray
    in_band_std: np.ndarray
    in_band_ptp: np.ndarray
    fast_std: np.ndarray
    window_s: float

    def at(self, windows: np.ndarray) -> "WindowStats":
        """Of some windows only; they no longer follow each other in time."""
        arrays = {
            field.name: getattr(self, field.name)[:, windows]
            for field in fields(self)
            if field.name != "window_s"
        }
        return replace(self, **arrays)


def load_filtered(
    raw: mne.io.BaseRaw,
    path: Path,
    band_hz: tuple[float, float],
    sfreq_hz: float,
    progress: Progress,
) -> tuple[mne.io.RawArray, WindowStats]:
    """Filter with a zero-phase FIR, resample, and measure each window of each MEG channel.

    The file is read once in chunks that overlap by the filter's length, so that memory holds
    the resampled data and one chunk, and the result is that of filtering the whole. Stretches in
    which all MEG channels stand still are bridged, so that their edges do not ring. Samples that are
    no numbers stand still at the one before.

    Parameters
    ----------
    raw : mne.io.BaseRaw
        Not loaded.
    path : Path
        Its file, for messages.
    band_hz : tuple of float
        Pass band; mne's default transitions (1 Hz below 1 Hz, 10 Hz above 40 Hz).
    sfreq_hz : float
        Sampling rate of the result.
    progress : Progress

    Returns
    -------
    filtered : mne.io.RawArray
        MEG, EOG and ECG channels, and the references that MEG channels were compensated with.
    stats : WindowStats
        Of the MEG channels, in the order of `sensor_picks(filtered.info)`.
    """
    sfreq = raw.info["sfreq"]
    picks = recording_picks(raw.info, references=compensation_grade(raw.info) > 0)
    info = mne.pick_info(raw.info, picks)
    meg = sensor_picks(info)
    shared = np.isin(np.arange(len(picks)), picks_against_average(info))
    groups = _few_at_a_time(meg, len(picks))
    # All power above the pass band is gone, so that leaving out samples aliases nothing.
    step = max(1, int(sfreq // sfreq_hz))
    _check_memory(len(picks), raw.n_times // step, sfreq / step != sfreq_hz, path)
    kernel = mne.filter.create_filter(None, sfreq, *band_hz, fir_design="firwin", verbose="error")
    half = len(kernel) // 2
    window = round(WINDOW_S * sfreq)
    chunk = window * WINDOWS_PER_CHUNK
    kept = np.empty((len(picks), -(-raw.n_times // step)))
    measured = []
    starts = range(0, raw.n_times, chunk)
    with progress.step(f"Filtering {path.name}", total=len(starts)) as bar:
        for start in starts:
            stop = min(start + chunk, raw.n_times)
            block, lost = held(read_padded(raw, path, picks, start, stop, half))
            standing = still(block[meg])
            common = common_signal(block[shared])
            first, middle = -(-start // step), slice(half, half + stop - start)
            parts = []
            for group, measures in groups:
                signals = block[group]
                if measures:
                    signals = bridged(signals, standing)
                    signals[shared[group]] -= common
                filtered = oaconvolve(signals, kernel[np.newaxis], mode="valid", axes=1)
                samples = filtered[:, first * step - start :: step]
                kept[group, first : first + samples.shape[1]] = samples
                if measures:
                    core, gone = block[group, middle], lost[group, middle]
                    parts.append(measure(core, filtered, window, gone))
            measured.append([np.concatenate(part) for part in zip(*parts, strict=True)])
            bar.advance()
    with info._unlock():
        info["sfreq"] = sfreq / step
        info["highpass"], info["lowpass"] = band_hz
    result = mne.io.RawArray(kept, info, verbose="error")
    if result.info["sfreq"] != sfreq_hz:
        result.resample(sfreq_hz, verbose="error")
    stuck, level, std, ptp, fast = (
        np.concatenate(part, axis=1) for part in zip(*measured, strict=True)
    )
    return result, WindowStats(stuck, level, std, ptp, fast, window / sfreq)


def _few_at_a_time(meg: np.ndarray, n_channels: int) -> list[tuple[np.ndarray, bool]]:
    """Groups of the MEG channels, then of the others, and which of both they are of."""
    others = np.setdiff1d(np.arange(n_channels), meg)
    return [
        (part[first : first + CHANNELS_AT_ONCE], part is meg)
        for part in (meg, others)
        for first in range(0, len(part), CHANNELS_AT_ONCE)
    ]


def common_signal(block: np.ndarray) -> np.ndarray | float:
    """What all channels (n_channels, n_times) share that tell differences alone; 0 where there are none.

    It is the reference electrode's. The average reference takes out whatever is the same in all: the
    median, which no bad channel moves, serves to judge channels before it is known which are good.
    """
    return np.median(block, axis=0) if len(block) else 0.0


def still(block: np.ndarray) -> np.ndarray:
    """Samples (n_times,) in which all signals (n_channels, n_times) stand still."""
    standing = np.ones(block.shape[1] - 1, bool)
    for channel in block:
        standing &= channel[1:] == channel[:-1]
        if not standing.any():
            break
    return np.append(standing, False) | np.append(False, standing)


def bridged(block: np.ndarray, standing: np.ndarray | None = None) -> np.ndarray:
    """The same signals with a straight line where they are `standing`.

    Parameters
    ----------
    block : ndarray, (n_channels, n_times)
        Unchanged where nothing stands still, or everything.
    standing : ndarray of bool, (n_times,), optional
        As `still` finds them in more signals than these; in these alone where it is not given.
    """
    standing = still(block) if standing is None else standing
    if standing.all() or not standing.any():
        return block
    times = np.arange(block.shape[1])
    return np.array([np.interp(times, times[~standing], each[~standing]) for each in block])


def held(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Signals (n_channels, n_times) that hold their last value where they are NaN, and where that is."""
    lost = np.isnan(block)
    if not lost.any():
        return block, lost
    times = np.arange(block.shape[1])
    last = np.maximum.accumulate(np.where(lost, 0, times), axis=1)
    return np.nan_to_num(np.take_along_axis(block, last, axis=1)), lost


def read_padded(raw, path, picks, start: int, stop: int, half: int) -> np.ndarray:
    """Samples start - half .. stop + half, mirrored where the recording ends."""
    first, last = max(0, start - half), min(raw.n_times, stop + half)
    block = read_block(raw, path, picks, first, last)
    missing = (first - (start - half), stop + half - last)
    if any(missing):
        block = np.pad(block, ((0, 0), missing), mode="reflect", reflect_type="odd")
    return block


def measure(
    core: np.ndarray, filtered: np.ndarray, window: int, lost: np.ndarray | None = None
) -> tuple[np.ndarray, ...]:
    """What `WindowStats` holds of each window of `window` samples of a stretch, in its order.

    A channel counts as stuck in a window in which one of its samples is `lost`.
    """
    n_windows = core.shape[1] // window

    def cut(x):
        return x[:, : n_windows * window].reshape(len(x), n_windows, window)

    step = np.diff(core, axis=1, prepend=core[:, :1])
    stuck = cut(step == 0).mean(axis=2)
    if lost is not None:
        stuck[cut(lost).any(axis=2)] = 1
    level = np.abs(cut(core)).max(axis=2, initial=0)
    fast = cut(np.diff(step, axis=1, prepend=step[:, :1])).std(axis=2)
    in_band = cut(filtered)
    return stuck, level, in_band.std(axis=2), np.ptp(in_band, axis=2), fast


def _check_memory(n_channels: int, n_times: int, resampled_again: bool, path: Path) -> None:
    needed = 8 * n_channels * n_times * (2.5 if resampled_again else 1.5)
    available = available_memory_bytes()
    if needed > available:
        raise OutOfMemory(
            f"the recording needs {needed / 2**30:.1f} GiB of memory and "
            f"{available / 2**30:.1f} GiB are free",
            file=path,
            hint="cut the recording to the part with the spikes or use a larger machine",
        )
