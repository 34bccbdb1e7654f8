"""The headmodel stage: files in, files out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mne
import numpy as np
from scipy.spatial import cKDTree

from pipeline.doubts import Doubt, each_once
from pipeline.errors import InvalidInput
from pipeline.headmodel import freesurfer
from pipeline.headmodel.anatomy import Anatomy, build_anatomy
from pipeline.headmodel.config import Config, Inputs
from pipeline.headmodel.coregistration import MIN_HEAD_POINTS, Placement
from pipeline.headmodel.deep import ASEG_FILES, deep_sources, find_points
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.headmodel.electrodes import check_electrodes, electrode_doubts
from pipeline.headmodel.head import write_head
from pipeline.headmodel.outputs import (
    write_cortex,
    write_mask,
    write_scalp_shell,
    write_surface,
    write_template_xfm,
    write_trans,
)
from pipeline.headmodel.placing import place_head
from pipeline.headmodel.sides import check_side
from pipeline.leadfield import region_leadfield, vertex_leadfield
from pipeline.modality import (
    field_picks,
    modality_of,
    sensor_picks,
    sensor_pos_head_m,
    sensor_types,
)
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.readers import companions
from pipeline.records.deep import write_deep
from pipeline.records.head import write_leadfield
from pipeline.records.headmodel_qc import (
    HeadmodelQC,
    LeadfieldQC,
    ResidualsQC,
    write_headmodel_qc,
)
from pipeline.shells import smooth_scalp
from pipeline.spikes.recording import open_recording
from pipeline.template import load_template

if TYPE_CHECKING:
    from pipeline.modality._modality import Modality

SURFACES = ("white", "pial", "midthickness", "inflated")
LABELS = ("regions", "sublobar")
GOOD_MEDIAN_MM = 4.0
GOOD_LANDMARK_MM = 10.0
# A template misses a landmark by a centimetre: on four people's heads the worst lay 23 mm off at most.
FAR_LANDMARK_MM = 25.0
# Landmarks that are marked in the T1w place a head better than this, and turned points lie further off.
FAR_POINTS_MM, FEWEST_POINTS = 8.0, 5
# A helmet's coils are some 20 mm from the scalp; nearer than this they would be inside the head.
MIN_SENSOR_DISTANCE_MM = 5.0
# Hair, gel and an electrode's own height, with a centimetre of error.
MAX_ELECTRODE_DISTANCE_MM = 15.0


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    """Files whose content the stage depends on."""
    found = [inputs.t1w, inputs.t1w_json, inputs.trans]
    for recording in inputs.meg[:1]:
        found += [recording, *companions(recording)]  # KIT's markers and points place the helmet
    if inputs.freesurfer_dir is not None:
        found += freesurfer.files_read(inputs.freesurfer_dir)
        found += [inputs.freesurfer_dir / name for name in ASEG_FILES]
    return [path for path in found if path is not None]


def writes(paths: PatientPaths) -> list[Path]:
    """Files that exist once the stage is done."""
    return [
        *(paths.surface(hemi, name) for hemi in "LR" for name in SURFACES),
        *(paths.labels(hemi, desc) for hemi in "LR" for desc in LABELS),
        paths.scalp,
        paths.head_points,
        paths.head_points.with_suffix(".json"),
        paths.inner_skull,
        *([paths.scalp_shell] if paths.scalp_shell.exists() else []),
        paths.brain_mask,
        paths.regions,
        paths.template_xfm,
        paths.template_xfm.with_suffix(".json"),
        paths.trans,
        paths.leadfield,
        paths.deep_leadfield,
        paths.qc("headmodel"),
    ]


def run(inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress) -> None:
    """Build the head model of one participant.

    Raises
    ------
    InvalidInput
        An input is missing, unreadable, not of a head, or not of this head.
    """
    info, landmarks_head_m, head_points_head_m = read_sensors(inputs)
    anatomy = build_anatomy(inputs, config, progress)
    with progress.step("co-registration"):
        placed = place_head(inputs, anatomy, landmarks_head_m, head_points_head_m, config)
    placement = placed.placement
    sides = check_side(
        placement.head_to_mri_mm,
        landmarks_head_m,
        head_points_head_m[~placement.beyond],
        anatomy.landmarks_mri_mm,
        *anatomy.scalp,
        config.max_head_point_mm,
    )
    doubts = (*electrode_doubts(info), *sides.doubts, *placed.doubts, *anatomy.doubts)
    doubts += () if placed.given else doubts_of_points(placement, anatomy.landmarks_marked)
    warnings = [doubt.text for doubt in doubts] + anatomy.warnings
    warnings += placement_warnings(placement, anatomy.landmarks_marked, placed.given)
    distances_mm = []
    for part in modality_of(info).parts:
        distances_mm.append(_sensors_to_scalp_mm(info, part, placement, anatomy))
        warnings += sensor_warnings(distances_mm[-1], part.on_head)
    deep_mm, structure, deep_origin, deep_warnings = find_points(
        inputs.freesurfer_dir, anatomy.warp, anatomy.cortex_qc.mni_transform
    )
    warnings += deep_warnings
    with progress.step("leadfield"):
        scalp_mm = conductors_scalp(info, anatomy)
        conductor = modality_of(info).conductor(*anatomy.inner_skull, scalp_mm)
        deep = deep_sources(deep_mm, structure, info, placement.head_to_mri, conductor)
        by_vertex = vertex_leadfield(
            info,
            placement.head_to_mri,
            conductor,
            anatomy.cortex.midthickness_mri_mm,
            anatomy.cortex.midthickness_normals,
        )
    leadfield = region_leadfield(by_vertex, load_template().vertex_region)
    data_info = mne.pick_info(info, sensor_picks(info))

    write_cortex(paths, anatomy.cortex)
    face, face_warnings = write_head(
        paths, anatomy, head_points_head_m, placement, config.keep_face
    )
    warnings += face_warnings
    write_surface(paths.inner_skull, *anatomy.inner_skull, {"GeometricType": "Anatomical"})
    write_scalp_shell(paths, scalp_mm)
    write_mask(paths.brain_mask, anatomy.brain_mask, anatomy.t1w.affine)
    write_template_xfm(paths, anatomy.warp, anatomy.cortex_qc)
    write_trans(paths.trans, placement.head_to_mri)
    write_leadfield(paths, leadfield, data_info)
    write_deep(paths, deep, data_info)
    for warning in warnings:
        progress.warn(warning)
    qc = HeadmodelQC(
        warnings=tuple(warnings),
        doubts=each_once(doubts),
        cortex=anatomy.cortex_qc,
        anatomy=anatomy.qc,
        face=face,
        coregistration=placed.qc,
        residuals=residuals(placement),
        left_and_right=(*anatomy.sides, sides.sentence),
        side=sides.qc,
        nearest_sensor_to_scalp_mm=round(float(distances_mm[0].min()), 1),
        leadfield=leadfield_numbers(leadfield, data_info),
        deep_structures=deep_origin,
    )
    write_headmodel_qc(paths, qc)


def read_sensors(inputs: Inputs) -> tuple[mne.Info, dict[str, np.ndarray], np.ndarray]:
    """Sensors (with the reference channels that compensation needs), landmarks and head points.

    Raises
    ------
    InvalidInput
        There is no recording, it is unreadable, or it lacks landmarks or the head's position.
    """
    if not inputs.meg:
        raise InvalidInput(
            "there is no recording", hint="add the participant's MEG or EEG recording"
        )
    raw = open_recording(inputs.meg[0], inputs.modality)
    landmarks_head_m, head_points_head_m = digitised_points_head_m(raw.info, inputs.meg[0])
    check_electrodes(raw.info, inputs.meg[0])
    # References only where compensation was applied with them (CTF).
    picks = field_picks(raw.info)
    return mne.pick_info(raw.info, picks), landmarks_head_m, head_points_head_m


def placement_warnings(placement: Placement, marked: bool, given: bool = False) -> list[str]:
    """What the reader must know about the co-registration."""
    warnings = []
    distance_mm, used = placement.distance_on_skin_mm, placement.used
    if given and not len(distance_mm):
        warnings.append("no head points: how well the co-registration given fits is not assessable")
    elif not used.any():
        where = " where the T1w shows skin" if placement.beyond.any() else ""
        warnings.append(
            f"fewer than {MIN_HEAD_POINTS} head points{where}: co-registration rests on the three landmarks alone"
            + ("" if marked else ", which a template gave: expect errors of a centimetre")
        )
    elif np.median(distance_mm) > GOOD_MEDIAN_MM:
        warnings.append(
            f"head points lie {np.median(distance_mm):.1f} mm from the scalp in the median: "
            "co-registration is poor"
        )
    worst, worst_mm = max(placement.landmark_distance_mm.items(), key=lambda landmark: landmark[1])
    if marked and not given and worst_mm > GOOD_LANDMARK_MM:
        warnings.append(f"the digitised {worst} lies {worst_mm:.0f} mm from the T1w's")
    return warnings


def doubts_of_points(placement: Placement, marked: bool) -> tuple[Doubt, ...]:
    """A grave doubt where head points and landmarks cannot both be this head's."""
    worst, worst_mm = max(placement.landmark_distance_mm.items(), key=lambda landmark: landmark[1])
    distance_mm = placement.distance_on_skin_mm
    if not placement.used.any() and marked and len(distance_mm) >= FEWEST_POINTS:
        median_mm = float(np.median(distance_mm))
        text = (
            f"the {len(distance_mm)} digitised head points lie {median_mm:.0f} mm from the scalp in the median, "
            "where the landmarks place them: landmarks and head points contradict each other, as where the "
            "points were turned or mirrored, and the head may be placed wrongly"
        )
        return (Doubt(text, grave=True),) if median_mm > FAR_POINTS_MM else ()
    if not placement.used.any() or worst_mm <= FAR_LANDMARK_MM:
        return ()
    text = (
        f"the digitised {worst} lies {worst_mm:.0f} mm from where the T1w has it, with the head points on the "
        "scalp: landmarks and head points contradict each other, as where the points were turned or "
        "mirrored, and the head may be placed wrongly"
    )
    return (Doubt(text, grave=True),)


def residuals(placement: Placement) -> ResidualsQC:
    """Residuals of the co-registration; None where there are no head points on skin."""
    distance_mm = placement.distance_on_skin_mm
    landmark_mm = placement.landmark_distance_mm

    def rounded(statistic: Callable[[np.ndarray], float]) -> float | None:
        return round(float(statistic(distance_mm)), 2) if len(distance_mm) else None

    return ResidualsQC(
        head_points=len(placement.beyond),
        head_points_where_skin_is_missing=int(placement.beyond.sum()),
        head_points_left_out=int((~placement.used).sum()),
        head_point_distance_median_mm=rounded(np.median),
        head_point_distance_mean_mm=rounded(np.mean),
        head_point_distance_p95_mm=rounded(lambda x: np.percentile(x, 95)),
        head_point_distance_max_mm=rounded(np.max),
        landmark_distance_lpa_mm=round(landmark_mm["lpa"], 2),
        landmark_distance_nasion_mm=round(landmark_mm["nasion"], 2),
        landmark_distance_rpa_mm=round(landmark_mm["rpa"], 2),
    )


def leadfield_numbers(leadfield: np.ndarray, info: mne.Info) -> LeadfieldQC:
    """Numbers by which a broken leadfield would show (per region: norm over the channels of a type)."""
    numbers: dict[str, Any] = {}
    types = np.array(info.get_channel_types())
    for kind in np.unique(types):
        norm = np.linalg.norm(leadfield[types == kind], axis=0)
        unit = sensor_types()[str(kind)].leadfield_key
        numbers[f"leadfield_channels_{kind}"] = int((types == kind).sum())
        numbers[f"leadfield_norm_median_{kind}_{unit}"] = float(f"{np.median(norm):.4g}")
        numbers[f"leadfield_norm_range_ratio_{kind}"] = round(float(norm.max() / norm.min()), 1)
    silent = (leadfield == 0).all(axis=0)
    return LeadfieldQC(leadfield_silent_regions=int(silent.sum()), **numbers)


def sensor_warnings(distance_mm: np.ndarray, on_head: bool) -> list[str]:
    """What sensors at these distances (n,) from the scalp say against their places."""
    far = distance_mm > MAX_ELECTRODE_DISTANCE_MM
    if on_head:
        if not far.any():
            return []
        return [
            f"{far.sum()} of {len(far)} electrodes lie more than {MAX_ELECTRODE_DISTANCE_MM:g} mm from "
            "the scalp: their places may be wrong"
        ]
    if distance_mm.min() >= MIN_SENSOR_DISTANCE_MM:
        return []
    return [
        f"a sensor lies {distance_mm.min():.0f} mm from the scalp: the head position may be wrong"
    ]


def conductors_scalp(info: mne.Info, anatomy: Anatomy) -> np.ndarray | None:
    """The scalp (n, 3), mm, of a conductor that has one."""
    if not modality_of(info).uses_scalp:
        return None
    return smooth_scalp(anatomy.inner_skull[0], anatomy.scalp[0])


def _sensors_to_scalp_mm(
    info: mne.Info, part: "Modality", placement: Placement, anatomy: Anatomy
) -> np.ndarray:
    """Distance (n,) of each sensor of a modality from the scalp."""
    head_m = sensor_pos_head_m(info, part.sensor_picks(info))
    mri_mm = 1000 * mne.transforms.apply_trans(placement.head_to_mri, head_m)
    return cKDTree(anatomy.scalp[0]).query(mri_mm)[0]
