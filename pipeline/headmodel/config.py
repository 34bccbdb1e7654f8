"""Options and input files of the headmodel stage."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.options import LARGEST_SEED, check_options, option


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
    trans : Path or None
        A co-registration that was checked, to be used instead of the automatic one.
    modality : str
        What is imaged, by `pipeline.modality`; empty for what the recordings' names promise.
    """

    t1w: Path
    t1w_json: Path | None
    freesurfer_dir: Path | None
    meg: list[Path]
    trans: Path | None = None
    modality: str = ""


@dataclass(frozen=True)
class Config:
    """Options of the headmodel stage; every one of them has a default that suits most heads."""

    registration: str = option(
        "syn",
        "how the template follows the T1w where FreeSurfer is absent: syn (non-linear) or affine "
        "(seconds, several millimetres worse; the report says so)",
        choices=("syn", "affine"),
    )
    shell_vertices: int = option(
        2562,
        "vertices of the inner skull in the boundary-element model",
        choices=(642, 2562),
    )
    skull_margin_mm: float = option(
        2.5, "least distance from the cortex to the inner skull", unit="mm", low=0.5, high=20
    )
    max_head_point_mm: float = option(
        8.0,
        "head points further than this from the scalp are left out of the fit",
        unit="mm",
        low=1,
        high=100,
    )
    keep_face: bool = option(
        False,
        "leave face and ears in the scalp, the digitised points, the pictures and the report, by "
        "which a person can be recognised",
    )
    seed: int = option(1, "seed of the registration's random sampling", low=0, high=LARGEST_SEED)

    def __post_init__(self):
        check_options(self)
