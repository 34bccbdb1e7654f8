"""What the preflight says of the recordings, by the choices and limits of the spikes stage."""

import mne

from bids_app.dataset import PatientFiles
from bids_app.preflight import needs
from bids_app.stages import spikes_inputs
from pipeline import spikes
from pipeline.errors import InvalidInput
from pipeline.modality import field_picks, modality_of, recording_picks
from pipeline.paths import PatientPaths
from pipeline.spikes.detecting import require_free
from pipeline.spikes.maxfilter import unfit_files
from pipeline.spikes.recording import open_recording

ONLY_DATA_TELL = "which only the data can tell"
"""Stands in what the preflight cannot promise."""


def size_of(info: mne.Info, n_times: int) -> needs.Recording:
    """Dimensions of a run, as far as they decide the memory."""
    picks = recording_picks(info, references=bool(info["comps"]))
    return needs.Recording(len(picks), n_times, info["sfreq"])


def meg(files: PatientFiles, config, size: dict) -> tuple[str, str]:
    """Whether the runs that will be used can be opened; their dimensions go into `size`."""
    inputs = spikes_inputs(files, config)
    try:
        paths = [run.path for run in spikes.choose_runs(inputs, config).used]
    except InvalidInput:
        paths = files.meg  # the check of spikes says why none is chosen
    raws = [open_recording(path, files.modality) for path in paths]
    size["recordings"] = [size_of(raw.info, raw.n_times) for raw in raws]
    minutes = sum(one.duration_s for one in size["recordings"]) / 60
    n_channels = len(field_picks(raws[0].info))
    told = f"{len(raws)} run(s), {minutes:.1f} min, {n_channels} channels"
    if not modality_of(raws[0].info).average_reference:
        told += f", {'with' if files.empty_room else 'no'} empty room"
    unfit = [
        sentence
        for raw, path in zip(raws, paths, strict=True)
        for sentence in unfit_files(raw, path, config.maxfilter)
    ]
    return ("note", " ".join([f"{told}.", *dict.fromkeys(unfit)])) if unfit else ("ok", told)


def marked_spikes(files: PatientFiles, paths: PatientPaths, config) -> tuple[str, str]:
    """How many spikes the marks leave, and what the stage will warn of."""
    if config.detect_spikes:
        require_free(spikes_inputs(files, config), paths)
        return "note", (
            f"looked for, {config.false_per_minute:g} false ones a minute expected; how many there are, "
            f"{ONLY_DATA_TELL}. No person will have reviewed them."
        )
    foreseen = spikes.foresee(spikes_inputs(files, config), config)
    told = f"{foreseen.choice.n_spikes} annotated in {len(foreseen.choice.used)} run(s)"
    if foreseen.n_usable < foreseen.choice.n_spikes:
        told += f", {foreseen.n_usable} of them in clean parts"
    notes = list(foreseen.notes)
    if foreseen.n_usable < 2 * config.min_spikes:
        notes.append(
            f"Nothing is imaged if fewer than {config.min_spikes} of them fit their own average, "
            f"{ONLY_DATA_TELL}."
        )
    if notes:
        return "note", " ".join([f"{told}.", *notes])
    return "ok", told
