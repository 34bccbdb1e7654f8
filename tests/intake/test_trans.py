"""A co-registration that was checked: found, read in the frame that it means, measured and told."""

from pathlib import Path
from types import SimpleNamespace

import mne
import nibabel as nib
import numpy as np
import pytest
from fake_anatomy import digitise
from mne.transforms import Transform, rotation
from test_sides import LANDMARKS, head

from bids_app.cli import bids_app_parser
from bids_app.config import ConfigError
from bids_app.selection import finder
from bids_app.trans import find_trans
from pipeline import headmodel
from pipeline.errors import InvalidInput
from pipeline.headmodel.given_trans import SCANNER_RAS, read_head_to_mri, readings
from pipeline.headmodel.lost_skin import LostSkin
from pipeline.headmodel.placing import AUTOMATIC, place_head
from pipeline.headmodel.stage import placement_warnings
from pipeline.headmodel.t1w import Volume
from pipeline.paths import PatientPaths

# The centre of the T1w in scanner RAS: how far surface RAS lies from it.
CENTRE_MM = np.array([6.0, -25.0, 18.0])
AFFINE = np.diag([-2.0, 2.0, 2.0, 1.0])
SHAPE = (120, 130, 110)
AFFINE[:3, 3] = CENTRE_MM - AFFINE[:3, :3] @ np.array(SHAPE) / 2
SCALP_MM, FACES = head(6)
DIGITISED, POINTS_M, TRUTH = digitise(LANDMARKS, SCALP_MM, 120, 1.0)
CONFIG = headmodel.Config()


def anatomy(marked=True):
    return SimpleNamespace(
        t1w=Volume(np.zeros(SHAPE, np.uint8), AFFINE),
        landmarks_mri_mm=LANDMARKS,
        landmarks_marked=marked,
        scalp=(SCALP_MM, FACES),
        lost_skin=LostSkin(np.empty((0, 3)), 0.0),
        cortex=SimpleNamespace(midthickness_mri_mm=0.8 * SCALP_MM),
    )


def moved(matrix, shift_mm=(0, 0, 0), angle_rad=0.0):
    motion = rotation(0, 0, angle_rad)
    motion[:3, 3] = np.array(shift_mm) / 1000
    return motion @ matrix


def saved(path, matrix=None, ends=("head", "mri")):
    """In mne's convention: surface RAS, whose origin is the centre of the image."""
    if matrix is None:
        matrix = moved(TRUTH["trans"], -CENTRE_MM)
    path.parent.mkdir(parents=True, exist_ok=True)
    mne.write_trans(path, Transform(*ends, matrix), overwrite=True, verbose="error")
    return path


def placed(trans, points=POINTS_M, marked=True, freesurfer_dir=None):
    inputs = headmodel.Inputs(Path("t1w"), None, freesurfer_dir, [Path("meg.fif")], trans)
    return place_head(inputs, anatomy(marked), DIGITISED, points, CONFIG)


def freesurfer(folder, centre_mm):
    (folder / "mri").mkdir(parents=True)
    header = nib.freesurfer.mghformat.MGHHeader()
    header.set_data_shape((64, 64, 64))
    header["delta"], header["Pxyz_c"] = (4, 4, 4), centre_mm
    header["Mdc"] = [[-1, 0, 0], [0, 0, -1], [0, 1, 0]]
    image = nib.MGHImage(np.ones((64, 64, 64), np.uint8), header.get_affine(), header)
    nib.save(image, folder / "mri" / "orig.mgz")
    return folder


def check_is_truth(found, atol_mm=1e-3):
    np.testing.assert_allclose(
        1000 * found.placement.head_to_mri["trans"][:3, 3],
        1000 * TRUTH["trans"][:3, 3],
        atol=atol_mm,
    )


def test_without_a_transform_it_is_automatic():
    found = placed(None)
    assert not found.given and found.qc == AUTOMATIC and found.doubts == ()
    check_is_truth(found, atol_mm=2)


def test_surface_ras_is_understood_without_freesurfer_by_where_the_points_lie(tmp_path):
    found = placed(saved(tmp_path / "sub-01_trans.fif"))
    check_is_truth(found)
    assert found.given and found.doubts == ()
    assert "sub-01_trans.fif" in found.qc.coregistration
    assert "surface RAS that FreeSurfer would give this T1w" in found.qc.coregistration


def test_scanner_ras_as_this_product_writes_it_is_understood_too(tmp_path):
    found = placed(saved(tmp_path / "sub-01_trans.fif", TRUTH["trans"]))
    check_is_truth(found)
    assert "scanner RAS of the T1w" in found.qc.coregistration


def test_freesurfers_own_centre_decides_where_it_is_there(tmp_path):
    """FreeSurfer's image need not be centred on the T1w."""
    centre_mm = np.array([3.0, -10.0, 40.0])
    trans = saved(tmp_path / "sub-01_trans.fif", moved(TRUTH["trans"], -centre_mm))
    found = placed(trans, freesurfer_dir=freesurfer(tmp_path / "sub-01", centre_mm))
    check_is_truth(found)
    assert "FreeSurfer's surface RAS" in found.qc.coregistration


def test_an_inverted_transform_is_turned(tmp_path):
    matrix = np.linalg.inv(moved(TRUTH["trans"], -CENTRE_MM))
    check_is_truth(placed(saved(tmp_path / "sub-01_trans.fif", matrix, ("mri", "head"))))


def test_a_stated_scanner_frame_is_believed(tmp_path):
    file = saved(tmp_path / "sub-01_trans.fif", TRUTH["trans"], ("head", "ras"))
    given = read_head_to_mri(file)
    assert given.to_frame == SCANNER_RAS
    (only,) = readings(given, AFFINE, SHAPE, None)
    np.testing.assert_allclose(only.head_to_mri_mm[:3, 3], 1000 * TRUTH["trans"][:3, 3], atol=1e-3)


def test_how_far_it_lies_from_the_automatic_one_is_measured_at_the_cortex(tmp_path):
    shift = moved(TRUTH["trans"], np.array([0, 0, 7.0]) - CENTRE_MM)
    found = placed(saved(tmp_path / "sub-01_trans.fif", shift))
    automatic = placed(None).placement.head_to_mri["trans"]
    truth = moved(TRUTH["trans"], [0, 0, 7.0])
    cortex_m = 0.8 * SCALP_MM / 1000
    carried = mne.transforms.apply_trans(truth @ np.linalg.inv(automatic), cortex_m)
    apart_mm = 1000 * np.linalg.norm(carried - cortex_m, axis=1)
    assert found.qc.apart.given_to_automatic_at_cortex_median_mm == pytest.approx(
        np.median(apart_mm), abs=0.02
    )
    assert found.qc.apart.given_to_automatic_at_cortex_max_mm == pytest.approx(
        apart_mm.max(), abs=0.02
    )
    assert 5 < np.median(apart_mm) < 9


def test_marked_landmarks_that_end_more_than_5_mm_off_are_told(tmp_path):
    for shift_mm, told in ((4.0, False), (6.3, True)):
        trans = saved(
            tmp_path / "sub-01_trans.fif",
            moved(TRUTH["trans"], np.array([0, 0, shift_mm]) - CENTRE_MM),
        )
        doubts = placed(trans).doubts
        assert bool(doubts) == told
        assert placed(trans, marked=False).doubts == ()
    assert "nasion 6 mm, lpa 6 mm, rpa 6 mm" in doubts[0].text


def test_one_far_from_the_automatic_one_is_told(tmp_path):
    turned = moved(moved(TRUTH["trans"], angle_rad=np.deg2rad(12)), [0, 0, 6] - CENTRE_MM)
    doubts = placed(saved(tmp_path / "sub-01_trans.fif", turned), marked=False).doubts
    assert any("from the automatic one at the cortex" in doubt.text for doubt in doubts)


@pytest.mark.parametrize(
    ("matrix", "ends", "said"),
    [
        (np.eye(4), ("meg", "head"), "not from head to MRI"),
        (np.diag([1.1, 1.1, 1.1, 1.0]), ("head", "mri"), "no rigid motion"),
        (np.diag([-1.0, 1, 1, 1]), ("head", "mri"), "exchanges left and right"),
        (moved(np.eye(4), [4000, 0, 0]), ("head", "mri"), "shifts by more than 0.5 m"),
        (np.full((4, 4), np.nan), ("head", "mri"), "no rigid motion"),
        (moved(TRUTH["trans"], [0, 0, 150]), ("head", "mri"), "from the scalp in the median"),
    ],
)
def test_one_that_cannot_be_used_is_told_and_the_automatic_one_serves(tmp_path, matrix, ends, said):
    found = placed(saved(tmp_path / "sub-01_trans.fif", matrix, ends))
    (doubt,) = found.doubts
    assert not found.given and doubt.grave
    assert said in doubt.text and "sub-01_trans.fif" in doubt.text
    check_is_truth(found, atol_mm=2)


@pytest.mark.parametrize("content", [b"", b"no FIF", b"\0" * 400])
def test_what_is_no_fif_is_called_that(tmp_path, content):
    file = tmp_path / "sub-01_trans.fif"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match="not a readable FIF transform"):
        read_head_to_mri(file)


def test_a_frame_that_cannot_be_told_is_not_guessed(tmp_path):
    """Neither head points nor marked landmarks: nothing says which frame is meant."""
    found = placed(saved(tmp_path / "sub-01_trans.fif"), POINTS_M[:5], marked=False)
    assert not found.given and "cannot be told" in found.doubts[0].text
    known = freesurfer(tmp_path / "sub-01", CENTRE_MM)
    found = placed(tmp_path / "sub-01_trans.fif", POINTS_M[:5], False, known)
    check_is_truth(found)


def test_where_no_automatic_one_can_be_made_the_given_one_is_used(tmp_path):
    trans = saved(tmp_path / "sub-01_trans.fif")
    exchanged = {"nasion": "lpa", "lpa": "rpa", "rpa": "nasion"}
    wrong = anatomy(marked=False)
    wrong.landmarks_mri_mm = {name: LANDMARKS[other] for name, other in exchanged.items()}
    inputs = headmodel.Inputs(Path("t1w"), None, None, [Path("meg.fif")])
    few = POINTS_M[:10]
    with pytest.raises(InvalidInput, match="turn of"):
        place_head(inputs, wrong, DIGITISED, few, CONFIG)
    known = freesurfer(tmp_path / "sub-01", CENTRE_MM)
    inputs = headmodel.Inputs(Path("t1w"), None, known, [Path("meg.fif")], trans)
    found = place_head(inputs, wrong, DIGITISED, few, CONFIG)
    check_is_truth(found)
    assert "an automatic one could not be made" in found.qc.coregistration
    assert found.qc.apart.given_to_automatic_at_cortex_median_mm is None


def test_no_word_of_landmarks_that_were_not_fitted(tmp_path):
    found = placed(
        saved(tmp_path / "sub-01_trans.fif"),
        np.empty((0, 3)),
        freesurfer_dir=freesurfer(tmp_path / "sub-01", CENTRE_MM),
    )
    (warning,) = placement_warnings(found.placement, True, found.given)
    assert "not assessable" in warning


def test_the_stage_depends_on_its_content(tmp_path):
    inputs = headmodel.Inputs(Path("t1w"), None, None, [Path("meg")], tmp_path / "x_trans.fif")
    assert inputs.trans in headmodel.reads(inputs, PatientPaths(tmp_path, "01"))


# -- which file -----------------------------------------------------------------------
MEG = Path("sub-01/ses-1/meg/sub-01_ses-1_task-rest_run-01_meg.fif")


def found_in(tmp_path, *names, meg=(MEG,)):
    for number, name in enumerate(names):
        saved(tmp_path / name, moved(np.eye(4), [number, 0, 0]))
    notes = []
    roots = [tmp_path / "derivatives" / "coreg"]
    path = find_trans(tmp_path / "sub-01", list(meg), roots, notes)
    return path and str(path.relative_to(tmp_path)), " ".join(notes)


@pytest.mark.parametrize(
    "name",
    [
        "sub-01/ses-1/meg/sub-01_ses-1_trans.fif",
        "sub-01/ses-1/meg/sub-01_ses-1_task-rest_run-1_trans.fif",
        "sub-01/meg/sub-01_trans.fif",
        "derivatives/coreg/sub-01/ses-1/meg/sub-01_ses-1_desc-checked_trans.fif",
    ],
)
def test_a_transform_is_found_beside_the_recordings_and_in_derivatives(tmp_path, name):
    path, notes = found_in(tmp_path, name)
    assert path == name and "is used" in notes


def test_the_recordings_own_goes_before_another_runs(tmp_path):
    own = "sub-01/ses-1/meg/sub-01_ses-1_task-rest_trans.fif"
    other = "sub-01/ses-1/meg/sub-01_ses-1_task-motor_trans.fif"
    assert found_in(tmp_path, own, other)[0] == own


def test_several_that_differ_are_none(tmp_path):
    names = [f"sub-01/ses-1/meg/sub-01_ses-1_desc-{word}_trans.fif" for word in ("a", "b")]
    path, notes = found_in(tmp_path, *names)
    assert path is None and "none is used" in notes and "--trans" in notes


def test_another_sessions_and_a_hidden_one_are_not_used(tmp_path):
    path, notes = found_in(
        tmp_path,
        "sub-01/ses-2/meg/sub-01_ses-2_trans.fif",
        "sub-01/ses-1/meg/._sub-01_ses-1_trans.fif",
    )
    assert path is None and "another session" in notes
    assert found_in(tmp_path / "empty") == (None, "")


def test_the_option_is_checked_before_anything_is_processed(tmp_path):
    def find(*options, labels=("01",)):
        args = bids_app_parser().parse_args([str(tmp_path), "out", "participant", *options])
        return finder(args, list(labels), ("spike",))

    with pytest.raises(ConfigError, match="does not exist"):
        find("--trans", str(tmp_path / "nowhere_trans.fif"))
    file = saved(tmp_path / "my_trans.fif")
    find("--trans", str(file))
    with pytest.raises(ConfigError, match="of one participant, and 2"):
        find("--trans", str(file), labels=("01", "02"))
    file.write_bytes(b"no FIF")
    with pytest.raises(InvalidInput, match="not a readable FIF"):
        find("--trans", str(file))
