"""What a resection mask's values say, and its grid."""

import nibabel as nib
import numpy as np
import pytest

from pipeline.compare.resection import mirrored_grid, read_resection
from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import Volume
from pipeline.metrics._case import Resection

AFFINE = np.diag([2.0, 2, 2, 1])
INSIDE = np.zeros((12, 12, 12), bool)
INSIDE[3:6, 4:8, 5:9] = True


def read(folder, data):
    nib.save(nib.Nifti1Image(data, AFFINE), folder / "mask.nii")
    return read_resection(folder / "mask.nii").inside


@pytest.mark.parametrize(
    "data",
    [
        INSIDE.astype(np.uint8),
        255 * INSIDE.astype(np.uint8),
        0.4 * INSIDE.astype(np.float32),
        np.where(INSIDE, 0.9, 0.3).astype(np.float32) * np.linspace(0.9, 1, 12),
        np.where(INSIDE, np.linspace(0.9, 1.1, 12), np.linspace(-0.1, 0.1, 12)),
        np.where(INSIDE, 1, np.nan).astype(np.float32),
    ],
    ids=["0 1", "0 255", "0 0.4", "probabilities", "splines", "NaN outside"],
)
def test_two_values_and_probabilities_are_understood(tmp_path, data):
    np.testing.assert_array_equal(read(tmp_path, data), INSIDE)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (INSIDE + 2 * np.roll(INSIDE, 6, 0).astype(np.uint8), "the labels 0, 1, 2, and which"),
        (INSIDE.astype(np.int16) - 1, "the labels -1, 0, and which"),
        (INSIDE.astype(np.int16) + 1, "the labels 1, 2, and which"),
        (INSIDE * np.linspace(60.5, 99.5, 12), "values from 0 to 88.9, which are neither"),
        (0.3 * INSIDE * np.linspace(0.5, 1, 12), "no value above a half"),
    ],
    ids=["labels", "background -1", "background 1", "percent", "all below a half"],
)
def test_other_values_are_not_guessed(tmp_path, data, told):
    with pytest.raises(InvalidInput, match=told):
        read(tmp_path, data)


def test_an_empty_mask_stays_empty(tmp_path):
    assert not read(tmp_path, np.zeros((12, 12, 12), np.uint8)).any()


def test_the_t1ws_voxels_counted_from_the_other_side_are_told():
    t1w = Volume(np.zeros(INSIDE.shape, np.float32), AFFINE)
    mirrored = AFFINE @ np.array([[-1.0, 0, 0, 11], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    (doubt,) = mirrored_grid(Resection(INSIDE, mirrored), t1w)
    assert "side of the resection is wrong" in doubt.text
    assert mirrored_grid(Resection(INSIDE, AFFINE), t1w) == ()
    assert mirrored_grid(Resection(INSIDE[:-1], mirrored), t1w) == ()
