"""Alignment and judgement of spikes, on courses whose answer is known by hand."""

import re

import numpy as np
import pytest

from pipeline.spikes.selection import (
    DUPLICATE,
    cut,
    first_shifts,
    leading_topography,
    match,
    name_duplicates,
    select_spikes,
    spatial_basis,
)

N_TIMES, CENTRE = 81, 40
TOPOGRAPHY = np.array([3.0, -2.0, 1.0, 0.5])


def bump(peak, height=1.0, n_times=N_TIMES, width=4.0):
    return height * np.exp(-(((np.arange(n_times) - peak) / width) ** 2))


def spikes(peaks, heights=None, seed=0, noise=0.02):
    """One spike per peak with the same topography, and a little noise."""
    rng = np.random.default_rng(seed)
    heights = np.ones(len(peaks)) if heights is None else heights
    clean = [np.outer(TOPOGRAPHY, bump(*each)) for each in zip(peaks, heights, strict=True)]
    return np.array(clean) + noise * rng.normal(size=(len(peaks), 4, N_TIMES))


def rest(n=30, level=0.02, seed=1):
    return level * np.random.default_rng(seed).normal(size=(n, 4, N_TIMES))


def select(segments, max_shift=8, min_correlation=0.5, amplitude=(0.4, 2.5), **more):
    moved = np.full(len(segments), max_shift)
    return select_spikes(segments, rest(), moved, 12, min_correlation, amplitude, **more)


def test_cut_takes_each_segment_from_its_own_start():
    segments = np.arange(40.0).reshape(2, 2, 10)
    assert cut(segments, np.array([1, 4]), 3)[:, 0].tolist() == [[1, 2, 3], [24, 25, 26]]


def test_the_leading_topography_has_most_power_and_windows_weigh_the_same():
    course = np.ones(5)
    windows = np.array([np.outer([1, 0, 0], course)] * 3 + [np.outer([0, 100, 0], course)] * 2)
    assert np.abs(leading_topography(windows)) == pytest.approx([1, 0, 0])


@pytest.mark.parametrize("sign", [1, -1])
def test_first_shifts_go_to_the_largest_peak_of_the_common_polarity(sign):
    course = np.zeros((3, 21))
    course[0, 12], course[0, 7] = 5, -4
    course[1, 6], course[1, 14] = 5, -4
    # Beyond its own reach of two samples lies something larger.
    course[2, 11], course[2, 13], course[2, 9] = 5, 50, -4
    shifts = first_shifts(sign * course, 10, np.array([4, 4, 2]))
    assert shifts.tolist() == [2, -4, 1]


def test_a_basis_holds_what_stands_above_the_noise():
    u = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    courses = np.linalg.qr(np.random.default_rng(1).normal(size=(30, 8)))[0].T
    template = u @ np.diag([9, 8, 7, 6, 5, 4, 3, 2]) @ courses
    # The first of an odd number of spikes is left out, and signs alternate: 3.0 is left of noise.
    residue = 3.0 * np.outer(u[:, 7], courses[7])
    pairs = np.array([template + residue, template - residue] * 2)
    assert len(spatial_basis(template, pairs)) == 5  # 5 lies above 1.3 x 3.0, but five are most
    noisy = np.array([template + 1.6 * residue, template - 1.6 * residue] * 2)
    assert len(spatial_basis(template, noisy)) == 3  # 7 > 6.24 > 6
    odd = np.concatenate([noisy, noisy[:1] * 100])
    assert len(spatial_basis(template, odd)) == 3
    found = spatial_basis(template, noisy)
    assert np.abs(found @ u[:, :3]) == pytest.approx(np.eye(3), abs=1e-6)


def test_a_basis_has_one_component_at_least():
    template = np.outer(TOPOGRAPHY, bump(5, n_times=11))
    assert spatial_basis(template, np.array([10 * template, -10 * template])).shape == (1, 4)
    assert spatial_basis(template, template[None]).shape[0] >= 1


def test_match_finds_shift_correlation_and_amplitude():
    template = np.random.default_rng(0).normal(size=(2, 21))
    segment = np.zeros((2, 101))
    segment[:, 47:68] = 1.5 * template
    shift, correlation, amplitude = match(segment, template, 50, 20)
    assert (shift, correlation, amplitude) == (7, pytest.approx(1), pytest.approx(1.5))
    # Energies differ, and half of the power is something else.
    other = np.zeros((2, 21))
    other[0] = np.roll(template[0], 0)
    segment[:, 47:68] = other
    share = np.sum(template[0] ** 2) / np.sum(template**2)
    _, correlation, amplitude = match(segment, template, 57, 0)
    assert correlation == pytest.approx(np.sqrt(share))
    assert amplitude == pytest.approx(share)


@pytest.mark.parametrize(("max_shift", "shift"), [(7, 7), (6, None)])
def test_match_tries_shifts_up_to_the_largest(max_shift, shift):
    template = bump(10, n_times=21)[None]
    for sign in (1, -1):
        segment = np.zeros((1, 101))
        segment[:, 40 + 7 * sign : 61 + 7 * sign] = template
        found = match(segment, template, 50, max_shift)
        assert found[0] == sign * (shift or max_shift)
        assert (found[1] > 0.999999) == (shift is not None)


def test_silence_matches_nothing():
    assert match(np.zeros((1, 41)), bump(10, n_times=21)[None], 20, 3)[1:] == (0, 0)


def test_spikes_are_aligned_to_their_peaks():
    peaks = CENTRE + np.array([0, 3, -5, 6, -2, 1, -1, 4])
    found = select(spikes(peaks))
    assert found.accepted.all()
    assert found.shift.tolist() == (peaks - CENTRE).tolist()
    assert found.amplitude_ratio == pytest.approx(np.ones(8), abs=0.05)
    assert (found.correlation > 0.99).all()
    assert (found.channel_correlation > 0.98).all()


def test_small_large_and_unlike_spikes_are_rejected_with_their_reason():
    peaks = np.full(12, CENTRE)
    heights = np.ones(12)
    heights[[2, 5]] = 0.3, 2.7
    segments = spikes(peaks, heights)
    segments[7] = np.outer(TOPOGRAPHY, np.sin(np.arange(N_TIMES)))
    segments[9] = -segments[9]
    found = select(segments)
    assert np.flatnonzero(~found.accepted).tolist() == [2, 5, 7, 9]
    assert found.reasons[2].startswith("too small (0.30 < 0.40")
    assert found.reasons[5].startswith("too large (2.7")
    assert found.reasons[7].startswith("does not resemble")
    assert found.smallest_amplitude == 0.4


def test_a_spike_is_judged_by_the_average_of_the_others():
    heights = np.array([1.0] * 7 + [1.3])
    found = select(spikes(np.full(8, CENTRE), heights, noise=0.05))
    assert found.accepted.all()
    assert found.amplitude_ratio[7] == pytest.approx(1.3, abs=0.02)
    assert found.amplitude_ratio[:7] == pytest.approx(np.full(7, 7 / 7.3), abs=0.03)


def test_a_peak_too_far_from_its_mark_is_not_used():
    # The marks lie eight samples before the peaks, and one lies ten: no template is in the middle.
    peaks = CENTRE + np.array([8, 8, 8, 8, 8, 8, 8, 10])
    found = select(spikes(peaks, noise=0.001), max_shift=9)
    assert found.reasons[:7] == [""] * 7
    assert found.reasons[7] != ""


def test_of_marks_of_one_spike_the_nearest_stays():
    reasons = ["", "", "", "noise", ""]
    peak, distance = np.array([100, 105, 120, 101, 110]), np.array([4, 1, 0, 0, 3])
    expected = [DUPLICATE, "", "", DUPLICATE, DUPLICATE]
    assert name_duplicates(reasons, peak, distance, 10) == expected
    assert name_duplicates(["", ""], np.array([0, 10]), np.array([0, 0]), 10) == ["", ""]
    assert name_duplicates(["", ""], np.array([0, 9]), np.array([0, 0]), 10) == ["", DUPLICATE]


def test_marks_of_one_spike_count_once_in_a_selection():
    segments = spikes(CENTRE + np.array([0, 2, 0, 0, 0, 0, 0, 0]))
    # The second marks the first's spike two samples earlier.
    mark = np.array([1000, 998, 2000, 3000, 4000, 5000, 6000, 7000])
    found = select(segments, mark=mark, spike_length=20)
    assert np.flatnonzero(~found.accepted).tolist() == [1]
    assert found.reasons[1] == DUPLICATE


def test_the_smallest_amplitude_is_what_chance_reaches():
    segments = spikes(np.full(10, CENTRE), noise=0.001)
    loud = rest(200, 1.5)
    found = select_spikes(segments, loud, np.full(10, 8), 12, 0.5, (0.01, 2.5))
    template = np.outer(TOPOGRAPHY, bump(12, n_times=25))
    basis = TOPOGRAPHY[None] / np.linalg.norm(TOPOGRAPHY)
    chance = [match(basis @ each, basis @ template, CENTRE, 8)[2] for each in loud]
    assert found.smallest_amplitude == pytest.approx(np.quantile(chance, 0.99), rel=0.02)
    none = select_spikes(segments, loud[:0], np.full(10, 8), 12, 0.5, (0.3, 2.5))
    assert none.smallest_amplitude == 0.3


def test_spikes_with_other_activity_are_told_by_their_residual():
    rng = np.random.default_rng(3)
    segments = spikes(np.full(20, CENTRE), noise=0.05)
    for index, level in ((3, 0.075), (4, 0.105)):
        segments[index] = spikes([CENTRE], noise=0)[0] + level * rng.normal(size=(4, N_TIMES))
    found = select(segments)
    # More than three times the usual power: 0.075² is 2.3, 0.105² is 4.4 times 0.05².
    assert np.flatnonzero(~found.accepted).tolist() == [4]
    # 0.105² over 0.05², less what the template takes.
    assert re.match(r"other activity on top [(][34][.]\d times", found.reasons[4])
