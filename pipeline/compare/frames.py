"""Whose space contact coordinates are in, by what BIDS calls it and the image that it names."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.doubts import Doubt
from pipeline.names import NIFTI, entities_of, folder_session
from pipeline.stated_places import unit_of

_SCANNER = {"scanras", "t1w", "individual", "scanner", "native"}
# The axes of these are those of an image only where the dataset names it.
_NEEDING_IMAGE = {"acpc", "other", "ct"}
# fsaverage and its coarser and symmetric surfaces share FreeSurfer's MNI305 volume.
_MNI305 = re.compile(r"mni305|avg305|fsaverage([3-7]|sym)?")
# IXI549Space is SPM12's average, linearly aligned to MNI152.
_MNI152 = re.compile(r"mni152(lin|nlin(6|2009[abc]?)?(a?sym)?)?|ixi549(space)?")
# What TemplateFlow adds for an image's grid changes no coordinate: MNI152NLin6Asym:res-2.
_OF_GRID = re.compile(r"[:_]res-\w+$")
# Other spaces that BIDS names, and why nothing here leads from them to a T1w.
_OTHER_SPACES = {
    r"mni": "which does not say which MNI template is meant",
    r"mnicolin27|colin27": "the brain of one person, which is not the MNI152 average",
    r"icbm452.*": "an average of 452 brains, which is not the MNI152 average",
    r"talairach|tal": "the atlas of one brain, which is not the MNI152 average",
    r"nihpd.*": "a template of children",
    r"uncinfant.*": "a template of infants",
    r"oasis30.*": "an average of 30 heads, which is not the MNI152 average",
    r"fslr": "a template of surfaces",
    r"fsnative|freesurfer|tkras": "FreeSurfer's surface coordinates, whose origin is not stated",
    r"pixels": "places in a picture",
}
# What derivatives call the space of the T1w.
_OF_T1W = {"orig", "anat", "scannerras", "ras", "native", "mprage"}
# Of these, those that lie in the patient's own head.
_OWN_SPACES = {r"fsnative|freesurfer|tkras", r"pixels"}
# What a description may say of coordinates that are not scanner RAS, and how far off they then are.
_OTHER_AXES = {
    r"\btk[\s_-]*r?(?:eg)?[\s_-]*ras\b|\btkr\b|surface[\s_-]*ras\b": "FreeSurfer's surface coordinates, "
    "whose origin is the middle of the image, so that all contacts may be shifted",
    r"(?<!not )(?<!not in )(?<!non-)\b(?:mni\w*|talairach|normali[sz]ed to)\b": "a template's space, in which "
    "no place is the patient's own",
    r"\blas\b": "an axis to the left, so that left and right may be exchanged",
    r"\b(?:lps|rai)\b": "axes to the left and the back, so that left and right may be exchanged",
    r"\bvoxels?\b|\bijk\b": "voxel indices, so that all contacts may be shifted and sides exchanged",
}
# Of FreeSurfer, and as GIFTI.
_SURFACE = re.compile(r"^[lr]h\.|\.surf\.gii$|\.(?:pial|white|midthickness)$", re.IGNORECASE)
_CT = re.compile(r"\bct\b|computed tomography", re.IGNORECASE)
# From where a label tells of a time after something.
_AFTER = re.compile(r"(?:post|after-?(?:op|surg|resec|ablat|$)|follow-?up|^fu(?![a-z])).*")
# With electrodes in place, but with the brain still whole; after contrast agent; no operation.
_NOT_OPERATION = re.compile(
    r"post-?(?:imp|inser|elec|sdg|s?eeg|ieeg|ecog|grid|strip|depth|lead|dbs|vns|rns"
    r"|con|kon|gd|gad|ga$|ce$|cm$|km$|inj|enh"
    r"|proc|erior|ictal|seiz|stim|task|train|test|trau)"
)
# After what is not said.
_ONLY_AFTER = re.compile(r"post-?\d*")
_CONTRAST = re.compile(r"gd|gad|contrast|kontrast|^ce(?![a-z])|^cepost|postce?$")
_NO_CONTRAST = re.compile(r"(?:no|non|pre|without|ohne)-?(?:contrast|kontrast|gad|gd|ce)")
_BEFORE = re.compile(r"pre|baseline|before")
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
    doubts : tuple of Doubt
    """

    space: str
    kind: str
    image: Path | None = None
    warning: str | None = None
    doubts: tuple[Doubt, ...] = ()


def frame_of(coordsystem: dict, t1w: Path, images: list[Path]) -> Frame | str:
    """The frame that a BIDS ``coordsystem.json`` declares, or why it can't be used.

    Parameters
    ----------
    coordsystem : dict
    t1w : Path
    images : list of Path
        The participant's other images; ``IntendedFor`` may name one of them.
    """
    space, unit = (coordsystem.get(f"iEEGCoordinate{what}", "n/a") for what in ("System", "Units"))
    if unit_of(unit) is None:
        return f"the coordinates' unit is {str(unit)[:40]!r}, not m, cm or mm"
    if not isinstance(space, str):
        return f"the coordinates' system is {str(space)[:40]!r}, which is no name"
    kind = template_of(space)
    if kind is not None:
        return Frame(space, kind)
    if _key(space) in _SCANNER | _NEEDING_IMAGE:
        frame = _by_image(coordsystem, space, t1w, images)
        if isinstance(frame, str):
            return frame
        return replace(frame, doubts=(*frame.doubts, *_described_otherwise(coordsystem)))
    if _key(space) in {"", "na"}:
        return "no system of the coordinates is stated (iEEGCoordinateSystem)"
    why = next((why for name, why in _OTHER_SPACES.items() if re.fullmatch(name, _key(space))), "")
    aside = why and f" ({why})"
    return f"the coordinates are in {space} space{aside}, which has no transform to the T1w"


def template_of(space: str) -> str | None:
    """MNI305 or MNI152 where a space is a variant of it, whatever its spelling."""
    name = _key(_OF_GRID.sub("", space))
    if _MNI305.fullmatch(name):
        return MNI305
    return MNI152 if _MNI152.fullmatch(name) else None


def in_template(path: Path) -> bool:
    """Whether an image's BIDS name says that it lies in the space of a template."""
    return template_of(entities_of(path.name).get("space", "")) is not None


def of_other_head(path: Path) -> bool:
    """Whether an image's BIDS name says that it lies in a space of another head than the patient's."""
    space = entities_of(path.name).get("space", "")
    other = any(re.fullmatch(name, _key(space)) for name in _OTHER_SPACES.keys() - _OWN_SPACES)
    return template_of(space) is not None or other


def is_own_space(space: str) -> bool:
    """Whether a name is of the scanner's space of the patient's T1w, however it is called."""
    return _key(space) in _SCANNER | _OF_T1W or _key(space).startswith(("pre", "t1"))


def same_space(first: str, second: str) -> bool | None:
    """Whether two names are of one space; None where that of either is not known here."""
    kinds = [T1W if _key(name) in _SCANNER else template_of(name) for name in (first, second)]
    return None if None in kinds else kinds[0] == kinds[1]


def _key(space: str) -> str:
    return re.sub(r"[^a-z0-9]", "", space.lower())


def _by_image(coordsystem: dict, space: str, t1w: Path, images: list[Path]) -> Frame | str:
    intended = coordsystem.get("IntendedFor")
    if not _is_known_type(intended):
        return f"the coordinates' IntendedFor is {str(intended)[:40]!r}, which names no file"
    named = intended_names(coordsystem)
    assumed = ""
    if _key(space) in _NEEDING_IMAGE:
        assumed = f"The contacts' coordinate system is {space}, taken as the scanner RAS of "
    if not named and not assumed:
        return Frame(space, T1W)
    others = [image for image in images if image.name != t1w.name]
    described = f"{space} {coordsystem.get('iEEGCoordinateSystemDescription', '')}"
    if named:
        meant = [image for image in (t1w, *others) if _stem(image.name) in set(map(_stem, named))]
        # The T1w needs no registration.
        meant = [t1w] if t1w in meant else meant
    else:
        meant = [image for image in others if is_ct(image)] if _CT.search(described) else []
    doubts = () if meant else _substituted(named, [t1w, *others], meant)
    if len(meant) == 1:
        image = meant[0]
        warning = f"{assumed}{image.name}." if assumed else None
        doubts += _of_commissure(space, image)
        if image == t1w:
            return Frame(space, T1W, warning=warning, doubts=doubts)
        return Frame(space, IMAGE, image, warning, doubts)
    refers = (
        f"refers to {', '.join(named)}, which cannot be found"
        if named
        else "names no image (IntendedFor)"
    )
    if len(meant) > 1:
        refers = f"may refer to each of {', '.join(image.name for image in meant)}"
    return f"the coordinates are in {space} space, which {refers}"


def _of_commissure(space: str, image: Path) -> tuple[Doubt, ...]:
    """A doubt of coordinates in ACPC, which by its definition are the image's own only where that was aligned so."""
    if _key(space) != "acpc" or "acpc" in image.name.lower():
        return ()
    text = (
        f"The contacts are in ACPC, whose origin is the anterior commissure; they were taken as the scanner RAS "
        f"of {image.name}: unless that image was aligned to ACPC, all contacts may be shifted and turned"
    )
    return (Doubt(text),)


def _described_otherwise(coordsystem: dict) -> tuple[Doubt, ...]:
    """A grave doubt where the description in words names axes that scanner RAS has not."""
    described = str(coordsystem.get("iEEGCoordinateSystemDescription", ""))
    named = [name for name in file_names(coordsystem.get("IntendedFor")) if _SURFACE.search(name)]
    if named and not intended_names(coordsystem):
        text = (
            f"The contacts' coordinates are intended for the surface {named[0]}, whose own coordinates have "
            "their origin in the middle of the image; they were taken as scanner RAS, as their system is "
            "declared, so that all contacts may be shifted"
        )
        return (Doubt(text, grave=True),)
    return tuple(
        Doubt(
            f"The description of the contacts' coordinates speaks of {found[0]!r} ({what}); they were "
            "taken as scanner RAS, as their system is declared",
            grave=True,
        )
        for pattern, what in _OTHER_AXES.items()
        if (found := re.search(pattern, described, re.IGNORECASE))
    )


def _substituted(named: list[str], images: list[Path], meant: list[Path]) -> tuple[Doubt, ...]:
    """Add to `meant` the only image of a named one's kind, if one entity alone tells them apart."""
    for name in named:
        kind = suffix_of(name)
        alike = [image for image in images if suffix_of(image.name) == kind]
        if len(alike) == 1 and _differ_in_one_entity(name, alike[0].name):
            meant.append(alike[0])
            return (
                Doubt(
                    f"The contacts' coordinates are intended for {name}, which is not there; they "
                    f"are taken as those of {alike[0].name}, the only {kind} image, whose name "
                    "differs in one entity"
                ),
            )
    return ()


def _differ_in_one_entity(name: str, other: str) -> bool:
    """Whether images of two names can lie alike: never across sessions, operations or spaces."""
    first, second = entities_of(name), entities_of(other)
    if "ses" in first and "ses" in second and first["ses"] != second["ses"]:
        return False
    fixed = ("sub", "space")
    if any(first.get(key) != second.get(key) for key in fixed) or _times(name) != _times(other):
        return False
    only = first.items() - second.items(), second.items() - first.items()
    return max(map(len, only)) <= 1


def suffix_of(name: str) -> str:
    """The BIDS suffix of an image: T1w, ct."""
    return _stem(name).rsplit("_", 1)[-1]


def _stem(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".nii")


def intended_names(coordsystem: dict) -> list[str]:
    """File names of the images that ``IntendedFor`` names."""
    intended = coordsystem.get("IntendedFor")
    return [
        name
        for name in (file_names(intended) if _is_known_type(intended) else [])
        if name.endswith(NIFTI)
    ]


def _is_known_type(intended) -> bool:
    several = intended if isinstance(intended, list) else [intended]
    return all(each is None or isinstance(each, str) for each in several)


def file_names(paths) -> list[str]:
    """Names of the files that a BIDS metadata field names: text, or texts in a list or object."""
    if isinstance(paths, dict):
        paths = list(paths.values())
    several = paths if isinstance(paths, list) else [paths]
    return [re.split(r"[/\\]", each.strip())[-1] for each in several if isinstance(each, str)]


def is_ct(image: Path) -> bool:
    """Whether a BIDS file name or its folder says that it is a CT."""
    return image.name.split(".")[0].lower().endswith("_ct") or image.parent.name == "ct"


def is_postoperative(path: Path) -> bool:
    """Whether a BIDS file's name or folder says that the image was made after the operation."""
    return bool(operation_labels(path))


def operation_labels(path: Path) -> tuple[str, ...]:
    """What a BIDS file's name and the session of its folder say of being after the operation.

    Neither being after the implantation of electrodes nor after contrast agent is. A bare "post" of
    an acquisition is of the contrast agent if there is one, or if the session is before.
    """
    folder = folder_session(path)
    is_named = folder in (None, entities_of(path.name).get("ses"))
    names = [path.name] if is_named else [path.name, f"ses-{folder}"]
    before = any(_BEFORE.search(_labels(name).get("ses", "")) for name in names)
    of_contrast = has_contrast(path) or before
    return tuple(
        time
        for name in names
        for entity, time in _times(name).items()
        if not _NOT_OPERATION.match(time)
        and not (entity != "ses" and of_contrast and _ONLY_AFTER.fullmatch(time))
    )


def has_contrast(path: Path) -> bool:
    """Whether a BIDS file name tells of contrast agent."""
    labels = _labels(path.name)
    if "ce" in labels:
        return labels["ce"] not in ("no", "none")
    told = [label for entity, label in labels.items() if entity in ("acq", "rec", "desc")]
    return any(_CONTRAST.search(label) and not _NO_CONTRAST.search(label) for label in told)


def _times(name: str) -> dict[str, str]:
    """Per entity, the part of its label that tells of a time after something."""
    found = {entity: _AFTER.search(label) for entity, label in _labels(name).items()}
    return {entity: time.group() for entity, time in found.items() if time}


def _labels(name: str) -> dict[str, str]:
    """Labels of a BIDS name, but those that tell of a person or of what was done in the scanner."""
    entities = entities_of(name)
    return {key: value.lower() for key, value in entities.items() if key not in ("sub", "task")}
