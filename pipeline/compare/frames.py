"""Whose space contact coordinates are in, by what BIDS calls it and the image that it names."""

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.compare.coordinates import UNIT_IN_MM

_SCANNER = {"scanras", "t1w", "individual", "scanner", "native"}
# The axes of these are those of an image only where the dataset names it.
_NEEDING_IMAGE = {"acpc", "other", "ct"}
_MNI305 = re.compile(r"mni305|fsaverage[3-6]?")
_MNI152 = re.compile(r"mni152(lin|nlin6a?sym|nlin2009[abc]a?sym)?")
_CT = re.compile(r"\bct\b|computed tomography", re.IGNORECASE)
_POSTOPERATIVE = re.compile(r"_(?:ses|acq|desc|space|rec)-post[a-z0-9]*", re.IGNORECASE)
# With electrodes in place, but with the brain still whole.
_IMPLANTED = re.compile(r"-post-?(?:imp|elec|sdg|seeg)", re.IGNORECASE)
T1W, IMAGE, MNI305, MNI152 = "T1w", "image", "MNI305", "MNI152"
# What is measured in the patient's own images before what a template stands between.
RANK = {T1W: 0, IMAGE: 1, MNI305: 2, MNI152: 2}


@dataclass(frozen=True)
class Frame:
    """The space of one ``electrodes.tsv``.

    Attributes
    ----------
    space : str
        As the dataset calls it.
    kind : str
        T1W, IMAGE (scanner RAS of another image), MNI305 or MNI152.
    image : Path or None
        With the kind IMAGE.
    warning : str or None
        What had to be assumed.
    """

    space: str
    kind: str
    image: Path | None = None
    warning: str | None = None


def frame_of(coordsystem: dict, t1w: Path, images: list[Path]) -> Frame | str:
    """The frame that a BIDS ``coordsystem.json`` declares, or why it can't be used.

    Parameters
    ----------
    coordsystem : dict
    t1w : Path
    images : list of Path
        The participant's other images; ``IntendedFor`` may name one of them.
    """
    space = str(coordsystem.get("iEEGCoordinateSystem", "n/a"))
    unit = str(coordsystem.get("iEEGCoordinateUnits", "n/a"))
    if unit not in UNIT_IN_MM:
        return f"the coordinates' unit is {unit!r}, not m, cm or mm"
    name = space.lower()
    if _MNI305.fullmatch(name):
        return Frame(space, MNI305)
    if _MNI152.fullmatch(name):
        return Frame(space, MNI152)
    if name not in _SCANNER | _NEEDING_IMAGE:
        return f"the coordinates are in {space} space, which has no transform to the T1w"
    return _by_image(coordsystem, space, t1w, images)


def _by_image(coordsystem: dict, space: str, t1w: Path, images: list[Path]) -> Frame | str:
    named = intended_names(coordsystem)
    assumed = None
    if space.lower() in _NEEDING_IMAGE:
        assumed = f"The contacts' coordinate system is {space}, taken as the scanner RAS of "
    if t1w.name in named:
        return Frame(space, T1W, warning=assumed and f"{assumed}the T1w, which it is intended for.")
    if not named and space.lower() in _SCANNER:
        return Frame(space, T1W)
    meant = [image for image in images if image.name in named]
    if not named:
        described = f"{space} {coordsystem.get('iEEGCoordinateSystemDescription', '')}"
        meant = [image for image in images if is_ct(image)] if _CT.search(described) else []
    if len(meant) == 1:
        warning = assumed and f"{assumed}{meant[0].name}."
        return Frame(space, IMAGE, meant[0], warning)
    refers = (
        f"refers to {', '.join(named)}, which cannot be found"
        if named
        else "names no image (IntendedFor)"
    )
    if len(meant) > 1:
        refers = f"may refer to each of {', '.join(image.name for image in meant)}"
    return f"the coordinates are in {space} space, which {refers}"


def intended_names(coordsystem: dict) -> list[str]:
    """File names of the images that ``IntendedFor`` names."""
    intended = coordsystem.get("IntendedFor") or []
    intended = [intended] if isinstance(intended, str) else intended
    names = [str(each).rsplit("/", 1)[-1] for each in intended]
    return [name for name in names if name.endswith((".nii", ".nii.gz"))]


def is_ct(image: Path) -> bool:
    """Whether a BIDS file name or its folder says that it is a CT."""
    return image.name.split(".")[0].lower().endswith("_ct") or image.parent.name == "ct"


def is_postoperative(path: Path) -> bool:
    """Whether a BIDS file name says that the image was made after the operation."""
    return bool(_POSTOPERATIVE.search(path.name)) and not _IMPLANTED.search(path.name)
