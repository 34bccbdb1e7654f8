"""Images whose voxels or headers take absurd memory are refused before anything of it is read."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from bids_app.preflight import needs
from pipeline import nifti
from pipeline.compare.images import open_image, read_image
from pipeline.compare.resection import read_resection
from pipeline.errors import InvalidInput, OutOfMemory
from pipeline.headmodel.t1w import open_t1w, read_t1w

RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
OPENERS = {"T1w": open_t1w, "CT": lambda path: open_image(path, "CT")}


def affine():
    placed = np.diag([4.0, 4.0, 4.0, 1.0])
    placed[:3, 3] = -80
    return placed


def saved(path, dtype, image_class=nib.Nifti1Image, order="<", extension=b""):
    data = np.zeros((40, 40, 40), dtype)
    if data.dtype.fields is None:
        data[10:20] = 7
    header = image_class.header_class(endianness=order)
    header.set_data_dtype(dtype)
    image = image_class(data, affine(), header)
    image.set_sform(affine(), 1)
    if extension:
        image.header.extensions.append(nib.nifti1.Nifti1Extension(6, extension))
    nib.save(image, path)
    return path


@pytest.fixture
def no_reader(monkeypatch):
    """Whatever is refused is refused before nibabel is asked."""

    def asked(*_):
        pytest.fail("the image was loaded")

    monkeypatch.setattr(nib, "load", asked)


@pytest.mark.parametrize("what", OPENERS)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("image_class", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("dtype", "told"),
    [
        (np.complex128, "stores complex numbers (complex128)"),
        (np.complex64, "stores complex numbers (complex64)"),
        (RGB, "stores colours (RGB)"),
    ],
)
def test_voxels_that_are_no_intensities(
    tmp_path, request, what, ending, image_class, order, dtype, told
):
    path = saved(tmp_path / f"sub-01_{what}{ending}", dtype, image_class, order)
    request.getfixturevalue("no_reader")
    with pytest.raises(InvalidInput) as error:
        OPENERS[what](path)
    assert told in str(error.value) and f"the {what} " in str(error.value)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_what_scanners_and_programs_store_is_taken(tmp_path, dtype, order):
    path = saved(tmp_path / "sub-01_T1w.nii.gz", dtype, order=order)
    assert read_t1w(path).data[15, 0, 0] == 7
    assert read_image(path, "CT").data[15, 0, 0] == 7


@pytest.mark.parametrize("what", OPENERS)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_header_of_33_mb_is_refused_before_it_is_read(tmp_path, request, what, ending):
    path = saved(tmp_path / f"sub-01_{what}{ending}", "i2", extension=b"x" * 33 * 2**20)
    request.getfixturevalue("no_reader")
    with pytest.raises(InvalidInput, match="a header of 33 MB"):
        OPENERS[what](path)


def test_what_other_programs_note_in_a_header_is_taken(tmp_path):
    path = saved(tmp_path / "sub-01_T1w.nii.gz", "i2", extension=b"x" * 100_000)
    assert read_t1w(path).data[15, 0, 0] == 7


def test_a_mask_of_complex_numbers_is_refused(tmp_path):
    path = saved(tmp_path / "sub-01_desc-resection_mask.nii.gz", np.complex64)
    with pytest.raises(InvalidInput, match="resection mask stores complex numbers"):
        read_resection(path)


@pytest.mark.parametrize("read", [read_t1w, lambda path: read_image(path, "CT")])
def test_what_does_not_fit_into_memory_is_not_read(tmp_path, monkeypatch, read):
    path = saved(tmp_path / "sub-01_T1w.nii.gz", "f8")
    needed = 40**3 * (8 + 12)
    monkeypatch.setattr(nifti, "available_memory_bytes", lambda: needed - 1)
    with pytest.raises(OutOfMemory, match="take"):
        read(path)
    monkeypatch.setattr(nifti, "available_memory_bytes", lambda: needed)
    read(path)


def test_the_prediction_knows_how_voxels_are_stored(tmp_path):
    small, large = (
        nifti.reading_bytes(open_t1w(saved(tmp_path / f"sub-01_{dtype}_T1w.nii", dtype)))
        for dtype in ("u1", "f8")
    )
    assert large - small == 40**3 * 7
    plain = needs.memory_mb(1, [], 500.0)
    assert needs.memory_mb(1, [], 500.0, 8 * 2**30) - plain > 8 * 2**10 - 1000


@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", gzip.compress(b"short", mtime=0), b"no image" * 90]
)
def test_what_is_no_nifti_is_left_to_its_reader(tmp_path, content):
    path = tmp_path / "sub-01_T1w.nii.gz"
    path.write_bytes(content)
    nifti.check_storage(path, "T1w")
    with pytest.raises(InvalidInput, match="not a readable NIfTI"):
        open_t1w(path)
