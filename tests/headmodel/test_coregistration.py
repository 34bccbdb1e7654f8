"""Placing a head on an ellipsoid whose place is known."""

from pathlib import Path

import mne
import numpy as np
import pytest
from mne.io.constants import FIFF
from scipy.spatial.transform import Rotation

from pipeline.errors import InvalidInput
from pipeline.headmodel import coregistration
from pipeline.headmodel.coregistration import (
    Placement,
    coregister,
    fit_points_to_surface,
    place,
    rigid_fit,
)
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.leadfield import star_shaped_remesh
from pipeline.template import load_template
from pipeline.template.cortex import vertex_normals

HALF_MM = np.array([70.0, 90.0, 80.0])
LANDMARKS_MM = {
    "nasion": np.array([0.0, 90, 0]),
    "lpa": np.array([-70.0, 0, 0]),
    "rpa": np.array([70.0, 0, 0]),
}
FILE = Path("sub-01_meg.fif")


@pytest.fixture(scope="module")
def scalp():
    return star_shaped_remesh(HALF_MM * load_template().sphere_mm[:10242] / 100, 2562)


def motion_of(turn_deg, shift_mm):
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", turn_deg, degrees=True).as_matrix()
    motion[:3, 3] = shift_mm
    return motion


def carry(motion, points):
    return np.asarray(points) @ motion[:3, :3].T + motion[:3, 3]


def digitised(scalp_mm, motion, n=60, seed=0):
    """Landmarks and points of the upper head in the head frame, m."""
    upper = scalp_mm[scalp_mm[:, 2] > 0]
    points_mm = upper[np.random.default_rng(seed).choice(len(upper), n, replace=False)]
    back = np.linalg.inv(motion)
    marks = {name: carry(back, pos_mm) / 1000 for name, pos_mm in LANDMARKS_MM.items()}
    return marks, carry(back, points_mm) / 1000


def test_a_rigid_fit_finds_turn_and_shift():
    motion = motion_of((10, -20, 30), (5, -6, 7))
    points = np.random.default_rng(0).normal(size=(5, 3)) * 50
    assert rigid_fit(points, carry(motion, points)) == pytest.approx(motion)


def test_points_find_the_surface_from_nearby(scalp):
    motion = motion_of((3, -4, 5), (2, 4, -3))
    marks, points_m = digitised(scalp[0], motion)
    start = motion_of((3, 1, 2), (6, 0, 0))
    found = fit_points_to_surface(
        start,
        1000 * points_m,
        scalp[0],
        vertex_normals(*scalp),
        1000 * np.array(list(marks.values())),
        np.array(list(LANDMARKS_MM.values())),
        10.0,
    )
    assert found == pytest.approx(motion, abs=1e-3)


def test_a_far_point_pulls_no_harder_than_one_of_two_millimetres():
    # A plane of skin at z = 0; four points lie 1 mm above it, one 100 mm.
    grid = np.stack(np.meshgrid(np.arange(-50.0, 51, 2), np.arange(-50.0, 51, 2)), -1).reshape(
        -1, 2
    )
    surface_mm = np.column_stack([grid, np.zeros(len(grid))])
    normals = np.tile([0.0, 0, 1], (len(grid), 1))
    corners = np.array([[30.0, 30, 1], [-30, 30, 1], [30, -30, 1], [-30, -30, 1]])
    far = np.array([[0.0, 0, 100]])
    marks = np.array([[0.0, 40, 0], [-40, -20, 0], [40, -20, 0]])
    found = fit_points_to_surface(
        np.eye(4), np.vstack([corners, far]), surface_mm, normals, marks, marks, 1e6
    )
    # Without landmarks' pull: 4 (1 + z) = 2, the pull of the far one.
    assert found[2, 3] == pytest.approx(-1.5, abs=1e-2)
    held = fit_points_to_surface(
        np.eye(4), np.vstack([corners, far]), surface_mm, normals, marks, marks, 2.0
    )
    # Three landmarks of the same spread pull back to 0: 4 (1 + z) + 3 z = -2.
    assert held[2, 3] == pytest.approx(-6 / 7, abs=1e-2)


def test_places_measure_landmarks_and_points(scalp):
    marks, points_m = digitised(scalp[0], np.eye(4), n=30)
    moved = place(motion_of((0, 0, 0), (0, 0, 3.0)), marks, points_m, LANDMARKS_MM, *scalp)
    assert moved.landmark_distance_mm == {name: pytest.approx(3) for name in LANDMARKS_MM}
    assert moved.head_point_distance_mm.max() <= 3.0
    assert moved.head_to_mri["trans"][2, 3] == pytest.approx(0.003)
    assert moved.head_to_mri_mm[2, 3] == pytest.approx(3.0)
    assert moved.used.all() and not moved.beyond.any()


def test_points_nearer_to_lost_skin_are_beyond(scalp):
    marks, points_m = digitised(scalp[0], np.eye(4), n=30)
    lost_mm = 1000 * points_m[:3] + [0, 0, 0.5]
    placed = place(np.eye(4), marks, points_m, LANDMARKS_MM, *scalp, lost_skin_mri_mm=lost_mm)
    beside = np.linalg.norm(1000 * points_m[:, None] - lost_mm, axis=2).min(1) < 12.0
    assert placed.beyond.tolist() == beside.tolist()
    assert placed.used.tolist() == (~beside).tolist()
    assert len(placed.distance_on_skin_mm) == (~beside).sum()
    chosen = np.arange(30) < 2
    placed = place(np.eye(4), marks, points_m, LANDMARKS_MM, *scalp, chosen, lost_mm)
    assert placed.used.tolist() == chosen.tolist()
    assert placed.beyond.tolist() == (beside & ~chosen).tolist()


def placement(tilt_deg=0.0, distance_mm=0.0) -> Placement:
    motion = motion_of((0, tilt_deg, 0), (0, 0, 0))
    none = np.zeros(3, bool)
    return Placement(
        mne.Transform("head", "mri", motion), {}, np.full(3, float(distance_mm)), ~none, none
    )


def test_a_helmet_that_sits_as_none_does_is_refused():
    placement(74.9, 14.9).check_plausible(FILE)
    placement(-74.9).check_plausible(FILE)
    with pytest.raises(InvalidInput, match="turn of 75 degrees"):
        placement(75.1).check_plausible(FILE)
    with pytest.raises(InvalidInput, match="15 mm from the scalp"):
        placement(0, 15.1).check_plausible(FILE)


@pytest.mark.parametrize("marked", [True, False])
def test_a_head_is_placed_by_landmarks_and_points(scalp, marked):
    motion = motion_of((20, -10, 15), (3, 9, -5))
    marks, points_m = digitised(scalp[0], motion)
    # Landmarks that a template gave lie 8 mm off; 5 of 60 points are 20 mm away from the skin.
    shifted = {name: pos + (0 if marked else [0, 8.0, 0]) for name, pos in LANDMARKS_MM.items()}
    centre = carry(np.linalg.inv(motion), np.zeros(3)) / 1000
    points_m[:5] += (
        0.02 * (points_m[:5] - centre) / np.linalg.norm(points_m[:5] - centre, axis=1)[:, None]
    )
    found = coregister(marks, points_m, shifted, marked, *scalp, 10.0, FILE)
    assert np.flatnonzero(~found.used).tolist() == [0, 1, 2, 3, 4]
    assert found.head_to_mri_mm[:3, 3] == pytest.approx(motion[:3, 3], abs=0.5 if marked else 1.5)
    assert found.head_to_mri_mm[:3, :3] == pytest.approx(motion[:3, :3], abs=0.02)


@pytest.mark.parametrize(("n", "n_used"), [(19, 0), (20, 20)])
def test_twenty_points_are_enough(scalp, n, n_used):
    marks, points_m = digitised(scalp[0], np.eye(4), n)
    found = coregister(marks, points_m, LANDMARKS_MM, True, *scalp, 10.0, FILE)
    assert found.used.sum() == n_used
    assert found.head_to_mri_mm == pytest.approx(np.eye(4), abs=0.02)


def test_turns_go_both_ways_about_each_axis_through_a_point():
    pivot = np.array([1.0, 2, 3])
    turns = coregistration._turns(pivot)
    assert len(turns) == 6
    vectors = [Rotation.from_matrix(turn[:3, :3]).as_rotvec(degrees=True) for turn in turns]
    assert np.sort(np.abs(vectors).sum(1)) == pytest.approx(np.full(6, 15.0))
    assert np.sum(vectors, 0) == pytest.approx(np.zeros(3))
    assert np.array([carry(turn, pivot) for turn in turns]) == pytest.approx(np.array([pivot] * 6))


def test_rows_of_a_motion_are_its_derivatives():
    arm, step = np.array([3.0, -5, 7]), np.array([1e-4, 2e-4, -3e-4, 0.1, -0.2, 0.3])
    moved = Rotation.from_rotvec(step[:3]).apply(arm) + step[3:]
    assert coregistration._motion_rows(arm) @ step == pytest.approx(moved - arm, abs=1e-5)


def recording(ears=("lpa", "rpa"), n_points=25, points_z_m=0.08, with_place=True):
    marks = {name: np.array([0, 0.09, 0]) for name in ("nasion",)}
    marks |= {ears[0]: np.array([-0.07, 0, 0]), ears[1]: np.array([0.07, 0, 0])}
    info = mne.channels.read_meg_canonical_info("neuromag")
    above = [i for i, channel in enumerate(info["chs"]) if channel["loc"][2] > 0.05]
    info = mne.pick_info(info, above)
    points = np.column_stack([np.zeros((n_points, 2)), np.full(n_points, points_z_m)])
    with info._unlock():
        info["dig"] = mne.channels.make_dig_montage(
            nasion=marks["nasion"],
            lpa=marks["lpa"],
            rpa=marks["rpa"],
            hsp=points,
            coord_frame="head",
        ).dig
        info["dev_head_t"] = mne.Transform("meg", "head", np.eye(4)) if with_place else None
    return info


def test_digitised_points_are_read_in_the_head_frame():
    info = recording()
    landmarks, points_m = digitised_points_head_m(info, FILE)
    assert set(landmarks) == {"nasion", "lpa", "rpa"}
    assert landmarks["lpa"] == pytest.approx([-0.07, 0, 0])
    assert points_m.shape == (25, 3) and points_m[0] == pytest.approx([0, 0, 0.08])
    info["dig"][0]["coord_frame"] = FIFF.FIFFV_COORD_DEVICE
    with pytest.raises(InvalidInput, match=r"no digitised landmarks [(]"):
        digitised_points_head_m(info, FILE)


def test_without_the_helmets_place_nothing_is_known():
    with pytest.raises(InvalidInput, match="where the head was"):
        digitised_points_head_m(recording(with_place=False), FILE)


@pytest.mark.parametrize(
    ("turned", "n_points", "points_z_m", "cause"),
    [
        (True, 25, -0.08, "LPA and RPA were exchanged"),
        (True, 25, 0.08, "its transform was inverted"),
        (False, 25, -0.08, "the points stand on their head"),
        (True, 19, 0.08, "LPA and RPA were exchanged"),
        (True, 20, 0.08, "its transform was inverted"),
        (False, 19, -0.08, None),
        (False, 25, 0.08, None),
    ],
)
def test_what_stands_on_its_head_is_refused_by_its_cause(turned, n_points, points_z_m, cause):
    info = recording(n_points=n_points, points_z_m=points_z_m)
    if turned:
        with info._unlock():
            info["dev_head_t"] = mne.Transform("meg", "head", np.diag([1.0, -1, -1, 1]))
    if cause is None:
        digitised_points_head_m(info, FILE)
    else:
        with pytest.raises(InvalidInput, match=cause):
            digitised_points_head_m(info, FILE)


@pytest.mark.parametrize(("marked", "sd_mm"), [(True, 3.0), (False, 10.0)])
def test_points_are_drawn_anew_and_fitted_as_they_were(scalp, monkeypatch, marked, sd_mm):
    """Twenty draws of as many of the points used, each fitted from where the head lies."""
    motion = motion_of((3, -4, 5), (2, 4, -3))
    marks, points_m = digitised(scalp[0], motion, n=30)
    used = np.arange(30) < 25
    placed = place(motion, marks, points_m, LANDMARKS_MM, *scalp, used)
    seen = []

    def fitted(start, points_mm, surface_mm, normals, marks_mm, marks_mri_mm, landmark_sd_mm):
        assert start == pytest.approx(motion) and surface_mm is scalp[0]
        assert marks_mm == pytest.approx(1000 * np.array(list(marks.values())))
        assert marks_mri_mm.tolist() == np.array(list(LANDMARKS_MM.values())).tolist()
        assert normals.shape == scalp[0].shape and landmark_sd_mm == sd_mm
        seen.append(points_mm)
        return start

    monkeypatch.setattr(coregistration, "fit_points_to_surface", fitted)
    rng = np.random.default_rng(0)
    found = coregistration.resampled(placed, marks, points_m, LANDMARKS_MM, marked, *scalp, rng)
    assert len(found) == len(seen) == 20 and all(each.shape == (25, 3) for each in seen)
    drawn = np.unique(np.round(np.concatenate(seen), 6), axis=0)
    assert drawn.tolist() == np.unique(np.round(1000 * points_m[used], 6), axis=0).tolist()
    assert all(len(np.unique(each, axis=0)) < 25 for each in seen)


def test_landmarks_are_known_better_where_skin_is_missing():
    assert coregistration._landmark_sd_mm(True, False) == 3.0
    assert coregistration._landmark_sd_mm(False, True) == 10.0
    assert coregistration._landmark_sd_mm(False, False) == 5.0
