"""What the headmodel stage reads, and what it refuses with a word to the user."""

import gzip

import nibabel as nib
import numpy as np
import pytest
from fake_anatomy import GRID, make_head

from pipeline.errors import InvalidInput
from pipeline.headmodel.anatomy import choose_landmarks
from pipeline.headmodel.config import Inputs
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.headmodel.freesurfer import check_same_image
from pipeline.headmodel.landmarks import template_landmarks_mni305_mm
from pipeline.headmodel.registration import register_template
from pipeline.headmodel.scalp import scalp_surface
from pipeline.headmodel.t1w import Volume, bounding_box_mm, read_t1w, resample
from pipeline.warp import MNI305_TO_MNI152, apply_affine


@pytest.fixture(scope="module")
def head():
    return make_head()


def saved(path, data, affine=GRID):
    nib.save(nib.Nifti1Image(data, affine), path)
    return path


def noise(*shape):
    return np.random.default_rng(0).normal(100, 10, shape).astype(np.float32)


def text_for_an_image(path):
    path.write_text("this is not an image")


def truncated(path):
    saved(path, noise(64, 64, 64))
    path.write_bytes(path.read_bytes()[:200_000])


def time_series(path):
    saved(path, noise(64, 64, 64, 5))


def tiny(path):
    saved(path, noise(8, 8, 8))


def thin_slab(path):
    saved(path, noise(64, 64, 34), np.diag([2.0, 2.0, 2.0, 1.0]))


def constant(path):
    saved(path, np.full((64, 64, 64), 7.0, np.float32))


def not_numbers(path):
    saved(path, np.full((64, 64, 64), np.nan, np.float32))


def metres_for_millimetres(path):
    saved(path, noise(64, 64, 64), np.diag([0.002, 0.002, 0.002, 1.0]))


def absurd_header(path):
    """A header that promises 30,000 voxels along each axis must not be believed."""
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header["dim"][:4] = (3, 30000, 30000, 30000)
    header["pixdim"][1:4] = 1
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    header["sform_code"] = 1
    header["srow_x"], header["srow_y"], header["srow_z"] = np.eye(4)[:3]
    path.write_bytes(gzip.compress(header.binaryblock + b"\0" * 1000))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (text_for_an_image, "not a readable NIfTI"),
        (truncated, "truncated"),
        (time_series, "4 dimensions"),
        (tiny, "absurd size"),
        (thin_slab, "covers only"),
        (constant, "one value"),
        (not_numbers, "one value"),
        (metres_for_millimetres, "implausible voxels"),
        (absurd_header, "absurd size"),
    ],
)
def test_unusable_t1w_is_refused_by_name(tmp_path, spoil, said):
    path = tmp_path / "sub-01_T1w.nii.gz"
    spoil(path)
    with pytest.raises(InvalidInput, match=said) as caught:
        read_t1w(path)
    assert caught.value.file == path and caught.value.hint


def test_missing_t1w_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="missing"):
        read_t1w(tmp_path / "sub-01_T1w.nii.gz")


def test_t1w_with_a_trailing_axis_of_one_is_read(tmp_path):
    data = noise(64, 60, 58)
    data[:, :, :15] = 0
    data[:, :, 40:] = 0
    volume = read_t1w(saved(tmp_path / "t1w.nii", data[..., None]))
    np.testing.assert_allclose(volume.data, data, rtol=1e-6)
    np.testing.assert_allclose(volume.affine, GRID)


def test_head_without_skull_is_refused(head, tmp_path):
    stripped = Volume(head.t1w.data * head.brain_mask, head.t1w.affine)
    with pytest.raises(InvalidInput, match="no head around the brain"):
        scalp_surface(stripped, head.brain_mask, tmp_path / "t1w.nii.gz")


def test_noise_is_no_head(head, tmp_path):
    volume = Volume(noise(*head.t1w.data.shape), head.t1w.affine)
    with pytest.raises(InvalidInput, match="no dark air"):
        scalp_surface(volume, head.brain_mask, tmp_path / "t1w.nii.gz")


def test_resampling_keeps_positions(head):
    low_mm, high_mm = bounding_box_mm(head.brain_mask, head.t1w.affine, 4.0)
    coarse = resample(Volume(head.brain_mask.astype(np.float32), GRID), 3.0, low_mm, high_mm)
    theirs = apply_affine(coarse.affine, np.argwhere(coarse.data > 0.5).astype(float)).mean(0)
    ours = apply_affine(GRID, np.argwhere(head.brain_mask).astype(float)).mean(0)
    np.testing.assert_allclose(theirs, ours, atol=0.3)
    assert (low_mm < ours).all() and (ours < high_mm).all()


def test_landmarks_on_the_wrong_side_are_refused(tmp_path):
    inputs = Inputs(tmp_path / "t1w.nii.gz", tmp_path / "t1w.json", None, [])
    right = template_landmarks_mni305_mm()
    swapped = {"nasion": right["nasion"], "lpa": right["rpa"], "rpa": right["lpa"]}
    with pytest.raises(InvalidInput, match="each other's side"):
        choose_landmarks(swapped, np.eye(4), inputs)
    assert choose_landmarks(right, np.eye(4), inputs)[1:] == (True, ())


def test_impossible_landmarks_are_not_used_and_that_is_told(tmp_path):
    inputs = Inputs(tmp_path / "t1w.nii.gz", tmp_path / "t1w.json", None, [])
    template = template_landmarks_mni305_mm()
    off = {name: pos_mm + np.array([0, 0, 60.0]) for name, pos_mm in template.items()}
    chosen, marked, (doubt,) = choose_landmarks(off, np.eye(4), inputs)
    assert not marked and "up to 60 mm from where they can be" in doubt.text
    np.testing.assert_allclose(chosen["nasion"], template["nasion"])


def test_recording_without_digitisation_is_refused(tmp_path):
    import mne

    info = mne.create_info(2, 100.0, "mag")
    with pytest.raises(InvalidInput, match="no digitised landmarks and no head points"):
        digitised_points_head_m(info, tmp_path / "sub-01_meg.fif")
    points = dict.fromkeys(("nasion", "lpa", "rpa"), np.array([0.01, 0.02, 0.03]))
    info.set_montage(
        mne.channels.make_dig_montage(**points, coord_frame="head"), on_missing="ignore"
    )
    with info._unlock():
        info["dev_head_t"] = None
    with pytest.raises(InvalidInput, match="where the head was"):
        digitised_points_head_m(info, tmp_path / "sub-01_meg.fif")


def test_freesurfer_of_another_image_is_refused(head, tmp_path):
    (tmp_path / "mri").mkdir()
    image = nib.MGHImage(head.t1w.data, head.t1w.affine.astype(np.float32))
    nib.save(image, tmp_path / "mri" / "orig.mgz")
    assert check_same_image(tmp_path, head.t1w, head.brain_mask)[0] > 0.999
    moved = head.t1w.affine.copy()
    moved[1, 3] += 15
    with pytest.raises(InvalidInput, match="do not lie on one another"):
        check_same_image(tmp_path, Volume(head.t1w.data, moved), head.brain_mask)
    with pytest.raises(InvalidInput, match="no head image"):
        check_same_image(tmp_path / "elsewhere", head.t1w, head.brain_mask)


def test_unknown_registration_is_refused(head):
    with pytest.raises(InvalidInput, match="registration"):
        register_template(head.t1w, head.brain_mask, "demons", 1)


def test_matrix_agrees_with_the_published_example():
    """FreeSurfer prints matrix and example rounded."""
    np.testing.assert_allclose(
        MNI305_TO_MNI152 @ [10, -20, 35, 1], [10.695, -18.409, 36.137, 1], atol=5e-3
    )
