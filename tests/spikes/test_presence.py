"""Marks without a source are told from marks of spikes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.files import write_json
from pipeline.records.document import document
from pipeline.records.spikes_qc import MAX_CHANCE, PresenceQC
from pipeline.spikes import presence
from pipeline.spikes.config import Config
from pipeline.spikes.presence import N_DRAWS, Rules, judge_presence, presence_of_type
from pipeline.whitening import snr_db

SFREQ_HZ = 250.0
# At half the rate: more takes time and tells no more.
RULES = Rules(half_width=12, min_correlation=0.5, amplitude_range=(0.4, 3.0), sfreq_hz=SFREQ_HZ / 2)
N_CHANNELS, N_TIMES = 20, 251


def _rhythmic(rng, n: int) -> np.ndarray:
    """Noise with a 10 Hz rhythm of random phase in one topography: chance likeness of shape."""
    time_s = np.arange(N_TIMES) / SFREQ_HZ
    course = np.cos(2 * np.pi * (10 * time_s + rng.uniform(0, 1, (n, 1))))
    topography = np.linspace(-1, 1, N_CHANNELS)
    noise = rng.normal(size=(n, N_CHANNELS, N_TIMES))
    return noise + 2 * topography[:, np.newaxis] * course[:, np.newaxis]


def _with_spikes(rng) -> np.ndarray:
    time_s = (np.arange(N_TIMES) - N_TIMES // 2) / SFREQ_HZ
    field = np.where(np.arange(N_CHANNELS) < 6, 8.0, 0.0)
    return _rhythmic(rng, 20) + field[:, np.newaxis] * np.exp(-((time_s / 0.02) ** 2))


def _coarse(segments: np.ndarray) -> np.ndarray:
    """Every other sample, the middle one among them."""
    return segments[:, :, N_TIMES // 2 % 2 :: 2]


def _judge(rng, segments: np.ndarray, **options) -> PresenceQC:
    max_shift = np.full(len(segments), 6)
    free = _rhythmic(rng, 60)[:, :, ::2]
    return judge_presence(_coarse(segments), free, max_shift, RULES, **options)


def test_a_rhythm_is_no_spike_though_its_aligned_average_stands_out():
    rng = np.random.default_rng(111)
    told = _judge(rng, _rhythmic(rng, 20))
    assert not told.found and told.snr_db > 3
    # It ends with the first average of spike-free epochs that stands out as far.
    assert told.n_draws < N_DRAWS and told.chance_db >= told.snr_db
    # A fixed limit of 3 dB would take some of them for spikes.
    rng = np.random.default_rng(1)
    strong = _judge(rng, _with_spikes(rng))
    assert 3 < strong.chance_db < strong.snr_db


def test_spikes_are_found_above_the_rhythm():
    rng = np.random.default_rng(2)
    told = _judge(rng, _with_spikes(rng))
    assert told.found and told.n_draws == N_DRAWS
    assert told.p == pytest.approx(1 / (1 + N_DRAWS)) and told.p <= MAX_CHANCE
    assert told.snr_db > told.chance_db


def test_the_same_seed_gives_the_same_judgement():
    segments = _rhythmic(np.random.default_rng(3), 6)
    one, other = (_judge(np.random.default_rng(4), segments, n_draws=5) for _ in range(2))
    assert one == other


def test_a_few_spikes_unlike_any_chance_are_found_and_their_judgement_can_be_written(tmp_path):
    """Of three epochs of white noise no two resemble each other: chance has no average at all."""
    rng = np.random.default_rng(6)
    segments, free = rng.normal(size=(2, 60, N_CHANNELS, N_TIMES))
    rules, max_shift = replace(RULES, min_correlation=0.9), np.full(3, 6)
    spikes = _coarse(segments[:3] + 3 * (_with_spikes(rng) - _rhythmic(rng, 20)).mean(0))
    told = judge_presence(spikes, free, max_shift, rules)
    assert told.found and told.chance_db is None
    write_json(tmp_path / "presence.json", document(told))
    of_noise = judge_presence(_coarse(segments[3:6]), free, max_shift, rules)
    assert not of_noise.found and of_noise.snr_db is None
    write_json(tmp_path / "presence.json", document(of_noise))


def test_of_several_types_only_the_asked_one_is_looked_at():
    rng = np.random.default_rng(5)
    segments = np.concatenate([_with_spikes(rng)[:8], _rhythmic(rng, 8)])
    first = np.arange(16) < 8
    marks = np.full(16, 12)
    rest = _rhythmic(rng, 60), marks, np.eye(N_CHANNELS), SFREQ_HZ, Config()
    assert presence_of_type(segments, first, *rest).found
    assert not presence_of_type(segments, ~first, *rest).found


def test_snr_is_the_power_of_the_average_over_that_with_alternating_signs():
    # Average 3, alternating average 1: 9 to 1.
    assert snr_db(np.array([4.0, 2.0, 4.0, 2.0]).reshape(4, 1, 1)) == pytest.approx(
        10 * np.log10(9)
    )


@pytest.mark.parametrize(
    ("sfreq_hz", "step", "reach"), [(500.0, 4, 80), (250.0, 2, 52), (100.0, 1, 36), (300.0, 2, 58)]
)
def test_what_is_judged_is_whitened_around_the_marks_at_125_hz(monkeypatch, sfreq_hz, step, reach):
    """A tenth of a second, twice the largest shift of 12 samples and one, in whole steps and one more."""
    judged = []
    monkeypatch.setattr(presence, "judge_presence", lambda *given: judged.append(given))
    segments = np.arange(201.0) * np.ones((4, 2, 1)) + 1000 * np.arange(4)[:, None, None]
    baseline = np.arange(90.0) * np.ones((3, 2, 1))
    of_type, max_shift = np.array([False, True, False, True]), np.array([12, 4, 3, 9])
    presence_of_type(
        segments, of_type, baseline, max_shift, np.diag([2.0, 3.0]), sfreq_hz, Config()
    )
    ((near, free, shift, rules),) = judged
    assert near.shape == (2, 2, 2 * reach // step + 1)
    assert near[0, 0].tolist() == (2 * (1000 + np.arange(100 - reach, 101 + reach, step))).tolist()
    assert near[1, 1, reach // step] == 3 * 3100
    assert free[0, 1].tolist() == (3 * np.arange(0.0, 90, step)).tolist()
    assert shift.tolist() == [4 // step, 9 // step]
    assert rules == Rules(round(0.1 * sfreq_hz) // step, 0.5, (0.4, 3.0), sfreq_hz / step)


@pytest.mark.parametrize(
    ("chance_db", "n_draws", "p"),
    [([1, 2, 4.9, 0], 4, 1 / 5), ([1, 5.0, 9, 9], 2, 2 / 3), ([6, 1, 1, 1], 1, 1)],
)
def test_draws_end_where_one_reaches_the_marks(monkeypatch, chance_db, n_draws, p):
    asked, heights = [], iter([5.0, *chance_db])

    def stands_out(epochs, chance, max_shift, rules):
        asked.append((epochs, chance))
        return next(heights)

    monkeypatch.setattr(presence, "_stands_out_db", stands_out)
    segments, free = np.arange(101.0) * np.ones((6, 3, 1)), np.arange(90.0)[:, None, None]
    told = judge_presence(segments, free * np.ones((1, 3, 61)), np.full(6, 3), RULES, n_draws=4)
    assert (told.n_draws, told.p) == (n_draws, pytest.approx(p))
    assert told.snr_db == 5 and told.chance_db == max(chance_db[:n_draws])
    # 12 samples, twice the shift of 3 and one to either side of the middle, of every second window.
    assert asked[0][0][0, 0].tolist() == list(range(50 - 19, 50 + 20))
    assert asked[0][1][:, 0, 0].tolist() == list(range(0, 90, 2))
    assert asked[1][0].shape == (6, 3, 39)


def test_of_fewer_than_80_windows_all_tell_what_chance_reaches(monkeypatch):
    seen = []
    monkeypatch.setattr(
        presence, "_stands_out_db", lambda epochs, chance, *rest: seen.append(len(chance)) or 0.0
    )
    for n_windows, n_seen in ((39, 39), (79, 79), (80, 40)):
        judge_presence(np.ones((2, 1, 61)), np.ones((n_windows, 1, 61)), np.full(2, 3), RULES)
        assert seen[-1] == n_seen


def test_an_average_stands_out_within_20_ms_of_the_moved_peaks(monkeypatch):
    rng = np.random.default_rng(0)
    segments = rng.normal(size=(4, 3, 51))
    shift, chosen = np.array([0, 3, -2, 9]), np.array([True, True, True, False])

    def select(given, chance, max_shift, half_width, min_correlation, amplitude_range):
        assert (half_width, min_correlation, amplitude_range) == (12, 0.5, (0.4, 3.0))
        return SimpleNamespace(accepted=chosen, shift=shift)

    monkeypatch.setattr(presence, "select_spikes", select)
    peaks = np.stack([segments[i, :, 25 + shift[i] - 2 : 28 + shift[i]] for i in range(3)])
    found = presence._stands_out_db(segments, None, None, RULES)
    assert found == pytest.approx(snr_db(peaks))
    chosen[1] = False
    peaks = peaks[[0, 2]]
    assert presence._stands_out_db(segments, None, None, RULES) == pytest.approx(snr_db(peaks))
    chosen[2] = False
    assert presence._stands_out_db(segments, None, None, RULES) == -np.inf
    # Of copies of one epoch nothing is left with alternating signs.
    chosen[:3], shift[:] = (True, True, False), 0
    segments[1] = segments[0]
    assert presence._stands_out_db(segments, None, None, RULES) == -np.inf


def test_spike_free_epochs_come_from_different_windows_and_any_place():
    free = 100.0 * np.arange(5)[:, None, None] + np.arange(23)
    rng = np.random.default_rng(0)
    starts = []
    for n in (5, 7, 10):
        for _ in range(20):
            epochs = presence._spike_free(rng, free, n, 10)
            assert epochs.shape == (n, 1, 21)
            assert (np.diff(epochs[:, 0]) == 1).all()
            window, start = np.divmod(epochs[:, 0, 0], 100)
            counts = np.bincount(window.astype(int), minlength=5)
            assert counts.min() >= n // 5 and counts.max() <= -(-n // 5)
            starts += start.tolist()
    assert set(starts) == {0, 1, 2}
