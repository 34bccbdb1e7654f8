"""Reading a file of marks whatever its format."""

from pathlib import Path

import mne

from pipeline.absent import require_content
from pipeline.errors import InvalidInput, SpikefocusError
from pipeline.mark_files import MARK_FORMATS
from pipeline.mark_files._format import MarkFormat, Marks, Reading

_START_BYTES = 4096


def read_marks(
    path: Path, raw: mne.io.BaseRaw, recording: Path, reading: Reading, form: str | None = None
) -> Marks:
    """Read one file of marks.

    Parameters
    ----------
    path : Path
        The file; the recording itself for marks that it holds.
    raw : mne.io.BaseRaw
        The recording that they are marks of.
    recording : Path
        Its file or folder.
    reading : Reading
        What the user says of the file.
    form : str or None
        Name of the format; told by name and content where it is None.

    Raises
    ------
    InvalidInput
        The file is of no format that is read, is damaged, or is of another recording.
    """
    path = Path(path)
    if not path.exists():
        raise InvalidInput("the file of marks is not there", file=path, hint="check its name")
    require_content(path)
    chosen = MARK_FORMATS[form] if form else _format_of(path, recording)
    if chosen is None:
        labels = ", ".join(MARK_FORMATS[name].label for name in MARK_FORMATS)
        raise InvalidInput(
            "the file of marks has a format that is not read",
            file=path,
            hint=f"give one of: {labels}; or name its format with --format",
        )
    try:
        return chosen.read(path, raw, reading)
    except SpikefocusError:
        raise
    except Exception as error:  # a damaged file makes the parsers raise anything
        raise InvalidInput(
            f"the file of marks cannot be read as {chosen.label} ({type(error).__name__})",
            file=path,
            hint="export it again, or name its format with --format",
        ) from error


def _format_of(path: Path, recording: Path) -> MarkFormat | None:
    start = b"" if path.is_dir() else path.open("rb").read(_START_BYTES)
    is_own = path.resolve() == Path(recording).resolve()
    formats = (MARK_FORMATS[name] for name in MARK_FORMATS)
    return next((one for one in formats if one.fits(path, start, is_own)), None)
