"""Which runs are averaged: read from tables and headers alone, for a run and for its preflight."""

from dataclasses import dataclass
from pathlib import Path

import mne

from pipeline.compensation import check_references, compensation_grade
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.head_position import STEP_DEG, STEP_MM, displacement
from pipeline.modality import modality_of, sensor_names
from pipeline.names import channel_key, match
from pipeline.records.spikes_qc import RunLeftOutQC
from pipeline.spikes.config import Config, Inputs
from pipeline.spikes.events import (
    ONSETS_IN_SECONDS,
    EventTable,
    listed,
    no_spikes,
    read_events,
)
from pipeline.spikes.maxfilter import decision
from pipeline.spikes.moments import (
    counted_across_runs,
    counted_from_acquisition,
    longer_than_searched,
    n_outside_of,
    of_everybody,
    same_moments,
    unlike_samples,
    whole_seconds,
)
from pipeline.spikes.recording import check_unit, open_recording

MOST_FALSE_PER_MINUTE = 2.0
"""Of the recordings in benchmarks/results/detection.csv and detection_development.csv."""
# So many times as many spikes as transients that were set apart are no reason to look at these.
MANY_SET_APART = 2


@dataclass(frozen=True)
class Annotated:
    """One run with what was annotated in it.

    Attributes
    ----------
    path : Path
    events_tsv : Path or None
    events : EventTable or None
        None where there is no events.tsv, or an unreadable one.
    problem : InvalidInput or None
        Why it is unreadable.
    channels_tsv : Path or None
    modality : str
        What is imaged of it; empty for what its name promises.
    """

    path: Path
    events_tsv: Path | None
    events: EventTable | None
    problem: InvalidInput | None
    channels_tsv: Path | None
    modality: str = ""

    @property
    def n_spikes(self) -> int:
        return 0 if self.events is None else len(self.events.onset_s)


@dataclass(frozen=True)
class Choice:
    """The runs to average, the reference first.

    Attributes
    ----------
    used : list of Annotated
    left_out : list of RunLeftOutQC
    warnings : list of str
    doubts_of_onsets : tuple of Doubt
        What says that marks are not at the moments of the spikes.
    """

    used: list[Annotated]
    left_out: list[RunLeftOutQC]
    warnings: list[str]
    doubts_of_onsets: tuple[Doubt, ...] = ()

    @property
    def n_spikes(self) -> int:
        return sum(run.n_spikes for run in self.used)

    @property
    def n_unreviewed(self) -> int:
        """Marks of a detector that no person has looked at."""
        return sum(run.events.n_unreviewed for run in self.used if run.events is not None)

    @property
    def n_set_apart(self) -> int:
        """Transients that a detector set apart and no person has looked at, in the runs that are used."""
        return sum(run.events.n_set_apart for run in self.used if run.events is not None)

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Of the onsets, and of marks that no person has looked at, used or set apart."""
        found = []
        if self.n_unreviewed:
            text = (
                f"No person has reviewed {self.n_unreviewed} of the {self.n_spikes} marks: a detector "
                f"made them, which on simulated recordings with muscle, jumps and sharp transients of the "
                f"healthy brain also made up to {MOST_FALSE_PER_MINUTE:g} false ones a minute"
            )
            found.append(Doubt(text, grave=True))
        if self.n_set_apart * MANY_SET_APART > self.n_spikes:
            text = (
                f"The detector set {self.n_set_apart} transients apart that are broader than a spike or of "
                "two places; the patient's spikes may be among them"
            )
            found.append(Doubt(text))
        return (*found, *self.doubts_of_onsets)

    @property
    def longest_spike_s(self) -> float:
        """Longest duration that is annotated of a spike: all are cut out as wide."""
        durations = [run.events.duration_s for run in self.used if run.events is not None]
        return max((float(each.max(initial=0)) for each in durations), default=0.0)


def choose_runs(inputs: Inputs, config: Config) -> Choice:
    """Choose the runs with spikes that were recorded with the channels of the first of them.

    Where the events hold no spike, all runs whose events can be read are chosen alike: what was
    examined, and what it could have shown, is a result too.

    Raises
    ------
    InvalidInput
        No recording, no events, too many spikes, or a recording that cannot be read.
    """
    if not inputs.meg:
        raise InvalidInput(
            "there is no MEG recording", hint="add one to the participant's meg folder"
        )
    runs = _annotated(inputs, config.spike_name)
    warnings = _check_number(runs, config)
    any_spike = any(run.n_spikes for run in runs)
    left_out, used = [], []
    for run in runs:
        if run.events is None or (any_spike and not run.n_spikes):
            left_out.append(_without_spikes(run, warnings))
    n_outside, durations, doubts = 0, list[float](), list[Doubt]()
    reference = open_recording(inputs.meg[0], inputs.modality).info if inputs.detect else None
    for run in runs:
        if run.events is None or (any_spike and not run.n_spikes):
            continue
        raw = open_recording(run.path, run.modality)
        decision(raw.info, run.path, config.maxfilter)  # refuses one that may not be used as it is
        check_unit(raw, run.path)
        if reference is None:
            reference = raw.info
            check_references(reference, run.path)
        reason = unlike_reference(reference, raw.info)
        if reason:
            left_out.append(RunLeftOutQC(file=run.path.name, reason=reason))
            warnings.append(f"Run {run.path.name} was left out: {reason}.")
            continue
        warnings += moved_from(reference, raw.info, run.path)
        duration_s = raw.n_times / raw.info["sfreq"]
        durations.append(duration_s)
        n_outside += n_outside_of(run.events.onset_s, duration_s)
        doubts += counted_from_acquisition(run, raw.first_time, duration_s)
        doubts += counted_across_runs(run, sum(durations[:-1]), duration_s)
        doubts += longer_than_searched(run, config)
        doubts += whole_seconds(run, config)
        doubts += unlike_samples(run, raw.info["sfreq"], raw.first_time)
        used.append(run)
        warnings += run.events.notes
        if run.events.n_without_onset:
            warnings.append(
                f"{run.events.n_without_onset} annotated spikes of {run.path.name} have "
                f"{run.events.lost}, and were not used."
            )
    doubts += same_moments(used)
    doubts += of_everybody(used)
    choice = Choice(used, left_out, warnings, tuple(doubts))
    if n_outside:
        told = (
            f"{n_outside} of {choice.n_spikes} annotated spikes lie before the first sample or "
            f"after the last one ({' s, '.join(f'{duration:.1f}' for duration in durations)} s)"
        )
        if choice.n_spikes - n_outside < config.min_spikes:
            told = "; ".join([told, *(doubt.text for doubt in doubts)])
            raise InvalidInput(told, file=used[0].events_tsv, hint=ONSETS_IN_SECONDS)
        warnings.append(f"{told}, and were not used.")
    return choice


def _without_spikes(run: Annotated, warnings: list[str]) -> RunLeftOutQC:
    """Why a run beside others with spikes is left out; a warning where it may have some all the same."""
    reason = "no spikes annotated"
    if run.problem is not None and run.events_tsv is not None:
        reason = "its events cannot be read"
        warnings.append(
            f"Run {run.path.name} was left out: {reason} "
            f"({run.events_tsv.name}: {run.problem.message})."
        )
    elif run.events is not None and run.events.why_no_spikes:
        reason = f"of its events {run.events.why_no_spikes}"
        warnings.append(f"Run {run.path.name} was left out: {reason}.")
    return RunLeftOutQC(file=run.path.name, reason=reason)


def unlike_reference(reference: mne.Info, info: mne.Info) -> str:
    """Why a run cannot be averaged with the reference; empty where it can."""
    names, own = sensor_names(reference), sensor_names(info)
    joined = match(names, own, channel_key)
    if joined.lost or sorted(joined.found.values()) != sorted(own):
        lost = joined.lost or [name for name in own if name not in joined.found.values()]
        return (
            f"{len(lost)} {modality_of(info).label} channels are in this run or in the reference run only, "
            f"such as {listed(lost)}"
        )
    grades = [compensation_grade(one) for one in (reference, info)]
    if grades[0] != grades[1]:
        return (
            f"its gradient compensation is of grade {grades[1]} and the reference run's of "
            f"{grades[0]}"
        )
    return ""


def moved_from(reference: mne.Info, info: mne.Info, path: Path) -> list[str]:
    """A sentence where a run's head lay elsewhere than in the reference run by its headers."""
    if reference["dev_head_t"] is None:
        return []
    if info["dev_head_t"] is None:
        return [
            f"Run {path.name} states no head position: it is taken for that of the first run with "
            "spikes."
        ]
    here, there = (each["dev_head_t"]["trans"] for each in (reference, info))
    (distance_mm,), (angle_deg,) = displacement(here, there[None])
    if distance_mm <= STEP_MM and angle_deg <= STEP_DEG:
        return []
    return [
        f"The head lay {distance_mm:.1f} mm and {angle_deg:.1f} degrees from its place in the first "
        f"run with spikes in {path.name}: its spikes are imaged with their own head position."
    ]


def _annotated(inputs: Inputs, names: tuple[str, ...]) -> list[Annotated]:
    runs = []
    sidecars = inputs.events_json or [[]] * len(inputs.meg)
    for path, events_tsv, described, channels_tsv in zip(
        inputs.meg, inputs.events, sidecars, inputs.channels_tsv, strict=True
    ):
        events = problem = None
        if events_tsv is not None:
            try:
                events = read_events(events_tsv, names, described)
            except InvalidInput as error:
                problem = error
        runs.append(Annotated(path, events_tsv, events, problem, channels_tsv, inputs.modality))
    return runs


def _check_number(runs: list[Annotated], config: Config) -> list[str]:
    """What must be told of the number of spikes; an error where nobody knows whether there are any."""
    n_spikes = sum(run.n_spikes for run in runs)
    if n_spikes == 0:
        for run in runs:
            if run.problem is not None:
                raise run.problem
        told = no_spikes(
            [
                (run.events_tsv, run.events)
                for run in runs
                if run.events_tsv is not None and run.events is not None
            ]
        )
        return [told]
    events_tsv = next(run.events_tsv for run in runs if run.n_spikes)
    if n_spikes > config.max_spikes:
        raise InvalidInput(
            f"{n_spikes} spikes are annotated and at most {config.max_spikes} are read",
            file=events_tsv,
            hint="annotate one kind of spike, or raise max_spikes in the configuration",
        )
    return []
