"""The group's statistics, against scipy and by hand."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reports.group.content import p_value
from reports.group.statistics import holm, paired_test, summarise

untied = st.lists(st.integers(1, 10**6), min_size=1, max_size=14, unique=True)


@given(untied, st.data())
@settings(deadline=None, max_examples=60)
def test_p_is_scipys_where_nothing_is_tied(sizes, data):
    signs = data.draw(st.lists(st.sampled_from([-1, 1]), min_size=len(sizes), max_size=len(sizes)))
    difference = np.array(sizes) * signs / 1000
    expected = stats.wilcoxon(difference, method="exact").pvalue
    assert paired_test(difference, np.zeros(len(sizes))).p == pytest.approx(expected)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
@settings(deadline=None, max_examples=60)
def test_p_with_ties_is_that_of_all_signs(difference):
    """Against the definition: every choice of signs, counted one by one."""
    moved = np.array([d for d in difference if d])
    found = paired_test(np.array(difference, float), np.zeros(len(difference)))
    assert found.n_different == len(moved)
    if not len(moved):
        assert found.p == 1
        return
    ranks = stats.rankdata(np.abs(moved))
    sums = [sum(c) for c in itertools.product(*[(0, rank) for rank in ranks])]
    statistic = ranks[moved > 0].sum()
    below = np.mean([s <= statistic for s in sums])
    above = np.mean([s >= statistic for s in sums])
    assert found.p == pytest.approx(min(1, 2 * min(below, above)))


def test_p_of_29_equal_shifts_is_the_smallest_there_is():
    assert paired_test(np.arange(29.0), np.arange(29.0) + 1).p == pytest.approx(2**-28)


def test_missing_values_leave_the_pair_out():
    found = paired_test(np.array([1, 2, np.nan, 4]), np.array([2, np.nan, 3, 4]))
    assert (found.n, found.n_different, found.n_first_lower) == (2, 1, 1)
    assert np.isnan(paired_test(np.array([np.nan]), np.array([1.0])).p)


def test_holm_by_hand():
    corrected = holm(np.array([0.01, 0.04, np.nan, 0.03, 0.5]))
    np.testing.assert_allclose(corrected, [0.04, 0.09, np.nan, 0.09, 0.5])
    assert (holm(np.array([0.9, 0.8])) == 1).all()
    assert len(holm(np.array([]))) == 0


def test_summary_by_hand():
    found = summarise(np.array([1.0, 2, 3, np.nan, 6]))
    assert (found.n, found.mean, found.median) == (4, 3.0, 2.5)
    assert found.sd == pytest.approx(np.sqrt(14 / 3))
    assert np.isnan(summarise(np.array([2.0])).sd)
    assert summarise(np.array([])).n == 0


@pytest.mark.parametrize(
    ("p", "text"), [(1.0, "1"), (0.0421, "0.042"), (2**-28, "3.73\u00a0×\u00a010⁻⁹"), (np.nan, "–")]
)
def test_p_is_written_exactly(p, text):
    assert p_value(p) == text
