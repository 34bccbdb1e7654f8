"""What the referring physician says of a patient: ``sub-X_clinical.toml``, printed in the report.

It holds what no file of the dataset does, is checked when it is read, and is never logged.
"""

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import InvalidInput
from pipeline.files import decoded
from reports.glyphs import sentence_about

_LONGEST = 4000
_OLDEST = 120
_LARGEST_BYTES = 2**16
_NOT_UNICODE = "the clinical file is not UTF-8; it was read as Latin-1"
TITLES = {
    "indication": "Indication",
    "age": "Age at the recording",
    "medication": "Medication",
    "vigilance": "Vigilance during the recording",
    "mri_lesion": "Lesion in the MRI",
    "semiology": "Semiology of seizures",
    "free_text": "Other",
    "impression": "Impression",
}


@dataclass(frozen=True, kw_only=True)
class ClinicalFile:
    """Texts as they were given; empty where nothing was.

    Attributes
    ----------
    age : str
        In years, or a text such as "7 months".
    note : str
        What is doubtful about the reading.
    """

    indication: str = ""
    age: str = ""
    medication: str = ""
    vigilance: str = ""
    mri_lesion: str = ""
    semiology: str = ""
    free_text: str = ""
    impression: str = ""
    note: str = ""

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Title and text of what was given; the impression stands at its own place."""
        given = dataclasses.asdict(self)
        rows = [
            (title, given[name])
            for name, title in TITLES.items()
            if given[name] and name not in ("indication", "impression")
        ]
        return rows + ([("Note", self.note)] if self.note else [])


def read_clinical_file(file: Path) -> ClinicalFile:
    """Read and check a clinical file; text of Windows, which editors there write, is read with a note.

    Raises
    ------
    InvalidInput
        It is no TOML, has an unknown key, a value of another kind, a text too long, or characters
        that cannot be printed. The sentence tells the key and never the text.
    """
    hint = f"correct the clinical file; its keys are {', '.join(TITLES)}"
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            raise InvalidInput("the clinical file is far too large", file=file, hint=hint)
        text, is_unicode = decoded(file.read_bytes())
        content = tomllib.loads(text.replace("\r\n", "\n").replace("\r", "\n"))
    except OSError as error:
        raise InvalidInput("the clinical file cannot be read", file=file, hint=hint) from error
    except (ValueError, RecursionError):  # a parser's own words would quote the text
        raise InvalidInput("the clinical file is no valid TOML", file=file, hint=hint) from None
    reason = next((why for why in map(_fault, content.items()) if why), None)
    if reason:
        raise InvalidInput(reason, file=file, hint=hint)
    texts = {name: _text(value) for name, value in content.items()}
    return ClinicalFile(**texts, note="" if is_unicode else _NOT_UNICODE)


def _fault(entry: tuple[str, Any]) -> str | None:
    name, value = entry
    if name not in TITLES:
        return "the clinical file has a key that is not known"
    if type(value) in (int, float):
        in_years = name == "age" and 0 <= value <= _OLDEST
        return None if in_years else f"the clinical file's {name} is no text or age in years"
    if not isinstance(value, str):
        return f"the clinical file's {name} is no text"
    if len(value) > _LONGEST:
        return f"the clinical file's {name} has more than {_LONGEST} characters"
    return sentence_about(f"the clinical file's {name}", value)


def _text(value: str | int | float) -> str:
    return value.strip() if isinstance(value, str) else f"{value:g} years"
