"""One image that is there twice, as NAME.nii beside NAME.nii.gz or in two derivatives, and two that only share a name."""

import json

import nibabel as nib
import numpy as np
import pytest
from dataset_of_files import touch

from bids_app.clinical import find_ieeg
from bids_app.surgery import find_surgery
from pipeline.compare.config import Inputs
from pipeline.compare.outlines import box_outline_mm
from pipeline.compare.surgery import foresee_resection
from pipeline.headmodel.t1w import Volume

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
def test_a_mask_drawn_on_the_t1w_of_another_session_by_its_voxels(tmp_path, session, at_mm, told):
    t1w = tmp_path / "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz"
    other = f"sub-01_ses-{session}_acq-other_T1w.nii.gz"
    image(t1w)
    image(tmp_path / f"sub-01/ses-{session}/anat" / other, shift_mm=at_mm)
    image(tmp_path / f"derivatives/d/{MASK}.nii.gz", shift_mm=at_mm)
    surgery = find_surgery("01", tmp_path, [tmp_path / "derivatives/d"], t1w, [])
    assert surgery.mask is not None and surgery.postop_t1w is None
    assert surgery.drawn_on == other * told


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (["sub-01_ses-2_T1w.nii.gz"], "sub-01_ses-2_T1w.nii.gz"),
        (["sub-01_ses-9_T1w.nii.gz"], "sub-01_ses-9_T1w.nii.gz"),
        (["sub-01_ses-1_T1w.nii.gz", "sub-01_ses-2_T1w.nii.gz"], ""),
        (["sub-01_ses-1_acq-other_T1w.nii.gz"], ""),
        (["sub-01_ses-2_FLAIR.nii.gz"], ""),
    ],
    ids=["there", "not there", "both", "of the same session", "no T1w"],
)
def test_a_mask_drawn_on_the_t1w_of_another_session_by_its_sidecar(tmp_path, sources, told):
    """Two sessions of one protocol have the same voxels, and not the same place of the head."""
    for session in "12":
        image(tmp_path / f"sub-01/ses-{session}/anat/sub-01_ses-{session}_T1w.nii.gz")
    image(tmp_path / f"derivatives/d/{MASK}.nii.gz")
    sidecar = tmp_path / f"derivatives/d/{MASK}.json"
    sidecar.write_text(json.dumps({"Sources": [f"bids::sub-01/anat/{name}" for name in sources]}))
    t1w = tmp_path / "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz"
    assert find_surgery("01", tmp_path, [tmp_path / "derivatives/d"], t1w, []).drawn_on == told


@pytest.mark.parametrize(
    ("drawn_on", "at_mm", "told"),
    [("", 12.0, None), ("a.nii", 12.0, "other"), ("a.nii", 0.0, "the T1w's")],
)
def test_a_mask_drawn_on_the_t1w_of_another_session_is_on_page_one(tmp_path, drawn_on, at_mm, told):
    image(tmp_path / "mask.nii", shift_mm=at_mm)
    inputs = Inputs([], [], [], tmp_path / "mask.nii", tmp_path / "T1w.nii", mask_drawn_on=drawn_on)
    t1w = Volume(np.zeros((8, 9, 10), np.float32), np.diag([2.0, 2, 2, 1]))
    _, doubts = foresee_resection(inputs, t1w, box_outline_mm(np.zeros(3), np.full(3, 40.0)), None)
    texts = [doubt.text for doubt in doubts if "of another session" in doubt.text]
    assert [
        f"drawn on a.nii, a T1w of another session, and has {told} voxels" in text for text in texts
    ] == ([True] * bool(told))


def test_one_that_does_not_say_where_it_lies_is_not_assessable(tmp_path):
    image(tmp_path / "mask.nii")
    written = nib.load(tmp_path / "mask.nii")
    written.header["sform_code"] = written.header["qform_code"] = 0
    nib.save(nib.Nifti1Image(np.asarray(written.dataobj), None, written.header), tmp_path / "m.nii")
    inputs = Inputs([], [], [], tmp_path / "m.nii", tmp_path / "T1w.nii", mask_drawn_on="a.nii")
    reason, _ = foresee_resection(inputs, Volume(np.zeros((8, 9, 10)), np.eye(4)), None, None)
    assert "the resection mask does not say where it lies" in reason
