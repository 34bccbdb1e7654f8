"""Options and input files of the headmodel stage."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Inputs:
    """Files of one participant.

    Attributes
    ----------
    t1w : Path
        Pre-operative T1-weighted NIfTI of the whole head.
    t1w_json : Path or None
        Its sidecar, which may hold the anatomical landmarks.
    freesurfer_dir : Path or None
        The participant's FreeSurfer folder (with ``surf`` and ``mri``); None for the template path.
    meg : list of Path
        Recordings; the first gives sensors, head position and digitised points.
    """

    t1w: Path
    t1w_json: Path | None
    freesurfer_dir: Path | None
    meg: list[Path]


@dataclass(frozen=True)
class Config:
    """Options of the headmodel stage; every one of them has a default that suits most heads."""

    registration: str = field(
        default="syn",
        metadata={
            "help": "how the template follows the T1w where FreeSurfer is absent: syn (non-linear) "
            "or affine (seconds, several millimetres worse; the report says so)"
        },
    )
    shell_vertices: int = field(
        default=2562,
        metadata={"help": "vertices of the inner skull in the boundary-element model: 642 or 2562"},
    )
    skull_margin_mm: float = field(
        default=2.5,
        metadata={"help": "least distance from the cortex to the inner skull, in mm"},
    )
    max_head_point_mm: float = field(
        default=8.0,
        metadata={"help": "head points further than this from the scalp are left out of the fit"},
    )
    seed: int = field(default=1, metadata={"help": "seed of the registration's random sampling"})
