"""Marks that the average leaves out and that resemble each other."""

import numpy as np
import pytest

from pipeline.spikes.config import Config
from pipeline.spikes.selection import UNLIKE, Selection, select_spikes
from pipeline.spikes.unlike import AnotherKind, another_kind, doubts_of_unlike, unlike

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


@pytest.mark.parametrize("late", [0, 3, -4])
def test_marks_are_averaged_at_their_peaks(late):
    """Peaks beside their marks, by as much as is allowed, have the SNR of those that are not."""
    rest = np.random.default_rng(1).normal(size=(30, 8, N_TIMES))
    segments = marks([OTHER] * 12)
    least, most = (5, 3.0, 0.5), np.full(12, MAX_SHIFT)
    straight = another_kind(segments, rest, most, HALF_WIDTH, SFREQ_HZ, least)
    moved = another_kind(np.roll(segments, late, axis=2), rest, most, HALF_WIDTH, SFREQ_HZ, least)
    assert moved.n == straight.n == 12
    assert moved.snr_db == pytest.approx(straight.snr_db, abs=0.01)
    # Ten times the noise's deviation in one of eight channels, averaged twelvefold.
    course = 10 * np.exp(-((np.arange(-2, 3) / 3.0) ** 2))
    expected = 10 * np.log10(12 * np.mean(course**2) / 8)
    assert straight.snr_db == pytest.approx(expected, abs=1.5)
    assert straight.snr_db == round(straight.snr_db, 4)


@pytest.mark.parametrize(("n_unlike", "is_looked_at"), [(4, False), (5, True)])
def test_what_is_looked_at_is_whitened_and_judged_as_configured(
    monkeypatch, n_unlike, is_looked_at
):
    seen = []
    monkeypatch.setattr(
        "pipeline.spikes.unlike.another_kind",
        lambda *given: seen.append(given) or AnotherKind(5, 7.0),
    )
    reasons = ["", "too small", *[f"{UNLIKE} (0.1)"] * n_unlike]
    n = len(reasons)
    selection = Selection(*(np.zeros(n) for _ in range(4)), reasons, 0.4)
    segments, baseline = np.ones((n, 2, 9)) * np.arange(n)[:, None, None], np.ones((3, 2, 9))
    doubts = doubts_of_unlike(
        selection, segments, baseline, np.arange(n), np.diag([2.0, 3]), 250.0, Config()
    )
    assert [doubt.grave for doubt in doubts] == [True] * is_looked_at
    if is_looked_at:
        ((near, free, max_shift, half_width, sfreq_hz, least),) = seen
        assert near[:, 0, 0].tolist() == [4, 6, 8, 10, 12] and near[0, 1, 0] == 6
        assert free[0, :, 0].tolist() == [2, 3] and max_shift.tolist() == [2, 3, 4, 5, 6]
        assert (half_width, sfreq_hz, least) == (25, 250.0, (5, 3.0, 0.5))
