"""Marks that the average leaves out and that resemble each other."""

import numpy as np
import pytest

from pipeline.spikes.selection import select_spikes
from pipeline.spikes.unlike import another_kind, unlike

SFREQ_HZ, N_TIMES, MAX_SHIFT, HALF_WIDTH = 125.0, 161, 4, 12
MAIN = np.eye(8)[0]
OTHER = np.eye(8)[3]


def marks(topographies, seed=0):
    """One spike (n_ch, n_times) per topography, ten times as high as its unit noise."""
    rng = np.random.default_rng(seed)
    course = np.exp(-(((np.arange(N_TIMES) - N_TIMES // 2) / 3.0) ** 2))
    clean = np.array([10 * np.outer(each, course) for each in topographies])
    return clean + rng.normal(size=clean.shape)


def found_in(topographies, min_snr_db=3.0):
    segments = marks(topographies)
    rest = np.random.default_rng(1).normal(size=(30, 8, N_TIMES))
    most = np.full(len(segments), MAX_SHIFT)
    selection = select_spikes(segments, rest, most, HALF_WIDTH, 0.5, (0.4, 3.0))
    assert selection.accepted[: len(topographies) // 2].all()
    least = (5, min_snr_db, 0.5)
    left = unlike(selection)
    return another_kind(segments[left], rest, most[left], HALF_WIDTH, SFREQ_HZ, least)


def test_rejected_marks_with_a_field_of_their_own_are_another_kind():
    found = found_in([MAIN] * 20 + [OTHER] * 8)
    assert found.n == 8
    assert found.snr_db > 10
    assert found.doubt.grave and found.doubt.text.startswith("8 marks that do not resemble")


def test_the_opposite_polarity_is_another_kind():
    assert found_in([MAIN] * 20 + [-MAIN] * 8).n == 8


@pytest.mark.parametrize("rejected", [0, 4, 15])
def test_marks_at_which_nothing_happens_are_none(rejected):
    assert found_in([MAIN] * 20 + [0 * MAIN] * rejected) is None


def test_four_alike_are_too_few():
    assert found_in([MAIN] * 20 + [OTHER] * 4) is None
