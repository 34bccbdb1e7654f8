"""Where an image says that it lies, and what is told where it does not say it or says two things."""

import gzip

import nibabel as nib
import numpy as np
import pytest

from pipeline.compare.images import read_image
from pipeline.compare.resection import read_resection
from pipeline.errors import InvalidInput
from pipeline.headmodel.t1w import open_t1w, read_t1w
from pipeline.image_frame import frame_doubts
from reports.findings import Measures, verdict

GOOD = Measures(40, 5, 18.0, 2.0, 1, 300, "template", True, 3.0)

SHAPE = (40, 44, 48)
FORMS = ("sform", "qform")
ORDERS = {
    "LAS": np.diag([-3.0, 3.0, 3.0, 1.0]),
    "RAS": np.diag([3.0, 3.0, 3.0, 1.0]),
    "PSR": np.array([[0, 0, 3.0, 0], [-3, 0, 0, 0], [0, 3, 0, 0], [0, 0, 0, 1]], float),
}
for order in ORDERS.values():
    order[:3, 3] = -order[:3, :3] @ np.array(SHAPE) / 2


def image_of(sform, qform=None, codes=(1, 1), kind=nib.Nifti1Image, shape=SHAPE):
    """An image of noise amid dark air with these forms and codes, stored as they are."""
    data = np.zeros(shape, np.int16)
    inside = tuple(slice(n // 6, n - n // 6) for n in shape)
    data[inside] = np.random.default_rng(0).integers(1, 900, data[inside].shape)
    image = kind(data, sform)
    image.set_qform(sform if qform is None else qform, code=codes[1])
    image.set_sform(sform, code=codes[0])
    return image


def saved(image, path):
    """nibabel sets codes while it writes; what is tested is what others wrote."""
    codes = {form: int(image.header[f"{form}_code"]) for form in FORMS}
    nib.save(image, path)
    layout = type(image.header).template_dtype.fields
    raw = bytearray(path.read_bytes())
    for form, code in codes.items():
        field, start = layout[f"{form}_code"]
        raw[start : start + field.itemsize] = code.to_bytes(field.itemsize, "little")
    path.write_bytes(bytes(raw))
    return path


def turned(affine, degrees, shift_mm=(0, 0, 0)):
    angle = np.deg2rad(degrees)
    motion = np.eye(4)
    motion[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    motion[:3, 3] = shift_mm
    return motion @ affine


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_an_image_without_codes_is_refused_by_every_reader(tmp_path, order, kind):
    path = saved(image_of(ORDERS[order], codes=(0, 0), kind=kind), tmp_path / "sub-01_T1w.nii")
    for read, what in (
        (open_t1w, "T1w"),
        (read_t1w, "T1w"),
        (lambda p: read_image(p, "post-op T1w"), "post-op T1w"),
        (read_resection, "resection mask"),
    ):
        with pytest.raises(InvalidInput, match=f"the {what} does not say where it lies") as caught:
            read(path)
        assert caught.value.file == path and "dcm2niix" in caught.value.hint


@pytest.mark.parametrize("codes", [(1, 0), (0, 1), (2, 0), (1, 1)])
@pytest.mark.parametrize("order", ORDERS)
def test_one_form_is_enough_and_is_what_is_used(tmp_path, order, codes):
    elsewhere = turned(ORDERS[order], 30, (9, 0, 0))
    forms = (ORDERS[order], elsewhere) if codes[1] == 0 else (elsewhere, ORDERS[order])
    image = image_of(*forms if 0 in codes else (ORDERS[order],), codes=codes)
    volume = read_t1w(saved(image, tmp_path / "t1w.nii"))
    np.testing.assert_allclose(volume.affine, ORDERS[order], atol=1e-4)
    assert volume.doubts == ()


@pytest.mark.parametrize(
    ("degrees", "shift_mm", "doubted"),
    [
        (0, (0.9, 0, 0), False),
        (0, (0, 1.1, 0), True),
        (0.3, (0, 0, 0), False),
        (3, (0, 0, 0), True),
    ],
)
def test_forms_that_disagree_are_told_with_their_distance(tmp_path, degrees, shift_mm, doubted):
    sform = ORDERS["LAS"]
    qform = turned(sform, degrees, shift_mm)
    volume = read_t1w(saved(image_of(sform, qform), tmp_path / "t1w.nii"))
    np.testing.assert_allclose(volume.affine, sform, atol=1e-4)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in SHAPE])).reshape(3, -1)
    apart = (sform - qform)[:3, :3] @ corners + (sform - qform)[:3, 3:]
    largest_mm = np.linalg.norm(apart, axis=0).max()
    if not doubted:
        assert volume.doubts == ()
        return
    (doubt,) = volume.doubts
    assert f"by up to {largest_mm:.1f} mm and {degrees:.1f} degrees" in doubt.text
    assert "the sform is used" in doubt.text and not doubt.grave


@pytest.mark.parametrize(
    ("shape", "degrees", "told"),
    [((91, 109, 91), 0, True), ((91, 109, 91), 2, False), ((91, 109, 90), 0, False)],
)
def test_a_t1w_with_the_voxels_of_a_templates_image_is_doubted(tmp_path, shape, degrees, told):
    image = image_of(turned(np.diag([-2.0, 2, 2, 1]), degrees, (90, -126, -72)), shape=shape)
    doubts = read_t1w(saved(image, tmp_path / "t1w.nii")).doubts
    assert ["voxels of a template's image (91 x 109 x 91)" in doubt.text for doubt in doubts] == [
        True
    ] * told
    if told:
        image.header["sform_code"] = image.header["qform_code"] = 0
        with pytest.raises(InvalidInput, match="the T1w does not say where it lies"):
            read_t1w(saved(image, tmp_path / "t1w.nii"))


def test_forms_that_disagree_about_the_side_are_a_grave_doubt(tmp_path):
    mirrored = np.diag([-1.0, 1, 1, 1]) @ ORDERS["LAS"]
    volume = read_t1w(saved(image_of(ORDERS["LAS"], mirrored), tmp_path / "t1w.nii"))
    (doubt,) = volume.doubts
    assert "disagree about which side is left" in doubt.text and doubt.grave
    told = verdict(GOOD, ["a", "b", "c"], volume.doubts)
    assert told.colour == "red" and told.reasons[0] == doubt.text


def test_a_disagreement_stands_on_page_one_whatever_else_there_is(tmp_path):
    image = image_of(ORDERS["LAS"], turned(ORDERS["LAS"], 2))
    doubts = read_t1w(saved(image, tmp_path / "t1w.nii")).doubts
    told = verdict(GOOD, ["a", "b", "c", "d"], doubts)
    assert told.colour == "amber" and doubts[0].text in told.reasons


def spoiled(path, start, numbers):
    raw = bytearray(path.read_bytes())
    raw[start : start + 4 * len(numbers)] = np.array(numbers, "<f4").tobytes()
    path.write_bytes(bytes(raw))
    return path


QUATERNION, SROW_X = 256, 280


def test_a_qform_of_no_numbers_counts_only_where_it_is_used(tmp_path):
    both = spoiled(saved(image_of(ORDERS["RAS"]), tmp_path / "a.nii"), QUATERNION, [np.nan] * 3)
    (doubt,) = read_t1w(both).doubts
    assert doubt.text == "the qform of the T1w is no position; its sform is used"
    alone = image_of(ORDERS["RAS"], codes=(0, 1))
    alone = spoiled(saved(alone, tmp_path / "b.nii"), QUATERNION, [np.nan] * 3)
    with pytest.raises(InvalidInput, match="the qform of the T1w is no position"):
        read_t1w(alone)


def test_a_quaternion_that_is_no_rotation_is_refused(tmp_path):
    image = image_of(ORDERS["RAS"], codes=(0, 1))
    path = spoiled(saved(image, tmp_path / "t1w.nii"), QUATERNION, [2.0, 2.0, 2.0])
    with pytest.raises(InvalidInput, match="not a readable NIfTI"):
        open_t1w(path)


@pytest.mark.parametrize("row", [[0.0] * 4, [np.nan] * 4])
def test_a_coded_sform_that_is_no_position_is_not_replaced_by_the_qform(tmp_path, row):
    path = spoiled(saved(image_of(ORDERS["RAS"]), tmp_path / "t1w.nii"), SROW_X, row)
    with pytest.raises(InvalidInput, match="the sform of the T1w is no position"):
        read_t1w(path)


def test_a_sheared_image_is_told(tmp_path):
    sheared = ORDERS["RAS"].copy()
    sheared[0, 1] = 3 * np.tan(np.deg2rad(5))
    volume = read_t1w(saved(image_of(sheared, codes=(2, 0)), tmp_path / "t1w.nii"))
    (doubt,) = volume.doubts
    assert "5.0 degrees from perpendicular" in doubt.text and not doubt.grave


def test_an_image_in_a_template_space_is_told(tmp_path):
    volume = read_t1w(saved(image_of(ORDERS["RAS"], codes=(4, 0)), tmp_path / "t1w.nii"))
    (doubt,) = volume.doubts
    assert "lies in MNI152 space" in doubt.text


def test_an_mgh_image_without_directions_is_refused(tmp_path):
    """Byte 28 says that the directions are set; without it FreeSurfer and nibabel assume coronal."""
    path = tmp_path / "t1w.mgh"
    nib.save(nib.MGHImage(np.ones(SHAPE, np.float32), ORDERS["LAS"].astype(np.float32)), path)
    assert frame_doubts(nib.load(path), path, "T1w") == ()
    raw = bytearray(path.read_bytes())
    raw[28:30] = b"\0\0"
    for unset, content in ((path, bytes(raw)), (tmp_path / "t1w.mgz", gzip.compress(raw))):
        unset.write_bytes(content)
        with pytest.raises(InvalidInput, match="does not say where it lies"):
            frame_doubts(nib.load(unset), unset, "T1w")


def test_an_analyze_image_has_no_sides(tmp_path):
    data = np.random.default_rng(0).integers(0, 99, SHAPE).astype(np.int16)
    nib.save(nib.AnalyzeImage(data, ORDERS["LAS"]), tmp_path / "ct.img")
    with pytest.raises(InvalidInput, match="does not say where it lies"):
        read_image(tmp_path / "ct.img", "image of the contacts")
    # The header of an Analyze image under a name of NIfTI's is no NIfTI.
    header = (tmp_path / "ct.hdr").read_bytes()
    disguised = tmp_path / "sub-01_T1w.nii"
    disguised.write_bytes(header + b"\0" * 4 + (tmp_path / "ct.img").read_bytes())
    with pytest.raises(InvalidInput):
        open_t1w(disguised)
