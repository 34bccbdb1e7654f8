"""Options and input files of the report stage."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Inputs:
    """What the report needs beside the derivatives.

    Attributes
    ----------
    t1w : Path
        The pre-operative T1w, for the slices.
    resection_mask : Path or None
        In the T1w's space, for its outline.
    dicom_template : Path or None
        A DICOM file or folder of the T1w, which lends the patient's and the study's identifiers to
        the report as DICOM objects; None for no such objects.
    """

    t1w: Path
    resection_mask: Path | None = None
    dicom_template: Path | None = None


@dataclass(frozen=True)
class Config:
    """Options of the report."""

    page_size: str = field(default="A4", metadata={"help": "A4 or Letter"})
    centre: str = field(default="", metadata={"help": "name of the centre, printed on each page"})
    date: str = field(
        default="", metadata={"help": "date to print on the report; none is printed by default"}
    )
    sections: tuple[str, ...] = field(
        default=(),
        metadata={"help": "sections in the order wanted; empty for those of the specification"},
    )
