"""One normaliser per kind of name, and the one way in which names of two files are joined.

Names are compared as written first; only where that finds nothing, by their key. A key that
belongs to several names joins none of them: nothing is guessed.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

_PRIMES = str.maketrans({"’": "'", "‘": "'", "′": "'", "`": "'", "´": "'", "ʹ": "'", "ʼ": "'"})
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))
# What acquisition systems write around a contact's name.
_PREFIX = re.compile(r"^(?:seeg|eeg|ecog|pol)\s+")
_REFERENCE = re.compile(r"\s*-\s*(?:ref|avg|average|mean|g2)$")
# CTF appends the number of the system to its sensors: MLC11-1609.
_CTF_SERIAL = re.compile(r"^([a-z]+\d+)-\d{3,5}$")
_CONTACT = r"[^\W\d_](?:[^\W_]|')*?[\s_\-]*'?\d+'?"
# Between two digits a separator tells one number from the next: RA1-2 is no RA12.
_SEPARATOR = re.compile(r"(?<!\d)-|-(?!\d)")
_KINDS = ("meg", "eeg")
_INDICES = ("run", "echo", "split")
EMPTY_ROOM = "emptyroom"
NIFTI = (".nii", ".nii.gz")
_ROOM_TASK = re.compile(r"noise\d*|er|.*empty.?room.*|empty", re.IGNORECASE)
_BIPOLAR = re.compile(rf"({_CONTACT})\s*[-/:]\s*({_CONTACT}|\d+)")


def events_name(recording: str) -> str:
    """Name of the table of a recording's events: that of ``sub-01_split-01_meg.fif`` is ``sub-01_events.tsv``."""
    parts = recording.split(".")[0].split("_")
    kept = [part for part in parts if part not in _KINDS and not part.startswith("split-")]
    return "_".join([*kept, "events.tsv"])


@dataclass(frozen=True)
class Match:
    """How the names of one file are found among those of another.

    Attributes
    ----------
    found : dict of str to str
        Name to the known name that is meant.
    unknown : tuple of str
        Names that fit none.
    ambiguous : tuple of str
        Names that fit several.
    """

    found: dict[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()

    @property
    def lost(self) -> tuple[str, ...]:
        """Names that were joined to none."""
        return self.unknown + self.ambiguous


def match(names: Iterable[str], known: Iterable[str], key: Callable[[str], str]) -> Match:
    """Find `names` among the `known` ones: as written, else by their key where that is unique."""
    known = dict.fromkeys(known)
    by_key: dict[str, list[str]] = {}
    for name in known:
        by_key.setdefault(key(name), []).append(name)
    found: dict[str, str] = {}
    unknown: list[str] = []
    ambiguous: list[str] = []
    for name in dict.fromkeys(names):
        candidates = [name] if name in known else by_key.get(key(name), [])
        if len(candidates) == 1:
            found[name] = candidates[0]
        else:
            (ambiguous if candidates else unknown).append(name)
    return Match(found, tuple(unknown), tuple(ambiguous))


def channel_key(name: str) -> str:
    """``MEG 0111``, ``MEG0111`` and ``meg_0111`` alike; ``MLC11-1609`` as ``MLC11``."""
    plain = _plain(name)
    plain = _CTF_SERIAL.sub(r"\1", re.sub(r"[\s_]+", "", plain))
    return _unpadded(plain.replace("-", ""))


def contact_key(name: str) -> str:
    """``RA01``, ``ra-1`` and ``RA 1`` alike; ``A’1`` and ``A1'`` as ``a'1``."""
    plain = _REFERENCE.sub("", _PREFIX.sub("", _plain(name)))
    plain = _unpadded(_SEPARATOR.sub("", re.sub(r"[\s_\-]+", "-", plain)))
    return re.sub(r"^([^\W\d_]+)(\d+)'$", r"\1'\2", plain)


def bipolar_pair(name: str) -> tuple[str, str] | None:
    """The two contacts of a bipolar channel (``RA1-RA2``, ``RA1-2``); None for another name."""
    plain = _REFERENCE.sub("", _PREFIX.sub("", _plain(name)))
    pair = _BIPOLAR.fullmatch(plain)
    if pair is None:
        return None
    first, second = pair.groups()
    if second.isdigit():
        second = re.sub(r"\d+('?)$", rf"{second}\1", first)
    return first, second


def entities_of(name: str) -> dict[str, str]:
    """Entities of a BIDS file name, indices without leading zeros, letters composed (macOS parts them)."""
    parts = unicodedata.normalize("NFC", name).split(".", 1)[0].split("_")
    entities = dict(part.split("-", 1) for part in parts if "-" in part)
    return {
        key: (value.lstrip("0") or "0") if key in _INDICES and value.isdigit() else value
        for key, value in entities.items()
    }


def session_of(path: Path) -> str | None:
    """The session of a BIDS file by its name, else by the folder that it lies in; None without any."""
    return entities_of(path.name).get("ses") or folder_session(path)


def folder_session(path: Path) -> str | None:
    """The session of the folder that a BIDS file lies in, as in ``ses-1/anat/NAME``."""
    return next((part[4:] for part in path.parts[-3:-1] if part.startswith("ses-")), None)


def contradicts_folder(path: Path) -> bool:
    """Whether a file is named as of another session than the folder that it lies in."""
    sessions = {
        _unpadded(each.lower()) for each in (session_of(path), folder_session(path)) if each
    }
    return len(sessions) > 1


def is_empty_room(label: str) -> bool:
    """Whether a participant's label is that of nobody: ``emptyroom``, ``EmptyRoom2``."""
    return label.lower().startswith(EMPTY_ROOM)


def is_room_by_name(name: str) -> bool:
    """Whether a recording's file name says that nobody sat under the helmet."""
    entities = entities_of(name)
    if is_empty_room(entities.get("sub", "")):
        return True
    others = (value for key, value in entities.items() if key not in ("sub", "task"))
    return bool(_ROOM_TASK.fullmatch(entities.get("task", ""))) or any(
        EMPTY_ROOM in value.lower() for value in others
    )


def participant_label(name: str) -> str:
    """The label without ``sub-``."""
    return name.strip().removeprefix("sub-")


def participant_key(name: str) -> str:
    """``sub-01``, ``01`` and ``1`` alike, in any case."""
    return _unpadded(participant_label(_plain(name)))


def _plain(name: str) -> str:
    """In lower case, with one kind of prime and of dash, composed, without spaces around."""
    composed = unicodedata.normalize("NFKC", name.translate(_PRIMES).translate(_DASHES))
    return composed.translate(_PRIMES).strip().lower()


def _unpadded(name: str) -> str:
    return re.sub(r"(?<!\d)0+(?=\d)", "", name)
