"""Marks without a source are told from marks of spikes."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.files import write_json
from pipeline.records.document import document
from pipeline.records.spikes_qc import MAX_CHANCE, PresenceQC
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
    presence = _judge(rng, _rhythmic(rng, 20))
    assert not presence.found and presence.snr_db > 3
    # It ends with the first average of spike-free epochs that stands out as far.
    assert presence.n_draws < N_DRAWS and presence.chance_db >= presence.snr_db
    # A fixed limit of 3 dB would take some of them for spikes.
    rng = np.random.default_rng(1)
    strong = _judge(rng, _with_spikes(rng))
    assert 3 < strong.chance_db < strong.snr_db


def test_spikes_are_found_above_the_rhythm():
    rng = np.random.default_rng(2)
    presence = _judge(rng, _with_spikes(rng))
    assert presence.found and presence.n_draws == N_DRAWS
    assert presence.p == pytest.approx(1 / (1 + N_DRAWS)) and presence.p <= MAX_CHANCE
    assert presence.snr_db > presence.chance_db


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
    presence = judge_presence(spikes, free, max_shift, rules)
    assert presence.found and presence.chance_db is None
    write_json(tmp_path / "presence.json", document(presence))
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
