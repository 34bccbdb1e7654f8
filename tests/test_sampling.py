"""Every nth sample through the peak."""

import numpy as np
import pytest

from pipeline.sampling import samples_through_peak


@pytest.mark.parametrize(
    ("sfreq_hz", "peak", "step"),
    [(500.0, 6, 4), (500.0, 3, 4), (250.0, 5, 2), (125.0, 4, 1), (60.0, 4, 1), (1000.0, 17, 8)],
)
def test_samples_are_125_a_second_and_meet_the_peak(sfreq_hz, peak, step):
    times_s = (np.arange(40) - peak) / sfreq_hz
    start, kept_s = samples_through_peak(times_s, sfreq_hz)
    assert start == peak % step
    assert kept_s.tolist() == times_s[peak % step :: step].tolist()
    assert 0.0 in kept_s
