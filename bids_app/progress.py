"""Progress on a terminal (bars) and elsewhere (plain timestamped lines), and in the log files."""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from bids_app.interruption import StopSignals
from bids_app.resources import cpu_seconds
from pipeline.files import open_itself
from pipeline.machine import cores_used
from pipeline.progress import Progress, Step, Stopped
from pipeline.text import plain

SECONDS_BETWEEN_LINES = 15
LOG_FORMATS = ("text", "json")
_STYLES = {"warning": "yellow", "error": "bold red"}


class ConsoleProgress(Progress):
    """Shows a stage's steps and keeps the participant's log file.

    Parameters
    ----------
    name : str
        Pseudonymous participant id, or the command that runs.
    log_file : Path, optional
        Gets the same lines as a console that is no terminal.
    quiet : bool
        Write to the log only.
    log_format : str
        With "json", the console gets JSON lines instead of text and bars, and so does a file
        beside `log_file` that ends in ``.jsonl``.
    stop : StopSignals, optional
        Who knows whether the run is to stop.
    """

    def __init__(
        self,
        name: str,
        log_file: Path | None = None,
        quiet: bool = False,
        log_format: str = "text",
        stop: StopSignals | None = None,
    ):
        self.name = name
        self.stage = ""
        self.log_file = log_file
        self.quiet = quiet
        self.log_format = log_format
        self.stop = stop
        self.console = Console(stderr=True, highlight=False)
        self.warnings: list[str] = []
        self._log_is_lost = False

    def info(self, message: str) -> None:
        self._say(message)

    def warn(self, message: str) -> None:
        self.warnings.append(plain(message))
        self._say(message, "warning")

    def error(self, message: str) -> None:
        self._say(message, "error")

    def stop_requested(self) -> bool:
        return self.stop is not None and self.stop.requested()

    def when_abandoned(self, action: Callable[[], None]) -> None:
        """Have `action` done before the process ends in the middle of a step."""
        if self.stop is not None:
            self.stop.abandon = action

    @contextmanager
    def step(self, description: str, total: float | None = None):
        if self.stop_requested():
            raise Stopped
        started = time.monotonic()
        if self.console.is_terminal and not self.quiet and self.log_format == "text":
            self.log_only(description)
            with self._bar() as bar:
                task = bar.add_task(self._titled(plain(description)), total=total)
                yield _BarStep(bar, task)
        else:
            self._say(description)
            yield _LineStep(self, description, total)
        self.log_only(f"{description}: done in {time.monotonic() - started:.0f} s")

    def _bar(self) -> RichProgress:
        return RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )

    def _titled(self, message: str) -> str:
        return " ".join(filter(None, [self.name, f"{self.stage}:" if self.stage else "", message]))

    def _say(self, message: str, level: str = "info") -> None:
        self.console_only(message, level)
        self.log_only(message, level)

    def console_only(self, message: str, level: str = "info") -> None:
        """Write to the console, not to the log file."""
        if self.quiet:
            return
        if self.log_format == "json":
            print(self._json_line(message, level), file=sys.stderr, flush=True)
        else:
            line = self._text_line(message, level)
            self.console.print(line, style=_STYLES.get(level), markup=False, soft_wrap=True)

    def log_only(self, message: str, level: str = "info") -> None:
        """Write to the log file, not to the console; a log that cannot be written stops nothing."""
        if self.log_file is None:
            return
        try:
            _append(self.log_file, self._text_line(message, level))
            if self.log_format == "json":
                _append(self.log_file.with_suffix(".jsonl"), self._json_line(message, level))
        except OSError as error:
            if not self._log_is_lost:
                self._log_is_lost = True
                self.console_only(f"the log cannot be written ({error.strerror})", "warning")

    def log_traceback(self, text: str) -> None:
        """Write to the log file where an error came from, one line for each of its lines."""
        for line in text.splitlines():
            self.log_only(line)

    def _text_line(self, message: str, level: str) -> str:
        prefix = "" if level == "info" else f"{level}: "
        return f"{datetime.now():%Y-%m-%d %H:%M:%S} {self._titled(prefix + plain(message))}"

    def _json_line(self, message: str, level: str) -> str:
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "name": self.name,
            "stage": self.stage or None,
            "level": level,
            "message": plain(message),
        }
        return json.dumps(line, ensure_ascii=False)


def _append(file: Path, line: str) -> None:
    descriptor = open_itself(file, os.O_WRONLY | os.O_APPEND)
    with os.fdopen(descriptor, "a", encoding="utf-8", errors="replace") as log:
        log.write(line + "\n")


class _BarStep(Step):
    def __init__(self, bar: RichProgress, task):
        self.bar, self.task = bar, task

    def advance(self, n: float = 1) -> None:
        self.bar.advance(self.task, n)


class _LineStep(Step):
    def __init__(self, progress: ConsoleProgress, description: str, total: float | None):
        self.progress, self.description, self.total = progress, description, total
        self.done, self.started, self.cpu_before = 0.0, time.monotonic(), cpu_seconds()
        self.last_line = self.started

    def advance(self, n: float = 1) -> None:
        self.done += n
        now = time.monotonic()
        if self.total and self.done < self.total and now - self.last_line > SECONDS_BETWEEN_LINES:
            self.last_line = now
            left = (now - self.started) * (self.total / self.done - 1)
            # Few of them, and the machine is busy: what is left may take longer, or less.
            got = (cpu_seconds() - self.cpu_before) / (now - self.started)
            self.progress.info(
                f"{self.description}: {100 * self.done / self.total:.0f} %, about {left:.0f} s left "
                f"at the {got:.1f} of {cores_used()} cores got so far"
            )
