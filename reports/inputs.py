"""Input files of the report stage."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Inputs:
    """What the report needs beside the derivatives.

    Attributes
    ----------
    t1w : Path
        The pre-operative T1w, for the slices.
    dicom_template : Path or None
        A DICOM file or folder of the T1w, which lends the patient's and the study's identifiers to
        the report as DICOM objects; None for no such objects.
    clinical : Path or None
        What the referring physician says of the patient (`reports.clinical_file`).
    virtual : str
        "yes" where the dataset calls the patient a virtual one, which every page then says.
    """

    t1w: Path
    dicom_template: Path | None = None
    clinical: Path | None = None
    virtual: str = ""
