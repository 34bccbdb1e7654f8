"""The resection as the estimates are compared with it: on the T1w, checked, region by region."""

from dataclasses import dataclass, field, replace

import nibabel as nib
import numpy as np

from pipeline.compare import resection
from pipeline.compare.config import Config, Inputs
from pipeline.compare.images import MAX_INCONSISTENCY_MM, read_image
from pipeline.compare.one_operation import contacts_beside_mask, far_parts
from pipeline.compare.postop import carry_to_preop, is_in_postop_space
from pipeline.compare.sides import midline_of
from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.files import atomic_path, write_json
from pipeline.headmodel.t1w import Volume, read_t1w
from pipeline.metrics._case import Contacts, Resection, ResectionReference
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.compare_qc import ResectedQC, ResectionQC
from pipeline.records.head import SCALP, Head
from pipeline.template import SUBLOBAR_NAMES

# The same head before and after: what is left of the brain looks alike.
MIN_CORRELATION = 0.6
# Brain that sinks further than this after surgery is rare; a registration that fails is not.
LARGE_SHIFT_MM = 15.0
SPACE_T1W = "given in the space of the pre-operative T1w"
SPACE_POSTOP = (
    "given in the space of the post-operative T1w, carried by rigid and deformable registration"
)


@dataclass(frozen=True)
class ResectionAccount:
    """The resection if there is a usable one, what came of the mask, and what to tell of it."""

    reference: ResectionReference | None
    qc: ResectionQC
    warnings: tuple[str, ...]
    doubts: tuple[Doubt, ...]


_NOTHING = ResectionQC(resected=None, resection_assessable=False, resection_reason=None)


@dataclass
class _Notes:
    """What is noted on the way, which a mask that cannot be used does not walk to its end."""

    qc: ResectionQC = _NOTHING
    warnings: list[str] = field(default_factory=list)
    doubts: tuple[Doubt, ...] = ()

    def note(self, **measured) -> None:
        self.qc = replace(self.qc, **measured)


def resection_reference(
    inputs: Inputs,
    paths: PatientPaths,
    head: Head,
    config: Config,
    progress: Progress,
) -> ResectionAccount:
    """Read the mask, carry it to the T1w and check it."""
    mask, reason, notes = None, inputs.no_mask, _Notes()
    if inputs.resection_mask is not None:
        t1w = read_t1w(inputs.t1w)
        brain = resection.read_resection(paths.brain_mask)
        try:
            mask, reason = _mask_on_t1w(inputs, paths, head, t1w, brain, config, notes, progress)
        except InvalidInput as error:
            reason = error.reason
    reference = account = None
    if mask is not None:
        share = resection.resected_share(
            mask, head.surfaces["midthickness"].pos_mm, head.vertex_area_mm2, head.vertex_region
        )
        reference = ResectionReference(mask, share, config.region_share)
        resected = reference.resected
        account = ResectedQC(
            resection_volume_cm3=mask.volume_cm3,
            resected_region_share=config.region_share,
            n_resected_regions=int(resected.sum()),
            resected_area_cm2=float((share * head.region_area_mm2).sum() / 100),
            resected_sublobar=tuple(
                SUBLOBAR_NAMES[index] for index in np.unique(head.region_sublobar[resected])
            ),
        )
    qc = replace(
        notes.qc, resected=account, resection_assessable=reason is None, resection_reason=reason
    )
    return ResectionAccount(reference, qc, tuple(notes.warnings), notes.doubts)


@dataclass(frozen=True)
class _ReadMask:
    """A mask as the dataset has it; `reason` says why it cannot be used, None where it can."""

    mask: Resection
    postop: Volume | None
    in_postop_space: bool
    doubts: tuple[Doubt, ...]
    reason: str | None


def _read_mask(inputs: Inputs, t1w: Volume) -> _ReadMask:
    """Read the mask and the post-operative T1w, and find out in which space the mask is.

    Raises
    ------
    InvalidInput
        The mask is unreadable.
    """
    assert inputs.resection_mask is not None
    given = resection.read_resection(inputs.resection_mask)
    if not given.inside.any():
        return _ReadMask(given, None, False, given.doubts, "the resection mask is empty")
    postop, no_postop = None, inputs.no_postop
    doubts = given.doubts + resection.mirrored_grid(given, t1w) + far_parts(given)
    if inputs.postop_t1w is not None:
        try:
            postop = read_image(inputs.postop_t1w, "post-op T1w")
            doubts += postop.doubts
        except InvalidInput as error:
            no_postop = error.reason
    names = (inputs.t1w.name, inputs.postop_t1w.name if inputs.postop_t1w else "")
    carried = is_in_postop_space(inputs.resection_mask, given, t1w, postop, names)
    if not carried:
        doubts += resection.moved_grid(given, t1w)
        doubts += resection.of_template_grid(given, t1w)
        doubts += resection.of_other_space(inputs.resection_mask, given, t1w)
        doubts += resection.of_other_session(inputs.mask_drawn_on, given, t1w)
    lost = carried and postop is None
    reason = f"the resection mask is in the space of a post-operative image, and {no_postop}"
    return _ReadMask(given, postop, carried, doubts, reason if lost else None)


def foresee_resection(
    inputs: Inputs, t1w: Volume, scalp_mri_mm: np.ndarray, contacts: Contacts | None
) -> tuple[str | None, tuple[Doubt, ...]]:
    """Why the mask will not be compared with, as far as images alone tell it, and its doubts.

    Parameters
    ----------
    inputs : Inputs
        With a mask.
    t1w : Volume
    scalp_mri_mm : ndarray, (n, 3)
        An outline of the head.
    contacts : Contacts or None
        Those that could be placed.
    """
    try:
        read = _read_mask(inputs, t1w)
    except InvalidInput as error:
        return error.reason, ()
    doubts = read.doubts
    if contacts is not None and not read.in_postop_space:
        doubts += contacts_beside_mask(contacts, read.mask, midline_of(scalp_mri_mm))
    if read.reason is None and not read.in_postop_space:
        in_head = resection.share_in_head(read.mask, scalp_mri_mm)
        if in_head < resection.MIN_SHARE_IN_HEAD:
            return f"only {in_head:.0%} of the resection mask lie in this head", doubts
    return read.reason, doubts


def _mask_on_t1w(inputs, paths, head, t1w: Volume, brain, config, notes: _Notes, progress):
    """The mask on the T1w's grid and None, or None and why it can't be used.

    Raises
    ------
    InvalidInput
        The mask or the post-operative T1w is unreadable or not of this head.
    """
    read = _read_mask(inputs, t1w)
    given, postop = read.mask, read.postop
    notes.doubts = read.doubts
    if read.reason:
        return None, read.reason
    if read.in_postop_space:
        assert postop is not None  # else there was a reason
        notes.note(resection_space=SPACE_POSTOP)
        with progress.step("register the post-operative T1w to the pre-operative one"):
            mask, reason = _carried(given, postop, t1w, brain, config, notes)
        if reason:
            return None, reason
    else:
        notes.note(resection_space=SPACE_T1W)
        if not resection.same_grid(given, t1w):
            notes.warnings.append(
                "The resection mask is not on the T1w's grid; it was placed by its affine."
            )
        mask = given
    scalp_mm = head.surfaces[SCALP].pos_mm
    notes.note(**resection.check_in_head(mask, scalp_mm, brain, inputs.resection_mask))
    on_t1w = resection.on_grid(mask, t1w)
    of_brain = float((on_t1w.inside & brain.inside).sum() / brain.inside.sum())
    notes.note(resected_share_of_brain=of_brain)
    if of_brain > resection.MAX_SHARE_OF_BRAIN:
        return None, (
            f"the resection mask covers {of_brain:.0%} of the brain: it seems to be a brain mask"
        )
    _write_mask(paths, on_t1w, notes.qc)
    return mask, None


def _carried(given, postop: Volume, t1w: Volume, brain, config: Config, notes: _Notes):
    mask, quality, rigid = carry_to_preop(given, postop, t1w, brain.inside, config.seed)
    notes.note(resection_registration={**rigid.quality, **quality})
    if rigid.inconsistency_mm > MAX_INCONSISTENCY_MM:
        return None, (
            "the post-operative T1w could not be registered reliably: forward and backward differ "
            f"by {rigid.inconsistency_mm:.1f} mm"
        )
    if not mask.inside.any():
        return None, "the resection mask lies outside the pre-operative T1w"
    if quality and quality["correlation_deformed"] < MIN_CORRELATION:
        return None, (
            "the post-operative T1w does not resemble the pre-operative one (correlation "
            f"{quality['correlation_deformed']:.2f} in the brain that is left)"
        )
    if quality and quality["brain_shift_p95_mm"] > LARGE_SHIFT_MM:
        notes.warnings.append(
            "The brain seems to have shifted by at least "
            f"{quality['brain_shift_p95_mm']:.0f} mm beside the resection (95 %): look whether the "
            "mask lies where it should."
        )
    return mask, None


def _write_mask(paths: PatientPaths, mask: Resection, qc: ResectionQC) -> None:
    image = nib.Nifti1Image(mask.inside.astype(np.uint8), mask.affine)
    image.set_sform(mask.affine, 1)
    image.set_qform(mask.affine, 1)
    image.header.set_xyzt_units("mm")
    with atomic_path(paths.resection) as tmp:
        nib.save(image, tmp)
    write_json(
        paths.resection.with_name(paths.resection.name.split(".")[0] + ".json"),
        {
            "Type": "Lesion",
            "SpatialReference": "orig",
            "Description": f"Resection on the grid of the pre-operative T1w, {qc.resection_space}",
            "Registration": "none"
            if qc.resection_registration is None
            else qc.resection_registration,
        },
    )
