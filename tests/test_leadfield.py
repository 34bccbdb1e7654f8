"""Remeshing, and the field of regions, on shapes known by hand."""

import mne
import numpy as np
import pytest

from pipeline import leadfield
from pipeline.errors import InvalidInput
from pipeline.head_position import HeadPositions
from pipeline.leadfield import (
    region_leadfield,
    sensors_at,
    star_shaped_remesh,
    vertex_leadfield,
    weighted_sensors,
)
from pipeline.modality.meg import single_shell_bem
from pipeline.template import load_template

CENTRE_MM = np.array([10.0, -20.0, 30.0])
HALF_MM = np.array([70.0, 90.0, 60.0])


@pytest.fixture(scope="module")
def sphere():
    return load_template().sphere_mm[:10242] / 100


@pytest.fixture(scope="module")
def shell(sphere):
    return star_shaped_remesh(CENTRE_MM + 90 * sphere, 642)


def test_an_ellipsoid_stays_one(sphere):
    pos_mm, faces = star_shaped_remesh(CENTRE_MM + HALF_MM * sphere, 642)
    assert pos_mm.shape == (642, 3) and faces.shape == (1280, 3)
    assert np.linalg.norm((pos_mm - CENTRE_MM) / HALF_MM, axis=1) == pytest.approx(1, abs=0.01)
    direction = (pos_mm - CENTRE_MM) / np.linalg.norm(pos_mm - CENTRE_MM, axis=1, keepdims=True)
    assert direction == pytest.approx(sphere[:642], abs=1e-4)


def test_faces_look_outward(shell):
    pos_mm, faces = shell
    a, b, c = (pos_mm[faces[:, i]] - CENTRE_MM for i in range(3))
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a) > 0).all()
    # Each edge is passed once in either direction.
    edges = np.concatenate([faces[:, [i, (i + 1) % 3]] for i in range(3)])
    assert len(np.unique(edges, axis=0)) == len(edges) == 3 * len(faces)


def test_radii_are_weighted_by_nearness(sphere):
    # A surface whose radius rises along z: each new vertex is one of the old ones.
    radius = 80 + 10 * sphere[:, 2:]
    pos_mm, _ = star_shaped_remesh(radius * sphere, 642)
    middle = ((radius * sphere).max(0) + (radius * sphere).min(0)) / 2
    found = np.linalg.norm(pos_mm - middle, axis=1)
    direction = (pos_mm - middle) / found[:, None]
    nearest = np.argmax(
        direction @ (radius * sphere - middle).T / np.linalg.norm(radius * sphere - middle, axis=1),
        1,
    )
    assert found == pytest.approx(
        np.linalg.norm(radius * sphere - middle, axis=1)[nearest], abs=0.2
    )


def one_magnetometer():
    """120 mm above the shell's centre, looking upward."""
    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg="mag")[:1])
    channel = info["chs"][0]
    channel["loc"] = np.concatenate([CENTRE_MM / 1000 + [0, 0, 0.12], np.eye(3).ravel()])
    with info._unlock():
        info["dev_head_t"] = mne.Transform("meg", "head", np.eye(4))
    return info


@pytest.fixture(scope="module")
def conductor(shell):
    return single_shell_bem(*shell)


def test_a_dipole_is_placed_in_millimetres_and_its_field_is_that_of_a_sphere(conductor):
    trans = mne.Transform("head", "mri", np.eye(4))
    at_mm, along = np.array([[0.0, 40, 50], [0, 0, 60]]), np.array([[1.0, 0, 0], [0, 0, 1]])
    field = vertex_leadfield(one_magnetometer(), trans, conductor, CENTRE_MM + at_mm, along)
    # Outside a sphere the radial field is that of the dipole alone: mu0 / 4 pi (q x d) . z / d^3.
    d_m = np.array([0, 0, 0.12]) - at_mm[0] / 1000
    expected = 1e-7 * np.cross(along[0], d_m)[2] / np.linalg.norm(d_m) ** 3
    assert field[0, 0] == pytest.approx(expected, rel=0.05)
    assert abs(field[0, 1]) < 0.01 * abs(expected)


def test_dipoles_outside_the_skull_are_counted(conductor):
    trans = mne.Transform("head", "mri", np.eye(4))
    at_mm = CENTRE_MM + np.array([[0.0, 0, 50], [0, 0, 95], [0, 95, 0]])
    with pytest.raises(InvalidInput, match=r"^2 of 3 cortex vertices"):
        vertex_leadfield(one_magnetometer(), trans, conductor, at_mm, np.eye(3))


def test_regions_sum_their_vertices():
    leadfield = np.arange(8.0).reshape(2, 4)
    assert region_leadfield(leadfield, np.array([1, -1, 0, 1])).tolist() == [[2, 3], [6, 11]]


def test_a_new_radius_is_the_mean_of_the_four_nearest_by_their_nearness(monkeypatch, sphere):
    """Four points at known distances from the first direction, of radii 60, 70, 80 and 90 mm."""
    near = np.array([[0, 0, 1.0], [0.3, 0, 1], [0, -0.4, 1], [0.5, 0.5, 1]])
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    radius = np.array([60.0, 70, 80, 90])
    # Their mirror images centre the surface on zero.
    pos_mm = np.concatenate([near, -near]) * np.tile(radius, 2)[:, None]
    along = np.array([0.1, -0.1, 1]) / np.linalg.norm([0.1, -0.1, 1])
    directions = sphere[:642].copy()
    directions[0] = along
    monkeypatch.setattr(
        leadfield, "load_template", lambda: type("T", (), {"sphere_mm": 100 * directions})
    )
    weight = 1 / np.linalg.norm(near - along, axis=1)
    found, _ = star_shaped_remesh(pos_mm, 642)
    assert found[0] == pytest.approx(along * (weight @ radius) / weight.sum())


def test_sensors_are_weighed_by_the_spikes_of_each_place():
    info = one_magnetometer()
    assert list(weighted_sensors(info, None)) == [(1.0, info)]
    places = np.array([np.eye(4), mne.transforms.translation(0.01, 0, 0)])
    positions = HeadPositions(places, np.array([1, 0, 1, 1]))
    (first, _), (second, moved) = weighted_sensors(info, positions)
    assert (first, second) == (0.25, 0.75)
    assert moved["dev_head_t"]["trans"].tolist() == places[1].tolist()
    assert sensors_at(info, places[1])["dev_head_t"]["from"] == info["dev_head_t"]["from"]
    assert info["dev_head_t"]["trans"].tolist() == np.eye(4).tolist()


def test_dipoles_are_given_in_metres(monkeypatch, conductor):
    given = []
    monkeypatch.setattr(
        leadfield.mne, "setup_volume_source_space", lambda **kwargs: given.append(kwargs) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        vertex_leadfield(one_magnetometer(), None, conductor, np.full((1, 3), 50.0), np.eye(3)[:1])
    assert given[0]["pos"]["rr"].tolist() == [[0.05] * 3]
    assert given[0]["pos"]["nn"].tolist() == [[1, 0, 0]]
