"""What the stage takes from one run, so that only one run's recording is in memory at a time."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np

from pipeline.compensation import compensation_grade
from pipeline.errors import InvalidInput
from pipeline.modality import not_imaged, reference_picks, sensor_picks
from pipeline.progress import Progress
from pipeline.records.spikes_qc import MaxFilterQC, MovementQC
from pipeline.spikes.artefacts import ArtefactAverage, average_artefact
from pipeline.spikes.channels import find_bad_channels, find_bad_stretches, windows_with_data
from pipeline.spikes.choice import Annotated
from pipeline.spikes.config import EPOCH_S, Config
from pipeline.spikes.copies import on_common_samples
from pipeline.spikes.events import listed
from pipeline.spikes.fast import fast_segments
from pipeline.spikes.filtering import load_filtered
from pipeline.spikes.limits import require_data
from pipeline.spikes.marks import channel_marks, join_projectors
from pipeline.spikes.maxfilter import Kept, maxfiltered, require_like
from pipeline.spikes.movement import located
from pipeline.spikes.noise import BASELINE_S, baseline_starts
from pipeline.spikes.places import marked_stretches, spans, spike_free_starts, spike_places
from pipeline.spikes.recording import check_unit, open_recording, rename_like

CORRELATION_S = 120.0


@dataclass
class Run:
    """One run's spikes and spike-free stretches, before channels are dropped.

    Attributes
    ----------
    info : mne.Info
        All MEG channels.
    spike_s : ndarray, (n_spikes,)
        Middle of each annotation.
    label : tuple of str, (n_spikes,)
        What the events call it.
    max_shift : ndarray of int, (n_spikes,)
    early_reason : list of str
        Why a spike cannot be used whatever it looks like; empty otherwise.
    segments : ndarray of float32, (n_usable, n_channels, n_times)
    sensors : mne.Info
        All MEG channels, then the references that they were compensated with (CTF; else none).
    reference_segments : ndarray, (n_usable, n_references, n_times)
    fast : ndarray of float32, (n_usable, n_channels, n_fast_times), or None
        Above the pass band (`fast_segments`).
    baseline : ndarray of float32, (n_windows, n_channels, n_times)
    bad_channels : dict
        Name to reason.
    stretches : list of (start_s, end_s, reason)
    artefacts : dict of ArtefactAverage
        ``heart`` and ``eyes``.
    notes : list of str
        How the run was read, where the reader of the report must know.
    maxfilter : MaxFilterQC
    places : ndarray, (n_usable, 4, 4), or None
        Device to head at each usable spike; None where the recording states no position.
    movement : MovementQC
    not_imaged : dict of str to int
        Sensors of modalities that are not imaged, by these' names.
    """

    path: Path
    info: mne.Info
    input_sfreq_hz: float
    duration_s: float
    spike_s: np.ndarray
    label: tuple[str, ...]
    max_shift: np.ndarray
    early_reason: list[str]
    segments: np.ndarray
    sensors: mne.Info
    reference_segments: np.ndarray
    fast: np.ndarray | None
    baseline: np.ndarray
    bad_channels: dict[str, str]
    stretches: list[tuple[float, float, str]]
    artefacts: dict[str, ArtefactAverage]
    notes: list[str]
    maxfilter: MaxFilterQC
    places: np.ndarray | None
    movement: MovementQC
    not_imaged: dict[str, int]

    @property
    def usable(self) -> np.ndarray:
        return np.array([reason == "" for reason in self.early_reason], bool)


def read_run(
    run: Annotated,
    names: list[str],
    config: Config,
    max_windows: int,
    longest_spike_s: float,
    progress: Progress,
    kept: Kept | None = None,
) -> Run:
    """Filter one run and cut out of it what the later steps need.

    `names` are the MEG channels as the reference run calls and orders them, `max_windows` the most spike-free
    windows to take, `longest_spike_s` the longest one marked in any run, `kept` what was MaxFiltered before.
    """
    path, events, notes = run.path, run.events, list[str]()
    assert events is not None  # a run that is used has events
    raw = open_recording(path, run.modality)
    rename_like(raw, names)
    join_projectors(raw.info, notes)
    bad = channel_marks(raw, path, run.channels_tsv, notes)
    raw.info["bads"] = [name for name in raw.ch_names if name in bad]
    with _separated(raw, path, config, notes, progress, kept=kept) as (separated, maxfilter):
        filtered, stats = _filtered(separated, path, config, progress)
        fast = _fast(separated, path, events, config, longest_spike_s)
    sfreq = filtered.info["sfreq"]
    picks, from_references = sensor_picks(filtered.info), reference_picks(filtered.info)
    info = mne.pick_info(filtered.info, picks)
    types = np.array(info.get_channel_types())
    pos_m = np.array([channel["loc"][:3] for channel in info["chs"]])
    stretches = marked_stretches(raw, events)
    windows = windows_with_data(stats, types, spans(stretches))
    require_data(windows.sum() * stats.window_s, path)
    with progress.step(f"Looking for bad channels in {path.name}"):
        correlation = _correlation(filtered, picks, windows, stats.window_s)
        found = find_bad_channels(stats.at(windows), types, pos_m, correlation)
    for index, reason in found.items():
        name = info.ch_names[index]
        bad[name] = f"{bad[name]}; {reason}" if name in bad else reason
    filtered.info["bads"] = [name for name in filtered.ch_names if name in bad]
    bad = {name: reason for name, reason in bad.items() if name in info.ch_names}
    stretches += find_bad_stretches(stats, types, ~np.isin(info.ch_names, list(bad)))
    stretches.sort()
    bad_s = spans(stretches)
    spots = spike_places(events, config, sfreq, filtered.n_times, bad_s, longest_spike_s)
    spike_s, reach, reasons = spots.spike_s, spots.reach, spots.reasons
    samples = np.round(spike_s * sfreq).astype(int)
    usable = [sample for sample, reason in zip(samples, reasons, strict=True) if not reason]
    cut = np.array(usable, int) - reach, 2 * reach + 1
    segments = _stretches(filtered, picks, *cut, np.float32)
    reference_segments = _stretches(filtered, from_references, *cut, np.float64)
    places, movement = located(raw, path, np.array(usable) / sfreq, notes)
    starts = spike_free_starts(events, sfreq, filtered.n_times, bad_s, max_windows)
    baseline = _stretches(filtered, picks, starts, round(EPOCH_S * sfreq), np.float32)
    with progress.step(f"Averaging heart beats and eye movements in {path.name}"):
        artefacts = {
            kind: average_artefact(kind, filtered, spike_s, bad_s) for kind in ("heart", "eyes")
        }
    return Run(
        path=path,
        info=info,
        input_sfreq_hz=float(raw.info["sfreq"]),
        duration_s=raw.n_times / raw.info["sfreq"],
        spike_s=spike_s,
        label=events.label,
        max_shift=spots.max_shift,
        early_reason=reasons,
        segments=segments,
        sensors=mne.pick_info(filtered.info, [*picks, *from_references]),
        reference_segments=reference_segments,
        fast=None if fast is None else fast[np.array(reasons, object) == ""],
        baseline=baseline,
        bad_channels=bad,
        stretches=stretches,
        artefacts=artefacts,
        notes=notes,
        maxfilter=maxfilter,
        places=places,
        movement=movement,
        not_imaged=not_imaged(raw.info),
    )


def _separated(raw, path, config: Config, notes, progress, like=None, place=None, kept=None):
    """Context: the recording MaxFiltered where it is to be, and what was done."""
    how = config.maxfilter, config.tsss_s, notes, progress
    return maxfiltered(raw, path, *how, like, place, kept)


def _filtered(raw, path, config: Config, progress):
    """`load_filtered` in the pass band."""
    band_hz = config.highpass_hz, config.lowpass_hz
    return load_filtered(raw, path, band_hz, config.sfreq_hz, progress)


def _fast(raw, path, events, config: Config, longest_spike_s: float) -> np.ndarray | None:
    """`fast_segments` around the samples of the filtered recording that the marks lie on."""
    mark_s = np.round((events.onset_s + events.duration_s / 2) * config.sfreq_hz) / config.sfreq_hz
    max_shift_s = float(config.shift_s(longest_spike_s))
    return fast_segments(raw, path, mark_s, max_shift_s, config.lowpass_hz)


def _stretches(
    filtered: mne.io.RawArray, picks: np.ndarray, starts: np.ndarray, length: int, dtype
) -> np.ndarray:
    """Stretches (n_starts, n_picks, length) of some channels, of either of which there may be none."""
    cut = np.empty((len(starts), len(picks), length), dtype)
    # Without channels there is nothing to read, which mne does not take for an answer.
    if len(picks):
        for stretch, start in zip(cut, starts, strict=True):
            stretch[:] = filtered.get_data(picks, start, start + length)
    return cut


def together(stretches: list[np.ndarray], good: np.ndarray) -> np.ndarray:
    """The good channels of all runs' stretches (n, n_channels, n_times), copied once."""
    shape = sum(len(each) for each in stretches), len(good), stretches[0].shape[2]
    together, first = np.empty(shape, stretches[0].dtype), 0
    for each in stretches:
        each.take(good, 1, together[first : first + len(each)], "clip")
        first += len(each)
    return together


def open_empty_room(path: Path, names: list[str]) -> mne.io.BaseRaw:
    """Open an empty-room recording, its channels named and ordered as the patient's are.

    Raises
    ------
    InvalidInput
        It is unreadable, or not of the same device.
    """
    raw = open_recording(path)
    check_unit(raw, path)
    missing = rename_like(raw, names)
    if missing:
        raise InvalidInput(
            f"the empty-room recording lacks {len(missing)} channels of the patient's recording "
            f"({listed(missing)})",
            file=path,
            hint="give the empty-room recording of the same device or remove it",
        )
    return raw


def read_empty_room(
    path: Path,
    like: mne.Info,
    maxfilter: MaxFilterQC,
    config: Config,
    max_windows: int,
    progress: Progress,
) -> np.ndarray:
    """Windows (n, n_channels, n_times) of an empty-room recording, channels ordered as in `like`.

    MaxFiltered as the patient's recording was, which `maxfilter` tells.
    """
    raw = open_empty_room(path, like.ch_names)
    grade = compensation_grade(like)
    if compensation_grade(raw.info) != grade:
        raw.apply_gradient_compensation(grade)
    require_like(raw.info, path, maxfilter)
    as_before = maxfilter, like["dev_head_t"]
    with _separated(raw, path, config, [], progress, *as_before) as (separated, _):
        filtered, stats = _filtered(separated, path, config, progress)
    sfreq = filtered.info["sfreq"]
    types = np.array(filtered.get_channel_types(sensor_picks(filtered.info)))
    stretches = spans(marked_stretches(raw, None))
    lost = np.flatnonzero(~windows_with_data(stats, types, stretches)) * stats.window_s
    lost_s = np.column_stack([lost, lost + stats.window_s])
    starts = baseline_starts(filtered.n_times, sfreq, lost_s, max_windows)
    if len(starts) * BASELINE_S < config.min_baseline_s:
        raise InvalidInput(
            f"the empty-room recording holds {len(starts) * BASELINE_S:g} s of data",
            file=path,
            hint=f"give an empty-room recording of at least {config.min_baseline_s:g} s",
        )
    picks = mne.pick_channels(filtered.ch_names, like.ch_names, ordered=True)
    return _stretches(filtered, picks, starts, round(EPOCH_S * sfreq), np.float32)


def _correlation(
    filtered: mne.io.RawArray, picks: np.ndarray, windows: np.ndarray, window_s: float
) -> np.ndarray:
    """Correlation of the channels over up to two minutes of data, drawn evenly.

    Each channel's windows are scaled by their own power first, so that a moment of artefact
    does not decide.
    """
    sfreq = filtered.info["sfreq"]
    length = int(window_s * sfreq)
    starts = np.round(np.flatnonzero(windows) * window_s * sfreq).astype(int)
    starts = starts[starts + length <= filtered.n_times]
    n_drawn = min(len(starts), int(CORRELATION_S / window_s))
    drawn = starts[np.unique(np.linspace(0, len(starts) - 1, n_drawn).astype(int))]
    total = np.zeros((len(picks), len(picks)))
    for start in drawn:
        data = filtered.get_data(picks, start, start + length)
        norm = np.linalg.norm(data, axis=1, keepdims=True)
        data = data / np.where(norm > 0, norm, 1)
        total += data @ data.T
    return total / len(drawn)


def mark_samples(runs: list[Run], segments: np.ndarray) -> np.ndarray:
    """Sample of each usable annotation, runs one after the other; data that two runs share are the first's.

    Parameters
    ----------
    runs : list of Run
    segments : ndarray, (n, n_channels, n_times)
        Of the usable annotations of all runs.
    """
    sfreq = runs[0].info["sfreq"]
    offsets = np.cumsum([0, *[round(run.duration_s * sfreq) for run in runs[:-1]]])
    samples = [
        offset + np.round(run.spike_s[run.usable] * sfreq).astype(int)
        for offset, run in zip(offsets, runs, strict=True)
    ]
    run_of = np.repeat(np.arange(len(runs)), [len(each) for each in samples])
    return on_common_samples(np.concatenate(samples), segments, run_of, sfreq)
