"""The region that holds the source: on places and numbers known by hand."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from quality_files import PERSONALIZE, grade

from pipeline.image import stage
from pipeline.image.region import (
    Calibration,
    Evidence,
    centre_mm,
    evidence_of,
    held_regions,
    near_peak,
    sloreta_map,
    volume_cm3,
)
from pipeline.methods import METHODS
from pipeline.paths import PatientPaths

POS_MM = np.array([[0.0, 0, 0], [10, 0, 0], [20, 0, 0], [100, 0, 0]])
AREA_MM2 = np.array([100.0, 100, 200, 400])


def _evidence(**other) -> Evidence:
    known = dict(
        snr_db=10.0,
        spread_mm=0.0,
        apart_mm=0.0,
        hill_cm2=1.0,
        sensitivity_db=0.0,
        template_path=False,
    )
    return Evidence(**(known | other))


CALIBRATION = Calibration(
    coverage=0.9,
    weights=(0.0, 1.0, 0.0, 0.0, 0.0, np.log(2), np.log(3)),
    grades=(grade("A", 8.0), grade("B", 20.0), grade("C", 1000.0)),
    generic_sha256="",
    calibration_spikes=1,
    calibration_heads=1,
    test_spikes=1,
    test_heads=1,
    test_coverage=0.9,
)


@pytest.mark.parametrize(
    ("fine_tuned", "improved", "sha256"),
    [(True, True, "calibrated"), (False, False, "another"), (True, False, "another")],
)
def test_weights_that_it_was_not_calibrated_with_have_no_region(
    monkeypatch, tmp_path, fine_tuned, improved, sha256
):
    """Fine-tuned ones neither: they are others, though they began as those."""
    trained = replace(PERSONALIZE, improved=improved, generic_model_sha256=sha256)
    monkeypatch.setattr(stage, "read_personalize_qc", lambda paths: trained)
    calibration = replace(CALIBRATION, generic_sha256="calibrated")
    monkeypatch.setattr(stage.region, "load_calibration", lambda: calibration)
    part = replace(METHODS["generic"], fine_tuned=fine_tuned)
    assert stage._region(part, None, None, np.empty((0, 4)), PatientPaths(tmp_path, "01")) is None


def test_centre_is_that_of_the_hill_around_the_maximum():
    # The third region has less than half, the fourth is as strong but another hill.
    found, hill_cm2 = centre_mm(np.array([3.0, 1.5, 1.0, 2.9]), POS_MM, AREA_MM2)
    np.testing.assert_allclose(found, [10 * 1.5 / 4.5, 0, 0])
    assert hill_cm2 == 2.0


def test_evidence_measures_spread_and_disagreement():
    one, other = np.eye(4)[0], np.eye(4)[1]
    found = evidence_of(
        one, np.array([one, other]), np.eye(4)[2], np.array([1.0, 10, 10, 10]), 7.0, True,
        POS_MM, AREA_MM2,
    )  # fmt: skip
    assert found.spread_mm == pytest.approx(10 / np.sqrt(2))
    assert found.apart_mm == 20 and found.snr_db == 7 and found.template_path
    assert found.sensitivity_db == pytest.approx(-20)


def test_radius_and_grade_follow_the_table():
    # 3 mm x (spread + 2) / 1 mm, twice that with the template's cortex.
    assert CALIBRATION.radius_mm(_evidence()) == pytest.approx(6.0)
    assert CALIBRATION.radius_mm(_evidence(template_path=True)) == pytest.approx(12.0)
    assert [CALIBRATION.grade(radius).name for radius in (6.0, 8.0, 8.1, 30.0)] == list("AABC")


def test_region_is_never_empty_and_has_the_volume_of_its_cortex():
    np.testing.assert_array_equal(
        held_regions(np.array([1.0, 0, 0]), 10.0, POS_MM), [True, True, False, False]
    )
    alone = held_regions(np.array([60.0, 0, 0]), 5.0, POS_MM)
    np.testing.assert_array_equal(alone, [False, False, True, True])
    assert volume_cm3(np.array([True, True, False, False]), AREA_MM2) == pytest.approx(0.5)


def test_what_is_seen_is_weighed_by_its_logarithm_and_within_limits():
    seen = _evidence(
        snr_db=20.0,
        spread_mm=6.0,
        apart_mm=15.0,
        hill_cm2=9.0,
        sensitivity_db=-10.0,
        template_path=True,
    )
    expected = [2.0, np.log(8), np.log(20), np.log(10), -1.0, 1.0, 1.0]
    assert seen.features == pytest.approx(expected)
    assert _evidence(snr_db=26.0, sensitivity_db=21.0).features[[0, 4]].tolist() == [2.5, 2.0]
    assert _evidence(snr_db=-1.0, sensitivity_db=-21.0).features[[0, 4]].tolist() == [0.0, -2.0]


def test_a_hill_reaches_half_of_the_maximum_and_30_mm():
    pos_mm = np.array([[0.0, 0, 0], [30, 0, 0], [31, 0, 0], [10, 0, 0]])
    centre, hill_cm2 = centre_mm(np.array([4.0, 4, 4, 2]), pos_mm, np.full(4, 100.0))
    assert hill_cm2 == 3.0 and centre[0] == pytest.approx((4 * 30 + 2 * 10) / 10)


def test_the_networks_samples_around_the_peak_are_whitened():
    """Every fourth sample from the network's first one; those within 16 ms of the peak, five."""
    network = SimpleNamespace(
        sfreq_hz=500.0, start=2, times_s=(np.arange(9) - 4) * 0.008, whiten=np.diag([2.0, 3.0])
    )
    spikes = np.arange(36.0)[None, None] + np.array([0.0, 100])[:, None]
    near = near_peak(network, spikes)
    samples = 2 + 4 * np.arange(2, 7)
    assert near.shape == (1, 2, 5)
    assert near[0].tolist() == [(2.0 * samples).tolist(), (3.0 * (samples + 100)).tolist()]


def test_sloreta_counts_the_three_middle_samples():
    network = SimpleNamespace(projection=SimpleNamespace(kernel=torch.tensor([[1.0, 0], [1, -1]])))
    white = np.array([[99.0, 1, 2, -3, 99], [99, 1, 5, 0, 99]])
    assert sloreta_map(network, white).tolist() == [2.0, 2.0]
