"""The stages' quality records of a fake patient, for tests of what reads them."""

from dataclasses import replace

from pipeline.records.deep_qc import ALIKE, BETTER, WORSE, DeepQC, RateQC, StructureQC
from pipeline.records.headmodel_qc import (
    AnatomyQC,
    CoregistrationQC,
    CortexQC,
    HeadmodelQC,
    LeadfieldQC,
    MniTransformQC,
    ResidualsQC,
    SideQC,
)
from pipeline.records.image_qc import Grade, ImageQC, RegionQC
from pipeline.records.personalize_qc import ErrorsQC, PersonalizeQC
from pipeline.records.spikes_qc import (
    AgreementQC,
    ArtefactQC,
    AverageQC,
    BadStretchQC,
    FilterQC,
    NoiseCovarianceQC,
    PresenceQC,
    ProjectorQC,
    RunQC,
    SpikesQC,
    SpikeTypeQC,
)

HEADMODEL = HeadmodelQC(
    warnings=(),
    doubts=(),
    cortex=CortexQC(
        head_model="template",
        head_model_sentence="Template head model: fsaverage's cortex was carried to the T1w",
        registration="syn",
        registration_correlation=0.93,
        mni_transform="the T1w is the template",
        mni_transform_quality=MniTransformQC(),
    ),
    anatomy=AnatomyQC(
        brain_volume_cm3=1450.0,
        head_volume_cm3=4300.0,
        face_lost_share=0.0,
        inner_skull="around the brain",
        inner_skull_vertices=2562,
        inner_skull_vertices_pushed_outwards=3,
        inner_skull_largest_push_mm=0.8,
        landmarks="marked in the T1w",
    ),
    face="removed from all results",
    coregistration=CoregistrationQC(
        coregistration="automatic, from landmarks and head points", apart=None
    ),
    residuals=ResidualsQC(
        head_points=120,
        head_points_where_skin_is_missing=0,
        head_points_left_out=3,
        head_point_distance_median_mm=1.8,
        head_point_distance_mean_mm=2.0,
        head_point_distance_p95_mm=4.1,
        head_point_distance_max_mm=6.0,
        landmark_distance_lpa_mm=2.9,
        landmark_distance_nasion_mm=2.2,
        landmark_distance_rpa_mm=2.4,
    ),
    left_and_right=(),
    side=SideQC(
        side_check_rms_mm=2.1, side_check_mirrored_rms_mm=4.0, side_check_standard_errors=6.0
    ),
    nearest_sensor_to_scalp_mm=22.0,
    leadfield=LeadfieldQC(
        leadfield_channels_mag=102,
        leadfield_norm_median_mag_t_per_am=2.3e-7,
        leadfield_norm_range_ratio_mag=60.0,
        leadfield_silent_regions=0,
    ),
    deep_structures="an atlas of the average brain, carried by the T1w being the template",
)
HEADMODEL_WITHOUT_POINTS = replace(
    HEADMODEL,
    residuals=replace(
        HEADMODEL.residuals,
        head_points=0,
        head_points_left_out=0,
        head_point_distance_median_mm=None,
        head_point_distance_mean_mm=None,
        head_point_distance_p95_mm=None,
        head_point_distance_max_mm=None,
    ),
)


def _errors(mean: float, sd: float, median: float) -> ErrorsQC:
    values = {"mean": mean, "sd": sd, "median": median}
    names = ("found_to_true_mm", "true_to_found_mm", "maximum_to_centre_mm")
    return ErrorsQC(**{f"{name}_{key}": each for name in names for key, each in values.items()})


PERSONALIZE = PersonalizeQC(
    warnings=(),
    network="compact",
    generic_model="",
    generic_model_sha256="0" * 64,
    improved=True,
    steps=400,
    best_step=400,
    n_training_recordings=25600,
    n_test_recordings=400,
    n_test_heads=8,
    n_channels=306,
    before=_errors(5.1, 5.2, 5.8),
    after=_errors(4.2, 4.4, 5.1),
    gain_mm=0.9,
    gain_standard_error_mm=0.2,
    validation_loss_before=0.62,
    validation_loss_after=0.54,
)
SPIKES = SpikesQC(
    warnings=(),
    doubts=(),
    presence=PresenceQC(snr_db=21.4, chance_db=1.2, p=0.02, n_draws=49),
    types=(
        SpikeTypeQC(
            number=1,
            n_marks=42,
            n_used=40,
            labels={"spike": 42},
            share_of_marks=1.0,
            per_minute=4.2,
            strongest_on="left",
            snr_db=21.4,
            imaged=True,
            reason=None,
        ),
    ),
    n_marks=42,
    n_unreviewed=0,
    n_annotated=42,
    n_used=40,
    n_rejected=2,
    rejected_by_reason={"does not fit the average": 2},
    average=AverageQC(
        snr_db=21.4,
        snr_over_baseline_db=21.0,
        half_rise_s=-0.014,
        onset_snr_db=9.0,
        above_lowpass_share=0.01,
    ),
    snr_definition="power of the average over that of its alternating sum",
    snr_over_baseline_definition="power of the average over that before it",
    peak_time_s=0.0,
    agreement=AgreementQC(
        mean_correlation=0.93,
        mean_correlation_definition="with the average of the others",
        mean_component_correlation=0.96,
        smallest_correlation=0.5,
        smallest_amplitude_ratio=0.4,
        median_absolute_shift_s=0.004,
    ),
    n_channels_used={"grad": 204, "mag": 102},
    bad_channels={"MEG0113": "flat: 0.01 times the usual at high frequencies"},
    bad_stretches=(
        BadStretchQC(file="sub-01_meg.fif", start_s=3.0, end_s=4.5, reason="saturated"),
    ),
    runs=(RunQC(file="sub-01_meg.fif", duration_s=360.0, input_sfreq_hz=1000.0, n_annotated=42),),
    artefacts={
        "heart": ArtefactQC(
            done=False, n_events=0, note="not done: no plausible heart rhythm", snr_db={}
        ),
        "eyes": ArtefactQC(done=True, n_events=12, note="EOG channel", snr_db={"mag": 12.0}),
    },
    projectors=(
        ProjectorQC(
            name="mag-eyes",
            spike_power_removed=0.04,
            spike_power_removed_with_kept=0.05,
            kept=True,
        ),
    ),
    projectors_together_spike_power_removed=0.05,
    projectors_together_spike_power_removed_by_type={"mag": 0.05},
    filter=FilterQC(
        highpass_hz=1.0,
        lowpass_hz=40.0,
        kind="zero-phase FIR (firwin, Hamming)",
        line_noise="no notch: the pass band ends below the power line's frequency",
    ),
    sfreq_hz=500.0,
    runs_left_out=(),
    noise_covariance=NoiseCovarianceQC(
        source="spike-free stretches of the recording",
        duration_s=120.0,
        method="Ledoit-Wolf shrinkage",
        rank={"meg": 306},
    ),
    head_movement="not measured",
)


def structure(name: str, explained_percent: float, less_cortex_percent: float, verdict: str):
    return StructureQC(
        name=name,
        explained_percent=explained_percent,
        less_cortex_percent=less_cortex_percent,
        moment_nam=140.0,
        pos_mri_mm=(27.0, -18.0, -14.0),
        verdict=verdict,
    )


DEEP = DeepQC(
    reason=None,
    cortex_label="right parahippocampal",
    cortex_explained_percent=80.0,
    structures=(
        structure("right hippocampus", 83.0, 3.0, ALIKE),
        structure("right amygdala", 79.5, -0.5, ALIKE),
        structure("left thalamus", 41.0, -39.0, WORSE),
    ),
    rates=(
        RateQC(place="hippocampus", n=80, better=0.7, alike=0.3, worse=0.0, named=0.94),
        RateQC(place="thalamus", n=4, better=0.5, alike=0.25, worse=0.25, named=0.0),
        RateQC(place="entorhinal cortex", n=60, better=0.12, alike=0.72, worse=0.16, named=None),
    ),
    rates_snr_db=(3.0, 8.0),
    test_heads=6,
    better_percent=5.2,
    worse_percent=-1.2,
    most_moment_nam=500.0,
)
DEEP_BETTER = replace(
    DEEP, structures=(structure("right hippocampus", 88.0, 8.0, BETTER), *DEEP.structures[1:])
)
IMAGE = ImageQC(
    warnings=(),
    n_channels=306,
    n_spikes=40,
    peak_window_s=0.02,
    minimum_norm_snr=3.0,
    lcmv_regularisation=0.05,
    lcmv_window_s=(-0.5, 0.5),
    cmem_baseline_end_s=-0.2,
    field_power_peak_s=0.0,
    methods={},
    distance_between_maxima_mm={},
    deep=DEEP,
)


def grade(name: str, up_to_radius_mm: float, **measured) -> Grade:
    """A grade of certainty with fake errors, but for those given."""
    usual = dict(
        n_spikes=300,
        median_error_mm=5.1,
        percentile_90_error_mm=9.6,
        within_15_mm=0.98,
        covered=0.91,
    )
    return Grade(name=name, up_to_radius_mm=up_to_radius_mm, **(usual | measured))


REGION = RegionQC(
    coverage=0.9,
    centre_mri_mm=(53.0, -20.0, 4.0),
    radius_mm=12.4,
    volume_cm3=2.7,
    grade="B",
    evidence={"spread_mm": 2.2},
    grades=(
        grade("A", 11.0),
        grade(
            "B",
            1000.0,
            n_spikes=200,
            median_error_mm=7.3,
            percentile_90_error_mm=14.2,
            within_15_mm=0.92,
            covered=0.9,
        ),
    ),
    test_coverage=0.906,
    calibration_spikes=700,
    calibration_heads=7,
    test_spikes=500,
    test_heads=5,
)
