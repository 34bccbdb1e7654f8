"""From recordings and annotations to the averaged spike and its noise covariance."""

from collections import Counter
from dataclasses import replace

import mne
import numpy as np

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.modality import sensor_names
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.spikes_qc import (
    AgreementQC,
    AverageQC,
    BadStretchQC,
    FilterQC,
    NoiseCovarianceQC,
    RunQC,
    SpikesQC,
)
from pipeline.spikes.artefacts import artefact_projectors, keep_sparing, removed_together
from pipeline.spikes.choice import Choice, choose_runs
from pipeline.spikes.config import Config, Inputs
from pipeline.spikes.limits import (
    no_baseline,
    require_channels,
    require_source,
    require_spikes,
    unfit_empty_room,
)
from pipeline.spikes.noise import (
    BASELINE_S,
    SNR_DEFINITION,
    SNR_OVER_BASELINE_DEFINITION,
    average_quality,
    whitener_of,
)
from pipeline.spikes.outputs import (
    average_with_references,
    bare_info,
    event_array,
    rejection_counts,
    spike_table,
    write_results,
)
from pipeline.spikes.places import in_clean_parts
from pipeline.spikes.presence import presence_of_type
from pipeline.spikes.recording import open_recording
from pipeline.spikes.runs import EPOCH_S, Run, read_empty_room, read_run
from pipeline.spikes.selection import (
    DUPLICATE,
    OTHER_TYPE,
    SPIKE_LENGTH_S,
    Selection,
    among_all,
    cut,
    select_spikes,
)
from pipeline.spikes.type_choice import sort_marks
from pipeline.spikes.unlike import doubts_of_unlike

FEW_SPIKES = 10
LOW_SNR_DB = 5.0
PEAK_MEAN_S = 0.01
CORRELATION_DEFINITION = (
    "mean over the spikes used of each one's correlation with the average of the others, over all "
    "channels (whitened) and the samples in which spikes are compared"
)
ARTEFACT_WORDS = {"heart": "heart beats", "eyes": "eye movements"}


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
    with mne.use_log_level("error"):
        _run(inputs, paths, config, progress)


def _run(inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress) -> None:
    notes = _Notes(progress)
    runs, choice = _read_runs(inputs, config, progress, notes)
    bad_channels = _merge_bad_channels(runs, notes)
    all_info = runs[0].info
    good = np.flatnonzero(~np.isin(all_info.ch_names, list(bad_channels)))
    info = bare_info(mne.pick_info(all_info, good))
    baseline = np.concatenate([run.baseline for run in runs])[:, good]
    baseline, covariance_source = _noise(inputs, runs, baseline, info, config, progress, notes)
    segments, max_shift, mark = _marked(runs, good, config)
    recorded = [p for p in info["projs"] if not p["active"]]
    with info._unlock():
        info["projs"] = [p for p in info["projs"] if p["active"]]
    white = whitener_of(baseline, info)
    with progress.step("Telling types of spikes apart"):
        kinds = sort_marks(segments, baseline, max_shift, mark, white.matrix, info, runs, config)
        notes.warn_of(kinds.doubts)
    with progress.step("Aligning and judging spikes", total=2) as bar:
        marked = segments, max_shift, mark, kinds.imaged
        first = _select(*marked, baseline, white.matrix, info["sfreq"], config)
        _require(int(first.accepted.sum()), config, runs, kinds.fit)
        topography = _peak_topography(segments, first, info["sfreq"])
        bar.advance()
        kept, artefacts, spared = _projectors(runs, recorded, topography, info, good, config, notes)
        together = removed_together(kept, topography, info)
        with info._unlock():
            info["projs"] = info["projs"] + kept
        white = whitener_of(baseline, info)
        selection = _select(*marked, baseline, white.matrix, info["sfreq"], config)
        bar.advance()
    n_used = int(selection.accepted.sum())
    _require(n_used, config, runs, kinds.fit)
    n_epoch = 2 * round(EPOCH_S / 2 * info["sfreq"]) + 1
    chosen = selection.accepted
    start = (segments.shape[2] // 2 + selection.shift - n_epoch // 2)[chosen]
    data = cut(segments[chosen], start, n_epoch).astype(float)
    events = event_array(mark, selection)
    epochs = mne.EpochsArray(data, info, events, -EPOCH_S / 2, {"spike": 1}, proj=True)
    whitened = np.einsum("kc,nct->nkt", white.matrix, data, optimize=True)
    quality = average_quality(whitened, info["sfreq"], n_epoch // 2)
    _require_signal(quality.snr_db, config, runs, notes)
    known = baseline, max_shift, white.matrix, info["sfreq"], config
    presence = presence_of_type(segments, kinds.imaged, *known)
    require_source(presence, runs[0].path)
    table = spike_table(runs, selection, kinds.types)
    _tell_of_rejected(table, n_used, notes)
    unlike = doubts_of_unlike(selection, segments, *known)
    notes.warn_of(unlike)
    qc = SpikesQC(
        warnings=tuple(notes.warnings),
        doubts=choice.doubts + kinds.doubts + unlike,
        types=kinds.qc,
        n_annotated=len(table),
        n_used=n_used,
        n_rejected=len(table) - n_used,
        rejected_by_reason=rejection_counts(table),
        average=_rounded(quality),
        snr_definition=SNR_DEFINITION,
        snr_over_baseline_definition=SNR_OVER_BASELINE_DEFINITION,
        peak_time_s=0.0,
        agreement=_agreement(selection, info["sfreq"], config),
        n_channels_used=dict(sorted(Counter(info.get_channel_types()).items())),
        bad_channels=bad_channels,
        bad_stretches=_bad_stretches(runs),
        runs=tuple(_run_quality(run) for run in runs),
        artefacts=artefacts,
        projectors=spared,
        projectors_together_spike_power_removed=max(together.values()),
        projectors_together_spike_power_removed_by_type=together,
        filter=_filter(config),
        sfreq_hz=float(info["sfreq"]),
        runs_left_out=tuple(choice.left_out),
        noise_covariance=_noise_quality(covariance_source, len(baseline), white.rank),
        head_movement=choice.head_movement,
        presence=presence,
    )
    references = np.concatenate([run.reference_segments for run in runs])[chosen]
    references = cut(references, start, n_epoch).mean(axis=0)
    average = average_with_references(epochs, runs[0].sensors, references)
    write_results(paths, average, epochs, white.covariance, table, qc)


def _marked(runs: list[Run], good: np.ndarray, config: Config):
    """Segments around the marks, how far each may move, and its sample; frees the runs' memory."""
    segments = np.concatenate([run.segments for run in runs])[:, good]
    for run in runs:
        del run.segments, run.baseline
    clean = in_clean_parts([reason for run in runs for reason in run.early_reason])
    _require(len(segments), config, runs, clean)
    max_shift = np.concatenate([run.max_shift[run.usable] for run in runs])
    return segments, max_shift, _mark_samples(runs)


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


def _rounded(quality: AverageQC) -> AverageQC:
    rise_s = quality.half_rise_s
    return AverageQC(
        snr_db=round(quality.snr_db, 4),
        snr_over_baseline_db=round(quality.snr_over_baseline_db, 4),
        half_rise_s=None if rise_s is None else round(rise_s, 4),
        onset_snr_db=quality.onset_snr_db,
    )


def _agreement(selection: Selection, sfreq_hz: float, config: Config) -> AgreementQC:
    chosen = selection.accepted
    shift_s = np.abs(selection.shift[chosen]) / sfreq_hz
    return AgreementQC(
        mean_correlation=round(float(selection.channel_correlation[chosen].mean()), 4),
        mean_correlation_definition=CORRELATION_DEFINITION,
        mean_component_correlation=round(float(selection.correlation[chosen].mean()), 4),
        smallest_correlation=config.min_correlation,
        smallest_amplitude_ratio=round(selection.smallest_amplitude, 4),
        median_absolute_shift_s=round(float(np.median(shift_s)), 4),
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
    )


def _tell_of_rejected(table, n_used: int, notes: _Notes) -> None:
    table = table[table["reason"] != OTHER_TYPE]
    if n_used < FEW_SPIKES:
        notes.warn(f"Only {n_used} spikes make up the average; its image is uncertain.")
    n_annotated = len(table)
    n_again = int((table["reason"] == DUPLICATE).sum())
    if n_again:
        notes.warn(
            f"{n_again} of {n_annotated} marks lie on a spike that another mark lies on: "
            "each spike counts once."
        )
    if n_used < (n_annotated - n_again) / 2:
        notes.warn(f"{n_annotated - n_used} of {n_annotated} annotated spikes were rejected.")


def _read_runs(
    inputs: Inputs, config: Config, progress: Progress, notes: _Notes
) -> tuple[list[Run], Choice]:
    choice = choose_runs(inputs, config)
    for sentence in choice.warnings:
        notes.warn(sentence)
    notes.warn_of(choice.doubts)
    names = sensor_names(open_recording(choice.used[0].path).info)
    quota = int(np.ceil(config.max_baseline_s / BASELINE_S / len(choice.used)))
    runs = [read_run(run, names, config, quota, progress) for run in choice.used]
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
        "comes from the empty room and knows nothing of the brain's background."
    )
    n_windows = int(config.max_baseline_s / BASELINE_S)
    try:
        like = info, maxfilter
        return read_empty_room(empty_room, *like, config, n_windows, progress), "empty room"
    except InvalidInput as error:
        raise unfit_empty_room(seconds, error) from error


def _require(n: int, config: Config, runs: list[Run], what: str) -> None:
    require_spikes(n, sum(len(run.spike_s) for run in runs), what, config, runs[0].path)


def _require_signal(snr_db: float, config: Config, runs: list[Run], notes: _Notes) -> None:
    if snr_db < config.min_snr_db:
        raise InvalidInput(
            f"the average of the annotated spikes does not stand out of its noise ({snr_db:.1f} dB)",
            file=runs[0].path,
            hint="check the annotations' times, or annotate more spikes of one kind",
        )
    if snr_db < LOW_SNR_DB:
        notes.warn(f"The averaged spike hardly stands out of its noise (SNR {snr_db:.1f} dB).")


def _select(
    segments, max_shift, mark, of_type, baseline, matrix, sfreq: float, config: Config
) -> Selection:
    """Judge the spikes of a type, whitened by `matrix`."""
    half_width = round(config.template_half_width_s * sfreq)
    reach = half_width + 2 * int(max_shift.max()) + 1
    middle = segments.shape[2] // 2
    part = segments[of_type, :, middle - reach : middle + reach + 1]
    selection = select_spikes(
        np.einsum("kc,nct->nkt", matrix, part, optimize=True),
        np.einsum("kc,nct->nkt", matrix, baseline, optimize=True),
        max_shift[of_type],
        half_width,
        config.min_correlation,
        (config.min_amplitude_ratio, config.max_amplitude_ratio),
        mark[of_type],
        round(SPIKE_LENGTH_S * sfreq),
    )
    return among_all(selection, of_type)


def _peak_topography(segments, selection: Selection, sfreq: float) -> np.ndarray:
    reach = round(PEAK_MEAN_S * sfreq)
    start = segments.shape[2] // 2 + selection.shift - reach
    chosen = selection.accepted
    return cut(segments[chosen], start[chosen], 2 * reach + 1).mean(axis=(0, 2)).astype(float)


def _projectors(runs, recorded, topography, info, good, config: Config, notes: _Notes):
    candidates, artefacts = list(recorded), {}
    for kind, words in ARTEFACT_WORDS.items():
        found, artefacts[kind] = artefact_projectors(
            kind, [run.artefacts[kind] for run in runs], info, good
        )
        candidates += found
        if artefacts[kind].note.startswith("not done"):
            notes.warn(f"Fields of {words} were not removed ({artefacts[kind].note}).")
    kept, judged = keep_sparing(candidates, topography, info, config.max_projector_overlap)
    for kind, artefact in artefacts.items():
        if artefact.done and not any(each.kept and f"{kind}-" in each.name for each in judged):
            note = f"all projectors dropped ({artefact.note})"
            artefacts[kind] = replace(artefact, done=False, note=note)
    for each in judged:
        if not each.kept:
            notes.warn(
                f"Projector {each.name} was dropped: with those kept it would remove "
                f"{each.spike_power_removed_with_kept:.0%} of the spike's power."
            )
    return kept, artefacts, judged


def _mark_samples(runs: list[Run]) -> np.ndarray:
    """Sample of each usable annotation, runs one after the other."""
    sfreq = runs[0].info["sfreq"]
    offsets = np.cumsum([0, *[round(run.duration_s * sfreq) for run in runs[:-1]]])
    return np.concatenate(
        [
            offset + np.round(run.spike_s[run.usable] * sfreq).astype(int)
            for offset, run in zip(offsets, runs, strict=True)
        ]
    )
