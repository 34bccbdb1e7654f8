"""What tables, headers and marks alone leave of the recordings, by the stage's own limits."""

from dataclasses import dataclass

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.modality import sensor_names
from pipeline.spikes.channels import marked_windows
from pipeline.spikes.choice import Choice, choose_runs
from pipeline.spikes.config import Config, Inputs
from pipeline.spikes.filtering import WINDOW_S
from pipeline.spikes.limits import (
    little_baseline,
    no_baseline,
    require_channels,
    require_data,
    unfit_empty_room,
)
from pipeline.spikes.marks import channel_marks
from pipeline.spikes.noise import BASELINE_S
from pipeline.spikes.places import (
    in_clean_parts,
    marked_stretches,
    spans,
    spike_free_starts,
    spike_places,
)
from pipeline.spikes.recording import open_recording, rename_like
from pipeline.spikes.runs import open_empty_room


@dataclass(frozen=True)
class Foreseen:
    """What a run of the stage will find before it filters anything.

    Attributes
    ----------
    choice : Choice
    infos : list of mne.Info
        Of the runs used, the reference first.
    n_times : list of int
        Their samples.
    n_usable : int
        Spikes in parts that nothing marks as bad.
    notes : list of str
        The stage's warnings so far.
    """

    choice: Choice
    infos: list[mne.Info]
    n_times: list[int]
    n_usable: int
    notes: list[str]


def foresee(inputs: Inputs, config: Config) -> Foreseen:
    """Say what the stage will refuse, as far as it can be known without the data.

    Raises
    ------
    InvalidInput
        As the stage would: whatever the data are, they cannot add good channels or spike-free
        stretches to what the marks leave.
    """
    with mne.use_log_level("error"):
        choice = choose_runs(inputs, config)
        raws = [open_recording(run.path, run.modality) for run in choice.used]
        names, first = sensor_names(raws[0].info), choice.used[0].path
        notes = [*choice.warnings, *(f"{doubt.text}." for doubt in choice.doubts)]
        bad: dict[str, str] = {}
        reasons: list[str] = []
        n_free = 0
        for run, raw in zip(choice.used, raws, strict=True):
            assert run.events is not None  # a run that is used has events
            rename_like(raw, names)
            bad |= channel_marks(raw, run.path, run.channels_tsv, notes)
            bad_s = spans(marked_stretches(raw, run.events))
            n_windows = int(raw.n_times / raw.info["sfreq"] / WINDOW_S)
            marked = marked_windows(n_windows, WINDOW_S, bad_s)
            require_data(WINDOW_S * np.count_nonzero(~marked), run.path)
            n_times = round(raw.n_times * config.sfreq_hz / raw.info["sfreq"])
            where = (config.sfreq_hz, n_times, bad_s)
            reasons += spike_places(run.events, config, *where, choice.longest_spike_s).reasons
            n_free += len(spike_free_starts(run.events, *where, n_times))
        many = require_channels({n: bad[n] for n in bad if n in names}, len(names), first)
        notes += [many] if many else []
        if n_free * BASELINE_S < config.min_baseline_s:
            notes.append(_baseline_elsewhere(inputs, config, names, n_free * BASELINE_S))
        n_usable = reasons.count("")
        if n_usable < config.min_spikes:
            notes.append(
                f"{n_usable} of {len(reasons)} annotated spikes {in_clean_parts(reasons)}, and "
                f"{config.min_spikes} are needed: nothing will be imaged, and the report will say so."
            )
    infos, n_times = [raw.info for raw in raws], [raw.n_times for raw in raws]
    return Foreseen(choice, infos, n_times, n_usable, notes)


def _baseline_elsewhere(inputs: Inputs, config: Config, names: list[str], seconds: float) -> str:
    """A note that the noise will be the empty room's; an error where it cannot be."""
    if inputs.empty_room is None:
        raise no_baseline(seconds, config)
    try:
        open_empty_room(inputs.empty_room, names)
    except InvalidInput as error:
        raise unfit_empty_room(seconds, error) from error
    said = little_baseline(seconds)
    return f"{said[0].upper()}{said[1:]}; the noise covariance will come from the empty room."
