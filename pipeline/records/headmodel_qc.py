"""What the headmodel stage measured about itself."""

from dataclasses import dataclass, field

from pipeline.doubts import Doubt
from pipeline.files import write_json
from pipeline.paths import PatientPaths
from pipeline.records.document import AMONG_THE_KEYS, document, read_record


@dataclass(frozen=True, kw_only=True)
class MniTransformQC:
    """How well points of MNI space are carried to the T1w, by how that was measured.

    Attributes
    ----------
    correlation_in_brain : float or None
        Of T1w and carried template.
    same_vertex_distance_median_mm : float or None
        Of fsaverage's vertices, carried, to FreeSurfer's.
    """

    correlation_in_brain: float | None = None
    same_vertex_distance_median_mm: float | None = None


@dataclass(frozen=True, kw_only=True)
class CortexQC:
    """Where the cortex comes from.

    Attributes
    ----------
    head_model : str
        "template" or "freesurfer".
    head_model_sentence : str
    registration, registration_correlation
        Of the template; None with FreeSurfer's cortex.
    region_labels, freesurfer_t1w_correlation, freesurfer_t1w_mirrored_correlation
        Of FreeSurfer's cortex; None with the template.
    mni_transform : str
        How points of MNI space come to the T1w.
    mni_transform_quality : MniTransformQC
    """

    head_model: str
    head_model_sentence: str
    registration: str | None = None
    registration_correlation: float | None = None
    region_labels: str | None = None
    freesurfer_t1w_correlation: float | None = None
    freesurfer_t1w_mirrored_correlation: float | None = None
    mni_transform: str
    mni_transform_quality: MniTransformQC


@dataclass(frozen=True, kw_only=True)
class AnatomyQC:
    """The head as the images show it; `landmarks` says where those of the T1w come from."""

    brain_volume_cm3: float
    head_volume_cm3: float
    face_lost_share: float
    inner_skull: str
    inner_skull_vertices: int
    inner_skull_vertices_pushed_outwards: int
    inner_skull_largest_push_mm: float
    landmarks: str


@dataclass(frozen=True, kw_only=True)
class ApartQC:
    """Distance of the cortex from itself between two co-registrations; None where one failed."""

    given_to_automatic_at_cortex_median_mm: float | None
    given_to_automatic_at_cortex_max_mm: float | None


@dataclass(frozen=True, kw_only=True)
class CoregistrationQC:
    """How the head was placed; `apart` is None where no transform was given."""

    coregistration: str
    apart: ApartQC | None = field(metadata=AMONG_THE_KEYS)


@dataclass(frozen=True, kw_only=True)
class ResidualsQC:
    """Residuals of the co-registration; distances are None where there are no head points on skin."""

    head_points: int
    head_points_where_skin_is_missing: int
    head_points_left_out: int
    head_point_distance_median_mm: float | None
    head_point_distance_mean_mm: float | None
    head_point_distance_p95_mm: float | None
    head_point_distance_max_mm: float | None
    landmark_distance_lpa_mm: float
    landmark_distance_nasion_mm: float
    landmark_distance_rpa_mm: float


@dataclass(frozen=True, kw_only=True)
class SideQC:
    """Fit of the head points to the scalp and to its mirror image; None with too few points."""

    side_check_rms_mm: float | None
    side_check_mirrored_rms_mm: float | None
    side_check_standard_errors: float | None


@dataclass(frozen=True, kw_only=True)
class LeadfieldQC:
    """Numbers by which a broken leadfield would show; None for sensor types that are not there."""

    leadfield_channels_grad: int | None = None
    leadfield_norm_median_grad_t_per_m_am: float | None = None
    leadfield_norm_range_ratio_grad: float | None = None
    leadfield_channels_mag: int | None = None
    leadfield_norm_median_mag_t_per_am: float | None = None
    leadfield_norm_range_ratio_mag: float | None = None
    leadfield_channels_eeg: int | None = None
    leadfield_norm_median_eeg_v_per_am: float | None = None
    leadfield_norm_range_ratio_eeg: float | None = None
    leadfield_silent_regions: int


@dataclass(frozen=True, kw_only=True)
class HeadmodelQC:
    """The stage's quality file.

    Attributes
    ----------
    warnings : tuple of str
        Those of the doubts among them.
    doubts : tuple of Doubt
    cortex, anatomy, coregistration, residuals, side, leadfield
        Parts whose keys stand side by side in the file.
    face : str
        What became of it in the results (`pipeline.face`).
    left_and_right : tuple of str
        What was checked of the sides.
    nearest_sensor_to_scalp_mm : float
    deep_structures : str
        Where their outlines come from.
    """

    warnings: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    cortex: CortexQC = field(metadata=AMONG_THE_KEYS)
    anatomy: AnatomyQC = field(metadata=AMONG_THE_KEYS)
    face: str
    coregistration: CoregistrationQC = field(metadata=AMONG_THE_KEYS)
    residuals: ResidualsQC = field(metadata=AMONG_THE_KEYS)
    left_and_right: tuple[str, ...]
    side: SideQC = field(metadata=AMONG_THE_KEYS)
    nearest_sensor_to_scalp_mm: float
    leadfield: LeadfieldQC = field(metadata=AMONG_THE_KEYS)
    deep_structures: str


def read_headmodel_qc(paths: PatientPaths) -> HeadmodelQC:
    """The stage's quality file; `InvalidInput` where it is not what this version writes."""
    return read_record(HeadmodelQC, paths.qc("headmodel"), "run the headmodel stage again")


def write_headmodel_qc(paths: PatientPaths, qc: HeadmodelQC) -> None:
    write_json(paths.qc("headmodel"), document(qc))
