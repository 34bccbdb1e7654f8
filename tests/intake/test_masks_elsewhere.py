"""Resection masks that lie in another space than the T1w's, or are not of what was resected."""

from pathlib import Path

import numpy as np
import pytest
from dataset_of_files import touch

from bids_app.surgery import find_surgery
from pipeline.compare.resection import moved_grid, of_other_space, of_template_grid
from pipeline.headmodel.t1w import Volume
from pipeline.metrics._case import Resection

DERIVATIVE = "derivatives/d"
NATIVE = "sub-01_desc-resection_mask.nii.gz"
AFFINE = np.diag([2.0, 2, 2, 1])
T1W = Volume(np.zeros((12, 14, 16), np.float32), AFFINE)


def found(root, *names, where=DERIVATIVE):
    """What is taken for the mask, why there is none, and the notes."""
    touch(root, "sub-01/anat/sub-01_T1w.nii.gz", *(f"{where}/sub-01/anat/{name}" for name in names))
    notes = []
    t1w = root / "sub-01/anat/sub-01_T1w.nii.gz"
    surgery = find_surgery("01", root, [root / DERIVATIVE], t1w, notes)
    return surgery.mask and surgery.mask.name, surgery.no_mask, notes


@pytest.mark.parametrize("space", ["MNI152NLin2009cAsym", "MNI", "fsaverage", "Talairach"])
def test_a_mask_in_a_templates_space_is_never_laid_on_the_t1w(tmp_path, space):
    name = f"sub-01_space-{space}_desc-resection_mask.nii.gz"
    told = f"{name} is in the space of a template, not of this head"
    assert found(tmp_path, name) == (None, told, [])
    # Beside the patient's own it makes nothing ambiguous.
    mask, _, notes = found(tmp_path, NATIVE)
    assert (mask, notes) == (NATIVE, [f"{told}: it was passed over."])


@pytest.mark.parametrize(
    "label", ["nonresected", "unresected", "resectionmirrored", "flippedresection"]
)
def test_what_was_left_or_mirrored_is_no_resection(tmp_path, label):
    name = f"sub-01_desc-{label}_mask.nii.gz"
    mask, _, notes = found(tmp_path, name)
    assert mask is None and notes == [
        f"{name} was passed over: by its name it is not of what was resected."
    ]


def test_a_mask_among_the_datasets_own_images_is_found_a_derivatives_before_it(tmp_path):
    own = "sub-01_label-resection_roi.nii.gz"
    assert found(tmp_path, own, where=".")[0] == own
    assert found(tmp_path, NATIVE)[0] == NATIVE


def test_a_mask_of_another_format_is_named(tmp_path):
    name = "sub-01_desc-resection_mask.mgz"
    mask, _, notes = found(tmp_path, name)
    assert mask is None and notes == [f"{name} was passed over: a mask is read as NIfTI alone."]


def moved(by_mm, shape=T1W.data.shape):
    affine = AFFINE.copy()
    affine[:3, 3] += by_mm
    return Resection(np.ones(shape, bool), affine)


def test_as_many_voxels_elsewhere_are_told_with_the_distance():
    (doubt,) = moved_grid(moved([0, 30, 40]), T1W)
    assert "up to 50 mm elsewhere" in doubt.text
    assert moved_grid(moved([0, 0, 0.5]), T1W) == ()
    assert moved_grid(moved([0, 30, 40], (12, 14, 15)), T1W) == ()
    # The same voxels counted from two other ends lie where they lay.
    turned = AFFINE @ np.array([[-1.0, 0, 0, 11], [0, -1, 0, 13], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert moved_grid(Resection(np.ones(T1W.data.shape, bool), turned), T1W) == ()


@pytest.mark.parametrize(
    ("space", "told"), [("T2w", True), ("CT", True), ("T1w", False), ("orig", False), ("", False)]
)
def test_a_mask_named_in_another_images_space_is_told(space, told):
    path = Path(f"sub-01{space and f'_space-{space}'}_desc-resection_mask.nii.gz")
    doubts = of_other_space(path, moved([5, 0, 0]), T1W)
    assert [f"named as in {space} space" in doubt.text for doubt in doubts] == [True] * told
    # On the T1w's own voxels it has been brought there.
    assert of_other_space(path, moved([0, 0, 0]), T1W) == ()


@pytest.mark.parametrize(("shape", "told"), [((91, 109, 91), True), ((91, 109, 90), False)])
def test_the_voxels_of_a_templates_image_are_told(shape, told):
    mask = moved([0, 0, 0], shape)
    texts = [doubt.text for doubt in of_template_grid(mask, T1W)]
    assert ["voxels of a template's image (91 x 109 x 91)" in text for text in texts] == [
        True
    ] * told
    assert of_template_grid(mask, Volume(np.zeros(shape, np.float32), AFFINE)) == ()


@pytest.mark.parametrize(
    "name",
    [
        "sub-1/anat/sub-1_desc-resection_mask.nii.gz",
        "sub-01/anat/sub-02_desc-resection_mask.nii.gz",
        "sub-01/anat/resection_mask.nii.gz",
        "01/resection.nii.gz",
    ],
)
def test_a_mask_that_is_not_named_for_the_participant_is_told(tmp_path, name):
    touch(tmp_path, f"{DERIVATIVE}/{name}")
    told = f"{Path(name).name} is not named for sub-01"
    passed_over = told.replace(" is not", " was passed over: it is not") + "."
    assert found(tmp_path) == (None, told, [passed_over])
    assert found(tmp_path, NATIVE)[0] == NATIVE
