"""Progress on a terminal (bars) and elsewhere (plain timestamped lines)."""

import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from pipeline.progress import Progress, Step

SECONDS_BETWEEN_LINES = 15


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
    """

    def __init__(self, name: str, log_file: Path | None = None, quiet: bool = False):
        self.name = name
        self.stage = ""
        self.log_file = log_file
        self.quiet = quiet
        self.console = Console(stderr=True, highlight=False)
        self.warnings: list[str] = []

    def info(self, message: str) -> None:
        self._line(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)
        self._line(f"warning: {message}", style="yellow")

    def error(self, message: str) -> None:
        self._line(f"error: {message}", style="bold red")

    @contextmanager
    def step(self, description: str, total: float | None = None):
        started = time.monotonic()
        if self.console.is_terminal and not self.quiet:
            self.log_only(description)
            with self._bar() as bar:
                task = bar.add_task(self._titled(description), total=total)
                yield _BarStep(bar, task)
        else:
            self._line(description)
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

    def _line(self, message: str, style: str | None = None) -> None:
        if not self.quiet:
            stamp = f"{datetime.now():%Y-%m-%d %H:%M:%S} "
            self.console.print(
                stamp + self._titled(message), style=style, markup=False, soft_wrap=True
            )
        self.log_only(message)

    def log_only(self, message: str) -> None:
        """Write to the log file, not to the console."""
        if self.log_file is not None:
            with self.log_file.open("a", encoding="utf-8") as log:
                log.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} {self._titled(message)}\n")


class _BarStep(Step):
    def __init__(self, bar: RichProgress, task):
        self.bar, self.task = bar, task

    def advance(self, n: float = 1) -> None:
        self.bar.advance(self.task, n)


class _LineStep(Step):
    def __init__(self, progress: ConsoleProgress, description: str, total: float | None):
        self.progress, self.description, self.total = progress, description, total
        self.done, self.started = 0.0, time.monotonic()
        self.last_line = self.started

    def advance(self, n: float = 1) -> None:
        self.done += n
        now = time.monotonic()
        if self.total and self.done < self.total and now - self.last_line > SECONDS_BETWEEN_LINES:
            self.last_line = now
            left = (now - self.started) * (self.total / self.done - 1)
            self.progress.info(
                f"{self.description}: {100 * self.done / self.total:.0f} %, about {left:.0f} s left"
            )
