"""One image that is there twice, as NAME.nii beside NAME.nii.gz or in two derivatives, and two that only share a name."""

import json

import nibabel as nib
import numpy as np
import pytest
from dataset_of_files import touch

from bids_app.clinical import find_ieeg
from bids_app.surgery import find_surgery

MASK = "sub-01/anat/sub-01_desc-resection_mask"


def image(path, at=3, shift_mm=0.0, dtype=np.uint8):
    data = np.zeros((8, 9, 10), dtype)
    data[at, 4, 4] = 1
    affine = np.diag([2.0, 2, 2, 1])
    affine[0, 3] = shift_mm
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data, affine), path)


def found(root, *roots):
    notes = []
    surgery = find_surgery("01", root, list(roots), root / "sub-01/anat/sub-01_T1w.nii.gz", notes)
    return surgery.mask and surgery.mask.name, surgery.no_mask, notes


@pytest.mark.parametrize("other", [{}, {"dtype": np.int16}])
def test_a_mask_beside_its_compressed_copy_is_one(tmp_path, other):
    image(tmp_path / f"{MASK}.nii")
    image(tmp_path / f"{MASK}.nii.gz", **other)
    mask, _, notes = found(tmp_path, tmp_path)
    assert mask == "sub-01_desc-resection_mask.nii"
    assert notes == [
        "sub-01_desc-resection_mask.nii.gz was passed over: sub-01_desc-resection_mask.nii holds the "
        "same image."
    ]


def test_a_mask_in_two_derivatives_is_one(tmp_path):
    roots = [tmp_path / name for name in "ab"]
    for root in roots:
        image(root / f"{MASK}.nii.gz")
    assert found(tmp_path, *roots)[0] == "sub-01_desc-resection_mask.nii.gz"


@pytest.mark.parametrize("other", [{"at": 4}, {"shift_mm": 1}])
def test_masks_that_differ_are_two(tmp_path, other):
    image(tmp_path / f"{MASK}.nii")
    image(tmp_path / f"{MASK}.nii.gz", **other)
    mask, reason, notes = found(tmp_path, tmp_path)
    assert mask is None and notes == []
    assert reason == (
        "2 resection masks were found, and which is meant is not said: "
        "sub-01_desc-resection_mask.nii, sub-01_desc-resection_mask.nii.gz"
    )


def test_one_that_cannot_be_read_is_no_copy(tmp_path):
    image(tmp_path / f"{MASK}.nii")
    touch(tmp_path, f"{MASK}.nii.gz")
    assert found(tmp_path, tmp_path)[0] is None


@pytest.mark.parametrize(("other", "n"), [({}, 1), ({"at": 4}, 2)])
def test_a_ct_that_the_contacts_refer_to(tmp_path, other, n):
    ieeg = tmp_path / "sub-01/ieeg"
    touch(tmp_path, "sub-01/ieeg/sub-01_electrodes.tsv")
    said = {"iEEGCoordinateSystem": "Other", "IntendedFor": "sub-01/ct/sub-01_ct.nii"}
    (ieeg / "sub-01_coordsystem.json").write_text(json.dumps(said))
    image(tmp_path / "sub-01/ct/sub-01_ct.nii")
    image(tmp_path / "sub-01/ct/sub-01_ct.nii.gz", **other)
    assert len(find_ieeg(tmp_path / "sub-01", [], []).images) == n


@pytest.mark.parametrize(
    ("session", "at_mm", "told"), [("2", 12.0, True), ("2", 0.0, False), ("1", 12.0, False)]
)
def test_a_mask_drawn_on_the_t1w_of_another_session_is_told(tmp_path, session, at_mm, told):
    t1w = tmp_path / "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz"
    other = f"sub-01_ses-{session}_acq-other_T1w.nii.gz"
    image(t1w)
    image(tmp_path / f"sub-01/ses-{session}/anat" / other, shift_mm=at_mm)
    image(tmp_path / f"derivatives/d/{MASK}.nii.gz", shift_mm=at_mm)
    notes = []
    surgery = find_surgery("01", tmp_path, [tmp_path / "derivatives/d"], t1w, notes)
    assert surgery.mask is not None and surgery.postop_t1w is None
    assert [f"was drawn on {other}" in note for note in notes] == [True] * told
