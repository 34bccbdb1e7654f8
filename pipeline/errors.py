"""The errors that a user can do something about."""

from pathlib import Path


class SpikefocusError(Exception):
    """What went wrong, in which file, and what the user can do, in one sentence.

    Parameters
    ----------
    message : str
        What is wrong, without a full stop. Never holds a patient's name.
    file : path-like, optional
        The file concerned.
    hint : str
        The remedy, as an instruction.
    """

    def __init__(self, message: str, *, file: str | Path | None = None, hint: str):
        self.message = message
        self.file = None if file is None else Path(file)
        self.hint = hint
        where = "" if self.file is None else f" ({self.file})"
        super().__init__(f"{message}{where}; {hint}")

    @property
    def reason(self) -> str:
        """What is wrong, and in which file, for a report: without folders."""
        return self.message if self.file is None else f"{self.message} ({self.file.name})"


class InvalidInput(SpikefocusError):
    """A file of the dataset is missing, unreadable or contradicts itself."""


class MissingResource(SpikefocusError):
    """Memory, disk, a GPU or a weights file that this run needs is not there."""


class MissingGPU(MissingResource):
    """A GPU was asked for and there is none."""


class OutOfMemory(MissingResource):
    """The job has, or will have, less memory than it needs."""
