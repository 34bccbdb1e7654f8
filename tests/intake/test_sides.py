"""Left and right: what the head points, the ears and FreeSurfer's image can tell of a mirrored head."""

from dataclasses import asdict
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from fake_anatomy import digitise, make_head
from scipy.spatial import ConvexHull

from pipeline.errors import InvalidInput
from pipeline.headmodel.coregistration import coregister
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.headmodel.freesurfer import check_same_image
from pipeline.headmodel.sides import TRIALS, SideCheck, check_side
from pipeline.headmodel.t1w import Volume
from pipeline.template import load_template

LANDMARKS = {"nasion": [0, 88, -30], "lpa": [-70, -10, -35], "rpa": [70, -10, -35]}
LANDMARKS = {name: np.array(pos, float) for name, pos in LANDMARKS.items()}


def head(bulge_mm):
    """An ellipsoid with a bulge at the back on the left, as heads have that lay on one side."""
    direction = load_template().sphere_mm[:10242] / 100
    faces = ConvexHull(direction).simplices
    corners = direction[faces]
    inwards = (
        np.einsum("ij,ij->i", np.cross(*np.diff(corners, axis=1).swapaxes(0, 1)), corners[:, 0]) < 0
    )
    faces[inwards] = faces[inwards, ::-1]
    towards = np.array([-0.6, -0.6, 0.5]) / np.linalg.norm([-0.6, -0.6, 0.5])
    bulge = bulge_mm * np.exp(-((1 - direction @ towards) / 0.15))
    return direction * [75, 95, 85] + bulge[:, None] * direction, faces


def checked(bulge_mm, n_points, mirrored=False, noise_mm=2.0):
    scalp_mm, faces = head(bulge_mm)
    landmarks, points, _ = digitise(LANDMARKS, scalp_mm, n_points, noise_mm)
    if mirrored:  # the image is; what was digitised on the head is not
        scalp_mm, faces = scalp_mm * [-1, 1, 1], faces[:, ::-1]
    placed = coregister(
        landmarks, points, LANDMARKS, True, scalp_mm, faces, 8.0, Path("sub-01_meg.fif")
    )
    return check_side(placed.head_to_mri_mm, landmarks, points, LANDMARKS, scalp_mm, faces, 8.0)


def test_a_mirrored_head_is_noticed_by_its_shape():
    straight, mirrored = checked(8, 150), checked(8, 150, mirrored=True)
    assert straight.agrees is True and straight.doubts == ()
    assert mirrored.agrees is False
    (doubt,) = mirrored.doubts
    assert doubt.grave and "left and right may be exchanged" in doubt.text
    assert straight.rms_mm == pytest.approx(mirrored.mirrored_rms_mm, abs=0.2)
    assert straight.mirrored_rms_mm > 1.2 * straight.rms_mm


def test_a_symmetric_head_decides_nothing_and_says_so():
    for mirrored in (False, True):
        found = checked(0, 150, mirrored)
        assert found.agrees is None and found.doubts == ()
        assert "not decidable" in found.sentence and f"{found.rms_mm:.1f} mm" in found.sentence


def test_what_is_said_of_the_check_is_what_was_measured():
    table = pd.read_csv(Path(__file__).parents[2] / "benchmarks/results/mirror.csv")
    assert table["head"].nunique() == 7
    for trial in TRIALS:
        rows = table[table["points"].isin(trial.points)]
        sums = rows[["n", "noticed", "missed", "doubted"]].sum()
        assert sums.tolist() == [trial.n, trial.noticed, trial.missed, trial.doubted]
        said = SideCheck(trial.points[0], 2.0, 2.0, 0.0).sentence
        assert f"noticed {trial.noticed} of {trial.n} mirrored heads" in said
    landmarks_only = table[table["points"] == 0]
    assert not landmarks_only[["noticed", "missed", "doubted", "confirmed"]].to_numpy().any()


def test_too_few_points_decide_nothing():
    found = checked(8, 19)
    assert found == SideCheck(19) and "fewer than 20" in found.sentence
    assert set(asdict(found.qc).values()) == {None}


def recording(landmarks, points):
    info = mne.channels.montage.read_meg_canonical_info("neuromag")
    montage = mne.channels.make_dig_montage(**landmarks, hsp=points, coord_frame="unknown")
    placed = mne.channels.montage.transform_to_head(montage)
    with info._unlock():
        info["dig"] = placed.dig
        to_head = mne.channels.compute_native_head_t(montage)["trans"]
        lifted = np.eye(4)
        lifted[2, 3] = 0.045
        info["dev_head_t"] = mne.Transform("meg", "head", to_head @ lifted)
    return info


def test_exchanged_ears_of_the_digitisation_are_refused():
    scalp_mm, _ = head(0)
    points = scalp_mm[scalp_mm[:, 2] > 0][::40] / 1000
    landmarks = {name: pos / 1000 for name, pos in LANDMARKS.items()}
    found, _ = digitised_points_head_m(recording(landmarks, points), Path("sub-01_meg.fif"))
    assert found["lpa"][0] < 0 < found["rpa"][0]
    exchanged = landmarks | {"lpa": landmarks["rpa"], "rpa": landmarks["lpa"]}
    for given in (points, points[:3]):
        with pytest.raises(InvalidInput, match="LPA and RPA were exchanged") as caught:
            digitised_points_head_m(recording(exchanged, given), Path("sub-01_meg.fif"))
        assert "exchange LPA and RPA" in caught.value.hint


def test_a_t1w_that_is_the_mirror_image_of_freesurfers_is_refused(tmp_path):
    made = make_head()
    affine = made.t1w.affine.copy()
    rng = np.random.default_rng(2)
    data = made.t1w.data * rng.uniform(0.5, 1.5, made.t1w.data.shape).astype(np.float32)
    (tmp_path / "mri").mkdir()
    nib.save(nib.MGHImage(data, affine.astype(np.float32)), tmp_path / "mri" / "orig.mgz")
    as_is, mirrored = check_same_image(tmp_path, Volume(data, affine), made.brain_mask)
    assert as_is > 0.99 > mirrored + 0.2
    middle_mm = (affine @ [*np.argwhere(made.brain_mask).mean(0), 1])[0]
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = 2 * middle_mm
    with pytest.raises(InvalidInput, match="better as its mirror image"):
        check_same_image(tmp_path, Volume(data, flip @ affine), made.brain_mask)
