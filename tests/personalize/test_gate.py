"""Whether fine-tuning helped, on errors whose gain is known by hand."""

import numpy as np
import pytest

from pipeline.personalize.gate import is_beyond_chance, paired_gain


def test_gain_is_paired_by_recording_and_counted_by_head():
    before_mm = np.array([[1.0, 5.0, 4.0], [30.0, 8.0, 2.0]])
    gain_mm, standard_error_mm = paired_gain(before_mm, before_mm - [[1, 3, 5], [0, 1, 2]])
    assert gain_mm == pytest.approx(2.0)
    # The heads' means, 3 and 1 mm, lie 1 mm from theirs: a variance of 2 mm², over two heads.
    assert standard_error_mm == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("n_heads", "quantile"), [(2, 12.706), (4, 3.182), (8, 2.365)], ids=["two", "four", "eight"]
)
def test_few_heads_must_gain_more(n_heads, quantile):
    """Quantiles of Student's t as tables print them, two-sided 95 %."""
    assert is_beyond_chance(0.3 * (quantile + 0.002), 0.3, n_heads)
    assert not is_beyond_chance(0.3 * (quantile - 0.002), 0.3, n_heads)
    assert not is_beyond_chance(0.0, 0.0, n_heads)
    assert not is_beyond_chance(-9.0, 0.3, n_heads)
