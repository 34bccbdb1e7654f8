"""One patient's head from the images: brain, cortex, inner skull, scalp and landmarks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.face import FaceRegion, brain_positions_mm, face_region
from pipeline.headmodel.brain import extract_brain, mask_volume_cm3
from pipeline.headmodel.config import Config, Inputs
from pipeline.headmodel.cortex import Cortex, labels_from_aparc
from pipeline.headmodel.freesurfer import (
    check_same_image,
    read_reconstruction,
    read_talairach,
)
from pipeline.headmodel.landmarks import (
    CARRIED,
    LANDMARKS,
    read_landmarks,
    template_landmarks_mni305_mm,
)
from pipeline.headmodel.lost_skin import LostSkin, find_lost_skin
from pipeline.headmodel.registration import register_template
from pipeline.headmodel.scalp import scalp_surface
from pipeline.headmodel.skull import (
    inner_skull_from_mask,
    shell_around_cortex,
)
from pipeline.headmodel.t1w import Volume, read_t1w
from pipeline.progress import Progress
from pipeline.records.headmodel_qc import AnatomyQC, CortexQC, MniTransformQC
from pipeline.template import load_template
from pipeline.warp import HeadWarp, apply_affine

SENTENCES = {
    "syn": "Template head model: no FreeSurfer reconstruction was given, so fsaverage's cortex was "
    "carried to the T1w by non-linear registration",
    "affine": "Template head model: no FreeSurfer reconstruction was given, so fsaverage's cortex was "
    "carried to the T1w by an affine registration",
    "freesurfer": "Individual head model: cortex from FreeSurfer's reconstruction of the T1w, regions "
    "carried by its spherical registration to fsaverage",
}
# How points of MNI space come to the T1w.
TRANSFORM_SENTENCES = {
    "syn": "the non-linear registration of the MNI152 template to the T1w",
    "affine": "the affine registration of the MNI152 template to the T1w",
    "talairach": "FreeSurfer's affine registration to MNI305 (talairach.xfm)",
    "cortex": "the affine that fits fsaverage's cortex to FreeSurfer's, vertex by vertex",
}
# Correlation of T1w and carried template in the brain: 0.93 on a real head, 0.88 after the affine alone.
POOR_SIMILARITY = 0.75
FAR_PUSH_MM = 10.0
# Head shapes differ, but no ear is this far from where an affine of the template puts it.
MAX_LANDMARK_SHIFT_MM = 35.0


@dataclass(frozen=True)
class CarriedHead:
    """What comes from either path, in scanner RAS (mm).

    Attributes
    ----------
    cortex : Cortex
    inner_skull_mri_mm : ndarray, (n, 3) or None
        Dense vertices, where FreeSurfer's watershed found them.
    affine_mni305_to_mri : ndarray, (4, 4)
        The linear part of how fsaverage's head lies in this one.
    warp : HeadWarp
        For points that others give in MNI space.
    qc : CortexQC
    warnings : list of str
    """

    cortex: Cortex
    inner_skull_mri_mm: np.ndarray | None
    affine_mni305_to_mri: np.ndarray
    warp: HeadWarp
    qc: CortexQC
    warnings: list[str]


@dataclass(frozen=True)
class Anatomy:
    """One head in scanner RAS of its T1w, mm.

    Attributes
    ----------
    t1w : Volume
    brain_mask : ndarray of bool, (i, j, k)
    cortex : Cortex
    inner_skull, scalp : tuple of ndarray
        Positions (n, 3) and outward-facing triangles (m, 3).
    head : Volume
        Inside of the scalp, as bool on a coarse grid.
    face : FaceRegion
    lost_skin : LostSkin
    landmarks_mri_mm : dict of str to ndarray (3,)
    landmarks_marked : bool
        Read from the T1w's sidecar; False if carried from the template.
    warp : HeadWarp
        From MNI152.
    sides : list of str
        What was checked of left and right.
    cortex_qc : CortexQC
    qc : AnatomyQC
    warnings : list of str
    doubts : tuple of Doubt
    """

    t1w: Volume
    brain_mask: np.ndarray
    cortex: Cortex
    inner_skull: tuple[np.ndarray, np.ndarray]
    scalp: tuple[np.ndarray, np.ndarray]
    head: Volume
    face: FaceRegion
    lost_skin: LostSkin
    landmarks_mri_mm: dict[str, np.ndarray]
    landmarks_marked: bool
    warp: HeadWarp
    sides: list[str]
    cortex_qc: CortexQC
    qc: AnatomyQC
    warnings: list[str]
    doubts: tuple[Doubt, ...]


def build_anatomy(inputs: Inputs, config: Config, progress: Progress) -> Anatomy:
    """Do everything that needs no MEG.

    Raises
    ------
    InvalidInput
        An image, sidecar or FreeSurfer file is missing, unreadable or not of this head.
    """
    t1w = read_t1w(inputs.t1w)
    meg = next(iter(inputs.meg), None)
    given = read_landmarks(inputs.t1w_json, t1w.affine, meg, t1w.data.shape)
    with progress.step("brain extraction"):
        brain_mask = extract_brain(t1w, inputs.t1w)
    with progress.step("scalp"):
        scalp_mm, scalp_faces, head_cm3, head_volume = scalp_surface(t1w, brain_mask, inputs.t1w)
    if inputs.freesurfer_dir is None:
        with progress.step(f"registration of the template ({config.registration})"):
            head = head_from_template(t1w, brain_mask, config)
    else:
        with progress.step("FreeSurfer's surfaces"):
            head = head_from_freesurfer(inputs.freesurfer_dir, t1w, brain_mask)
    with progress.step("inner skull"):
        skull_mm = head.inner_skull_mri_mm
        if skull_mm is None:
            skull_mm = inner_skull_from_mask(brain_mask, t1w.affine)
        shell_mm, shell_faces, push_mm = shell_around_cortex(
            skull_mm,
            head.cortex.pial_mri_mm,
            config.shell_vertices,
            config.skull_margin_mm,
        )
    brain_mm = brain_positions_mm(brain_mask, t1w.affine)
    face = face_region(head.warp.affine, np.vstack([brain_mm, head.cortex.pial_mri_mm]))
    lost_skin = find_lost_skin(t1w, head_volume, scalp_mm, head.affine_mni305_to_mri, face)
    warnings = list(head.warnings)
    if push_mm.max() > FAR_PUSH_MM:
        warnings.append(
            f"the inner skull had to be pushed outwards by up to {push_mm.max():.0f} mm to hold the cortex"
        )
    landmarks_mm, marked, landmark_doubts = choose_landmarks(
        given.pos_mri_mm, head.affine_mni305_to_mri, inputs
    )
    qc = AnatomyQC(
        brain_volume_cm3=round(mask_volume_cm3(brain_mask, t1w.affine), 1),
        head_volume_cm3=round(head_cm3, 1),
        face_lost_share=round(lost_skin.share_of_face, 2),
        inner_skull="around the brain" if head.inner_skull_mri_mm is None else "FreeSurfer",
        inner_skull_vertices=len(shell_mm),
        inner_skull_vertices_pushed_outwards=int((push_mm > 0).sum()),
        inner_skull_largest_push_mm=round(float(push_mm.max()), 2),
        landmarks=given.origin if marked == (given.pos_mri_mm is not None) else CARRIED,
    )
    return Anatomy(
        t1w,
        brain_mask,
        head.cortex,
        (shell_mm, shell_faces),
        (scalp_mm, scalp_faces),
        head_volume,
        face,
        lost_skin,
        landmarks_mm,
        marked,
        head.warp,
        _sides(given.pos_mri_mm is not None, head.qc.freesurfer_t1w_mirrored_correlation),
        head.qc,
        qc,
        warnings,
        (*t1w.doubts, *given.doubts, *landmark_doubts),
    )


def _sides(marked: bool, freesurfer_mirrored: float | None) -> list[str]:
    """What was checked of left and right without the MEG."""
    told = (
        "LPA as marked in the T1w lies to the left of RPA"
        if marked
        else "not checked by landmarks, since none are marked in the T1w"
    )
    sides = [f"Left and right by the T1w's header: {told}"]
    if freesurfer_mirrored is not None:
        sides.append(
            "Left and right by FreeSurfer's image: it agrees with the T1w (mirrored, it correlates "
            f"{freesurfer_mirrored:.2f} within the brain)"
        )
    return sides


def head_from_template(t1w: Volume, brain_mask: np.ndarray, config: Config) -> CarriedHead:
    """fsaverage's cortex, carried by the registration (Mattout et al. 2007)."""
    template = load_template()
    warp, similarity = register_template(t1w, brain_mask, config.registration, config.seed)
    warnings = []
    if config.registration == "affine":
        warnings.append(
            "the template was registered by an affine only: cortex may lie a centimetre off"
        )
    if similarity < POOR_SIMILARITY:
        warnings.append(
            f"the template fits the T1w poorly (correlation {similarity:.2f} within the brain)"
        )
    return CarriedHead(
        Cortex(
            warp.from_mni305(template.white_mni305_mm),
            warp.from_mni305(template.pial_mni305_mm),
            template.region_label,
            template.region_sublobar,
        ),
        None,
        warp.affine_from_mni305,
        warp,
        CortexQC(
            head_model="template",
            head_model_sentence=SENTENCES[config.registration],
            registration=config.registration,
            registration_correlation=round(similarity, 4),
            mni_transform=TRANSFORM_SENTENCES[config.registration],
            mni_transform_quality=MniTransformQC(correlation_in_brain=round(similarity, 4)),
        ),
        warnings,
    )


def head_from_freesurfer(folder: Path, t1w: Volume, brain_mask: np.ndarray) -> CarriedHead:
    """FreeSurfer's cortex on fsaverage5's mesh, and its inner skull where there is one."""
    template = load_template()
    found = read_reconstruction(folder)
    correlation, mirrored = check_same_image(folder, t1w, brain_mask)
    labels = template.region_label, template.region_sublobar
    if found.aparc is not None:
        labels = labels_from_aparc(found.aparc)
    cortex = Cortex(found.white_mri_mm, found.pial_mri_mm, *labels)
    midthickness_mm = cortex.midthickness_mri_mm
    fitted = _linear_part(template.midthickness_mni305_mm, midthickness_mm)
    talairach = read_talairach(folder)
    warp = HeadWarp.of_mni305_affine(fitted if talairach is None else talairach)
    carried_mm = warp.from_mni305(template.midthickness_mni305_mm)
    apart_mm = np.linalg.norm(carried_mm - midthickness_mm, axis=1)[template.vertex_region >= 0]
    return CarriedHead(
        cortex,
        found.inner_skull_mri_mm,
        fitted,
        warp,
        CortexQC(
            head_model="freesurfer",
            head_model_sentence=SENTENCES["freesurfer"],
            region_labels="template" if found.aparc is None else "FreeSurfer's aparc",
            freesurfer_t1w_correlation=round(correlation, 4),
            freesurfer_t1w_mirrored_correlation=round(mirrored, 4),
            mni_transform=TRANSFORM_SENTENCES["cortex" if talairach is None else "talairach"],
            mni_transform_quality=MniTransformQC(
                same_vertex_distance_median_mm=round(float(np.median(apart_mm)), 2)
            ),
        ),
        [],
    )


def choose_landmarks(marked_mm, affine_mni305_to_mri: np.ndarray, inputs: Inputs):
    """The landmarks marked in the T1w, if they lie where such points can lie, else the template's.

    Returns
    -------
    landmarks_mri_mm : dict of str to ndarray (3,)
    marked : bool
    doubts : tuple of Doubt

    Raises
    ------
    InvalidInput
        Left and right are exchanged.
    """
    carried_mm = {
        name: apply_affine(affine_mni305_to_mri, pos_mm[None])[0]
        for name, pos_mm in template_landmarks_mni305_mm().items()
    }
    if marked_mm is None:
        return carried_mm, False, ()
    to_left = np.linalg.norm(marked_mm["lpa"] - carried_mm["lpa"])
    if to_left > np.linalg.norm(marked_mm["lpa"] - carried_mm["rpa"]):
        raise InvalidInput(
            "the T1w's landmarks LPA and RPA lie on each other's side",
            file=inputs.t1w_json,
            hint="exchange them, or check whether the image is mirrored",
        )
    shift_mm = max(np.linalg.norm(marked_mm[name] - carried_mm[name]) for name in LANDMARKS)
    if shift_mm > MAX_LANDMARK_SHIFT_MM:
        text = (
            f"the landmarks marked in the T1w lie up to {shift_mm:.0f} mm from where they can be and "
            "are not used, but a template's"
        )
        return carried_mm, False, (Doubt(text),)
    return marked_mm, True, ()


def _linear_part(from_mm: np.ndarray, to_mm: np.ndarray) -> np.ndarray:
    """Least-squares affine (4, 4) between corresponding points (n, 3)."""
    solution = np.linalg.lstsq(np.c_[from_mm, np.ones(len(from_mm))], to_mm, rcond=None)[0]
    affine = np.eye(4)
    affine[:3] = solution.T
    return affine
