"""The rules of page one, on numbers known by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.doubts import Doubt
from pipeline.records.image_qc import ExistenceQC
from pipeline.records.solution import Point
from reports import findings
from reports.findings import Measures, Verdict


class Map(SimpleNamespace):
    """A solution whose maximum lies on the first axis."""

    def max_mri_mm(self, head):
        return np.array([self.x_mm, 0.0, 0.0])


def dipole(x_mm: float, gof_percent: float) -> Point:
    return Point(
        pos_mri_mm=np.array([x_mm, 0.0, 0.0]),
        direction_mri=np.array([1.0, 0, 0]),
        moment_am=1e-8,
        gof_percent=gof_percent,
        confidence_volume_cm3=0.1,
        time_s=0.0,
        nearest_region=0,
        nearest_label="left a",
        nearest_sublobar="a",
    )


def patient(n_types=1, lcmv_spikes=1000, region=None, existence=None, **solutions):
    """The finding lies at 0 mm."""
    maps = {name: s if isinstance(s, Point) else Map(x_mm=s) for name, s in solutions.items()}
    spikes = SimpleNamespace(
        filter=SimpleNamespace(highpass_hz=1.0, lowpass_hz=41.0),
        noise_covariance=SimpleNamespace(rank={"mag": 100, "grad": 200}),
        types=(None,) * n_types,
    )
    image = SimpleNamespace(
        lcmv_window_s=(-0.5, 0.5),
        n_spikes=lcmv_spikes,
        deep=None,
        methods={"personalized": SimpleNamespace(region=region, existence=existence)},
    )
    return SimpleNamespace(
        head=None,
        solutions={"personalized": Map(x_mm=0.0), **maps},
        finding_method="personalized",
        max_mm=np.zeros(3),
        image=image,
        qc=SimpleNamespace(spikes=spikes, image=image),
    )


def measured(**other) -> Measures:
    good = dict(
        n_accepted=10,
        n_rejected=10,
        snr_db=10.0,
        coregistration_mm=5.0,
        n_bad_channels=15,
        n_channels=85,
        head_model="freesurfer",
        personalization_used=True,
        held_out_error_mm=6.0,
    )
    return Measures(**(good | other))


def agreement(**solutions):
    checks = findings.support(patient(**solutions), measured())[1]
    (check,) = [each for each in checks if each.name == "Conventional methods that agree"]
    return check


@pytest.mark.parametrize(
    ("solutions", "result", "holds"),
    [
        ({"sloreta": 15.0, "dspm": 15.1}, "1 of 2", True),
        ({"sloreta": 15.0, "dspm": 15.1, "cmem": 40.0}, "1 of 3", False),
        ({"sloreta": -15.0, "dspm": -3.0, "cmem": 40.0}, "2 of 3", True),
        ({"sloreta": 15.1}, "0 of 1", False),
        # Another network is no second opinion.
        ({"sloreta": 1.0, "generic": 90.0}, "1 of 1", True),
        ({"generic": 0.0}, "not assessable", None),
        ({}, "not assessable", None),
    ],
)
def test_half_of_the_conventional_methods_must_lie_near(solutions, result, holds):
    check = agreement(**solutions)
    assert check.result.startswith(result) and check.holds is holds


def test_those_that_agree_are_named():
    assert agreement(sloreta=3.0, dspm=40.0).result == "1 of 2 (sLORETA)"
    assert agreement(sloreta=40.0).result == "0 of 1"


def test_a_dipole_votes_that_explains_four_fifths():
    assert agreement(sloreta=0.0, ecd=dipole(50.0, 79.9)).result.startswith("1 of 1")
    assert agreement(sloreta=0.0, ecd=dipole(50.0, 80.0)).result.startswith("1 of 2")


def test_a_beamformer_votes_that_has_three_samples_for_each_rank():
    # Two for each of 40 Hz in one second: 80 of each spike, and 900 are needed.
    assert agreement(lcmv=0.0, lcmv_spikes=12).result.startswith("1 of 1")
    assert agreement(lcmv=0.0, lcmv_spikes=11).result == "not assessable"


@pytest.mark.parametrize(
    ("name", "measures", "holds"),
    [
        ("SNR of the average", {"snr_db": 10.0}, True),
        ("SNR of the average", {"snr_db": 9.9}, False),
        ("SNR of the average", {"snr_db": None}, None),
        ("Head points to scalp, median", {"coregistration_mm": 5.0}, True),
        ("Head points to scalp, median", {"coregistration_mm": 5.1}, False),
        ("Head points to scalp, median", {"coregistration_mm": None}, None),
        ("Cortex", {"head_model": "freesurfer"}, True),
        ("Cortex", {"head_model": "template"}, False),
    ],
)
def test_each_condition_has_its_limit(name, measures, holds):
    checks = findings.support(patient(), measured(**measures))[1]
    assert {check.name: check.holds for check in checks}[name] is holds


@pytest.mark.parametrize(("probability", "holds"), [(0.45, True), (0.4, False)])
def test_the_networks_word_that_there_is_a_source_is_told(probability, holds):
    said = ExistenceQC(probability=probability, threshold=0.4)
    checks = findings.support(patient(existence=said), measured())[1]
    name = "Network’s probability of a source there"
    (check,) = [each for each in checks if each.name == name]
    assert check.result == f"{probability:.2f}" and check.holds is holds and "0.40" in check.rule
    assert name not in [each.name for each in findings.support(patient(), measured())[1]]


@pytest.mark.parametrize(("spread_mm", "holds"), [(3.0, True), (3.1, False)])
def test_the_spread_of_resamples_and_several_types_are_told(spread_mm, holds):
    region = SimpleNamespace(
        evidence={"spread_mm": spread_mm},
        own_grade=SimpleNamespace(
            name="B",
            n_spikes=5,
            median_error_mm=1.0,
            percentile_90_error_mm=2.0,
            within_15_mm=0.95,
        ),
    )
    grade, checks = findings.support(patient(n_types=2, region=region), measured())
    told = {check.name: check for check in checks}
    assert grade == "grade B" and told["Spread of resampled averages"].holds is holds
    kinds = told["Types among the marked spikes"]
    assert kinds.result == "2" and kinds.holds is False
    meaning = findings.grade_of(patient(region=region), measured())[1]
    assert "5 spikes" in meaning and "within 15 mm in 95\u00a0%" in meaning
    assert findings.grade_of(patient(), measured())[0] == "not assessable"


@pytest.mark.parametrize(
    ("measures", "colour"),
    [
        ({}, "green"),
        ({"n_accepted": 9, "n_rejected": 0}, "amber"),
        ({"n_accepted": 5, "n_rejected": 0}, "amber"),
        ({"n_accepted": 4, "n_rejected": 0}, "red"),
        ({"n_accepted": None}, "amber"),
        ({"n_rejected": 11}, "amber"),
        ({"snr_db": 9.9}, "amber"),
        ({"snr_db": 5.0}, "amber"),
        ({"snr_db": 4.9}, "red"),
        ({"coregistration_mm": 5.1}, "amber"),
        ({"coregistration_mm": 10.0}, "amber"),
        ({"coregistration_mm": 10.1}, "red"),
        ({"held_out_error_mm": 6.1}, "amber"),
        ({"held_out_error_mm": 12.0}, "amber"),
        ({"held_out_error_mm": 12.1}, "red"),
        ({"n_bad_channels": 16, "n_channels": 84}, "amber"),
    ],
)
def test_the_verdict_follows_its_thresholds(measures, colour):
    found = findings.verdict(measured(**measures), [])
    assert found.colour == colour and len(found.reasons) == (colour != "green")


def test_doubts_and_warnings_colour_the_verdict():
    light, grave = Doubt("light"), Doubt("grave", grave=True)
    assert findings.verdict(measured(), [], [light]) == Verdict("amber", ["light"])
    assert findings.verdict(measured(), [], [light, grave]) == Verdict("red", ["grave", "light"])
    assert findings.verdict(measured(), ["a.", "b."]).reasons == ["warning: a", "warning: b"]
    more = findings.verdict(measured(), ["a", "b", "c", "d"]).reasons
    assert more == ["warning: a", "warning: b", "2 more warnings (section “Quality”)"]


def test_the_extent_is_what_half_of_the_resamples_hold():
    one = patient()
    one.finding = SimpleNamespace(extent=np.array([True, True, False]))
    one.stability = {}
    assert findings.held_extent(one).tolist() == [True, True, False]
    one.stability = {"personalized": np.array([0.5, 0.49, 1.0])}
    assert findings.held_extent(one).tolist() == [True, False, False]


def test_the_extents_size_and_gyri_are_told():
    one = patient()
    label = np.array(["left a", "left a", "left b", "left c", "left d"], object)
    one.head = SimpleNamespace(
        region_area_mm2=np.array([100.0, 300, 200, 250, 150]), region_label=label
    )
    one.stability = {}
    one.finding = SimpleNamespace(extent=np.array([True, True, True, False, False]))
    told = findings.extent_sentence(one)
    assert "covers 3 regions, 6\u00a0cm² of cortex, in the left a (67" in told
    assert "(67\u00a0%)" in told and "(33\u00a0%)" in told and told.index("67") < told.index("33")
    one.finding = SimpleNamespace(extent=np.ones(5, bool))
    told = findings.extent_sentence(one)
    assert "mainly in the" in told and "(40\u00a0%)" in told and "(15\u00a0%)" not in told
    one.finding = SimpleNamespace(extent=np.zeros(5, bool))
    assert findings.extent_sentence(one).startswith("No region")
