"""Marks by the detector: reads the recordings in blocks and writes a table for each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import scipy.fft
from scipy.ndimage import uniform_filter1d

from pipeline.detection.likeness import fast_level
from pipeline.detection.statistic import AROUND_S, Detector, make_detector
from pipeline.detection.stream import Detected, detect
from pipeline.errors import InvalidInput
from pipeline.files import write_json, write_text
from pipeline.head_position import STEP_DEG, STEP_MM, HeadPositions, displacement
from pipeline.modality import field_picks, sensor_names, sensor_picks
from pipeline.names import events_name
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.readers import promised_modality
from pipeline.records.head import at_positions, read_measured_head
from pipeline.spikes.channels import find_bad_channels
from pipeline.spikes.config import Config, Inputs
from pipeline.spikes.events import REVIEW, UNREVIEWED
from pipeline.spikes.filtering import (
    WINDOW_S,
    WindowStats,
    bridged,
    held,
    measure,
    read_padded,
    still,
)
from pipeline.spikes.limits import require_channels
from pipeline.spikes.marks import channel_marks
from pipeline.spikes.maxfilter import Kept, maxfiltered
from pipeline.spikes.places import marked_stretches, spans
from pipeline.spikes.recording import open_recording
from pipeline.tables import read_tsv, to_tsv
from pipeline.template import N_REGIONS, load_template
from pipeline.template.cortex import region_adjacency
from pipeline.whitening import whitener

# Twice the pass band's upper edge and a little more.
LEAST_SFREQ_HZ = 120.0
BLOCK_S, N_SAMPLED = 30.0, 40
MARGIN_S = AROUND_S + 0.2
SEED = 0
TAG = "sc:Epileptiform-interictal-activity"
VERTEX_LIKE = "vertex-like transient"
# Muscles are there, and the power line and its harmonic are not.
FAST_HZ, FAST_SMOOTH = (65.0, 95.0), 3


def with_detected(
    inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress, kept: Kept | None
) -> Inputs:
    """The inputs with the detector's tables in the place of the dataset's, which it writes.

    The inputs as they are where no spikes are to be looked for. What had to be MaxFiltered is left in
    `kept`, for the averages.

    Raises
    ------
    InvalidInput
        A table is there already that somebody has reviewed, or see `require_measured`.
    """
    if not inputs.detect:
        return inputs
    require_measured(inputs.meg)
    tables = [_table_of(recording, paths) for recording in inputs.meg]
    for table in tables:
        _refuse_reviewed(table, paths)
    there = open_recording(inputs.meg[0]).info["dev_head_t"]  # which the leadfield has
    for recording, channels_tsv, table in zip(inputs.meg, inputs.channels_tsv, tables, strict=True):
        found = detected_spikes(recording, channels_tsv, paths, config, progress, there, kept)
        _write(table, found, config)
    return replace(inputs, events=list(tables), events_json=[])


def require_measured(recordings: Sequence[Path]) -> None:
    """Raise `InvalidInput` for recordings of a modality on which the detector was never measured."""
    for path in recordings:
        modality = promised_modality(path)
        if not modality.calibrated:
            raise InvalidInput(
                f"spikes are looked for in MEG alone, since it was not measured how many would be false in "
                f"{modality.label}",
                file=path,
                hint="mark the spikes in events.tsv, and run without --detect-spikes",
            )


def _table_of(recording: Path, paths: PatientPaths) -> Path:
    """Where ``--marks OUTPUT_DIR`` looks for the recording's table."""
    parts = recording.parts
    below = parts[parts.index(paths.sub) : -1] if paths.sub in parts else (paths.sub, "meg")
    return paths.output_dir.joinpath(*below, events_name(recording.name))


def _refuse_reviewed(table: Path, paths: PatientPaths) -> None:
    if not table.exists():
        return
    review = read_tsv(table, ("onset",), []).get(REVIEW, pd.Series(dtype=str))
    if (review.str.lower() != UNREVIEWED).any():
        raise InvalidInput(
            "somebody has reviewed the detector's marks, which a new detection would overwrite",
            file=table,
            hint=f"use them with --marks {paths.output_dir.name}, without --detect-spikes; or move "
            "the table away",
        )


def _write(table: Path, found: Detected, config: Config) -> None:
    n_spikes, n_others = len(found.time_s), len(found.vertex_like_s)
    rows = pd.DataFrame(
        {
            "onset": np.concatenate([found.time_s, found.vertex_like_s]).round(4),
            "duration": 0,
            "trial_type": ["spike"] * n_spikes + [VERTEX_LIKE] * n_others,
            "score": [*found.score.astype(float).round(3), *[np.nan] * n_others],
            REVIEW: UNREVIEWED,
        }
    ).sort_values("onset", kind="stable")
    described = {
        "onset": {"Description": "Peak, from the first stored sample", "Units": "s"},
        "trial_type": {
            "Levels": {
                "spike": "Found by a detector",
                VERTEX_LIKE: "Found by a detector; broader than a spike or of two patches at once, as "
                "vertex waves are and some spikes: not used unless its trial_type is made spike",
            },
            "HED": {"spike": TAG},
        },
        "score": {
            "Description": "Statistic over its threshold, which surrogates of this recording without "
            f"transients reach {config.false_per_minute:g} times a minute: {found.expected_false:.1f} "
            "times in this recording"
        },
        REVIEW: {
            "Description": "What a person says of the mark",
            "Levels": {
                UNREVIEWED: "Nobody has looked at it",
                "accepted": "A spike",
                "rejected": "No spike: it is not used",
            },
        },
    }
    write_text(table, to_tsv(rows))
    write_json(table.with_suffix(".json"), described)


def detected_spikes(
    path: Path,
    channels_tsv: Path | None,
    paths: PatientPaths,
    config: Config,
    progress: Progress,
    there: mne.Transform | None = None,
    kept: Kept | None = None,
) -> Detected:
    """What the detector finds in one recording, outside of its bad stretches.

    Parameters
    ----------
    path : Path
    channels_tsv : Path or None
        Says which channels are bad.
    paths : PatientPaths
        Where the head model's leadfield lies.
    config : Config
    progress : Progress
    there : mne.Transform, optional
        Device to head where the leadfield has the head; without it the run's head lies there too.
    kept : Kept, optional
        Gets the recording after MaxFilter, where that is done.
    """
    raw, notes = open_recording(path), list[str]()
    marked = channel_marks(raw, path, channels_tsv, notes)
    raw.info["bads"] = [name for name in raw.ch_names if name in marked]
    stretches_s = spans(marked_stretches(raw, None))
    how = config.maxfilter, config.tsss_s, notes, progress
    with maxfiltered(raw, path, *how, kept=kept) as (separated, _):
        blocks = Blocks(separated, path, config)
        known = partial(_leadfield, paths=paths, info=separated.info, there=there)
        detector = fitted_detector(blocks, set(marked), known)
        n_blocks = len(blocks.starts)
        with progress.step(f"Looking for spikes in {path.name}", total=n_blocks) as bar:
            found = detect(
                lambda index: blocks.with_fast(index, MARGIN_S),
                blocks.starts / blocks.sfreq - MARGIN_S,
                MARGIN_S,
                detector,
                config.false_per_minute,
                SEED,
                bar.advance,
            )

    def clean(time_s: np.ndarray) -> np.ndarray:
        near = (stretches_s[:, :1] - 0.5 < time_s) & (time_s < stretches_s[:, 1:] + 0.5)
        return ~near.any(0) & (time_s > 1) & (time_s < raw.times[-1] - 1)

    is_clean = clean(found.time_s)
    return replace(
        found,
        time_s=found.time_s[is_clean],
        score=found.score[is_clean],
        vertex_like_s=found.vertex_like_s[clean(found.vertex_like_s)],
    )


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


def _leadfield(
    names: list[str], paths: PatientPaths, info: mne.Info, there: mne.Transform | None
) -> np.ndarray:
    """Leadfield (n_channels, 994) of a run, at its own head position where that is another."""
    head, here = read_measured_head(paths, names), info["dev_head_t"]
    if here is None or there is None:
        return head.leadfield
    (distance_mm,), (angle_deg,) = displacement(there["trans"], here["trans"][None])
    if distance_mm <= STEP_MM and angle_deg <= STEP_DEG:
        return head.leadfield
    dropped = set(sensor_names(info)).difference(names)
    kept = [pick for pick in field_picks(info) if info["ch_names"][pick] not in dropped]
    positions = HeadPositions(here["trans"][None], np.zeros(1, int))
    return at_positions(head, mne.pick_info(info, kept), positions).leadfield


def fitted_detector(
    blocks: Blocks, marked: set[str], leadfield_of: Callable[[list[str]], np.ndarray]
) -> Detector:
    """The detector for a recording: noise and bad channels from blocks drawn evenly over it.

    Parameters
    ----------
    blocks : Blocks
        Gives its good channels alone from then on.
    marked : set of str
        Channels that are bad whatever is measured.
    leadfield_of : callable
        From channels' names to their leadfield (n_channels, n_patches).

    Raises
    ------
    InvalidInput
        Most channels are bad.
    """
    info = mne.pick_info(blocks.raw.info, blocks.picks)
    types = np.array(info.get_channel_types())
    drawn = np.unique(
        np.linspace(0, len(blocks.starts) - 1, min(N_SAMPLED, len(blocks.starts))).astype(int)
    )
    total = np.zeros((len(types), len(types)))
    measured, n_times = [], 0
    window = round(WINDOW_S * blocks.sfreq)
    for index in drawn:
        core, band = blocks.filtered(int(index), 0.0)
        total += band @ band.T.astype(float)
        n_times += band.shape[1]
        # At the kept rate: what differs from channel to channel does so at either.
        kept = core[:, :: blocks.step][:, : band.shape[1]]
        measured.append(measure(kept, band, window))
    stuck, level, std, ptp, fast = (
        np.concatenate(part, axis=1) for part in zip(*measured, strict=True)
    )
    stats = WindowStats(stuck, level, std, ptp, fast, window / blocks.sfreq)
    size = np.sqrt(np.diag(total))
    safe = np.where(size > 0, size, 1)
    pos_m = np.array([channel["loc"][:3] for channel in info["chs"]])
    bad = find_bad_channels(stats, types, pos_m, total / safe[:, None] / safe[None])
    found = {info["ch_names"][i]: reason for i, reason in bad.items()}
    found |= {name: "marked bad" for name in marked if name in info["ch_names"]}
    require_channels(found, len(types), blocks.path)
    blocks.good = np.array([i for i, name in enumerate(info["ch_names"]) if name not in found])
    names = [info["ch_names"][i] for i in blocks.good]
    covariance = total[np.ix_(blocks.good, blocks.good)] / n_times
    leadfield = leadfield_of(names)
    return make_detector(whitener(covariance), leadfield, blocks.sfreq, leadfield @ _larger())


def _larger() -> np.ndarray:
    """Patches of a region with its neighbours, and with theirs: (994, 2 * 994)."""
    template = load_template()
    near = region_adjacency(template.vertex_region, template.faces) | np.eye(N_REGIONS, dtype=bool)
    return np.hstack([near, near.astype(float) @ near > 0]).astype(float)
