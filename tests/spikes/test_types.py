"""Spikes of several sources are told apart, and those of one are not split."""

import numpy as np
import pytest

from pipeline.spikes.types import spike_types

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
