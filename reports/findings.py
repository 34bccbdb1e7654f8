"""What page one says: the finding, how well it is supported, and the quality verdict.

The rules are here in one place, with their thresholds, and the report prints them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.doubts import Doubt
from pipeline.methods import METHODS
from pipeline.records.deep_qc import DeepQC
from pipeline.records.image_qc import RegionQC
from pipeline.records.solution import Point, Solution
from reports.deep import better_structure, found_of
from reports.patient import Patient
from reports.wording import (
    NOT_ASSESSABLE,
    coordinates,
    count,
    gyrus,
    listing,
    lobe,
    lower_first,
    lps,
    method_name,
    number,
)

ENOUGH_SPIKES, FEW_SPIKES = 10, 5
GOOD_SNR_DB, POOR_SNR_DB = 10.0, 5.0
GOOD_COREGISTRATION_MM, POOR_COREGISTRATION_MM = 5.0, 10.0
# A region's radius and its diameter.
GOOD_HELD_OUT_MM, POOR_HELD_OUT_MM = 6.0, 12.0
AGREEMENT_MM = 15.0
# Samples of a covariance for each of its dimensions (Reed et al. 1974: two give half the power of a
# filter that knows it).
SAMPLES_PER_RANK = 3
GOOD_DIPOLE_PERCENT = 80.0
GOOD_SPREAD_MM = 3.0
MANY_BAD_CHANNELS = 0.15
MANY_REJECTED = 0.5
# Of the averages of resampled spikes: less, and a region's place in the extent is chance.
HELD_SHARE = 0.5
WARNINGS_TOLD = 2
COLOURS = ("green", "amber", "red")
NOTHING_IMAGED = "nothing imaged"


@dataclass(frozen=True)
class Check:
    """One condition of the support for the finding; `holds` is None where not assessable."""

    name: str
    result: str
    rule: str
    holds: bool | None

    @property
    def mark(self) -> str:
        return {True: "✓", False: "✗", None: "–"}[self.holds]

    @property
    def word(self) -> str:
        return {True: "holds", False: "fails", None: NOT_ASSESSABLE}[self.holds]


@dataclass(frozen=True)
class Verdict:
    """Quality of the data and the processing: "green", "amber" or "red", with its reasons."""

    colour: str
    reasons: list[str]

    @property
    def symbol(self) -> str:
        return {"green": "●", "amber": "▲", "red": "■"}[self.colour]

    @property
    def meaning(self) -> str:
        return {
            "green": "no reservation",
            "amber": "usable with the reservations below",
            "red": "do not rely on this result",
        }[self.colour]


@dataclass(frozen=True)
class Measures:
    """Numbers of several stages that the rules look at; None where not assessable."""

    n_accepted: int | None
    n_rejected: int | None
    """Of this type of spikes."""
    snr_db: float | None
    coregistration_mm: float | None
    n_bad_channels: int
    n_channels: int
    head_model: str | None
    personalization_used: bool
    held_out_error_mm: float | None


def method_maxima_mm(patient: Patient) -> dict[str, np.ndarray]:
    """Position of each method's maximum, the dipole's position among them."""
    return {
        method: solution.max_mri_mm(patient.head) for method, solution in patient.solutions.items()
    }


def explains_well(solution: Solution) -> bool:
    """Whether a solution may vote on the location: a map may, a dipole that explains the field."""
    return not isinstance(solution, Point) or solution.gof_percent >= GOOD_DIPOLE_PERCENT


def may_vote(patient: Patient, method: str) -> bool:
    """Whether a conventional method's place counts: it must explain the field, from enough data."""
    if method == "lcmv" and not enough_for_lcmv(patient):
        return False
    return explains_well(patient.solutions[method])


def enough_for_lcmv(patient: Patient) -> bool:
    """Whether the beamformer's covariance has `SAMPLES_PER_RANK` independent samples for each rank."""
    image, spikes = patient.qc.image, patient.qc.spikes
    start_s, end_s = image.lcmv_window_s
    # Band-limited noise has two independent samples for each hertz and second.
    band_hz = spikes.filter.lowpass_hz - spikes.filter.highpass_hz
    n_samples = 2 * band_hz * (end_s - start_s) * image.n_spikes
    return n_samples >= SAMPLES_PER_RANK * sum(spikes.noise_covariance.rank.values())


def place(patient: Patient) -> dict[str, str]:
    """The maximum in words: side, lobe, sublobar region, gyrus, coordinates."""
    region = patient.finding.max_region
    label = str(patient.head.region_label[region])
    stable = bool(held_extent(patient)[region])
    return {
        "sublobar": patient.head.sublobar(region),
        "gyrus": gyrus(label) if stable else "gyrus not stable over resampled averages",
        "lobe": lobe(label),
        "side": label.split(" ")[0],
        "coordinates": coordinates(patient.max_mm),
        "frames": frames(patient, patient.max_mm),
    }


def frames(patient: Patient, pos_mm: np.ndarray) -> str:
    """The same place in the template's space and in DICOM's axes."""
    try:
        in_mni152 = coordinates(patient.warp.to_mni152(pos_mm[None])[0])
    except ValueError as error:
        in_mni152 = f"{NOT_ASSESSABLE}, {error}"
    return (
        f"The same place in MNI152 (2009a symmetric, by the T1w’s registration): {in_mni152}; in "
        f"DICOM’s axes (LPS of the T1w): {lps(pos_mm)}."
    )


def extent_sentence(patient: Patient) -> str:
    """Size of what holds of the thresholded extent, and the gyri that hold most of it."""
    extent = held_extent(patient)
    if not extent.any():
        return "No region of the estimated extent is held by half of the resampled averages."
    area = patient.head.region_area_mm2
    labels = patient.head.region_label
    total = area[extent].sum()
    shares = {
        label: area[extent & (labels == label)].sum() / total for label in set(labels[extent])
    }
    leading = sorted(shares, key=lambda label: (-shares[label], label))[:3]
    parts = [f"{gyrus(label)} ({100 * shares[label]:.0f}\u00a0%)" for label in leading]
    mainly = "in" if len(shares) <= 3 else "mainly in"
    return (
        f"The estimated extent (Otsu’s threshold{_trimmed(patient)}) covers {count(int(extent.sum()), 'region')}, "
        f"{number(total / 100, 'cm²')} of cortex, {mainly} the {listing(parts)}."
    )


def _trimmed(patient: Patient) -> str:
    if patient.finding_method not in patient.stability:
        return ""
    return ", trimmed to what at least half of the resampled averages hold"


def held_extent(patient: Patient) -> np.ndarray:
    """Regions of the extent that at least half of the resampled averages hold too."""
    extent = patient.finding.extent
    held = patient.stability.get(patient.finding_method)
    return extent if held is None else extent & (held >= HELD_SHARE)


def why_no_grade(
    region: RegionQC | None, coregistration_mm: float | None, deep: DeepQC | None
) -> str | None:
    """Why a map has no grade of certainty; None where it has one."""
    if region is None:
        return "no region is calibrated for this map"
    if better_structure(deep) is not None:
        return (
            "a deep structure explains the spike better than cortex, in which grades were measured"
        )
    if coregistration_mm is None:
        return "no head points on the scalp say how good the co-registration is"
    if coregistration_mm > GOOD_COREGISTRATION_MM:
        return "the co-registration is worse than those that grades were measured with"
    return None


def grade_of(patient: Patient, measures: Measures) -> tuple[str, str]:
    """The grade of certainty, or that there is none, and what it meant or why."""
    found = patient.image.methods[patient.finding_method].region
    if reason := why_no_grade(found, measures.coregistration_mm, found_of(patient)):
        return NOT_ASSESSABLE, reason
    assert found is not None  # or there would be a reason
    own = found.own_grade
    return (
        f"grade {own.name}",
        f"on {own.n_spikes} spikes of unseen virtual patients a map of this grade lay "
        f"{number(own.median_error_mm, 'mm', 0)} from the source in the median, "
        f"{number(own.percentile_90_error_mm, 'mm', 0)} at the 90th percentile, and within "
        f"{AGREEMENT_MM:.0f} mm in {100 * own.within_15_mm:.0f}\u00a0%",
    )


def support(patient: Patient, measures: Measures) -> tuple[str, list[Check]]:
    """The grade of certainty, and what it rests on."""
    found = patient.image.methods[patient.finding_method].region
    spread_mm = None if found is None else found.evidence["spread_mm"]
    checks = [
        Check(
            "Spread of resampled averages",
            number(spread_mm, "mm", 1),
            f"at most {GOOD_SPREAD_MM:.0f} mm (root mean square)",
            _at_most(spread_mm, GOOD_SPREAD_MM),
        ),
        Check(
            "SNR of the average",
            number(measures.snr_db, "dB", 1),
            f"at least {GOOD_SNR_DB:.0f} dB",
            _at_least(measures.snr_db, GOOD_SNR_DB),
        ),
        Check(
            "Cortex",
            "FreeSurfer’s" if measures.head_model == "freesurfer" else "the template’s",
            "the patient’s own (FreeSurfer)",
            measures.head_model == "freesurfer",
        ),
        Check(
            "Head points to scalp, median",
            number(measures.coregistration_mm, "mm", 1),
            f"at most {GOOD_COREGISTRATION_MM:.0f} mm",
            _at_most(measures.coregistration_mm, GOOD_COREGISTRATION_MM),
        ),
        _agreement(patient),
        *_existence(patient),
        _one_type(patient),
    ]
    return grade_of(patient, measures)[0], checks


def _existence(patient: Patient) -> list[Check]:
    """None where the weights do not say."""
    said = patient.image.methods[patient.finding_method].existence
    if said is None:
        return []
    rule = f"above {said.threshold:.2f} (5\u00a0% of synthetic recordings without a source are)"
    name = "Network’s probability of a source there"
    return [Check(name, f"{said.probability:.2f}", rule, said.stands_out)]


def _one_type(patient: Patient) -> Check:
    n_types = len(patient.qc.spikes.types)
    rule = "one (foci with like fields count as one)"
    return Check("Types among the marked spikes", str(n_types), rule, n_types == 1)


def _agreement(patient: Patient) -> Check:
    maxima = method_maxima_mm(patient)
    others = {
        method: pos_mm
        for method, pos_mm in maxima.items()
        if method != patient.finding_method
        and not METHODS[method].is_trained
        and may_vote(patient, method)
    }
    near = [m for m, p in others.items() if np.linalg.norm(p - patient.max_mm) <= AGREEMENT_MM]
    names = f" ({listing([lower_first(method_name(m)) for m in near])})" if near else ""
    return Check(
        "Conventional methods that agree",
        f"{len(near)} of {len(others)}{names}" if others else NOT_ASSESSABLE,
        f"at least half within {AGREEMENT_MM:.0f} mm",
        2 * len(near) >= len(others) if others else None,
    )


def verdict(measures: Measures, warnings: list[str], doubts: Sequence[Doubt] = ()) -> Verdict:
    """Quality of data and processing by fixed thresholds; the worst reason decides."""
    red = [doubt.text for doubt in doubts if doubt.grave]
    amber = [doubt.text for doubt in doubts if not doubt.grave]
    _grade(
        measures.n_accepted,
        ENOUGH_SPIKES,
        FEW_SPIKES,
        True,
        red,
        amber,
        "the number of spikes averaged is not assessable",
        lambda value: f"only {count(int(value), 'spike')} averaged",
    )
    _grade(
        measures.snr_db,
        GOOD_SNR_DB,
        POOR_SNR_DB,
        True,
        red,
        amber,
        "the SNR of the average is not assessable",
        lambda value: f"the average has an SNR of only {number(value, 'dB', 1)}",
    )
    _grade(
        measures.coregistration_mm,
        GOOD_COREGISTRATION_MM,
        POOR_COREGISTRATION_MM,
        False,
        red,
        amber,
        "the co-registration cannot be judged, because there are no head points on the scalp",
        lambda value: f"head points lie {number(value, 'mm', 1)} from the scalp in the median",
    )
    _grade(
        measures.held_out_error_mm,
        GOOD_HELD_OUT_MM,
        POOR_HELD_OUT_MM,
        False,
        red,
        amber,
        "the network's error on synthetic spikes of this head is not assessable",
        lambda value: (
            f"the network errs by {number(value, 'mm', 1)} on synthetic spikes of this head"
        ),
    )
    n_all = measures.n_channels + measures.n_bad_channels
    if measures.n_bad_channels > MANY_BAD_CHANNELS * n_all:
        amber.append(f"{measures.n_bad_channels} of {n_all} channels are bad")
    if measures.n_accepted and measures.n_rejected is not None:
        n_marked = measures.n_accepted + measures.n_rejected
        if measures.n_rejected > MANY_REJECTED * n_marked:
            amber.append(f"{measures.n_rejected} of {n_marked} marked spikes were rejected")
    amber += [f"warning: {warning.rstrip('.')}" for warning in warnings[:WARNINGS_TOLD]]
    if len(warnings) > WARNINGS_TOLD:
        more = count(len(warnings) - WARNINGS_TOLD, "more warning")
        amber.append(f"{more} (section “Quality”)")
    colour = "red" if red else "amber" if amber else "green"
    return Verdict(colour, red + amber)


def worst(verdicts: Sequence[Verdict]) -> Verdict | None:
    """One verdict of several types' ones: the worst colour, every reason once; None without any."""
    if not verdicts:
        return None
    colour = max((each.colour for each in verdicts), key=COLOURS.index)
    reasons = [reason for each in verdicts for reason in each.reasons]
    return Verdict(colour, list(dict.fromkeys(reasons)))


def _grade(value, good, poor, higher_is_better, red, amber, unknown, describe) -> None:
    if value is None:
        amber.append(unknown)
        return
    sign = 1 if higher_is_better else -1
    if sign * value < sign * poor:
        red.append(describe(value))
    elif sign * value < sign * good:
        amber.append(describe(value))


def _at_least(value, threshold) -> bool | None:
    return None if value is None else bool(value >= threshold)


def _at_most(value, threshold) -> bool | None:
    return None if value is None else bool(value <= threshold)
