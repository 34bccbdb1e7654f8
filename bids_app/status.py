"""``sub-X_status.json``: what was done for a participant, what failed, and what to do about it."""

import os
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pipeline import STAGES, __version__
from pipeline.files import read_json, write_json
from pipeline.paths import PatientPaths


@dataclass
class Status:
    """State of one participant; `save` writes it atomically."""

    paths: PatientPaths
    state: str = "not started"
    outcome: str | None = None
    failed_stage: str | None = None
    message: str | None = None
    hint: str | None = None
    warnings: list[str] = field(default_factory=list)
    stages: dict[str, dict] = field(default_factory=dict)

    @classmethod
    def load(cls, paths: PatientPaths) -> "Status":
        """Read the records of earlier runs; a missing or damaged file means that nothing is known."""
        status = cls(paths)
        try:
            stored = read_json(paths.status)
            status.stages = {stage: dict(stored["stages"][stage]) for stage in stored["stages"]}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            status.stages = {}
        return status

    def save(self) -> None:
        write_json(
            self.paths.status,
            {
                "participant": self.paths.sub,
                "state": self.state,
                "outcome": self.outcome,
                "failed_stage": self.failed_stage,
                "message": self.message,
                "hint": self.hint,
                "warnings": self.warnings,
                "spikefocus_version": __version__,
                "host": socket.gethostname(),
                "pid": os.getpid(),
                "updated": datetime.now(UTC).isoformat(timespec="seconds"),
                "stages": {stage: self.stages[stage] for stage in STAGES if stage in self.stages},
            },
        )


def read_cohort(output_dir: Path) -> list[dict]:
    """The status of every participant below `output_dir`; a run whose process is gone is 'stale'."""
    cohort = []
    for file in sorted(output_dir.glob("sub-*/sub-*_status.json")):
        try:
            stored = read_json(file)
        except (OSError, ValueError):
            stored = {"participant": file.parent.name, "state": "unreadable status file"}
        if stored.get("state") == "running" and stored.get("host") == socket.gethostname():
            if not Path(f"/proc/{stored.get('pid')}").exists():
                stored["state"] = "stale"
        cohort.append(stored)
    return cohort
