"""Annotated spikes in MEG recordings to their average and its noise covariance.

Writes the average (peak at t = 0, -0.5 to 0.5 s, 500 Hz, 1-40 Hz, bad channels dropped,
projectors applied and kept), the accepted single spikes, the covariance of spike-free
stretches, a table of all annotated spikes with the reason for each rejected one, and what
the stage measured about itself.
"""

from itertools import chain
from pathlib import Path

from pipeline.paths import PatientPaths
from pipeline.readers import companions
from pipeline.spikes.choice import choose_runs
from pipeline.spikes.config import Config, Inputs
from pipeline.spikes.detecting import reviewed_tables
from pipeline.spikes.foresight import foresee
from pipeline.spikes.maxfilter import machine_files
from pipeline.spikes.movement import head_position_file
from pipeline.spikes.stage import run

__all__ = ["Config", "Inputs", "choose_runs", "foresee", "reads", "run", "writes"]


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    """Every file that the stage reads, split parts included; of folder formats the folder."""
    files = []
    for recording in [*inputs.meg, inputs.empty_room]:
        if recording is None:
            continue
        files += [recording, *companions(recording), *machine_files(recording).there]
        positions = head_position_file(recording)
        files += [] if positions is None else [positions]
    if inputs.detect:
        middle = [paths.surface(hemi, "midthickness") for hemi in "LR"]
        files += [paths.leadfield, paths.inner_skull, *middle]
        # A person's answers since the last run: the stage must not be skipped over them.
        files += reviewed_tables(inputs, paths)
    tables = [*inputs.events, *inputs.channels_tsv, *chain.from_iterable(inputs.events_json)]
    files += [file for file in tables if file is not None]
    return sorted({file for file in files if file.exists()})


def writes(paths: PatientPaths) -> list[Path]:
    """Files that stand when the stage is done, those of each type that has an average among them."""
    files = [
        paths.noise_cov,
        paths.spike_events,
        paths.spike_events.with_suffix(".json"),
        paths.qc("spikes"),
    ]
    for each in paths.of_types_there():
        own = (each.average, each.epochs, each.head_positions, each.qc("spikes"))
        files += [file for file in own if file.exists() and file not in files]
    return files
