"""``sub-X_status.json``: what was done for a participant, what failed, and what to do about it."""

import contextlib
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bids_app.exit_codes import ExitCode, Outcome
from bids_app.lock import living_owner
from pipeline import STAGES, __version__
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.records.status import StageRecord, StatusFile, read_status, write_status
from pipeline.text import plain

_STALE_HINT = "run the same command again: it goes on (if the system killed it, with code 137, give it more memory)"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass
class Status:
    """State of one participant; `save` writes it atomically."""

    paths: PatientPaths
    state: str = "not started"
    outcome: str | None = None
    running_stage: str | None = None
    failed_stage: str | None = None
    message: str | None = None
    hint: str | None = None
    since: str | None = None
    """When this run began."""
    warnings: list[str] = field(default_factory=list)
    stages: dict[str, StageRecord] = field(default_factory=dict)
    check_place: Callable[[], None] = lambda: None
    """Raises MissingResource where the participant's folder is not the one that was opened."""

    @classmethod
    def load(cls, paths: PatientPaths, check_place: Callable[[], None]) -> "Status":
        """Read the records of earlier runs; a missing or damaged file means that nothing is known."""
        status = cls(paths, check_place=check_place)
        with contextlib.suppress(OSError, InvalidInput):
            status.stages = read_status(paths).stages
        return status

    def save(self) -> None:
        self.check_place()
        file = StatusFile(
            participant=self.paths.sub,
            state=self.state,
            outcome=self.outcome,
            running_stage=self.running_stage,
            failed_stage=self.failed_stage,
            message=self.message,
            hint=self.hint,
            warnings=tuple(self.warnings),
            spikefocus_version=__version__,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=self.since,
            updated=now(),
            stages={stage: self.stages[stage] for stage in STAGES if stage in self.stages},
        )
        write_status(self.paths, file)


def read_cohort(output_dir: Path) -> list[dict]:
    """The status of every participant below `output_dir`.

    Its ``state`` is done, failed, stopped (on request), running (a living process holds the lock),
    stale (it was running when its process or computer died) or unreadable.
    """
    cohort = []
    for folder in sorted(p for p in output_dir.glob("sub-*") if p.is_dir()):
        label = folder.name.removeprefix("sub-")
        file = PatientPaths(output_dir, label).status
        owner = living_owner(folder)
        if not file.exists() and owner is None:
            continue
        participant = _stored(file, folder.name)
        if owner is not None:
            participant |= {
                "state": "running",
                "host": owner.host,
                "pid": owner.pid,
                "since": owner.since,
            }
        elif participant["state"] == "running":
            participant |= {"state": "stale", "hint": _STALE_HINT}
        cohort.append(participant)
    return cohort


def show(output_dir: Path, as_json: bool) -> ExitCode:
    """Print the state of every participant, as a table or as JSON."""
    cohort = read_cohort(output_dir)
    if not cohort:
        missing = f"spikefocus: no status files below {plain(output_dir)}; check the path"
        print(missing, file=sys.stderr)
        return ExitCode.NOTHING_TO_PROCESS
    if as_json:
        print(json.dumps(cohort, indent=2))
        return ExitCode.DONE
    console = Console()
    console.print(cohort_table(cohort))
    counts = Counter(participant["state"] for participant in cohort)
    console.print(", ".join(f"{n} {state}" for state, n in counts.most_common()), highlight=False)
    return ExitCode.DONE


def cohort_table(cohort: list[dict]) -> Table:
    """What `read_cohort` found, for a terminal."""
    table = Table("participant", "state", "stage", "what and what to do")
    for participant in cohort:
        stage = participant.get("failed_stage") or participant.get("running_stage")
        said = "; ".join(
            str(participant[key]) for key in ("message", "hint") if participant.get(key)
        )
        if participant.get("outcome") == Outcome.NOTHING_IMAGED:
            said = "nothing imaged; the report says why"
        if participant["state"] == "running":
            said = f"process {participant['pid']} on {participant['host']} since {participant['since']}"
        cells = (participant["participant"], participant["state"], stage, said)
        # As Text, so that brackets in a message are no markup.
        table.add_row(*(Text(plain(cell or "")) for cell in cells))
    return table


def _stored(file: Path, participant: str) -> dict:
    try:
        stored = read_json(file)
        if isinstance(stored.get("state"), str):
            return stored | {"participant": participant}
    except FileNotFoundError:
        return {"participant": participant, "state": "running"}
    except (OSError, InvalidInput):
        pass
    return {
        "participant": participant,
        "state": "unreadable",
        "hint": "run the participant again: the file is written anew",
    }
