"""The tasks that a participant is cut into, and the memory and time that each asks for."""

import math
from dataclasses import dataclass

from bids_app.exit_codes import Outcome
from bids_app.preflight.needs import MARGIN, Recording, memory_mb

# Of a T1w and a recording of usual size, where no participant can be measured or predicted.
_USUAL_MEMORY_MB = memory_mb(256 * 256 * 192, [Recording(308, 360_000, 1000.0)], 500.0)
_USUAL_MINUTES = 240
# Threads of a task where --nprocs is not given: those of the runs in docs/cluster.md.
DEFAULT_CORES = 2
# Nodes differ, and a limit that is too short costs more than one that is too long.
_TIME_MARGIN = 3.0
_LEAST_MINUTES = 20


@dataclass(frozen=True)
class Step:
    """Stages of one participant that run as one task.

    Attributes
    ----------
    name : str
    stages : tuple of str
    uses_gpu : bool
        Whether a GPU, where one is asked for, serves these stages.
    """

    name: str
    stages: tuple[str, ...]
    uses_gpu: bool = False


STEPS = (
    Step("head", ("headmodel", "spikes")),
    Step("network", ("personalize", "image"), uses_gpu=True),
    Step("report", ("compare", "report")),
)


@dataclass(frozen=True)
class Need:
    """What one task asks the engine for.

    Attributes
    ----------
    memory_mb : int
        MiB, as Slurm counts.
    minutes : int
    source : str
        "measured" (this participant's own run), "predicted" (from its files' headers) or "others"
        (the largest of the dataset), for the memory.
    """

    memory_mb: int
    minutes: int
    source: str


def steps_of(stages: list[str]) -> tuple[Step, ...]:
    """The steps with only those stages that are wanted."""
    kept = (
        Step(step.name, tuple(s for s in step.stages if s in stages), step.uses_gpu)
        for step in STEPS
    )
    return tuple(step for step in kept if step.stages)


def needs_of(
    steps: tuple[Step, ...],
    predicted_mb: dict[str, int | None],
    statuses: dict[str, dict],
    cores: int = DEFAULT_CORES,
) -> dict[str, dict[str, Need]]:
    """What each participant's tasks ask for.

    Parameters
    ----------
    steps : tuple of Step
    predicted_mb : dict of participant label to int or None
        Peak memory predicted from the dimensions of the data, with its margin; None where the
        files cannot be read.
    statuses : dict of participant label to dict
        Contents of the status files that there are.
    cores : int
        Of each task.

    Returns
    -------
    dict of participant label to dict of step name to Need
        Memory is what was measured times `MARGIN`, else what was predicted, else the largest of
        the others; twice that where the last run ended without memory.
    """
    measured = {
        label: {step.name: _measured(step, status, cores) for step in steps}
        for label, status in statuses.items()
    }
    return {
        label: {
            step.name: _need(label, step.name, predicted_mb, measured, statuses) for step in steps
        }
        for label in predicted_mb
    }


def _measured(step: Step, status: dict, cores: int) -> tuple[float, float] | None:
    """Peak memory (MiB) and seconds of a step's stages, where all of them were recorded."""
    records = status.get("stages", {})
    try:
        peaks = [float(records[stage]["peak_memory_mb"]) for stage in step.stages]
        seconds = [_seconds_alone(records[stage], cores) for stage in step.stages]
    except (KeyError, TypeError, ValueError):
        return None
    return max(peaks), sum(seconds)


def _seconds_alone(record: dict, cores: int) -> float:
    """How long a stage takes at most on `cores` that it shares with nobody.

    By the clock it took longer where the machine was busy, and will where there are fewer cores;
    in either case not longer than its processor time, as if only one core had worked.
    """
    seconds = float(record["seconds"])
    if "cpu_seconds" not in record:
        return seconds
    fewer = max(1.0, float(record["cores"]) / cores)
    return min(float(record["cpu_seconds"]), fewer * seconds)


def _need(label, step, predicted_mb, measured, statuses) -> Need:
    known = {other: found[step] for other, found in measured.items() if found[step]}
    own = known.get(label)
    if own:
        memory, source = own[0] * MARGIN, "measured"
    elif predicted_mb[label]:
        memory, source = predicted_mb[label], "predicted"
    else:
        peaks = [peak * MARGIN for peak, _ in known.values()]
        predictions = [mb for mb in predicted_mb.values() if mb]
        memory, source = max(peaks + predictions, default=_USUAL_MEMORY_MB), "others"
    if statuses.get(label, {}).get("outcome") == Outcome.OUT_OF_MEMORY:
        memory *= 2
    longest = own[1] if own else max((seconds for _, seconds in known.values()), default=None)
    minutes = _USUAL_MINUTES if longest is None else _TIME_MARGIN * longest / 60
    return Need(math.ceil(memory), max(_LEAST_MINUTES, math.ceil(minutes)), source)
