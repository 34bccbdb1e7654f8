"""The group's tests and summaries on numbers known by hand, and against every choice of signs."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import rankdata, wilcoxon

from reports.group.statistics import (
    hodges_lehmann,
    holm,
    paired_test,
    summarise,
    two_by_two,
    wilson,
)


def test_a_summary_is_of_the_finite_values():
    told = summarise(np.array([1.0, np.nan, 2, 4, 9, np.inf]))
    assert (told.n, told.mean, told.median) == (4, 4.0, 3.0)
    assert told.sd == pytest.approx(np.sqrt((9 + 4 + 0 + 25) / 3))
    assert (told.quartile_1, told.quartile_3) == (1.75, 5.25)
    alone = summarise(np.array([3.0]))
    assert alone.n == 1 and alone.mean == 3 and np.isnan(alone.sd)
    pair = summarise(np.array([3.0, 5]))
    assert pair.sd == pytest.approx(np.sqrt(2))
    nobody = summarise(np.array([np.nan]))
    assert nobody.n == 0 and np.isnan([nobody.mean, nobody.sd, nobody.median]).all()


def by_all_signs(difference):
    """Two-sided p of the sum of positive ranks, over all 2^n choices of signs."""
    moved = difference[difference != 0]
    ranks = rankdata(np.abs(moved))
    sums = np.array([ranks @ signs for signs in product((0, 1), repeat=len(ranks))])
    own = ranks[moved > 0].sum()
    return min(1, 2 * min(np.mean(sums <= own), np.mean(sums >= own)))


@pytest.mark.parametrize("seed", range(4))
def test_the_signed_rank_test_is_exact_without_and_with_ties(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0.5, 1, 9), rng.normal(size=9)
    told = paired_test(first, second)
    assert told.p == pytest.approx(wilcoxon(first, second, method="exact").pvalue)
    assert paired_test(second, first).p == pytest.approx(told.p)
    tied = np.round(first - second)
    told = paired_test(tied, np.zeros(9))
    assert told.p == pytest.approx(by_all_signs(tied))
    assert told.statistic == rankdata(np.abs(tied[tied != 0]))[tied[tied != 0] > 0].sum()
    assert (told.n, told.n_different) == (9, np.count_nonzero(tied))
    assert told.n_first_lower == np.sum(tied < 0) and told.median_difference == np.median(tied)


def test_pairs_that_differ_by_rounding_are_ties_and_missing_ones_none():
    told = paired_test(np.array([0.3, 5, np.nan, 7]), np.array([0.3 + 3e-10, 3, 1, np.nan]))
    assert (told.n, told.n_different, told.n_first_lower) == (2, 1, 0)
    assert told.p == 1 and told.median_difference == 1
    nobody = paired_test(np.array([np.nan]), np.array([1.0]))
    assert (nobody.n, nobody.n_different, nobody.n_first_lower) == (0, 0, 0)
    assert np.isnan([nobody.p, nobody.statistic, nobody.median_difference]).all()


def test_wilsons_interval_by_its_formula():
    """Of 3 in 10 with z = 1.96: (0.3 + 0.192) / 1.384 -+ 1.96 / 1.384 sqrt(0.021 + 0.0096)."""
    told = wilson(3, 10)
    z = 1.959964
    middle, half = (
        (0.3 + z**2 / 20) / (1 + z**2 / 10),
        z / (1 + z**2 / 10) * np.sqrt(0.3 * 0.7 / 10 + z**2 / 400),
    )
    assert (told.value, told.low, told.high) == pytest.approx((0.3, middle - half, middle + half))
    assert wilson(1, 1).high == 1 and wilson(1, 1).low > 0 and wilson(0, 1).low == 0
    assert np.isnan([wilson(0, 0).low, wilson(0, 0).high]).all()


@pytest.mark.parametrize("n", [6, 7, 9])
def test_the_shifts_interval_holds_what_a_test_of_five_percent_does_not_refuse(n):
    difference = np.cumsum(np.arange(1.0, n + 1) ** 1.5) - 20
    told = hodges_lehmann(difference, np.zeros(n))
    step = 1e-6
    for limit, outwards in ((told.low, -step), (told.high, step)):
        assert by_all_signs(difference - (limit - outwards)) > 0.05
        assert by_all_signs(difference - (limit + outwards)) <= 0.05
    walsh = [(a + b) / 2 for i, a in enumerate(difference) for b in difference[i:]]
    assert told.value == pytest.approx(np.median(walsh))


def test_a_shift_of_five_pairs_has_no_interval_and_that_of_none_no_value():
    told = hodges_lehmann(np.arange(1.0, 6), np.zeros(5))
    assert told.value == 3 and np.isnan([told.low, told.high]).all()
    told = hodges_lehmann(np.array([np.nan]), np.zeros(1))
    assert np.isnan([told.value, told.low, told.high]).all()


def test_what_is_left_of_two_properties_is_counted():
    first = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], bool)
    second = np.array([1, 1, 0, 1, 1, 1, 1, 0, 0, 0], bool)
    told = two_by_two(first, second)
    assert (told.both, told.first_alone, told.second_alone, told.neither) == (2, 1, 4, 3)
    assert told.p == pytest.approx(1) and told.odds.low < told.odds.value < told.odds.high
    for alone in (first, ~first):
        told = two_by_two(alone, np.ones(10, bool))
        assert np.isnan([told.p, told.odds.value, told.odds.low, told.odds.high]).all()
        assert told.first_alone == told.neither == 0


def test_holm_steps_down_and_never_back():
    """0.01 x 4, 0.02 x 3, 0.025 x 2 raised to 0.06, 0.8; a test that was not made counts for none."""
    told = holm(np.array([0.02, np.nan, 0.01, 0.8, 0.025]))
    assert told[[2, 0, 4, 3]] == pytest.approx([0.04, 0.06, 0.06, 0.8]) and np.isnan(told[1])
    assert holm(np.array([0.6, 0.7])).tolist() == [1, 1]
    assert np.isnan(holm(np.array([np.nan]))).all() and len(holm(np.array([]))) == 0
