"""Images whose air is not at zero: MP2RAGE, shifted, scaled and padded ones, and noise for air."""

import nibabel as nib
import numpy as np
import pytest
from fake_anatomy import GRID, make_head

from pipeline.air import air_at_zero, check_background
from pipeline.compare.images import read_image
from pipeline.errors import InvalidInput
from pipeline.headmodel.scalp import scalp_surface
from pipeline.headmodel.t1w import Volume, read_t1w


@pytest.fixture(scope="module")
def made():
    return make_head()


@pytest.fixture(scope="module")
def head_cm3(made):
    return scalp_surface(made.t1w, made.brain_mask, "t1w.nii.gz")[2]


def stored(data, path, dtype=np.float32, slope=None, intercept=None):
    image = nib.Nifti1Image(data.astype(dtype), GRID)
    image.set_sform(GRID, 1)
    if slope is not None:
        image.header.set_slope_inter(slope, intercept)
    nib.save(image, path)
    return path


def as_mp2rage(data):
    """From -0.5 to 0.5, the air at the lower end."""
    return data / data.max() - 0.5


def as_signed(data):
    """Unsigned values that were written as if they were signed."""
    return data - 32768


def lifted(data):
    return data + 1500


def padded(data):
    """Shifted, with what many programs write outside of the scan."""
    spoiled = data - 1200
    spoiled[:8] = -32768
    return spoiled


def without_numbers(data):
    """Masked by a program that writes NaN for nothing, and shifted below zero."""
    spoiled = data - 4000
    spoiled[:8] = np.nan
    return spoiled


def masked_by_no_number(data):
    """All air is NaN: less than half of the image has a value at all."""
    return np.where(data > 60, data - 700, np.nan)


def masked_in_the_middle(data):
    """An MP2RAGE image whose background was multiplied by zero, which lies amid its values."""
    return np.where(data > 60, 0.8 * data / data.max() - 0.5, 0)


def masked_integers(data):
    """The same as the scanner scales it, 0 .. 4095: zero is the least value already."""
    return np.where(data > 60, np.rint(4095 * data / data.max()), 0)


@pytest.mark.parametrize(
    "change",
    [
        as_mp2rage,
        as_signed,
        lifted,
        padded,
        without_numbers,
        masked_by_no_number,
        masked_in_the_middle,
        masked_integers,
    ],
)
def test_the_scalp_is_the_same_wherever_the_air_lies(made, head_cm3, tmp_path, change):
    path = stored(change(made.t1w.data.copy()), tmp_path / "sub-01_T1w.nii.gz")
    volume = read_t1w(path)
    assert volume.data.min() == 0 and np.isfinite(volume.data).all()
    assert scalp_surface(volume, made.brain_mask, path)[2] == pytest.approx(head_cm3, rel=0.01)


def test_shifted_and_then_filled_with_zero_it_is_refused(made, tmp_path):
    """Nothing tells whether zero or the level of most other voxels is air."""
    shifted = made.t1w.data + 1500
    shifted[:6], shifted[:, :, -4:] = 0, 0
    path = stored(shifted, tmp_path / "sub-01_T1w.nii.gz")
    with pytest.raises(InvalidInput, match="no dark air") as caught:
        scalp_surface(read_t1w(path), made.brain_mask, path)
    assert "value of air" in caught.value.hint


def test_integers_with_slope_and_intercept_are_as_they_mean(made, tmp_path):
    """As 16-bit integers of an MP2RAGE image whose header scales them to -0.5 .. 0.5."""
    whole = np.rint(4095 * made.t1w.data / made.t1w.data.max())
    path = stored(whole, tmp_path / "t1w.nii", np.int16)
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([1 / 4095, -0.5], "<f4").tobytes()
    path.write_bytes(bytes(raw))
    assert nib.load(path).get_fdata().min() == pytest.approx(-0.5)
    volume = read_t1w(path)
    np.testing.assert_allclose(volume.data.max(), 1.0, atol=0.03)
    assert np.median(volume.data) < 0.05


def test_an_image_with_dark_air_keeps_its_values(made, tmp_path):
    rng = np.random.default_rng(1)
    noisy = made.t1w.data + np.abs(rng.normal(0, 15, made.t1w.data.shape)).astype(np.float32)
    rung = made.t1w.data - 20 * (rng.random(made.t1w.data.shape) < 0.02).astype(np.float32)
    for data in (made.t1w.data, noisy, rung):
        np.testing.assert_array_equal(read_t1w(stored(data, tmp_path / "t1w.nii")).data, data)


def test_few_values_beside_a_mask_do_not_make_it_air(made, tmp_path):
    """Ringing of a spline below the exact zeros of masked air."""
    rng = np.random.default_rng(1)
    data = np.where(made.t1w.data > 60, made.t1w.data, 0)
    data -= 15 * (rng.random(data.shape) < 0.2).astype(np.float32)
    np.testing.assert_array_equal(read_t1w(stored(data, tmp_path / "t1w.nii")).data, data)


def test_a_ct_has_its_air_at_zero(made, tmp_path):
    """Hounsfield units, with the value that scanners fill the corners with."""
    head = made.t1w.data > 60
    hounsfield = np.where(head, 40.0, -1000.0)
    hounsfield[:, :8] = -3024
    volume = read_image(stored(hounsfield, tmp_path / "ct.nii.gz", np.int16), "CT")
    assert (volume.data[~head] == 0).all()
    np.testing.assert_array_equal(volume.data[head], 1040)


def test_a_post_operative_image_is_read_alike(made, tmp_path):
    path = stored(made.t1w.data - 1000, tmp_path / "post.nii.gz")
    np.testing.assert_allclose(read_image(path, "post-op T1w").data, made.t1w.data, atol=30)


@pytest.mark.parametrize("low", [-0.5, 0.0])
def test_noise_of_all_values_in_the_air_is_refused_by_its_cause(made, tmp_path, low):
    """An MP2RAGE image with its background: salt and pepper between its least and largest value."""
    rng = np.random.default_rng(1)
    head = made.t1w.data / made.t1w.data.max()
    noise = rng.random(head.shape).astype(np.float32)
    data = np.where(head > 0.1, head, noise) + low
    path = stored(data, tmp_path / "sub-01_UNIT1_T1w.nii.gz")
    with pytest.raises(InvalidInput, match="MP2RAGE image with its background") as caught:
        read_t1w(path)
    assert caught.value.file == path and "background removed" in caught.value.hint


@pytest.mark.parametrize("offset", [0, 800])
def test_inverted_intensities_are_refused_by_their_cause(made, tmp_path, offset):
    path = stored(offset - made.t1w.data, tmp_path / "sub-01_T1w.nii.gz")
    with pytest.raises(InvalidInput, match="intensities are inverted") as caught:
        read_t1w(path)
    assert caught.value.file == path


def test_the_noise_of_usual_images_is_no_such_noise(made):
    rng = np.random.default_rng(1)
    noise = np.abs(rng.normal(0, 0.08 * made.t1w.data.max(), made.t1w.data.shape))
    check_background((made.t1w.data + noise).astype(np.float32), "t1w.nii.gz")


def test_one_value_stays_one_value():
    np.testing.assert_array_equal(air_at_zero(np.full((9, 9, 9), 5, np.float32)), 5)


def test_hardly_any_number_is_no_error():
    data = np.full((60, 60, 60), np.nan, np.float32)
    data[30, 30, 30] = 7
    assert air_at_zero(data)[30, 30, 30] == 7 and np.isfinite(air_at_zero(data)).all()


def test_positions_do_not_change(made, tmp_path):
    volume = read_t1w(stored(made.t1w.data - 900, tmp_path / "t1w.nii"))
    assert isinstance(volume, Volume)
    np.testing.assert_allclose(volume.affine, GRID)
