"""Of several T1w images one that can be used; of none, what is there instead; landmarks that several share."""

import json

import nibabel as nib
import numpy as np
import pytest
from dataset_of_files import find, touch

from pipeline.errors import InvalidInput

MEG = "sub-01/meg/sub-01_task-rest_meg.fif"
ANAT = "sub-01/anat/sub-01"


def image(path, shape=(64, 64, 64), coded=True):
    made = nib.Nifti1Image(np.zeros(shape, np.uint8), np.diag([3.0, 3, 3, 1]))
    if not coded:
        made.set_sform(None, 0)
        made.set_qform(None, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(made, path)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"shape": (64, 64, 3)}, "absurd size of 64 x 64 x 3 voxels"),
        ({"shape": (64, 64, 64, 7)}, "4 dimensions"),
        ({"coded": False}, "does not say where it lies"),
    ],
)
def test_an_image_that_can_be_used_goes_before_one_that_cannot(tmp_path, made, why):
    touch(tmp_path, MEG)
    image(tmp_path / f"{ANAT}_acq-localizer_T1w.nii.gz", **made)
    image(tmp_path / f"{ANAT}_acq-mprage_rec-norm_T1w.nii.gz")
    files = find(tmp_path)
    assert files.t1w.name == "sub-01_acq-mprage_rec-norm_T1w.nii.gz"
    (told,) = [note for note in files.notes if "localizer" in note]
    assert (
        told.startswith("sub-01_acq-localizer_T1w.nii.gz was passed over: the T1w") and why in told
    )


def test_no_image_after_surgery_or_of_a_template_stands_for_one_that_cannot(tmp_path):
    touch(tmp_path, MEG, f"{ANAT}_acq-a_T1w.nii.gz")
    image(tmp_path / "sub-01/ses-postop/anat/sub-01_ses-postop_T1w.nii.gz")
    image(tmp_path / f"{ANAT}_space-MNI152NLin6Asym_T1w.nii.gz")
    assert find(tmp_path).t1w.name == "sub-01_acq-a_T1w.nii.gz"


@pytest.mark.parametrize(
    "name",
    [
        "anat/sub-01_T1w.mgz",
        "anat/sub-01_T1w.img",
        "mri/sub-01_T1w.nii.gz",
        "ses-1/sub-01_ses-1_T1w.nii",
        "anat/sub-01_T1.nii.gz",
    ],
)
def test_where_there_is_none_what_is_there_instead_is_named(tmp_path, name):
    touch(tmp_path, MEG, f"sub-01/{name}", f"{ANAT}_T1w.json", f"{ANAT}_T2w.nii.gz")
    with pytest.raises(InvalidInput, match="No T1-weighted MRI") as refused:
        find(tmp_path)
    assert f"passed over were {name}, which" in refused.value.message


@pytest.mark.parametrize(
    ("sidecar", "told"),
    [
        ("sub-01/sub-01_T1w.json", "apply to 2 T1-weighted MRIs"),
        ("T1w.json", "apply to the T1-weighted MRIs of every participant"),
        ("sub-01/ses-1/anat/sub-01_ses-1_T1w.json", ""),
    ],
)
def test_landmarks_that_several_images_share_are_told(tmp_path, sidecar, told):
    touch(tmp_path, MEG)
    for session in "12":
        image(tmp_path / f"sub-01/ses-{session}/anat/sub-01_ses-{session}_T1w.nii.gz")
    landmarks = {"AnatomicalLandmarkCoordinates": {"NAS": [1, 2, 3]}}
    (tmp_path / sidecar).write_text(json.dumps(landmarks))
    files = find(tmp_path)
    assert files.t1w_json == tmp_path / sidecar
    shared = [note for note in files.notes if note.startswith("The landmarks of")]
    assert [told in note for note in shared] == [True] * bool(told)
