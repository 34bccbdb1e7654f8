"""The clinical metrics on geometry whose answer is known by hand."""

import numpy as np
import pytest

from pipeline.localisation import localisation_error_mm
from pipeline.metrics import METRICS
from pipeline.metrics._metric import YES_OR_NO, Derived, Metric
from pipeline.metrics._overlap import (
    balanced_specificity,
    sensitivity,
    sublobar_sensitivity_specificity,
)
from pipeline.metrics.sampled_share import sampled_share
from pipeline.metrics.spatial_dispersion import spatial_dispersion_mm


def line(*x_mm):
    return np.array([[x, 0.0, 0.0] for x in x_mm])


def test_soz_localisation_error_is_the_mean_of_both_directions():
    soz, estimated = line(0, 10), line(0, 30)
    both, soz_to_estimate, estimate_to_soz = localisation_error_mm(soz, estimated)
    assert soz_to_estimate == pytest.approx((0 + 10) / 2)
    assert estimate_to_soz == pytest.approx((0 + 20) / 2)
    assert both == pytest.approx(7.5)


def test_soz_localisation_error_is_zero_only_on_the_contacts():
    assert localisation_error_mm(line(3, 5), line(5, 3)) == (0, 0, 0)


def sublobar(*index):
    mask = np.zeros(20, bool)
    mask[list(index)] = True
    return mask


def test_sublobar_sensitivity_and_specificity_over_twenty():
    # SOZ in 0 and 1, found in 1, 2 and 3: half of the SOZ, 16 of 18 others are free.
    found = sublobar_sensitivity_specificity(sublobar(1, 2, 3), sublobar(0, 1))
    assert found == pytest.approx((1 / 2, 16 / 18))


def test_sublobar_specificity_over_sampled_regions_alone():
    # Contacts in 0, 1, 2 and 5; of the two without SOZ, 2 is found.
    found = sublobar_sensitivity_specificity(
        sublobar(1, 2, 3), sublobar(0, 1), sublobar(0, 1, 2, 5)
    )
    assert found == pytest.approx((1 / 2, 1 / 2))


def test_sublobar_metrics_without_reference_are_nan():
    found, spared = sublobar_sensitivity_specificity(sublobar(1), sublobar(), sublobar())
    assert np.isnan(found) and np.isnan(spared)


def test_sensitivity_weighs_by_area():
    estimated = np.array([True, False, True])
    true = np.array([True, True, False])
    assert sensitivity(estimated, true, np.array([30.0, 10.0, 99.0])) == pytest.approx(0.75)


POS = line(*range(0, 101, 10))
TRUE = np.arange(11) < 3  # 0, 10, 20 mm; 30-50 mm are close, 60-100 mm far


def estimated_at(*x_mm):
    return np.isin(POS[:, 0], x_mm)


def test_close_specificity_takes_as_many_neighbours_as_true_regions():
    # Exactly three neighbours, so that every draw takes them all; one is found.
    _, close, far = balanced_specificity(estimated_at(0, 10, 30), TRUE, np.ones(11), POS, seed=0)
    assert close == pytest.approx(2 / 3)
    assert far == 1


def test_close_specificity_weighs_by_area():
    area = np.ones(11)
    area[3] = 8
    _, close, _ = balanced_specificity(estimated_at(30), TRUE, area, POS, seed=0)
    assert close == pytest.approx(2 / 10)


def test_far_specificity_is_drawn_around_spurious_regions():
    # Around the spurious 90 mm lie 60-100 mm: three of five are drawn, one of the five is found.
    both, close, far = balanced_specificity(
        estimated_at(10, 90), TRUE, np.ones(11), POS, seed=0, n_draws=4000
    )
    assert close == 1
    assert far == pytest.approx(0.8, abs=0.01)
    assert both == pytest.approx((close + far) / 2)


def test_far_regions_beyond_the_spurious_ones_reach_are_not_drawn():
    pos = np.vstack([POS, line(500, 510, 520)])
    true, estimated = (
        np.r_[TRUE, np.zeros(3, bool)],
        np.r_[estimated_at(60, 70, 80, 90, 100), [0] * 3],
    )
    _, _, far = balanced_specificity(estimated.astype(bool), true, np.ones(14), pos, seed=0)
    assert far == 0


def test_specificity_is_reproducible_and_seeded():
    args = (estimated_at(10, 40, 70, 90), TRUE, np.arange(1.0, 12), POS)
    first = balanced_specificity(*args, seed=1, n_draws=3)
    assert first == balanced_specificity(*args, seed=1, n_draws=3)
    others = [balanced_specificity(*args, seed=seed, n_draws=3) for seed in range(2, 6)]
    assert any(other != first for other in others)


def test_specificity_without_close_regions_is_nan():
    pos = line(0, 10, 200, 210)
    true = np.array([True, True, False, False])
    both, close, far = balanced_specificity(true, true, np.ones(4), pos, seed=0)
    assert np.isnan(close) and np.isnan(both) and far == 1


def test_spatial_dispersion_weighs_distances_by_activity():
    assert spatial_dispersion_mm(np.array([3.0, 1.0]), np.array([0.0, 20.0])) == pytest.approx(5)


def test_sampled_share_is_the_area_near_any_contact():
    share = sampled_share(line(0, 19, 21), np.array([1.0, 2.0, 5.0]), line(0))
    assert share == pytest.approx(3 / 8)


@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_says_what_tables_and_reports_need(name):
    metric = METRICS[name]
    assert metric.label and metric.definition and not metric.definition.endswith(".")
    assert metric.unit in {"mm", "cm2", "cm3", "percent", "fraction", YES_OR_NO}
    assert set(metric.parts) <= {other for other in METRICS if isinstance(METRICS[other], Metric)}
    if isinstance(metric, Derived):
        assert metric.in_group, "only the group computes it"
    for published in (metric.in_group.published if metric.in_group else {}).values():
        assert published.n in (21, 27, 29), "patients with a mask, with contacts, and all"
    if metric.in_group and metric.in_group.tested:
        assert metric.higher_is_better is not None


def test_orders_are_distinct():
    for orders in (
        [METRICS[name].order for name in METRICS],
        [METRICS[name].in_group.order for name in METRICS if METRICS[name].in_group],
    ):
        assert len(set(orders)) == len(orders)


def test_the_geometric_mean_is_that_of_its_parts():
    mean = METRICS["resection_geometric_mean"]
    assert mean.parts == ("resection_sensitivity", "resection_specificity")
    assert mean.combined(np.array([0.25]), np.array([0.64])) == pytest.approx(0.4)
