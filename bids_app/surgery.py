"""Find what surgery left in a BIDS dataset: the resection mask, and the T1w on which it was drawn."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from bids_app.copies import without_copies
from bids_app.listing import visible
from bids_app.strays import stray_masks
from pipeline.compare.config import NO_MASK, NO_POSTOP
from pipeline.compare.frames import (
    has_contrast,
    in_template,
    is_postoperative,
    of_other_head,
    operation_labels,
    suffix_of,
)
from pipeline.compare.postop import drawn_on, sources_of
from pipeline.names import NIFTI, session_of

_SCANS = frozenset("T1w T2w PDw FLAIR T2starw inplaneT1 inplaneT2 ct pet bold sbref dwi".split())
# What masks of operations are called: whole words where parts of other things are called alike (nasal cavity).
_RESECTION = re.compile(".*resect.*")
_CAVITY = re.compile(r"(surgical|surgery|postop)?(cavity|ablation|ablated)(zone)?\d*")
_OF_IMAGE = ("sub", "ses", "acq", "rec", "space")
# Of what was to be done, or might be; of what was left, or the same place on the other side.
_NOT_DONE = re.compile(
    ".*(plan(?!um|e$|t)|proposed|virtual|simulat|target|resectable|(non|not|un|pre|tobe|(?<!au)to)-?resect|"
    "mirror|flip|contralateral|homotop).*"
)
# Formats of masks that are not read.
_OTHER_FORMATS = (".mgz", ".mgh", ".nrrd", ".seg.nrrd", ".mif", ".mif.gz", ".img", ".mha", ".dcm")


@dataclass(frozen=True)
class SurgeryFiles:
    """Images of the operation.

    Attributes
    ----------
    mask, postop_t1w : Path or None
        The resection mask, and the T1w on which it may have been drawn.
    no_mask, no_postop : str
        Why there is none.
    drawn_on : str
        Name of the T1w of another session before surgery that the mask was drawn on; empty for none.
    """

    mask: Path | None = None
    postop_t1w: Path | None = None
    no_mask: str = NO_MASK
    no_postop: str = NO_POSTOP
    drawn_on: str = ""


def find_surgery(
    label: str, bids_dir: Path, roots: list[Path], t1w: Path, notes: list[str]
) -> SurgeryFiles:
    """Find the resection mask and, in the dataset or a derivative, the post-operative T1w.

    Of several masks the only one in the pre-operative space is taken, of several T1w images one of
    the session on which the mask was drawn.

    Parameters
    ----------
    label : str
    bids_dir : Path
    roots : list of Path
        Derivative datasets.
    t1w : Path
        The one of the head model.
    notes : list of str
        Gets a sentence for each choice.
    """
    for places in (roots, [bids_dir]):  # of a dataset's own images only where no derivative has one
        mask, no_mask = _resection_mask(label, places, notes)
        if mask is not None or no_mask != NO_MASK:
            break
    stray = stray_masks(label, roots, lambda path: _tells(path, _RESECTION, _CAVITY))
    notes += [f"{path.name} was passed over: it is not named for sub-{label}." for path in stray]
    if mask is None and no_mask == NO_MASK and stray:
        no_mask = f"{stray[0].name} is not named for sub-{label}"
    if mask is None:
        return SurgeryFiles(no_mask=no_mask)
    others = [
        path
        for path in _images(label, [bids_dir, *roots])
        if suffix_of(path.name) == "T1w" and not in_template(path) and path != t1w
    ]
    images = [path for path in others if is_postoperative(path)]
    found = _with_postoperative(mask, images, t1w, notes)
    before = [path for path in others if path not in images]
    return replace(found, drawn_on=_of_another_session(mask, t1w, before))


def _with_postoperative(
    mask: Path, images: list[Path], t1w: Path, notes: list[str]
) -> SurgeryFiles:
    """The mask with that of several post-operative T1w images on which it may have been drawn."""
    named = [name for name in sources_of(mask) if is_postoperative(Path(name))]
    if named:
        images = [path for path in images if _occasion(path) in map(_occasion, map(Path, named))]
    if named and not images:
        return SurgeryFiles(mask, no_postop=f"there is no T1w of the session of {named[0]}")
    if len(images) < 2:
        return SurgeryFiles(mask, next(iter(images), None))
    drawn = drawn_on(mask, images)
    meant = drawn or images
    meant = [path for path in meant if _occasion(path) == _occasion(mask)] or meant
    if len(set(map(_occasion, meant))) > 1:
        reason = (
            f"{len(meant)} post-operative T1w images were found, and on which the mask was drawn is "
            f"not said: {', '.join(path.name for path in meant)}"
        )
        if drawn and not drawn_on(mask, [t1w]):
            return SurgeryFiles(no_mask=f"the resection mask is in their space: {reason}")
        return SurgeryFiles(mask, no_postop=reason)
    chosen = min(meant, key=has_contrast)
    notes.append(
        f"{len(images)} post-operative T1w images were found; where one is needed, {chosen.name} is used."
    )
    return SurgeryFiles(mask, chosen)


def _of_another_session(mask: Path, t1w: Path, others: list[Path]) -> str:
    """Name of the T1w before surgery, of another session than the head model's, that a mask was drawn on.

    Its sidecar says it, also of an image that is not there, or else its voxels, unless the head
    model's T1w has the same.
    """
    sources = sources_of(mask)
    of_t1w = [name for name in sources if suffix_of(name) == "T1w" and not in_template(Path(name))]
    there = {path.name: path for path in others}
    before = (
        there.get(name, Path(name)) for name in sorted(of_t1w) if not is_postoperative(Path(name))
    )
    elsewhere = [path.name for path in before if session_of(path) != session_of(t1w)]
    if t1w.name in sources or elsewhere:
        return "" if t1w.name in sources else elsewhere[0]
    drawn = drawn_on(mask, [path for path in others if session_of(path) != session_of(t1w)])
    return drawn[0].name if drawn and not drawn_on(mask, [t1w]) else ""


def _resection_mask(label: str, roots: list[Path], notes: list[str]) -> tuple[Path | None, str]:
    images = [path for path in _images(label, roots) if _tells(path, _RESECTION, _CAVITY)]
    undone = [path for path in images if _tells(path, _NOT_DONE)]
    notes += [
        f"{path.name} was passed over: by its name it is not of what was resected."
        for path in undone
    ]
    notes += [
        f"{path.name} was passed over: a mask is read as NIfTI alone."
        for path in _images(label, roots, _OTHER_FORMATS)
        if _tells(path, _RESECTION, _CAVITY)
    ]
    done = [path for path in images if path not in undone]
    elsewhere = [path for path in done if of_other_head(path)]
    done = [path for path in done if path not in elsewhere]
    told = [f"{path.name} is in the space of a template, not of this head" for path in elsewhere]
    if told and not done:
        return None, "; ".join(told)
    notes += [f"{text}: it was passed over." for text in told]
    masks = [path for path in done if _tells(path, _RESECTION)]
    if done and not masks:
        masks = done
        notes += [f"{path.name} is taken for the resection mask, by its name." for path in masks]
    masks = without_copies(masks, notes)
    preoperative = [path for path in masks if not is_postoperative(path)]
    if len(masks) > 1 and len(preoperative) == 1:
        notes.append(
            f"{len(masks)} resection masks were found; {preoperative[0].name}, which is not in "
            "post-operative space, was used."
        )
        masks = preoperative
    if len(masks) > 1:
        names = ", ".join(path.name for path in masks)
        return (
            None,
            f"{len(masks)} resection masks were found, and which is meant is not said: {names}",
        )
    return (masks[0] if masks else None), NO_MASK


def _tells(path: Path, *patterns: re.Pattern) -> bool:
    """Whether a mask's name has such a word, other than of when or how the image was made."""
    if suffix_of(path.name) in _SCANS:
        return False
    parts = [part.partition("-") for part in path.name.split(".")[0].lower().split("_")]
    words = [word for key, _, value in parts if key not in _OF_IMAGE for word in (key, value)]
    return any(pattern.fullmatch(word) for pattern in patterns for word in words)


def _occasion(path: Path) -> tuple:
    """When an image was made: those of one session share the scanner's space."""
    return session_of(path), operation_labels(path)


def _images(label: str, roots: list[Path], endings: tuple[str, ...] = NIFTI) -> list[Path]:
    """The participant's images, NIfTI unless other formats are asked for, the first root's first."""
    return [
        path
        for root in dict.fromkeys(roots)
        for path in visible(root / f"sub-{label}", "**/*")
        if path.name.startswith(f"sub-{label}_") and path.name.endswith(endings)
    ]
