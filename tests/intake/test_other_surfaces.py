"""FreeSurfer's results of another image, which preflight notices as the run does, and exchanged hemispheres."""

import nibabel as nib
import numpy as np
import pytest
from fake_anatomy import make_head

from pipeline.errors import InvalidInput
from pipeline.headmodel.freesurfer import check_hemispheres, check_same_image, middle_of_brain
from pipeline.headmodel.t1w import Volume
from pipeline.warp import apply_affine


@pytest.fixture(scope="module")
def head():
    made = make_head()
    grain = np.random.default_rng(2).uniform(0.5, 1.5, made.t1w.data.shape)
    return Volume((made.t1w.data * grain).astype(np.float32), made.t1w.affine), made.brain_mask


def surface_mm(volume, brain_mask):
    return apply_affine(volume.affine, np.argwhere(brain_mask).astype(float))


def test_the_middle_of_the_brain_lies_in_it(head):
    volume, brain_mask = head
    middle = middle_of_brain(surface_mm(volume, brain_mask), volume)
    assert middle.sum() > 1000 and (middle & brain_mask).sum() > 0.95 * middle.sum()


@pytest.mark.parametrize("shift_mm", [(0, 0, 0), (0, 15, 0), (0, 0, 400)])
def test_the_middle_decides_as_the_brain_does(head, tmp_path, shift_mm):
    volume, brain_mask = head
    moved = volume.affine.copy()
    moved[:3, 3] += shift_mm
    theirs = Volume(volume.data, moved)
    (tmp_path / "mri").mkdir()
    image = nib.MGHImage(theirs.data, moved.astype(np.float32))
    nib.save(image, tmp_path / "mri" / "orig.mgz")
    middle = middle_of_brain(surface_mm(theirs, brain_mask), volume)
    for mask in (brain_mask, middle):
        if any(shift_mm):
            with pytest.raises(InvalidInput, match="do not lie on one another"):
                check_same_image(tmp_path, volume, mask)
        else:
            assert check_same_image(tmp_path, volume, mask)[0] > 0.99


def test_exchanged_hemispheres_are_refused(tmp_path):
    left = np.random.default_rng(0).normal((-35, -20, 10), 20, (500, 3))
    right = left * [-1, 1, 1]
    file = tmp_path / "lh.white"
    check_hemispheres(left, right, file)
    # A head may lie off the middle of the scanner.
    off_mm = np.array([80, 0, 0])
    check_hemispheres(left + off_mm, right + off_mm, file)
    with pytest.raises(InvalidInput, match="left hemisphere lies on the right"):
        check_hemispheres(right, left, file)
