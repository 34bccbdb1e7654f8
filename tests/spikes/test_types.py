"""Spikes of several sources are told apart, and those of one are not split."""

import numpy as np
import pytest

from pipeline.spikes import types
from pipeline.spikes.selection import OTHER_TYPE, Selection, among_all
from pipeline.spikes.types import spike_types, strongest_side

SFREQ_HZ, N_CHANNELS, N_TIMES, HALF_WIDTH = 250.0, 40, 251, 25


def marks(counts, strength=8.0, seed=0, polarity=(1, 1, 1), n_nothing=0):
    """White noise with spikes of orthogonal fields: segments, baseline, source of each mark."""
    rng = np.random.default_rng(seed)
    fields = np.linalg.qr(rng.standard_normal((N_CHANNELS, 3)))[0].T
    truth = rng.permutation(np.repeat([*range(len(counts)), -1], [*counts, n_nothing]))
    segments = rng.standard_normal((len(truth), N_CHANNELS, N_TIMES))
    time_s = (np.arange(N_TIMES) - N_TIMES // 2) / SFREQ_HZ
    for segment, source in zip(segments, truth, strict=True):
        if source >= 0:
            late_s, height = rng.normal(0, 0.01), strength * np.exp(rng.normal(0, 0.25))
            course = height * np.exp(-(((time_s - late_s) / 0.018) ** 2))
            segment += np.outer(polarity[source] * fields[source], course)
    return segments, rng.standard_normal((60, N_CHANNELS, 300)), truth


def types_of(segments, baseline, sfreq_hz=SFREQ_HZ, half_width=HALF_WIDTH):
    max_shift = np.full(len(segments), round(0.05 * sfreq_hz))
    return spike_types(segments, baseline, max_shift, half_width, sfreq_hz)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("counts", [(40,), (12,)])
def test_spikes_of_one_source_are_one_type(counts, seed):
    segments, baseline, _ = marks(counts, seed=seed)
    assert (types_of(segments, baseline) == 1).all()


@pytest.mark.parametrize("counts", [(25, 25), (40, 10), (20, 14, 10)])
def test_each_source_is_a_type_and_the_largest_comes_first(counts):
    segments, baseline, truth = marks(counts, seed=1)
    found = types_of(segments, baseline)
    assert np.mean(found == truth + 1) > 0.95 or counts[0] == counts[1]
    for source in range(len(counts)):
        _, n = np.unique(found[truth == source], return_counts=True)
        assert n.max() >= 0.95 * n.sum()
    assert len(np.unique(found)) == len(counts)
    sizes = np.bincount(found)[1:]
    assert (np.diff(sizes) <= 0).all()


def test_the_same_field_turned_round_is_another_type():
    segments, baseline, truth = marks((20, 20), seed=2)
    rng = np.random.default_rng(3)
    field = np.linalg.qr(rng.standard_normal((N_CHANNELS, 1)))[0][:, 0]
    time_s = (np.arange(N_TIMES) - N_TIMES // 2) / SFREQ_HZ
    course = 8 * np.exp(-((time_s / 0.018) ** 2))
    segments = rng.standard_normal(segments.shape) + np.where(truth == 0, 1, -1)[
        :, None, None
    ] * np.outer(field, course)
    found = types_of(segments, baseline)
    assert len(np.unique(found)) == 2
    assert len(np.unique(found[truth == 0])) == len(np.unique(found[truth == 1])) == 1


def test_marks_at_which_nothing_happens_are_no_type():
    segments, baseline, _ = marks((30,), n_nothing=12, seed=4)
    assert (types_of(segments, baseline) == 1).all()
    assert (types_of(*marks((), n_nothing=30)[:2]) == 1).all()


def test_a_higher_sampling_rate_changes_nothing():
    segments, baseline, truth = marks((20, 15), seed=5)
    double = [np.repeat(part, 2, axis=2)[:, :, :-1] for part in (segments, baseline)]
    at_double = types_of(*double, sfreq_hz=2 * SFREQ_HZ, half_width=2 * HALF_WIDTH)
    assert (at_double == truth + 1).mean() > 0.95


def test_too_few_marks_are_no_type_of_their_own():
    segments, baseline, _ = marks((20, 4), seed=6, strength=15)
    assert (types_of(segments, baseline) == 1).all()


@pytest.mark.parametrize(
    ("loud", "side"), [(slice(0, 4), "left"), (slice(6, 10), "right"), (slice(0, 10), "both sides")]
)
def test_the_side_is_that_of_the_sensors_that_see_most(loud, side):
    rng = np.random.default_rng(0)
    segments, baseline = rng.standard_normal((2, 30, 10, 51))
    segments[:, loud, 20:31] += 4
    right_mm = np.linspace(-90, 90, 10)
    assert strongest_side(segments, baseline, 5, right_mm) == side


def test_other_types_are_unmeasured_and_say_why():
    judged = Selection(
        np.array([3, -2]), *(np.array([0.9, 0.1]) for _ in range(3)), ["", "too small"], 0.4
    )
    whole = among_all(judged, np.array([False, True, True]))
    assert whole.reasons == [OTHER_TYPE, "", "too small"]
    assert whole.shift.tolist() == [0, 3, -2]
    assert np.isnan(whole.correlation[0]) and whole.correlation[1:].tolist() == [0.9, 0.1]
    assert whole.accepted.tolist() == [False, True, False]


@pytest.mark.parametrize(("right_mm", "side"), [(12, "right"), (-12, "left"), (8, "both sides")])
def test_within_a_centimetre_of_the_middle_is_on_no_side(right_mm, side):
    segments, baseline = np.ones((2, 4, 3, 51))
    segments[:, 1, 20:31] = 3
    assert strongest_side(segments, baseline, 5, np.array([0, right_mm, 0])) == side
    assert strongest_side(baseline, baseline, 5, np.array([90, 90, 90])) == "both sides"


def test_the_side_is_told_by_the_window_alone():
    """Five samples to either side of the mark; the power over the baseline's counts, squared."""
    segments, baseline = np.ones((2, 4, 2, 51))
    segments[:, 0, [20, 30]] = 2
    segments[:, 1, [19, 31]] = 9
    right_mm = np.array([-50, 50])
    assert strongest_side(segments, baseline, 5, right_mm) == "left"
    # Excesses of 6 / 11 and 3 / 11 weigh four to one: the middle is at -9.8 mm, then at -12 mm.
    segments[:, 1] = 1
    segments[:, 1, 25] = 2
    assert strongest_side(segments, baseline, 5, np.array([-20, 31])) == "both sides"
    assert strongest_side(segments, baseline, 5, np.array([-20, 20])) == "left"


@pytest.mark.parametrize(("sfreq_hz", "half_width"), [(250.0, 25), (500.0, 50), (300.0, 30)])
def test_spikes_are_compared_at_250_hz(monkeypatch, sfreq_hz, half_width):
    """0.1 s and the lag of 24 ms to either side, the mark in the middle."""
    seen = {}

    def bisected(windows, baseline, max_shift, members, max_lag):
        seen.update(windows=windows, baseline=baseline, max_shift=max_shift, max_lag=max_lag)
        return [members[4:], members[:4]]

    monkeypatch.setattr(types, "_bisected", bisected)
    rng = np.random.default_rng(0)
    n_times = round(sfreq_hz) + 1
    segments, baseline = 1e-3 * rng.normal(size=(2, 10, 12, n_times))
    segments[:, :, n_times // 2] += 5
    found = spike_types(segments, baseline, np.full(10, half_width // 5), half_width, sfreq_hz)
    assert found.tolist() == [2, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    step = 2 if sfreq_hz == 500 else 1
    reach = half_width // step + round(0.024 * sfreq_hz / step)
    assert seen["max_lag"] == round(0.024 * sfreq_hz / step)
    assert seen["windows"].shape == (10, 8, 2 * reach + 1)
    assert (np.sum(seen["windows"] ** 2, axis=1).argmax(1) == reach).all()
    assert seen["max_shift"].tolist() == [half_width // 5 // step] * 10
    assert seen["baseline"].shape[2] == -(-n_times // step)


@pytest.mark.parametrize("lag", [0, 2])
def test_likeness_is_the_correlation_of_averages_without_their_noise(lag):
    """Signs that alternate leave the noise alone: it takes 1 of 9 and 4 of 16 off the energies."""
    course = np.exp(-((np.arange(17) - 8.0) ** 2))
    unit = np.eye(8)[:, :, None] * course / np.linalg.norm(course)
    first = np.stack([3 * unit[0] + sign * unit[1] for sign in (1, -1, 1, -1)])
    mixed = 4 * (0.6 * unit[0] + 0.8 * unit[2])
    second = np.stack([mixed + 2 * sign * unit[3] for sign in (1, -1, 1, -1)])
    second = np.roll(second, lag, axis=2)
    expected = 3 * 4 * 0.6 / np.sqrt(8 * 12)
    assert types._likeness(first, second, 3) == pytest.approx(expected, rel=1e-3)


def test_averages_that_do_not_stand_out_are_not_told_apart():
    """Twice the power of the noise is needed, noise included."""
    unit = np.eye(3)[:, :, None] * np.eye(1, 5, 2)
    for strength, likeness in ((1.42, 0.0), (1.40, 1.0)):
        one = np.stack([strength * unit[0] + sign * unit[1] for sign in (1, -1, 1, -1)])
        other = np.stack([9 * unit[2]] * 4)
        assert types._likeness(other, one, 0) == pytest.approx(likeness)


def test_windows_are_aligned_to_their_average():
    late = (0, 2, -1, 0)
    windows = np.stack([np.eye(1, 21, 10 + each) for each in late])
    windows[:2] *= 3
    average = types._average(windows, 3)
    assert average[0].argmax() in (10, 11, 12) and np.sum(average > 0) == 1
    assert average.max() == pytest.approx(2)
