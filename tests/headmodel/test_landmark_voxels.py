"""Voxels of landmarks that are no three finite numbers."""

import numpy as np
import pytest

from pipeline.headmodel.landmarks import _voxel_index


@pytest.mark.parametrize(
    "voxel", [[1, 2], [1, 2, np.nan], [np.inf, 2, 3], [True, 2, 3], [[1], [2], [3]], "123", None]
)
def test_what_is_no_voxel_is_none(voxel):
    assert _voxel_index(voxel) is None


def test_three_numbers_are_a_voxel():
    assert _voxel_index([1, 2.5, 3]).tolist() == [1, 2.5, 3]
