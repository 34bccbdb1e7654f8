"""Files that are not what their names say: folders, wrong compression, parts, headers with gaps."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest
from dataset_of_files import find, touch

from pipeline.compare.images import read_image
from pipeline.compare.resection import read_resection
from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import open_t1w, read_t1w
from pipeline.spikes.recording import open_recording

AFFINE = np.array([[2.0, 0, 0, -90], [0, 2, 0, -120], [0, 0, 2, -90], [0, 0, 0, 1]])
PIXDIM_OFFSET = 80
VOX_OFFSET_OFFSET = 108


def image_bytes(sform=1, qform=1, size_mm=None):
    image = nib.Nifti1Image(np.ones((90, 100, 90), np.uint8), AFFINE)
    image.set_sform(AFFINE if sform else None, sform)
    image.set_qform(AFFINE, qform)
    content = bytearray(image.to_bytes())
    if size_mm is not None:
        content[PIXDIM_OFFSET : PIXDIM_OFFSET + 4] = struct.pack("<f", size_mm)
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("T1w.nii.gz", image_bytes(), "not compressed, though its name ends in .gz"),
        (
            "T1w.nii",
            gzip.compress(image_bytes()),
            "compressed, though its name does not end in .gz",
        ),
        ("T1w.nii.gz", None, "is a folder instead of a file"),
    ],
)
@pytest.mark.parametrize("read", [open_t1w, read_resection])
def test_what_a_name_says_wrongly_is_named(tmp_path, name, content, told, read):
    file = tmp_path / name
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(InvalidInput, match=told):
        read(file)


@pytest.mark.parametrize("size_mm", [0.0, np.nan, np.inf])
def test_voxels_without_a_size_are_not_given_one(tmp_path, size_mm):
    """The qform takes the voxels' sizes from where nibabel puts 1 mm for zero."""
    file = tmp_path / "T1w.nii"
    file.write_bytes(image_bytes(sform=0, size_mm=size_mm))
    with pytest.raises(InvalidInput, match="qform of the T1w is no position"):
        open_t1w(file)
    file.write_bytes(image_bytes(sform=1, qform=0, size_mm=size_mm))
    np.testing.assert_allclose(open_t1w(file).affine, AFFINE)


def test_a_folder_named_as_a_recording_is_told(tmp_path):
    (tmp_path / "sub-01_meg.fif").mkdir()
    with pytest.raises(InvalidInput, match="a folder instead of a FIF file"):
        open_recording(tmp_path / "sub-01_meg.fif")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sub-01_task-rest_meg.fif.gz", "its format is not read"),
        ("sub-01_task-rest_meg.ds.zip", "its format is not read"),
        ("sub-01_task-rest_split-02_meg.fif", "the first part of this split recording is missing"),
        ("sub-02_task-rest_meg.fif", "it is not named for sub-01"),
    ],
)
def test_where_no_recording_is_left_it_is_said_what_was_passed_over(tmp_path, name, why):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", f"sub-01/meg/{name}")
    with pytest.raises(
        InvalidInput, match=f"No MEG recording was found: {name} was passed over: {why}"
    ):
        find(tmp_path)


def test_parts_of_an_mp2rage_are_named_where_there_is_no_t1w(tmp_path):
    touch(
        tmp_path,
        "sub-01/meg/sub-01_task-rest_meg.fif",
        "sub-01/anat/sub-01_UNIT1.nii.gz",
        "sub-01/anat/sub-01_inv-1_MP2RAGE.nii.gz",
    )
    with pytest.raises(InvalidInput, match=r"parts of an MP2RAGE \(sub-01_UNIT1") as told:
        find(tmp_path)
    assert "UNIT1 image with its background removed" in told.value.hint


def damaged(where):
    """A compressed image of a ball of which one byte is not as it was written, and nothing else."""
    grid = np.stack(np.meshgrid(*map(np.arange, (90, 100, 90)), indexing="ij"), -1)
    ball = np.linalg.norm(grid - [45, 50, 45], axis=-1) < 35
    image = nib.Nifti1Image((ball * (50 + grid[..., 0])).astype(np.uint8), AFFINE)
    image.set_sform(AFFINE, 1)
    # Stored and not deflated, so that the byte is a voxel and every length stays right.
    content = bytearray(gzip.compress(image.to_bytes(), 0))
    if where is not None:
        content[where] ^= 0xFF
    return bytes(content)


@pytest.mark.parametrize("read", [read_t1w, read_resection, lambda path: read_image(path, "CT")])
@pytest.mark.parametrize("where", [400_000, -6])
def test_a_byte_that_changed_on_the_way_is_noticed_by_the_checksum(tmp_path, where, read):
    """Readers stop before the checksum: nibabel gives the wrong voxel without a word."""
    file = tmp_path / "T1w.nii.gz"
    file.write_bytes(damaged(where))
    assert np.isfinite(nib.load(file).get_fdata()).all()
    with pytest.raises(InvalidInput, match="is truncated or corrupt"):
        read(file)


def test_a_whole_image_of_several_compressed_parts_or_with_padding_is_read(tmp_path):
    file = tmp_path / "T1w.nii.gz"
    file.write_bytes(damaged(None))
    as_it_is = read_t1w(file).data
    content = gzip.decompress(file.read_bytes())
    parts = gzip.compress(content[:70_000]) + gzip.compress(content[70_000:])
    for same in (parts, file.read_bytes() + bytes(512)):
        file.write_bytes(same)
        np.testing.assert_array_equal(read_t1w(file).data, as_it_is)


def test_voxels_do_not_begin_within_the_header(tmp_path):
    """Zero there, as of a pair of files, shifts the image by the header's length: across the sides."""
    content = bytearray(image_bytes())
    content[VOX_OFFSET_OFFSET : VOX_OFFSET_OFFSET + 4] = struct.pack("<f", 0)
    file = tmp_path / "T1w.nii"
    file.write_bytes(bytes(content))
    assert nib.load(file).get_fdata().max() > 1  # bytes of the header, read as voxels
    with pytest.raises(InvalidInput, match="voxels begin within its header"):
        open_t1w(file)
