"""The smallest source that a recording would have shown."""

import numpy as np
import pytest

from pipeline.sight import smallest_field, smallest_moments_am


def test_field_by_hand():
    # 10 dB is ten times the noise's power, nine of them the spike's; over 4 components and 9 spikes.
    assert smallest_field(10.0, 9, 4) == pytest.approx(2.0)


def test_moment_by_hand():
    # Noise of 2 in one channel and 1 in the other; ten times the power of noise with 2 spikes.
    noise = np.diag([4.0, 1.0])
    field = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    moment = smallest_moments_am(field, noise, 2, 10.0)
    assert moment == pytest.approx([3.0, 1.0, np.inf])


def test_average_of_such_a_source_reaches_the_snr():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(30, 30))
    noise, field = mixing @ mixing.T, rng.normal(size=(30, 1))
    n_spikes, snr_db = 25, 5.0
    moment = smallest_moments_am(field, noise, n_spikes, snr_db)[0]
    singles = np.einsum("ij,njt->nit", mixing, rng.normal(size=(n_spikes, 30, 4000)))
    white = np.linalg.solve(mixing, singles.mean(0) + moment * field)
    reached = 10 * np.log10(np.mean(white**2) * n_spikes)
    assert reached == pytest.approx(snr_db, abs=0.1)
