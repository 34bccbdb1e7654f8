"""Coordinates in a unit other than the declared one, and numbers as tables have them."""

import json
from functools import partial

import nibabel as nib
import numpy as np
import pytest
from contact_files import CHANNELS, NAMES, POS_MM, resolve, spherical_scalp, write_contacts

from pipeline.compare.coordinates import in_possible_unit, outside_head_mm
from pipeline.compare.frames import IMAGE, MNI152, Frame
from pipeline.compare.outlines import box_outline_mm, unregistered
from pipeline.headmodel.t1w import read_t1w
from pipeline.stated_places import unit_of

SCALP_MM = spherical_scalp()


@pytest.fixture
def write(tmp_path):
    return partial(write_contacts, tmp_path)


def as_is(pos_mm):
    return pos_mm


def test_millimetres_declared_as_metres_are_read_and_told_on_page_one(write):
    found = write(None, CHANNELS, unit="m")
    np.testing.assert_allclose(found.contacts.pos_mri_mm, POS_MM)
    assert found.contacts.soz.tolist() == [True, True, False, False]
    assert [doubt.text for doubt in found.doubts] == [
        "The contacts of sub-01_electrodes.tsv are declared in m, in which they do not lie in this "
        "head; they were read in mm, the only unit in which they do"
    ]


def test_another_unit_must_hold_for_nearly_all_contacts():
    pos_mm = np.array([[-60.0 + 5 * i, 0, 0] for i in range(20)])
    placed, unit = in_possible_unit(pos_mm, "m", as_is, SCALP_MM)
    assert unit == "mm"
    np.testing.assert_allclose(placed, pos_mm)
    pos_mm[0] = 0, 0, 190
    assert in_possible_unit(pos_mm, "m", as_is, SCALP_MM)[1] == "mm"  # 19 of 20
    pos_mm[1] = 0, 0, 190
    assert "in any unit" in in_possible_unit(pos_mm, "m", as_is, SCALP_MM)  # 18 of 20
    # The declared unit may lose more.
    assert in_possible_unit(pos_mm, "mm", as_is, SCALP_MM)[1] == "mm"


def test_of_two_possible_units_none_is_taken():
    one = np.array([[8.0, 0, 0]])
    reason = in_possible_unit(one, "m", as_is, SCALP_MM)
    assert reason == "are declared in m, but can be in cm or mm just as well"


@pytest.mark.parametrize(
    ("stated", "unit"),
    [("MM", "mm"), ("millimeters", "mm"), ("metres", "m"), (" cm ", "cm"), ("inch", None)],
)
def test_units_in_words(stated, unit):
    assert unit_of(stated) == unit


@pytest.mark.parametrize("stated", [5, ["mm"], {"x": "mm"}, None, "n/a", True])
def test_a_unit_of_another_type_is_a_sentence(write, stated):
    found = write(unit=stated)
    assert found.contacts is None
    assert "the coordinates' unit is" in found.reason
    assert "sub-01_coordsystem.json" in found.reason


def write_rows(folder, rows):
    electrodes, system = folder / "sub-01_electrodes.tsv", folder / "sub-01_coordsystem.json"
    electrodes.write_text("name\tx\ty\tz\n" + "\n".join("\t".join(row) for row in rows) + "\n")
    system.write_text(json.dumps({"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}))
    return resolve([electrodes], [], [system], SCALP_MM)


def test_decimal_commas(tmp_path):
    found = write_rows(tmp_path, [["A1", "-30,25", "1,5", "-0,5"], ["A2", "-40,5", "1,5", "4"]])
    np.testing.assert_allclose(found.contacts.pos_mri_mm, [[-30.25, 1.5, -0.5], [-40.5, 1.5, 4]])
    assert len(found.warnings) == 1 and "'-30,25' was read as -30.25" in found.warnings[0]


@pytest.mark.parametrize("cell", ["n/a", "N/A", "", "nan", "NaN", "NA"])
def test_coordinates_that_are_not_given(tmp_path, cell):
    rows = [[name, str(x), "0", "0"] for name, (x, *_) in zip(NAMES, POS_MM, strict=True)]
    rows[1][2] = cell
    found = write_rows(tmp_path, rows)
    assert found.contacts.name == ["A1", "A3", "A4"]
    assert found.counts["contacts_without_position"] == 1
    assert not any("no numbers" in text for text in found.warnings)


def test_the_outline_without_a_head_model_is_the_heads(tmp_path):
    """A ball of 90 mm about (0, -20, 10) under air that is not zero."""
    index = np.indices((100, 100, 100)).reshape(3, -1).T
    affine = np.diag([2.5, 2.5, 2.5, 1.0])
    affine[:3, 3] = -125, -145, -115
    pos_mm = nib.affines.apply_affine(affine, index)
    inside = np.linalg.norm(pos_mm - (0, -20, 10), axis=1) < 90
    image = nib.Nifti1Image((inside * 500 - 200).reshape(100, 100, 100).astype(np.int16), affine)
    path = tmp_path / "sub-01_T1w.nii.gz"
    nib.save(image, path)
    carry, outline_mm = unregistered(read_t1w(path))
    off_mm = outside_head_mm(SCALP_MM, outline_mm)
    assert np.abs(off_mm).max() < 4.0
    ct = carry(Frame("Other", IMAGE, path))
    assert outside_head_mm(np.array([[0.0, -20, 10]]), ct.head_mm) < 0
    assert outside_head_mm(np.array([[0.0, -20, 200]]), ct.head_mm) > 40
    template = carry(Frame("MNI152Lin", MNI152))
    assert outside_head_mm(np.array([[0.0, -100, 0]]), template.head_mm) < 0
    assert "cannot be read" in carry(Frame("Other", IMAGE, tmp_path / "missing.nii.gz"))


def test_a_box_has_its_corners_and_nothing_inside():
    points_mm = box_outline_mm(np.array([-1.0, 0, 2]), np.array([1.0, 3, 4]), n=3)
    assert points_mm.min(0).tolist() == [-1, 0, 2] and points_mm.max(0).tolist() == [1, 3, 4]
    on_face = (points_mm == points_mm.min(0)) | (points_mm == points_mm.max(0))
    assert on_face.any(1).all()


@pytest.mark.parametrize(("factor", "n_odd"), [(1e-3, 3), (1e-1, 3), (1e-3, 1)])
def test_contacts_in_another_unit_than_the_rest_of_their_table_are_left_out(
    tmp_path, factor, n_odd
):
    """Two exports in one table: those in metres would lie within a tenth of a millimetre of the origin."""
    pos_mm = {f"A{i}": (-20 - 3.5 * i, 5, 10) for i in range(8)}
    pos_mm |= {f"B{i}": tuple(factor * x for x in (20 + 3.5 * i, 5, 10)) for i in range(n_odd)}
    rows = ["\t".join([name, *(f"{x:.6g}" for x in xyz)]) for name, xyz in pos_mm.items()]
    electrodes = tmp_path / "sub-01_electrodes.tsv"
    electrodes.write_text("\n".join(["name\tx\ty\tz", *rows]) + "\n")
    described = tmp_path / "sub-01_coordsystem.json"
    described.write_text('{"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}')
    found = resolve([electrodes], [], [described], spherical_scalp())
    assert found.contacts.name == [f"A{i}" for i in range(8)]
    (doubt,) = found.doubts
    assert doubt.text.startswith(f"{n_odd} contacts of") and "in another unit" in doubt.text
    assert found.counts["contacts_without_position"] == n_odd
