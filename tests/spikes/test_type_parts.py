"""What types of spikes are told by, on few numbers known by hand."""

import numpy as np
import pytest

from pipeline.spikes import types
from pipeline.spikes.selection import OTHER_TYPE, Selection, among_all
from pipeline.spikes.types import spike_types, strongest_side


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


def one_source(n, seed=0, length=21, strength=6.0):
    """Windows (n, 4, length) of one field and course, in a little noise."""
    rng = np.random.default_rng(seed)
    course = strength * np.exp(-(((np.arange(length) - length // 2) / 2.0) ** 2))
    return np.outer([1.0, -0.5, 0.3, 0], course) + 0.3 * rng.normal(size=(n, 4, length))


def test_leading_components_weigh_each_mark_the_same():
    """Around the mark alone: five samples to either side; the field with most power is the last."""
    segments = np.zeros((9, 12, 51))
    for mark, channel in enumerate([0, 0, 0, 0, 1, 1, 1, 2, 2]):
        segments[mark, channel, [20, 30]] = 1 + 10 * mark
        segments[mark, 5, [19, 31]] = 1e3
    basis = types._leading_components(segments, 5)
    assert basis.shape == (8, 12)
    assert np.abs(basis[:-4:-1, :3]) == pytest.approx(np.eye(3))
    assert np.abs(basis[-3:, 5]).max() < 1e-9


def test_peaks_are_the_largest_power_within_reach_of_their_mark():
    segments = np.zeros((3, 2, 41))
    segments[0, 0, [23, 25]] = -3, 9
    segments[1, :, 18], segments[1, 0, 24] = 2, 2.5
    segments[2, 0, 20] = 1
    windows = types._peaks(segments, np.array([4, 4, 4]), 6)
    assert windows.shape == (3, 2, 13)
    # The second has 8 on both channels together, against 6.25.
    assert windows[:, :, 6].tolist() == [[-3, 0], [2, 2], [1, 0]]
    assert types._peaks(segments, np.array([5, 4, 4]), 6)[0, 0, 6] == 9


def test_fewer_than_ten_marks_are_not_divided(monkeypatch):
    asked = []
    monkeypatch.setattr(
        types, "_halves", lambda windows, lag: asked.append(len(windows)) or (None, 1.0)
    )
    for n in (9, 10):
        members = np.arange(3, 3 + n)
        (group,) = types._bisected(np.ones((20, 2, 9)), None, np.ones(20, int), members, 1)
        assert group is members
    assert asked == [10]


@pytest.mark.parametrize(
    ("likeness", "surrogates", "is_split"),
    [
        (0.41, [], False),
        (0.4, [0.41] * 60, True),
        (0.3, [0.31] * 60, True),
        (0.3, [0.31] * 59 + [0.3], False),
        (0.3, [0.31] * 60 + [0.1], True),
    ],
)
def test_marks_are_divided_that_are_less_alike_than_any_surrogate(
    monkeypatch, likeness, surrogates, is_split
):
    """Less than 0.4, and less than the halves of 60 groups of one source, that of the larger half."""
    windows = np.arange(20.0)[:, None, None] * np.ones((1, 2, 9))
    second = np.arange(12) >= 7
    answers = iter([(second, likeness), *((None, each) for each in surrogates)])
    sources = []

    def halves(given, max_lag):
        # What is divided again is alike.
        return next(answers) if len(given) == 12 else (None, 1.0)

    def amid_noise(rng, source, baseline, max_shift):
        sources.append((source, max_shift))
        return np.ones((12, 2, 9))

    monkeypatch.setattr(types, "_halves", halves)
    monkeypatch.setattr(types, "_amid_noise", amid_noise)
    members = np.arange(2, 14)
    groups = types._bisected(windows, None, np.arange(20), members, 1)
    if is_split:
        assert [group.tolist() for group in groups] == [[9, 10, 11, 12, 13], [2, 3, 4, 5, 6, 7, 8]]
    else:
        assert [group.tolist() for group in groups] == [members.tolist()]
    if surrogates:
        source, max_shift = sources[0]
        # The average of the larger half, 2 to 8, and each mark with its own reach.
        assert np.median(source) == 5 and max_shift.tolist() == list(range(2, 14))


def test_a_surrogate_is_the_source_in_noise_cut_out_at_its_peak():
    source = 50 * np.eye(1, 9, 4) * np.ones((2, 1))
    baseline = np.random.default_rng(0).normal(size=(6, 2, 9 + 6 + 4))
    max_shift = np.array([3, 1, 2, 0] * 50)
    found = types._amid_noise(np.random.default_rng(1), source, baseline, max_shift)
    assert found.shape == (200, 2, 9)
    assert (found[:, :, 4] > 40).all()
    noise = np.delete(found, 4, axis=2)
    # Any window, at any of the places at which source and shifts fit.
    values = {round(value, 9) for value in baseline.ravel()}
    assert {round(value, 9) for value in noise.ravel()} <= values
    first = {tuple(np.round(each, 9)) for each in noise[:, 0, :4]}
    assert len(first) == 6 * 5


def test_halves_of_fewer_than_five_are_one_source(monkeypatch):
    monkeypatch.setattr(types, "_likeness", lambda first, second, lag: 0.1)
    for n_second, likeness in ((4, 1.0), (5, 0.1), (8, 0.1), (9, 1.0)):
        second = np.arange(13) < n_second
        monkeypatch.setattr(types, "_second_group", lambda windows, lag, second=second: second)
        assert types._halves(np.ones((13, 2, 9)), 1) == (pytest.approx(second), likeness)


def test_two_fields_are_two_groups_at_whatever_lag():
    first, second = one_source(8), one_source(6, seed=1)[:, ::-1]
    windows = np.concatenate([first, second])
    windows[::2] = np.roll(windows[::2], 2, axis=2)
    found = types._second_group(windows, 3)
    assert len(set(found[:8])) == len(set(found[8:])) == 1 and found[0] != found[8]


def test_correlations_are_at_a_lag_of_the_first():
    rng = np.random.default_rng(0)
    windows, others = rng.normal(size=(3, 2, 15)), rng.normal(size=(4, 2, 15))
    found = types._correlations(windows, others, 2, 3)
    assert found.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            # Products over energies: no mean is taken off.
            a, b = windows[i, :, 5:14].ravel(), others[j, :, 3:12].ravel()
            assert found[i, j] == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)))
    assert list(types._lags(3)) == [-3, -2, -1, 0, 1, 2, 3]


def test_an_odd_window_is_left_out_of_the_noise_of_a_group():
    """Of five windows four have signs that alternate: 1 of noise is left, the fifth has nothing."""
    unit = np.eye(3)[:, :, None] * np.eye(1, 5, 2)
    first = np.stack([5 * unit[0] + sign * unit[1] for sign in (1, -1, 1, -1)] + [5 * unit[0]])
    second = np.stack([5 * unit[0]] * 4)
    assert types._likeness(first, second, 0) == pytest.approx(5 * 5 / np.sqrt((25 - 1) * 25))
