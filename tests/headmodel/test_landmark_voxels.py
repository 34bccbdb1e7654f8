"""Voxels of landmarks that are no three finite numbers."""

import numpy as np
import pytest

from pipeline.headmodel.landmarks import _voxel_index, template_landmarks_mni305_mm


@pytest.mark.parametrize(
    "voxel", [[1, 2], [1, 2, np.nan], [np.inf, 2, 3], [True, 2, 3], [[1], [2], [3]], "123", None]
)
def test_what_is_no_voxel_is_none(voxel):
    assert _voxel_index(voxel) is None


def test_three_numbers_are_a_voxel():
    assert _voxel_index([1, 2.5, 3]).tolist() == [1, 2.5, 3]


def test_the_templates_landmarks_are_in_millimetres():
    """fsaverage's own, on whose sides and heights its head points lie (mne's fsaverage-fiducials.fif)."""
    marks = template_landmarks_mni305_mm()
    assert set(marks) == {"nasion", "lpa", "rpa"}
    assert marks["lpa"] == pytest.approx([-80.6, -29.1, -41.3], abs=0.1)
    assert marks["rpa"] == pytest.approx([84.4, -28.5, -41.3], abs=0.1)
    assert marks["nasion"] == pytest.approx([1.5, 85.1, -34.8], abs=0.1)
