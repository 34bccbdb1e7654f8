"""What the spikes stage measured about itself."""

from dataclasses import dataclass, field

from pipeline.doubts import Doubt
from pipeline.files import write_json
from pipeline.paths import PatientPaths
from pipeline.records.document import AMONG_THE_KEYS, document, read_record

# An average is taken for one of spikes where none of 49 draws reaches it: less than the 5 % that are
# promised, since all draws come from the same few minutes.
MAX_CHANCE = 0.02


@dataclass(frozen=True, kw_only=True)
class AverageQC:
    """How the average stands out of its noise.

    Attributes
    ----------
    snr_db, snr_over_baseline_db : float
        As the definitions beside them say.
    half_rise_s : float or None
        Before the peak, relative to it; None where the average has no clear half rise.
    onset_snr_db : float or None
        As `snr_db`, around the half rise.
    above_lowpass_share : float or None
        Of the power within 20 ms of the peak, less the noise's: what lies above the pass band, over that
        and what lies in it, all channels by their noise. 0 where it does not stand out; None where the
        recording holds no such frequencies.
    """

    snr_db: float
    snr_over_baseline_db: float
    half_rise_s: float | None
    onset_snr_db: float | None = None
    above_lowpass_share: float | None = None


@dataclass(frozen=True, kw_only=True)
class PresenceQC:
    """Whether marks have a source: their average against those of spike-free epochs.

    Attributes
    ----------
    snr_db : float or None
        Of the marks' average, as the spikes stage defines it; None where fewer than two marks
        resemble each other.
    chance_db : float or None
        The largest of averages of as many spike-free epochs, aligned and selected alike; None where
        in no draw two of them resembled each other.
    p : float
        Share of these that reach the marks' one, itself counted.
    n_draws : int
        Fewer than were asked for where one reached it.
    """

    snr_db: float | None
    chance_db: float | None
    p: float
    n_draws: int

    @property
    def found(self) -> bool:
        return self.p <= MAX_CHANCE


@dataclass(frozen=True, kw_only=True)
class AgreementQC:
    """How the spikes used agree with their average, and from where on a spike was used."""

    mean_correlation: float
    mean_correlation_definition: str
    mean_component_correlation: float
    smallest_correlation: float
    smallest_amplitude_ratio: float
    median_absolute_shift_s: float


@dataclass(frozen=True, kw_only=True)
class BadStretchQC:
    file: str
    start_s: float
    end_s: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class MaxFilterQC:
    """Whether a recording was MaxFiltered here, and why or why not.

    `noise_change_db`, by sensor type: power from 1 to 40 Hz after over that before, in the block in
    the middle of the recording, median over channels.
    """

    file: str
    done: bool
    why: str
    method: str | None = None
    calibration: str | None = None
    crosstalk: str | None = None
    reconstructed_channels: tuple[str, ...] = ()
    noise_change_db: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MovementQC:
    """The head's way in the helmet during a run.

    `source` says who measured it; "not measured" where nobody did. Distances of the head's centre and
    angles are those from the first fix, at moments of the run and at its usable marks.
    """

    source: str
    times_s: tuple[float, ...] = ()
    distance_mm: tuple[float, ...] = ()
    angle_deg: tuple[float, ...] = ()
    spike_s: tuple[float, ...] = ()
    spike_distance_mm: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HeadPositionsQC:
    """The head's positions at the averaged spikes of a type.

    Attributes
    ----------
    n_positions : int
        Of each a leadfield was computed; 1 where the head model's own serves.
    width_mm : float
        Spikes within it, and as many degrees, share a position.
    largest_distance_mm, largest_angle_deg : float
        Between two spikes.
    from_leadfield_mm, from_leadfield_deg : float
        Largest, from the position that the head model has.
    """

    n_positions: int
    width_mm: float
    largest_distance_mm: float
    largest_angle_deg: float
    from_leadfield_mm: float
    from_leadfield_deg: float


@dataclass(frozen=True, kw_only=True)
class RunQC:
    """A run that was averaged.

    `not_imaged` has the number of sensors of other modalities in its file, by these' names.
    """

    file: str
    duration_s: float
    input_sfreq_hz: float
    n_annotated: int
    maxfilter: MaxFilterQC | None = None
    movement: MovementQC | None = None
    not_imaged: dict[str, int] | None = None


@dataclass(frozen=True, kw_only=True)
class RunLeftOutQC:
    file: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ArtefactQC:
    """Heart beats or eye movements: whether projectors were made of them, and why not.

    `snr_db` has the sensor types for which that was measured.
    """

    done: bool
    n_events: int
    note: str
    snr_db: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ProjectorQC:
    """Part of the spike's power that a projector removes alone, and with those kept before it."""

    name: str
    spike_power_removed: float
    spike_power_removed_with_kept: float
    kept: bool


@dataclass(frozen=True, kw_only=True)
class SpikeTypeQC:
    """Marks that share their field and course.

    Attributes
    ----------
    number : int
        From 1, which has most marks.
    n_marks, n_used : int
        How many, and how many of them make up the type's average.
    labels : dict of str to int
        What the events call them, and how many.
    share_of_marks, per_minute : float
    strongest_on : str
        Side of the sensors.
    snr_db : float or None
        Of the average; None where there is none.
    imaged : bool
    reason : str or None
        Why it is not.
    head_positions : HeadPositionsQC or None
        As in the type's own quality file.
    """

    number: int
    n_marks: int
    n_used: int
    labels: dict[str, int]
    share_of_marks: float
    per_minute: float
    strongest_on: str
    snr_db: float | None
    imaged: bool
    reason: str | None
    head_positions: HeadPositionsQC | None = None


@dataclass(frozen=True, kw_only=True)
class FilterQC:
    highpass_hz: float
    lowpass_hz: float
    kind: str
    line_noise: str


@dataclass(frozen=True, kw_only=True)
class NoiseCovarianceQC:
    """What the noise covariance was made of; `rank` by sensor type."""

    source: str
    duration_s: float
    method: str
    rank: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class SpikesQC:
    """The stage's quality file of one type of spikes.

    What is not of the type, such as warnings, runs and channels, is the same in all of them. Where
    there is no average, the file is of no type.

    Attributes
    ----------
    warnings : tuple of str
        Those of the doubts among them.
    doubts : tuple of Doubt
        What page one tells.
    types : tuple of SpikeTypeQC
        The type with most marks comes first.
    n_marks : int
        Spikes marked in the recordings, of all types.
    n_unreviewed : int
        Of these, marks of a detector that no person has looked at.
    n_annotated, n_used, n_rejected : int
        Of this type; where there is one type, the marks that could not be looked at are among them.
    rejected_by_reason : dict of str to int
    average : AverageQC or None
        Its keys stand among the file's, as do those of `agreement`; None where fewer than two
        spikes fit their own average.
    snr_definition, snr_over_baseline_definition : str
    peak_time_s : float
        Always 0: the spikes' peak is where time begins.
    agreement : AgreementQC or None
    n_channels_used : dict of str to int
        By sensor type.
    bad_channels : dict of str to str
        Why, by name.
    bad_stretches : tuple of BadStretchQC
    runs : tuple of RunQC
    artefacts : dict of str to ArtefactQC
        "heart" and "eyes".
    projectors : tuple of ProjectorQC
    projectors_together_spike_power_removed : float
        The largest of those by sensor type.
    projectors_together_spike_power_removed_by_type : dict of str to float
    filter : FilterQC
    sfreq_hz : float
    runs_left_out : tuple of RunLeftOutQC
    noise_covariance : NoiseCovarianceQC
    head_movement : str
        Whether the head was followed.
    presence : PresenceQC or None
    head_positions : HeadPositionsQC or None
        None where there is no average, or no recording states a position.
    """

    warnings: tuple[str, ...]
    doubts: tuple[Doubt, ...]
    types: tuple[SpikeTypeQC, ...]
    n_marks: int
    n_unreviewed: int
    n_annotated: int
    n_used: int
    n_rejected: int
    rejected_by_reason: dict[str, int]
    average: AverageQC | None = field(metadata=AMONG_THE_KEYS)
    snr_definition: str
    snr_over_baseline_definition: str
    peak_time_s: float
    agreement: AgreementQC | None = field(metadata=AMONG_THE_KEYS)
    n_channels_used: dict[str, int]
    bad_channels: dict[str, str]
    bad_stretches: tuple[BadStretchQC, ...]
    runs: tuple[RunQC, ...]
    artefacts: dict[str, ArtefactQC]
    projectors: tuple[ProjectorQC, ...]
    projectors_together_spike_power_removed: float
    projectors_together_spike_power_removed_by_type: dict[str, float]
    filter: FilterQC
    sfreq_hz: float
    runs_left_out: tuple[RunLeftOutQC, ...]
    noise_covariance: NoiseCovarianceQC
    head_movement: str
    presence: PresenceQC | None = None
    head_positions: HeadPositionsQC | None = None

    @property
    def imaged(self) -> tuple[SpikeTypeQC, ...]:
        return tuple(each for each in self.types if each.imaged)

    @property
    def kept_projectors(self) -> list[ProjectorQC]:
        return [projector for projector in self.projectors if projector.kept]


def read_spikes_qc(paths: PatientPaths) -> SpikesQC:
    """The stage's quality file; `InvalidInput` where it is not what this version writes."""
    return read_record(SpikesQC, paths.qc("spikes"), "run the spikes stage again")


def imaged_types(paths: PatientPaths) -> list[PatientPaths]:
    """The files of each type of spikes that is imaged, the one with most marks first.

    An average without a quality file beside it is taken for the only type.
    """
    if not paths.of_type(1).qc("spikes").exists():
        return [paths.of_type(1)]
    return [paths.of_type(each.number) for each in read_spikes_qc(paths.of_type(1)).imaged]


def write_spikes_qc(paths: PatientPaths, qc: SpikesQC) -> None:
    write_json(paths.qc("spikes"), document(qc))
