"""The weakest source that an average would have shown."""

import numpy as np
import pytest

from pipeline.sight import smallest_field, smallest_moment_nam


def test_field_gives_the_average_its_snr():
    # Signal 9 times the noise beside the noise itself: 10 dB.
    length = smallest_field(10.0, n_spikes=4, n_components=100)
    signal_power, noise_power = length**2 / 100, 1 / 4
    assert 10 * np.log10((signal_power + noise_power) / noise_power) == pytest.approx(10)


def test_moment_counts_all_vertices_and_falls_with_field_and_spikes():
    leadfield = np.array([[3e8, 0.0], [4e8, 1e8]])
    moment = smallest_moment_nam(leadfield, np.array([10, 20]), 3.0103, n_spikes=8)
    # A field of length sqrt(2 / 8) = 0.5: 1 nAm on each vertex of the first, 5 of the second.
    np.testing.assert_allclose(moment, [10 * 1.0, 20 * 5.0], rtol=1e-4)
    more = smallest_moment_nam(leadfield, np.array([10, 20]), 3.0103, n_spikes=32)
    np.testing.assert_allclose(more, moment / 2)
