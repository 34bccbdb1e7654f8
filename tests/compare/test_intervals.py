"""Intervals of resampled metrics."""

import numpy as np
import pytest

from pipeline.compare.assess import _interval


def test_an_interval_holds_ninety_five_in_a_hundred():
    assert _interval(list(np.arange(101.0))) == pytest.approx((2.5, 97.5))
    assert _interval([]) is None
