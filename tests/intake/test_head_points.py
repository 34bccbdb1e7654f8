"""Head points and helmets that stand on their head, are turned or mirrored, beside landmarks that are right."""

from pathlib import Path

import mne
import numpy as np
import pytest
from fake_anatomy import digitise
from mne.channels.montage import read_meg_canonical_info
from scipy.spatial import ConvexHull

from pipeline.errors import InvalidInput
from pipeline.headmodel.coregistration import coregister
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.headmodel.stage import doubts_of_points
from pipeline.template import load_template

FILE = Path("sub-01_meg.fif")
# A head in a frame of its own, mm: the ears below and behind its middle.
LANDMARKS_MM = {"nasion": (0.0, 92, -30), "lpa": (-70.0, -16, -35), "rpa": (70.0, -16, -35)}
LANDMARKS_MM = {name: np.array(place) for name, place in LANDMARKS_MM.items()}
DIRECTION = load_template().sphere_mm[:10242] / 100
SCALP_MM = DIRECTION * [75, 95, 85]
TURNS = {
    "upside down": np.diag([1.0, 1, -1]),
    "turned about the nose": np.diag([-1.0, 1, -1]),
    "turned about the ears": np.diag([1.0, -1, -1]),
    "all axes reversed": -np.eye(3),
}


def digitised(n=60):
    landmarks, points, _ = digitise(LANDMARKS_MM, SCALP_MM, n, 2.0)
    return landmarks, points


def recording(landmarks, points, lifted_m=0.05):
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False)[::5])
    montage = mne.channels.make_dig_montage(**landmarks, hsp=points, coord_frame="head")
    place = np.eye(4)
    place[2, 3] = lifted_m
    with info._unlock():
        info["dig"] = montage.dig
        info["dev_head_t"] = mne.Transform("meg", "head", place)
    return info


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_head_points_that_stand_on_their_head_are_refused_by_that_cause(turn):
    landmarks, points = digitised()
    digitised_points_head_m(recording(landmarks, points), FILE)
    with pytest.raises(InvalidInput, match="the points stand on their head") as refused:
        digitised_points_head_m(recording(landmarks, points @ turn.T), FILE)
    assert "in one frame" in refused.value.hint


def test_points_of_the_face_alone_do_not_tell_what_is_up():
    landmarks, points = digitised(2000)
    face = points[points[:, 1] > 0.06][:60] - [0, 0, 0.12]
    assert len(face) == 60
    _, kept = digitised_points_head_m(recording(landmarks, face), FILE)
    assert kept == pytest.approx(face, abs=1e-6)


def test_a_helmet_below_the_head_is_refused():
    landmarks, points = digitised()
    with pytest.raises(InvalidInput, match="as where its transform was inverted"):
        digitised_points_head_m(recording(landmarks, points, lifted_m=-0.05), FILE)


def placed(turn, marked=False, n=60):
    landmarks, points = digitised(n)
    faces = ConvexHull(DIRECTION).simplices
    corners = DIRECTION[faces]
    normals = np.cross(*np.diff(corners, axis=1).swapaxes(0, 1))
    inwards = np.einsum("ij,ij->i", normals, corners[:, 0]) < 0
    faces[inwards] = faces[inwards, ::-1]
    return coregister(landmarks, points @ turn.T, LANDMARKS_MM, marked, SCALP_MM, faces, 8.0, FILE)


@pytest.mark.parametrize("turn", [np.diag([1.0, -1, 1]), np.diag([-1.0, -1, 1])])
def test_points_whose_front_is_the_back_fit_the_scalp_and_contradict_the_landmarks(turn):
    assert doubts_of_points(placed(np.eye(3)), False) == ()
    wrong = placed(turn)
    assert np.median(wrong.distance_on_skin_mm) < 2
    (doubt,) = doubts_of_points(wrong, False)
    assert doubt.grave and "digitised nasion lies" in doubt.text


@pytest.mark.parametrize("turn", [np.diag([1.0, -1, 1]), np.diag([-1.0, -1, 1])])
@pytest.mark.parametrize("n", [5, 19])
def test_few_points_whose_front_is_the_back_lie_off_the_scalp_by_the_marked_landmarks(turn, n):
    assert doubts_of_points(placed(np.eye(3), True, n), True) == ()
    wrong = placed(turn, True, n)
    (doubt,) = doubts_of_points(wrong, True)
    assert doubt.grave and f"the {n} digitised head points lie 1" in doubt.text
    # A template's landmarks may place a right head so.
    assert doubts_of_points(wrong, False) == ()
