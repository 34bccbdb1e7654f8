"""Placing the head: by the co-registration that was given, if there is one, else automatically."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.headmodel.anatomy import Anatomy
from pipeline.headmodel.config import Config, Inputs
from pipeline.headmodel.coregistration import (
    MIN_HEAD_POINTS,
    Placement,
    coregister,
    place,
    resampled,
)
from pipeline.headmodel.given_trans import Reading, choose_reading, read_head_to_mri, readings
from pipeline.records.headmodel_qc import ApartQC, CoregistrationQC
from pipeline.warp import apply_affine

MAX_LANDMARK_MM = 5.0
FAR_FROM_AUTOMATIC_MM = 10.0
# Fewer points than this share below the lower border of a whole image are no reason for doubt.
MANY_LOST = 0.1
AUTOMATIC = CoregistrationQC(coregistration="automatic, from landmarks and head points", apart=None)


@dataclass(frozen=True)
class Placed:
    """Where the head is, how that is known, and what is doubtful about it.

    Attributes
    ----------
    placement : Placement
    given : bool
        By the transform that was given.
    qc : CoregistrationQC
    doubts : tuple of Doubt
    """

    placement: Placement
    given: bool = False
    qc: CoregistrationQC = AUTOMATIC
    doubts: tuple[Doubt, ...] = ()


def place_head(
    inputs: Inputs,
    anatomy: Anatomy,
    landmarks_head_m: dict[str, np.ndarray],
    head_points_head_m: np.ndarray,
    config: Config,
) -> Placed:
    """Co-register, and where a transform was given, use that and tell how far the two are apart.

    A transform that cannot be used is told on page one and stops nobody.

    Raises
    ------
    InvalidInput
        The digitised points do not fit this head, and no usable transform was given.
    """
    automatic: Placement | None = None
    failure: InvalidInput | None = None
    try:
        automatic = coregister(
            landmarks_head_m,
            head_points_head_m,
            anatomy.landmarks_mri_mm,
            anatomy.landmarks_marked,
            *anatomy.scalp,
            config.max_head_point_mm,
            inputs.meg[0],
            anatomy.lost_skin.pos_mri_mm,
        )
    except InvalidInput as error:
        if inputs.trans is None:
            raise
        failure = error
    if inputs.trans is None:
        assert automatic is not None
        return Placed(
            automatic,
            doubts=_lost_skin_doubts(
                automatic, anatomy, landmarks_head_m, head_points_head_m, config.seed
            ),
        )
    try:
        reading, placement = _as_given(
            inputs.trans, inputs.freesurfer_dir, anatomy, landmarks_head_m, head_points_head_m
        )
    except InvalidInput as error:
        if automatic is None:
            assert failure is not None
            raise failure from error
        text = (
            f"the co-registration given ({inputs.trans.name}) is not used but the automatic one, "
            f"because {error.message}"
        )
        return Placed(automatic, doubts=(Doubt(text, grave=True),))
    apart = _apart(automatic, placement, anatomy.cortex.midthickness_mri_mm)
    told = _sentence(inputs.trans, reading, apart, failure)
    qc = CoregistrationQC(coregistration=told, apart=apart)
    doubts = _doubts(placement, anatomy.landmarks_marked, apart)
    return Placed(placement, given=True, qc=qc, doubts=doubts)


def _as_given(
    trans: Path, freesurfer_dir: Path | None, anatomy: Anatomy, landmarks_head_m, head_points_head_m
) -> tuple[Reading, Placement]:
    ways = readings(
        read_head_to_mri(trans), anatomy.t1w.affine, anatomy.t1w.data.shape, freesurfer_dir
    )
    placements = [
        place(
            way.head_to_mri_mm,
            landmarks_head_m,
            head_points_head_m,
            anatomy.landmarks_mri_mm,
            *anatomy.scalp,
            lost_skin_mri_mm=anatomy.lost_skin.pos_mri_mm,
        )
        for way in ways
    ]
    misfits_mm = [_misfit_mm(one, anatomy.landmarks_marked) for one in placements]
    distance_mm = [misfit_mm for misfit_mm in misfits_mm if misfit_mm is not None]
    chosen = choose_reading(
        ways,
        distance_mm if len(distance_mm) == len(ways) else None,
        freesurfer_dir is not None,
        trans,
    )
    placement = placements[ways.index(chosen)]
    placement.check_plausible(trans)
    return chosen, placement


def _misfit_mm(placement: Placement, marked: bool) -> float | None:
    """By which two readings are compared; None where only a template's landmarks are there."""
    if len(placement.distance_on_skin_mm) >= MIN_HEAD_POINTS:
        return float(np.median(placement.distance_on_skin_mm))
    return float(np.mean(list(placement.landmark_distance_mm.values()))) if marked else None


def _apart(automatic: Placement | None, given: Placement, cortex_mri_mm: np.ndarray) -> ApartQC:
    """How far cortex lies from itself between the two, seen from the helmet."""
    median_mm = max_mm = None
    if automatic is not None:
        apart_mm = _moved_mm(given.head_to_mri_mm, automatic.head_to_mri_mm, cortex_mri_mm)
        median_mm = round(float(np.median(apart_mm)), 2)
        max_mm = round(float(apart_mm.max()), 2)
    return ApartQC(
        given_to_automatic_at_cortex_median_mm=median_mm,
        given_to_automatic_at_cortex_max_mm=max_mm,
    )


def _moved_mm(first: np.ndarray, second: np.ndarray, cortex_mri_mm: np.ndarray) -> np.ndarray:
    """How far each vertex (n,) lies from itself under two motions from head to MRI, mm."""
    moved_mm = apply_affine(first @ np.linalg.inv(second), cortex_mri_mm)
    return np.linalg.norm(moved_mm - cortex_mri_mm, axis=1)


def _lost_skin_doubts(
    placement: Placement, anatomy: Anatomy, landmarks_head_m, head_points_head_m, seed: int
) -> tuple[Doubt, ...]:
    """Tell head points that had to be left out, and how well the others hold the head."""
    n_beyond = int(placement.beyond.sum())
    if not n_beyond or (
        not anatomy.lost_skin.defaced and n_beyond < MANY_LOST * len(placement.beyond)
    ):
        return ()
    cause = (
        f"the T1w is defaced ({100 * anatomy.lost_skin.share_of_face:.0f} % of the face's skin is not "
        "where a head has it)"
        if anatomy.lost_skin.defaced
        else "the T1w does not show the whole head"
    )
    text = (
        f"{cause}: {n_beyond} of {len(placement.beyond)} head points lie where skin is missing and "
        "were left out of the co-registration"
    )
    if placement.used.any():
        motions = resampled(
            placement,
            landmarks_head_m,
            head_points_head_m,
            anatomy.landmarks_mri_mm,
            anatomy.landmarks_marked,
            *anatomy.scalp,
            np.random.default_rng(seed),
        )
        cortex_mm = anatomy.cortex.midthickness_mri_mm
        medians_mm = [
            np.median(_moved_mm(motion, placement.head_to_mri_mm, cortex_mm)) for motion in motions
        ]
        text += (
            f"; drawing the {placement.used.sum()} points used anew moves the cortex by up to "
            f"{np.percentile(medians_mm, 95):.1f} mm (95 % of {len(medians_mm)} draws, median over "
            "the cortex)"
        )
    return (Doubt(text),)


def _sentence(trans: Path, reading: Reading, apart: ApartQC, failure: InvalidInput | None) -> str:
    told = f"given ({trans.name}, read as leading to the {reading.name})"
    if failure is not None:
        return f"{told}; an automatic one could not be made: {failure.message}"
    return (
        f"{told}; at the cortex it lies {apart.given_to_automatic_at_cortex_median_mm:.1f} mm from "
        f"the automatic one in the median, {apart.given_to_automatic_at_cortex_max_mm:.1f} mm at most"
    )


def _doubts(placement: Placement, marked: bool, apart: ApartQC) -> tuple[Doubt, ...]:
    texts = []
    far = {
        name: distance_mm
        for name, distance_mm in placement.landmark_distance_mm.items()
        if distance_mm > MAX_LANDMARK_MM
    }
    if marked and far:
        named = ", ".join(f"{name} {distance_mm:.0f} mm" for name, distance_mm in far.items())
        texts.append(
            f"with the co-registration given, digitised landmarks miss the marked: {named}"
        )
    median_mm = apart.given_to_automatic_at_cortex_median_mm
    if median_mm is not None and median_mm > FAR_FROM_AUTOMATIC_MM:
        texts.append(
            f"the co-registration given lies {median_mm:.0f} mm from the automatic one at the cortex"
        )
    return tuple(map(Doubt, texts))
