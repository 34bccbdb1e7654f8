"""From recordings and annotations to the averaged spike and its noise covariance."""

from collections import Counter
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import mne
import numpy as np
import pandas as pd

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.modality import own_projectors, re_referenced, sensor_names
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.spikes_qc import (
    BadStretchQC,
    FilterQC,
    NoiseCovarianceQC,
    RunQC,
    SpikesQC,
    SpikeTypeQC,
)
from pipeline.spikes.averages import (
    Marks,
    TypeAverage,
    agreement,
    average_type,
    judge,
    peak_topography,
)
from pipeline.spikes.choice import Choice, choose_runs
from pipeline.spikes.cleaning import Cleaning, Removed, choose_projectors
from pipeline.spikes.config import Config, Inputs
from pipeline.spikes.detecting import with_detected
from pipeline.spikes.limits import no_baseline, require_channels, unfit_empty_room
from pipeline.spikes.maxfilter import Kept
from pipeline.spikes.movement import in_words, positions_of_average
from pipeline.spikes.noise import (
    BASELINE_S,
    SNR_DEFINITION,
    SNR_OVER_BASELINE_DEFINITION,
    Whitener,
    whitener_of,
)
from pipeline.spikes.outputs import (
    average_with_references,
    bare_info,
    rejection_counts,
    spike_table,
    write_common,
    write_type,
)
from pipeline.spikes.recording import open_recording
from pipeline.spikes.runs import Run, mark_samples, read_empty_room, read_run, together
from pipeline.spikes.selection import DUPLICATE
from pipeline.spikes.type_choice import (
    describe_types,
    doubts_of_each,
    doubts_of_types,
    reason_not_to_image,
    sort_marks,
)

FEW_SPIKES = 10
LOW_SNR_DB = 5.0


class _Notes:
    """Warnings, said at once and kept for the quality file."""

    def __init__(self, progress: Progress):
        self.progress = progress
        self.warnings: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)
        self.progress.warn(sentence)

    def warn_of(self, doubts: tuple[Doubt, ...]) -> None:
        for doubt in doubts:
            self.warn(doubt.text)


def run(inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress) -> None:
    """Run the stage; see the package's docstring for what it writes.

    Raises
    ------
    InvalidInput
        No usable recording, no annotated spikes, or too few that fit their own average.
    MissingResource
        Too little memory for a recording.
    """
    with mne.use_log_level("error"), TemporaryDirectory() as folder:
        kept = Kept(Path(folder)) if inputs.detect else None
        inputs = with_detected(inputs, paths, config, progress, kept)
        _run(inputs, paths, config, progress, kept)


def _run(inputs: Inputs, paths, config: Config, progress: Progress, kept: Kept | None) -> None:
    notes = _Notes(progress)
    runs, choice = _read_runs(inputs, config, progress, notes, kept)
    bad_channels = _merge_bad_channels(runs, notes)
    good = np.flatnonzero(~np.isin(runs[0].info.ch_names, list(bad_channels)))
    info = bare_info(mne.pick_info(runs[0].info, good))
    baseline = re_referenced(together([run.baseline for run in runs], good), info, axis=1)
    baseline, covariance_source = _noise(inputs, runs, baseline, info, config, progress, notes)
    marks = _marked(runs, good).re_referenced(info)
    recorded, applied = own_projectors(info)
    with info._unlock():
        info["projs"] = applied
    raw = whitener_of(baseline, info)
    with progress.step("Telling types of spikes apart"):
        types, kinds, of_several = _sorted(runs, marks, baseline, raw, info, config)
    with progress.step("Aligning and judging spikes", total=2) as bar:
        peaks = _peaks(kinds, types, marks, baseline, raw, info, config)
        bar.advance()
        cleaning = choose_projectors(runs, recorded, peaks, info, good, config, notes.warn)
        with info._unlock():
            info["projs"] = info["projs"] + cleaning.kept
        white = whitener_of(baseline, info)
        averages = [
            average_type(kind.number, types, marks, baseline, white.matrix, info, config)
            for kind in kinds
        ]
        bar.advance()
    imageable = [each for each in averages if each.epochs is not None]
    places = {
        each.number: positions_of_average(runs, each.selection.accepted) for each in imageable
    }
    kinds = tuple(_judged(*each, places, config) for each in zip(kinds, averages, strict=True))
    table = spike_table(runs, [average.selection for average in averages], types)
    # Groups none of which stands out of its noise are no types that anybody need know of.
    doubts = of_several if any(kind.imaged for kind in kinds) else ()
    doubts += doubts_of_each(kinds)
    doubts += tuple(chain.from_iterable(average.doubts for average in averages))
    notes.warn_of(doubts)
    _tell_of_imaged(kinds, len(table), notes)
    _tell_of_rejected(table, notes)
    common = SpikesQC(
        warnings=tuple(notes.warnings),
        doubts=choice.doubts + doubts,
        types=kinds,
        n_marks=len(table),
        n_unreviewed=choice.n_unreviewed,
        **_counts(table),
        average=None,
        snr_definition=SNR_DEFINITION,
        snr_over_baseline_definition=SNR_OVER_BASELINE_DEFINITION,
        peak_time_s=0.0,
        agreement=None,
        n_channels_used=dict(sorted(Counter(info.get_channel_types()).items())),
        bad_channels=bad_channels,
        bad_stretches=_bad_stretches(runs),
        runs=tuple(_run_quality(run) for run in runs),
        artefacts=cleaning.artefacts,
        projectors=(),
        projectors_together_spike_power_removed=0.0,
        projectors_together_spike_power_removed_by_type={},
        filter=_filter(config),
        sfreq_hz=float(info["sfreq"]),
        runs_left_out=tuple(choice.left_out),
        noise_covariance=_noise_quality(covariance_source, len(baseline), white.rank),
        head_movement=in_words(runs),
    )
    for each in paths.of_types_there():
        for file in (each.average, each.epochs, each.head_positions, each.qc("spikes")):
            file.unlink(missing_ok=True)
    write_common(paths, white.covariance, table, common)
    for average in imageable:
        own = table if len(kinds) == 1 else table[table["type"] == average.number]
        positions, told = places[average.number]
        qc = replace(_of_type(average, own, common, cleaning, config), head_positions=told)
        references = runs[0].sensors, average.references
        evoked = average_with_references(average.epochs, *references)
        write_type(paths.of_type(average.number), evoked, average.epochs, qc, positions)


def _sorted(
    runs: list[Run], marks: Marks, baseline, white: Whitener, info: mne.Info, config: Config
) -> tuple[np.ndarray, tuple[SpikeTypeQC, ...], tuple[Doubt, ...]]:
    """Type of each mark, the types, and what is to be told where there are several."""
    minutes = sum(run.duration_s for run in runs) / 60
    types = sort_marks(marks, baseline, white.matrix, info["sfreq"], config)
    kinds = describe_types(types, marks, baseline, info, minutes, config)
    doubts = doubts_of_types(kinds, config.pool_types)
    if config.pool_types:
        types = np.ones_like(types)
        kinds = describe_types(types, marks, baseline, info, minutes, config)
    return types, kinds, doubts


def _peaks(
    kinds, types, marks: Marks, baseline, white: Whitener, info: mne.Info, config: Config
) -> dict[int, np.ndarray]:
    """Topography of each type's peak, before any projector."""
    peaks = {}
    for kind in kinds:
        of_type = types == kind.number
        selection = judge(marks, of_type, baseline, white.matrix, info["sfreq"], config)
        if selection.accepted.any():
            peaks[kind.number] = peak_topography(marks, selection, info["sfreq"])
    return peaks


def _judged(kind: SpikeTypeQC, average: TypeAverage, places: dict, config: Config) -> SpikeTypeQC:
    """A type with what its average came to."""
    reason = reason_not_to_image(average, config)
    return replace(
        kind,
        n_used=average.n_used,
        snr_db=None if average.quality is None else average.quality.snr_db,
        imaged=reason is None,
        reason=reason,
        head_positions=places.get(kind.number, (None, None))[1],
    )


def _of_type(
    average: TypeAverage, table: pd.DataFrame, common: SpikesQC, cleaning: Cleaning, config: Config
) -> SpikesQC:
    """The quality file of one type, of whose marks there is the table."""
    removed = cleaning.removed.get(average.number, Removed())
    return replace(
        common,
        **_counts(table),
        average=average.quality,
        agreement=agreement(average.selection, common.sfreq_hz, config),
        presence=average.presence,
        projectors=removed.projectors,
        projectors_together_spike_power_removed=max(removed.together.values(), default=0.0),
        projectors_together_spike_power_removed_by_type=removed.together,
    )


def _counts(table: pd.DataFrame) -> dict:
    """What becomes of the marks of a table."""
    n_used = int((table["accepted"] == "true").sum())
    return {
        "n_annotated": len(table),
        "n_used": n_used,
        "n_rejected": len(table) - n_used,
        "rejected_by_reason": rejection_counts(table),
    }


def _marked(runs: list[Run], good: np.ndarray) -> Marks:
    """The usable marks of all runs; frees the runs' memory."""
    segments = together([run.segments for run in runs], good)
    for run in runs:
        del run.segments, run.baseline
    labels = [
        label for run in runs for label, usable in zip(run.label, run.usable, strict=True) if usable
    ]
    return Marks(
        segments,
        np.concatenate([run.reference_segments for run in runs]),
        np.concatenate([run.max_shift[run.usable] for run in runs]),
        mark_samples(runs, segments),
        tuple(labels),
        _fast(runs, good),
    )


def _fast(runs: list[Run], good: np.ndarray) -> np.ndarray | None:
    parts = [run.fast for run in runs if run.fast is not None]
    return together(parts, good) if len(parts) == len(runs) else None


def _filter(config: Config) -> FilterQC:
    return FilterQC(
        highpass_hz=config.highpass_hz,
        lowpass_hz=config.lowpass_hz,
        kind="zero-phase FIR (firwin, Hamming)",
        line_noise="no notch: the pass band ends below the power line's frequency",
    )


def _noise_quality(source: str, n_windows: int, rank: dict[str, int]) -> NoiseCovarianceQC:
    return NoiseCovarianceQC(
        source=source,
        duration_s=n_windows * BASELINE_S,
        method="Ledoit-Wolf shrinkage",
        rank=rank,
    )


def _bad_stretches(runs: list[Run]) -> tuple[BadStretchQC, ...]:
    return tuple(
        BadStretchQC(file=run.path.name, start_s=start, end_s=stop, reason=reason)
        for run in runs
        for start, stop, reason in run.stretches
    )


def _run_quality(run: Run) -> RunQC:
    return RunQC(
        file=run.path.name,
        duration_s=round(run.duration_s, 3),
        input_sfreq_hz=run.input_sfreq_hz,
        n_annotated=len(run.spike_s),
        maxfilter=run.maxfilter,
        movement=run.movement,
        not_imaged=run.not_imaged or None,
    )


def _tell_of_imaged(kinds: tuple[SpikeTypeQC, ...], n_marks: int, notes: _Notes) -> None:
    for kind in kinds:
        if kind.imaged and kind.n_used < FEW_SPIKES:
            notes.warn(
                f"Only {kind.n_used} spikes make up the average{_of(kind, kinds)}; its image is uncertain."
            )
        if kind.imaged and kind.snr_db is not None and kind.snr_db < LOW_SNR_DB:
            notes.warn(
                f"The averaged spike{_of(kind, kinds)} hardly stands out of its noise "
                f"(SNR {kind.snr_db:.1f} dB)."
            )
    if not any(kind.imaged for kind in kinds):
        why = "; ".join(f"{_named(kind, kinds)}{kind.reason}" for kind in kinds)
        notes.warn(f"Nothing is imaged: {why or _no_marks(n_marks)}.")


def _of(kind: SpikeTypeQC, kinds: tuple[SpikeTypeQC, ...]) -> str:
    return f" of type {kind.number}" if len(kinds) > 1 else ""


def _named(kind: SpikeTypeQC, kinds: tuple[SpikeTypeQC, ...]) -> str:
    return f"of type {kind.number}, " if len(kinds) > 1 else "of the marks, "


def _no_marks(n_marks: int) -> str:
    if not n_marks:
        return "no spike is marked in the recordings"
    return f"none of the {n_marks} marked spikes lies in a clean part of the recordings"


def _tell_of_rejected(table: pd.DataFrame, notes: _Notes) -> None:
    n_marks = len(table)
    n_used = int((table["accepted"] == "true").sum())
    n_again = int((table["reason"] == DUPLICATE).sum())
    if n_again:
        notes.warn(
            f"{n_again} of {n_marks} marks lie on a spike that another mark lies on: "
            "each spike counts once."
        )
    if n_used < (n_marks - n_again) / 2:
        notes.warn(f"{n_marks - n_used} of {n_marks} annotated spikes were rejected.")


def _read_runs(
    inputs: Inputs, config: Config, progress: Progress, notes: _Notes, kept: Kept | None
) -> tuple[list[Run], Choice]:
    choice = choose_runs(inputs, config)
    for sentence in choice.warnings:
        notes.warn(sentence)
    notes.warn_of(choice.doubts)
    names = sensor_names(open_recording(choice.used[0].path, inputs.modality).info)
    quota = int(np.ceil(config.max_baseline_s / BASELINE_S / len(choice.used)))
    longest_s = choice.longest_spike_s
    runs = [read_run(run, names, config, quota, longest_s, progress, kept) for run in choice.used]
    for sentence in dict.fromkeys(sentence for run in runs for sentence in run.notes):
        notes.warn(sentence)
    return runs, choice


def _merge_bad_channels(runs: list[Run], notes: _Notes) -> dict[str, str]:
    """Bad in any run is bad in all: the runs are averaged together."""
    merged: dict[str, str] = {}
    for run in runs:
        for name, reason in run.bad_channels.items():
            merged.setdefault(name, reason)
    many = require_channels(merged, len(runs[0].info.ch_names), runs[0].path)
    if many:
        notes.warn(many)
    return dict(sorted(merged.items()))


def _noise(inputs: Inputs, runs, baseline, info, config: Config, progress, notes: _Notes):
    """Windows of noise and their source: the empty room where too little is free of spikes."""
    empty_room, maxfilter = inputs.empty_room, runs[0].maxfilter
    seconds = len(baseline) * BASELINE_S
    if seconds >= config.min_baseline_s:
        return baseline, "spike-free stretches of the recording"
    if empty_room is None:
        raise no_baseline(seconds, config)
    notes.warn(
        f"Only {seconds:g} s of the recording are free of spikes, so that the noise covariance "
        "comes from the empty room and knows nothing of the brain's background; whether the marks "
        "have a source can be told from the room's noise alone, not from rhythms of the brain."
    )
    n_windows = int(config.max_baseline_s / BASELINE_S)
    try:
        like = info, maxfilter
        return read_empty_room(empty_room, *like, config, n_windows, progress), "empty room"
    except InvalidInput as error:
        raise unfit_empty_room(seconds, error) from error
