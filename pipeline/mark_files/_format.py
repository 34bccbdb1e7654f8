"""What every format of marks provides, and where time begins in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import mne
import numpy as np

from pipeline.errors import InvalidInput

Origin = Literal["first-sample", "acquisition"]
ORIGINS: tuple[Origin, ...] = ("first-sample", "acquisition")
_LATE_S = 0.05


@dataclass(frozen=True)
class Reading:
    """What only the user knows of a file of marks.

    Attributes
    ----------
    count_from : Origin or None
        Whether its times begin with the recording's first stored sample or with the acquisition,
        which began `first_samp` samples earlier; None for what the format says.
    columns : mapping of str to str
        For tables: the columns of ``onset``, ``duration`` and ``name``, by name or by number from 1.
    unit : str
        For tables: one of `UNITS_S`, or "samples".
    channel : str or None
        For triggers: the channel; None for the only one.
    """

    count_from: Origin | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    unit: str = "s"
    channel: str | None = None


@dataclass(frozen=True)
class Marks:
    """Marks of one file.

    Attributes
    ----------
    onset_s : ndarray, (n,)
        From the first stored sample of the recording; those outside it, too.
    duration_s : ndarray, (n,)
    name : tuple of str
        As in the file: text, or the decimal digits of a code.
    notes : tuple of str
        How it was read, where the user must know.
    """

    onset_s: np.ndarray
    duration_s: np.ndarray
    name: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MarkFormat:
    """How the marks of one program are told and read.

    Attributes
    ----------
    label : str
        For sentences that say what can be given.
    fits : callable
        Whether a file is of this format, from its path, its first 4096 bytes (none of a folder),
        and whether it is the recording itself. No two formats fit one file.
    read : callable
        From a path, the recording and what the user says to `Marks`. `InvalidInput` where the file
        is of another recording, or where its times begin is not certain.
    """

    label: str
    fits: Callable[[Path, bytes, bool], bool]
    read: Callable[[Path, mne.io.BaseRaw, Reading], Marks]


def duration_of(raw: mne.io.BaseRaw) -> float:
    """Seconds from the first stored sample to the last."""
    return float(raw.n_times / raw.info["sfreq"])


def first_time(raw: mne.io.BaseRaw) -> float:
    """Seconds from the acquisition's begin to the first stored sample."""
    return float(raw.first_samp / raw.info["sfreq"])


def inside(onset_s: np.ndarray, raw: mne.io.BaseRaw) -> np.ndarray:
    """Which of the times (n,) from the first stored sample lie in the recording."""
    return (onset_s >= -_LATE_S) & (onset_s <= duration_of(raw) + _LATE_S)


def from_first_sample(
    time_s: np.ndarray,
    raw: mne.io.BaseRaw,
    path: Path,
    origin: Origin | None,
    notes: list[str],
) -> np.ndarray:
    """Times (n,) from the first stored sample, of times whose origin may not be known.

    Parameters
    ----------
    time_s : ndarray, (n,)
    raw : mne.io.BaseRaw
    path : Path
        Of the marks, for messages.
    origin : Origin or None
        None where the file does not tell: the one by which all marks lie in the recording.
    notes : list of str
        Gets a sentence where the origin was found so.

    Raises
    ------
    InvalidInput
        All marks lie in the recording by either origin, so that nothing tells which is meant.
    """
    skipped = first_time(raw)
    by_origin: dict[Origin, np.ndarray] = {"first-sample": time_s, "acquisition": time_s - skipped}
    if origin is not None:
        return by_origin[origin]
    if not skipped or not len(time_s):
        return time_s
    fitting = [one for one in ORIGINS if inside(by_origin[one], raw).all()]
    if len(fitting) == 2:
        raise InvalidInput(
            "the file does not tell whether its times begin with the recording's first stored sample "
            f"or with the acquisition, {skipped:g} s before",
            file=path,
            hint="say it with --count-from first-sample or --count-from acquisition",
        )
    if not fitting:
        return time_s
    words = {"first-sample": "the first stored sample", "acquisition": "the acquisition's begin"}
    notes.append(
        f"The times of {path.name} were counted from {words[fitting[0]]}: only so do all marks lie in "
        "the recording."
    )
    return by_origin[fitting[0]]


def of_another_recording(why: str, path: Path, hint: str = "") -> InvalidInput:
    """What is raised for a mark file that cannot be the recording's."""
    return InvalidInput(
        f"the marks are of another recording: {why}",
        file=path,
        hint=hint or "give the marks that were made in this recording",
    )
