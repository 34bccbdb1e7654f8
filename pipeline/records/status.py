"""What was done for a participant: the status file, with a record of each stage that was done."""

from dataclasses import dataclass
from typing import Any

from pipeline.files import write_json
from pipeline.paths import PatientPaths
from pipeline.records.document import document, read_record


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """A stage that was done.

    Attributes
    ----------
    state : str
    key : str
        Of what the stage's results depend on: content of files, options and code.
    seconds, cpu_seconds, cores, peak_memory_mb, peak_gpu_memory_mb
        What it took; memory is None where it cannot be told.
    warnings : tuple of str
    inputs, outputs : dict of str to str
        SHA-256 by file name.
    options : dict
    """

    state: str
    key: str
    seconds: float
    cpu_seconds: float
    cores: float
    peak_memory_mb: int | None
    peak_gpu_memory_mb: int | None
    warnings: tuple[str, ...]
    inputs: dict[str, str]
    outputs: dict[str, str]
    options: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class StatusFile:
    """The status file; what is not so, or not known, is None.

    Attributes
    ----------
    participant, state : str
    outcome, running_stage, failed_stage, message, hint : str or None
    warnings : tuple of str
    spikefocus_version, host : str
    pid : int
    since, updated : str or None
        ISO 8601.
    stages : dict of str to StageRecord
    """

    participant: str
    state: str
    outcome: str | None
    running_stage: str | None
    failed_stage: str | None
    message: str | None
    hint: str | None
    warnings: tuple[str, ...]
    spikefocus_version: str
    host: str
    pid: int
    since: str | None
    updated: str
    stages: dict[str, StageRecord]


def read_status(paths: PatientPaths) -> StatusFile:
    """The participant's status; `InvalidInput` where it is not what this version writes."""
    return read_record(StatusFile, paths.status, "run the participant again")


def write_status(paths: PatientPaths, status: StatusFile) -> None:
    write_json(paths.status, document(status))
