"""What the stage takes from one run, so that only one run's recording is in memory at a time."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np

from pipeline.compensation import compensation_grade
from pipeline.errors import InvalidInput
from pipeline.progress import Progress
from pipeline.spikes.artefacts import ArtefactAverage, average_artefact
from pipeline.spikes.channels import find_bad_channels, find_bad_stretches
from pipeline.spikes.config import EPOCH_S, Config
from pipeline.spikes.events import EventTable, read_channels_tsv
from pipeline.spikes.filtering import load_filtered, meg_picks
from pipeline.spikes.noise import SPIKE_GUARD_S, baseline_starts
from pipeline.spikes.recording import open_recording, set_auxiliary_types
from pipeline.spikes.selection import DUPLICATE

DUPLICATE_S = 0.05
CORRELATION_WINDOWS_S = 120.0
HEAD_CENTRE_HEAD_M = np.array([0.0, 0.0, 0.04])


@dataclass
class Run:
    """One run's spikes and spike-free stretches, before channels are dropped.

    Attributes
    ----------
    info : mne.Info
        All MEG channels.
    spike_s : ndarray, (n_spikes,)
        Middle of each annotation.
    max_shift : ndarray of int, (n_spikes,)
    early_reason : list of str
        Why a spike cannot be used whatever it looks like; empty otherwise.
    segments : ndarray of float32, (n_usable, n_channels, n_times)
    sensors : mne.Info
        All MEG channels, then the references that they were compensated with (CTF; else none).
    reference_segments : ndarray, (n_usable, n_references, n_times)
    baseline : ndarray, (n_windows, n_channels, n_times)
    bad_channels : dict
        Name to reason.
    stretches : list of (start_s, end_s, reason)
    artefacts : dict of ArtefactAverage
        ``heart`` and ``eyes``.
    """

    path: Path
    info: mne.Info
    input_sfreq_hz: float
    duration_s: float
    spike_s: np.ndarray
    max_shift: np.ndarray
    early_reason: list[str]
    segments: np.ndarray
    sensors: mne.Info
    reference_segments: np.ndarray
    baseline: np.ndarray
    bad_channels: dict[str, str]
    stretches: list[tuple[float, float, str]]
    artefacts: dict[str, ArtefactAverage]

    @property
    def usable(self) -> np.ndarray:
        return np.array([reason == "" for reason in self.early_reason], bool)


def position_change(first: mne.Info, other: mne.Info) -> tuple[float, float] | None:
    """How far the head lay from its first place in the helmet: mm and degrees.

    None where a recording holds no head position.
    """
    if first["dev_head_t"] is None or other["dev_head_t"] is None:
        return None
    a, b = (np.linalg.inv(info["dev_head_t"]["trans"]) for info in (first, other))
    centre = np.append(HEAD_CENTRE_HEAD_M, 1)
    rotation = a[:3, :3].T @ b[:3, :3]
    angle = np.degrees(np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1, 1)))
    return float(1000 * np.linalg.norm((a - b) @ centre)), float(angle)


def read_run(
    path: Path,
    events: EventTable,
    channels_tsv: Path | None,
    config: Config,
    max_windows: int,
    progress: Progress,
) -> Run:
    """Filter one run and cut out of it what the later steps need."""
    raw = open_recording(path)
    bad = {name: "marked bad in the recording" for name in raw.info["bads"]}
    if channels_tsv is not None:
        marked, types = read_channels_tsv(channels_tsv)
        set_auxiliary_types(raw, types)
        bad |= {
            name: "marked bad in channels.tsv" + (f": {why}" if why else "")
            for name, why in marked.items()
        }
    filtered, stats = load_filtered(
        raw, path, (config.highpass_hz, config.lowpass_hz), config.sfreq_hz, progress
    )
    sfreq = filtered.info["sfreq"]
    picks = meg_picks(filtered.info)
    reference_picks = mne.pick_types(filtered.info, meg=False, ref_meg=True, exclude=())
    info = mne.pick_info(filtered.info, picks)
    types = np.array(info.get_channel_types())
    pos_m = np.array([channel["loc"][:3] for channel in info["chs"]])
    stretches = marked_stretches(raw, events)
    with progress.step(f"Looking for bad channels in {path.name}"):
        found = find_bad_channels(stats, types, pos_m, _correlation(filtered, picks))
    for index, reason in found.items():
        name = info.ch_names[index]
        bad[name] = f"{bad[name]}; {reason}" if name in bad else reason
    filtered.info["bads"] = [name for name in filtered.ch_names if name in bad]
    bad = {name: reason for name, reason in bad.items() if name in info.ch_names}
    good = ~np.isin(info.ch_names, list(bad))
    stretches = sorted(stretches + find_bad_stretches(stats, types, good))
    bad_s = np.array([stretch[:2] for stretch in stretches]).reshape(-1, 2)

    spike_s = events.onset_s + events.duration_s / 2
    max_shift_s = config.max_shift_s + events.duration_s / 2
    max_shift = np.round(max_shift_s * sfreq).astype(int)
    reach = round(EPOCH_S / 2 * sfreq) + 2 * int(max_shift.max(initial=0)) + 1
    reasons = _early_reasons(spike_s, filtered.n_times / sfreq, reach / sfreq, bad_s)
    samples = np.round(spike_s * sfreq).astype(int)
    usable = [sample for sample, reason in zip(samples, reasons, strict=True) if not reason]
    data = filtered.get_data(picks)
    segments = np.empty((len(usable), len(picks), 2 * reach + 1), np.float32)
    for i, sample in enumerate(usable):
        segments[i] = data[:, sample - reach : sample + reach + 1]
    reference_segments = np.empty((len(usable), len(reference_picks), 2 * reach + 1))
    if len(reference_picks):
        references = filtered.get_data(reference_picks)
        for i, sample in enumerate(usable):
            reference_segments[i] = references[:, sample - reach : sample + reach + 1]
    near_spike = np.column_stack(
        [
            events.onset_s - SPIKE_GUARD_S,
            events.onset_s + events.duration_s + SPIKE_GUARD_S,
        ]
    )
    starts = baseline_starts(filtered.n_times, sfreq, np.vstack([near_spike, bad_s]), max_windows)
    length = round(EPOCH_S * sfreq)
    baseline = np.array([data[:, start : start + length] for start in starts])
    baseline = baseline.reshape(-1, len(picks), length)
    del data
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
        max_shift=max_shift,
        early_reason=reasons,
        segments=segments,
        sensors=mne.pick_info(filtered.info, [*picks, *reference_picks]),
        reference_segments=reference_segments,
        baseline=baseline,
        bad_channels=bad,
        stretches=stretches,
        artefacts=artefacts,
    )


def read_empty_room(
    path: Path, like: mne.Info, config: Config, max_windows: int, progress: Progress
) -> np.ndarray:
    """Windows (n, n_channels, n_times) of an empty-room recording, channels ordered as in `like`."""
    raw = open_recording(path)
    missing = set(like.ch_names) - set(raw.ch_names)
    if missing:
        raise InvalidInput(
            f"the empty-room recording lacks {len(missing)} channels of the patient's recording",
            file=path,
            hint="give the empty-room recording of the same device or remove it",
        )
    grade = compensation_grade(like)
    if compensation_grade(raw.info) != grade:
        raw.apply_gradient_compensation(grade)
    filtered, _ = load_filtered(
        raw, path, (config.highpass_hz, config.lowpass_hz), config.sfreq_hz, progress
    )
    sfreq = filtered.info["sfreq"]
    starts = baseline_starts(filtered.n_times, sfreq, np.empty((0, 2)), max_windows)
    data = filtered.get_data(like.ch_names)
    length = round(EPOCH_S * sfreq)
    return np.array([data[:, start : start + length] for start in starts])


def marked_stretches(raw: mne.io.BaseRaw, events: EventTable) -> list[tuple[float, float, str]]:
    """Stretches that the recording's own annotations or events.tsv call bad."""
    stretches = [
        (float(start), float(stop), "marked in events.tsv") for start, stop in events.bad_s
    ]
    first = raw.first_samp / raw.info["sfreq"]
    # Onsets count from the measurement's start where it has a date, else from the first sample.
    dated = raw.annotations.orig_time is not None
    for note in raw.annotations:
        if note["description"].lower().startswith("bad") and note["duration"] > 0:
            start = float(note["onset"]) - (first if dated else 0)
            stretches.append((start, start + float(note["duration"]), "marked in the recording"))
    return stretches


def _early_reasons(spike_s, duration_s: float, reach_s: float, bad_s: np.ndarray) -> list[str]:
    reasons = []
    for i, time in enumerate(spike_s):
        in_bad = (bad_s[:, 0] < time + EPOCH_S / 2) & (bad_s[:, 1] > time - EPOCH_S / 2)
        if not 0 <= time <= duration_s:
            reasons.append("outside the recording")
        elif time < reach_s or time > duration_s - reach_s:
            reasons.append("too close to the recording's edge")
        elif i and time - spike_s[i - 1] < DUPLICATE_S:
            reasons.append(DUPLICATE)
        elif in_bad.any():
            reasons.append("in a bad stretch")
        else:
            reasons.append("")
    return reasons


def _correlation(filtered: mne.io.RawArray, picks: np.ndarray) -> np.ndarray:
    """Correlation of the channels over up to two minutes, drawn evenly in one-second windows.

    Each channel's windows are scaled by their own power first, so that a moment of artefact
    does not decide.
    """
    sfreq = int(filtered.info["sfreq"])
    n_windows = filtered.n_times // sfreq
    drawn = np.unique(
        np.linspace(0, n_windows - 1, min(n_windows, int(CORRELATION_WINDOWS_S))).astype(int)
    )
    total = np.zeros((len(picks), len(picks)))
    for window in drawn:
        data = filtered.get_data(picks, window * sfreq, (window + 1) * sfreq)
        norm = np.linalg.norm(data, axis=1, keepdims=True)
        data = data / np.where(norm > 0, norm, 1)
        total += data @ data.T
    return total / len(drawn)
