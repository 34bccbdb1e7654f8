"""What the image stage measured about itself."""

from dataclasses import dataclass, field

from pipeline.doubts import Doubt
from pipeline.files import write_json
from pipeline.paths import PatientPaths
from pipeline.records.deep_qc import DeepQC
from pipeline.records.dipoles import DipolesQC
from pipeline.records.document import AMONG_THE_KEYS, document, read_record
from pipeline.records.solution import MapSummary, Point


@dataclass(frozen=True, kw_only=True)
class BootstrapQC:
    """Intervals of 95 % over averages of resampled spikes.

    Attributes
    ----------
    n_resamples : int
    max_within_mm_95 : float
        Of the average's maximum; the resamples' maxima lie that near in 95 %.
    region_radius_mm : float
        Of a disc of the area of the maximum's region: places are no finer.
    max_ci95_low_mri_mm, max_ci95_high_mri_mm : tuple of float, (3,)
    same_max_region_share : float
    extent_area_ci95_cm2 : tuple of float, (2,)
    stable_area_cm2 : float
        In the extent of nearly all resamples.
    """

    n_resamples: int
    max_within_mm_95: float
    region_radius_mm: float
    max_ci95_low_mri_mm: tuple[float, float, float]
    max_ci95_high_mri_mm: tuple[float, float, float]
    same_max_region_share: float
    extent_area_ci95_cm2: tuple[float, float]
    stable_area_cm2: float


@dataclass(frozen=True, kw_only=True)
class Grade:
    """What a grade of certainty meant on virtual patients that nothing was calibrated on.

    Attributes
    ----------
    name : str
        "A", "B" or "C".
    up_to_radius_mm : float
        Of the region that holds the source's centre.
    n_spikes : int
    median_error_mm, percentile_90_error_mm : float
        From the map's centre to the source's.
    within_15_mm, covered : float
        Share of the spikes.
    """

    name: str
    up_to_radius_mm: float
    n_spikes: int
    median_error_mm: float
    percentile_90_error_mm: float
    within_15_mm: float
    covered: float


@dataclass(frozen=True, kw_only=True)
class RegionQC:
    """A region of cortex that holds the source's centre with a stated probability.

    Attributes
    ----------
    coverage : float
        The probability, as calibrated on simulated patients.
    centre_mri_mm : tuple of float, (3,)
        Of the hill around the map's maximum.
    radius_mm, volume_cm3 : float
        All cortex within the radius, and its volume.
    grade : str
    evidence : dict of str to float
        What the radius follows from (`pipeline.image.region.Evidence`).
    grades : tuple of Grade
        All of them, the surest first.
    test_coverage : float
        Measured on the test heads.
    calibration_spikes, calibration_heads, test_spikes, test_heads : int
    """

    coverage: float
    centre_mri_mm: tuple[float, float, float]
    radius_mm: float
    volume_cm3: float
    grade: str
    evidence: dict[str, float]
    grades: tuple[Grade, ...]
    test_coverage: float
    calibration_spikes: int
    calibration_heads: int
    test_spikes: int
    test_heads: int

    @property
    def own_grade(self) -> Grade:
        return next(each for each in self.grades if each.name == self.grade)


@dataclass(frozen=True, kw_only=True)
class ExistenceQC:
    """What a network says of whether there is a source where it finds one.

    Attributes
    ----------
    probability : float
        Learned on synthetic recordings.
    threshold : float
        Of synthetic recordings without a source on other heads 5 % had a higher one.
    """

    probability: float
    threshold: float

    @property
    def stands_out(self) -> bool:
        return self.probability > self.threshold


@dataclass(frozen=True, kw_only=True)
class MethodQC:
    """What one method came to.

    Attributes
    ----------
    assessable : bool
    reason : str or None
        Why it is not.
    found : MapSummary, Point or None
        Its keys stand among the method's; None where it is not assessable.
    bootstrap : BootstrapQC or None
        None where spikes were not resampled for it.
    region : RegionQC or None
        None where it is not calibrated for this method's weights.
    card : str or None
        How a method that is trained for each head was trained for this one, and what it answers with.
    existence : ExistenceQC or None
        None of methods that do not say.
    explained_percent : float or None
        Variance of the whitened field around the peak that a map explains.
    not_explained : str or None
        Why there is none for a map.
    doubt : Doubt or None
        Why its map is none to rely on: a training that was a test, or was ended early.
    """

    assessable: bool
    reason: str | None
    found: MapSummary | Point | None = field(metadata=AMONG_THE_KEYS)
    bootstrap: BootstrapQC | None = None
    region: RegionQC | None = None
    card: str | None = None
    existence: ExistenceQC | None = None
    explained_percent: float | None = None
    not_explained: str | None = None
    doubt: Doubt | None = None


@dataclass(frozen=True, kw_only=True)
class ImageQC:
    """The stage's quality file.

    Attributes
    ----------
    warnings : tuple of str
    n_channels, n_spikes : int
    peak_window_s : float
        Width of the window around the peak that the maps are averaged over.
    minimum_norm_snr, lcmv_regularisation : float
    lcmv_window_s : tuple of float, (2,)
    cmem_baseline_end_s : float
    field_power_peak_s : float
        When the average's field is strongest, the spike's peak at 0.
    methods : dict of str to MethodQC
        Those that were asked for.
    distance_between_maxima_mm : dict of str to float
        By two methods' names with a hyphen between.
    dipoles : DipolesQC or None
        Of the single spikes; None where no dipole was asked for.
    deep : DeepQC or None
        Deep structures against cortex; None of a type that is not imaged.
    """

    warnings: tuple[str, ...]
    n_channels: int
    n_spikes: int
    peak_window_s: float
    minimum_norm_snr: float
    lcmv_regularisation: float
    lcmv_window_s: tuple[float, float]
    cmem_baseline_end_s: float
    field_power_peak_s: float
    methods: dict[str, MethodQC]
    distance_between_maxima_mm: dict[str, float]
    dipoles: DipolesQC | None = None
    deep: DeepQC | None = None


def read_image_qc(paths: PatientPaths) -> ImageQC:
    """The stage's quality file; `InvalidInput` where it is not what this version writes."""
    return read_record(ImageQC, paths.qc("image"), "run the image stage again")


def write_image_qc(paths: PatientPaths, qc: ImageQC) -> None:
    write_json(paths.qc("image"), document(qc))
