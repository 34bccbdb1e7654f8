"""Marks without a source are told from marks of spikes."""

import numpy as np
import pytest

from pipeline.records.spikes_qc import MAX_CHANCE, PresenceQC
from pipeline.spikes.config import Config
from pipeline.spikes.presence import N_DRAWS, Rules, judge_presence, presence_of_type
from pipeline.whitening import snr_db

SFREQ_HZ = 250.0
RULES = Rules(half_width=25, min_correlation=0.5, amplitude_range=(0.4, 3.0), sfreq_hz=SFREQ_HZ)
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


def _judge(rng, segments: np.ndarray, **options) -> PresenceQC:
    max_shift = np.full(len(segments), 12)
    return judge_presence(segments, _rhythmic(rng, 60), max_shift, RULES, **options)


def test_a_rhythm_is_no_spike_though_its_aligned_average_stands_out():
    rng = np.random.default_rng(1)
    presence = _judge(rng, _rhythmic(rng, 20))
    assert not presence.found
    # It ends with the first average of spike-free epochs that stands out as far.
    assert presence.n_draws < N_DRAWS and presence.chance_db >= presence.snr_db
    # A fixed limit of 3 dB would take some of them for spikes.
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
