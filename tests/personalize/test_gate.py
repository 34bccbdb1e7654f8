"""Whether fine-tuning helped, on errors whose gain is known by hand."""

import numpy as np
import pytest

from pipeline.personalize.gate import is_beyond_chance, paired_gain


def test_gain_is_paired_by_recording():
    before_mm = np.array([1.0, 5.0, 30.0, 8.0])
    gain_mm, standard_error_mm = paired_gain(before_mm, before_mm - [1.0, 3.0, 1.0, 3.0])
    assert gain_mm == pytest.approx(2.0)
    # Each lies 1 mm from the mean: a variance of 4 / 3 mm², over four recordings.
    assert standard_error_mm == pytest.approx(np.sqrt(4 / 3 / 4))


@pytest.mark.parametrize(
    ("gain_mm", "is_gain"), [(0.61, True), (0.6, False), (0.59, False), (0.0, False), (-9, False)]
)
def test_a_gain_of_more_than_two_standard_errors_counts(gain_mm, is_gain):
    assert is_beyond_chance(gain_mm, 0.3) is is_gain
    assert is_beyond_chance(0.0, 0.0) is False
