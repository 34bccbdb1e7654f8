"""Contacts in a sphere: which unit, and how far outside, known by hand."""

import numpy as np
import pytest

from pipeline.compare.coordinates import fits_head, in_possible_unit, outside_head_mm
from pipeline.stated_places import unit_of

CENTRE_MM = np.array([5.0, -20.0, 10.0])
RADIUS_MM = 80.0


def directions(n=3000):
    """Evenly spread over the sphere (Fibonacci), with the six ends of the axes."""
    k = np.arange(n) + 0.5
    z, turn = 1 - 2 * k / n, np.pi * (1 + np.sqrt(5)) * k
    r = np.sqrt(1 - z**2)
    spread = np.stack([r * np.cos(turn), r * np.sin(turn), z], 1)
    return np.vstack([spread, np.eye(3), -np.eye(3)])


SCALP_MM = CENTRE_MM + RADIUS_MM * directions()


def at(*x_mm):
    return CENTRE_MM + np.array([[x, 0.0, 0.0] for x in x_mm])


def test_distance_outside_is_along_the_ray_from_the_centre():
    assert outside_head_mm(at(90, 0, -75, 80), SCALP_MM) == pytest.approx([10, -80, -5, 0])
    diagonal_mm = CENTRE_MM + 100 * directions(50)
    assert outside_head_mm(diagonal_mm, SCALP_MM) == pytest.approx(np.full(56, 20))


def test_a_scalp_counts_in_the_direction_of_the_point():
    # Twice as wide to the sides as to front and top.
    wide = np.array([2.0, 1.0, 1.0])
    scalp_mm = CENTRE_MM + RADIUS_MM * wide * directions()
    found = outside_head_mm(CENTRE_MM + 100 * np.eye(3), scalp_mm)
    assert found == pytest.approx([-60, 20, 20], abs=1.5)


def test_a_direction_takes_the_mean_of_its_four_nearest_points():
    corners = np.array([[1, 1, 1], [1, -1, 1], [1, 1, -1], [1, -1, -1]]) / np.sqrt(3)
    lengths = np.array([30.0, 50.0, 70.0, 90.0])
    near = np.vstack([corners * lengths[:, None], -corners * lengths[:, None]])
    # The box of these points is centred on zero.
    assert outside_head_mm(np.array([[100.0, 0, 0]]), near) == pytest.approx([100 - 60])


@pytest.mark.parametrize(
    ("x_mm", "share", "fits"),
    [
        ([0, 10, 20, 89.9], 1.0, True),
        ([0, 10, 20, 90.1], 1.0, False),
        ([0, 10, 20, 90.1], 0.75, True),
        ([0, 10, 20, 90.1], 0.76, False),
        ([7], 1.0, True),
        ([7, 7], 1.0, True),
        ([0, 1.2, 2.4], 1.0, False),
        ([0, 1.3, 2.6], 1.0, True),
        ([-30, 29], 1.0, True),
        ([-30, 31], 1.0, False),
        # The third lies 40 mm away: the median of 2, 2 and 40.
        ([0, 2, 42], 1.0, True),
    ],
)
def test_contacts_lie_in_the_head_as_far_apart_as_contacts_do(x_mm, share, fits):
    assert bool(fits_head(at(*x_mm), SCALP_MM, share)) is fits


def grid_mm(n=4, step_mm=5.0):
    axis = step_mm * np.arange(n)
    return CENTRE_MM + np.array([[x, y, 0] for x in axis for y in axis])


@pytest.mark.parametrize(
    ("declared", "factor", "unit"),
    [("mm", 1, "mm"), ("m", 1e-3, "m"), ("cm", 0.1, "cm"), ("mm", 1e-3, "m"), ("m", 1, "mm")],
)
def test_the_unit_is_the_declared_or_the_only_possible_one(declared, factor, unit):
    found = in_possible_unit(grid_mm() * factor, declared, lambda pos_mm: pos_mm, SCALP_MM)
    assert found[1] == unit
    assert found[0] == pytest.approx(grid_mm())


@pytest.mark.parametrize(("n_out", "told"), [(1, "mm"), (2, None)])
def test_a_declared_unit_may_have_a_tenth_of_the_contacts_outside(n_out, told):
    pos_mm = np.vstack([grid_mm()[: 10 - n_out], at(*95.0 + 3 * np.arange(n_out))])
    found = in_possible_unit(pos_mm, "mm", lambda pos_mm: pos_mm, SCALP_MM)
    if told is None:
        assert found == "are declared in mm, but do not lie in this head in any unit"
    else:
        assert found[1] == told


def test_another_unit_may_have_one_in_twenty_outside():
    pos_mm = np.vstack([grid_mm(5, 3.0)[:19], at(95.0)])
    assert in_possible_unit(pos_mm / 10, "m", lambda pos: pos, SCALP_MM)[1] == "cm"
    pos_mm = np.vstack([grid_mm(5, 3.0)[:18], at(95.0)])
    assert "in any unit" in in_possible_unit(pos_mm / 10, "m", lambda pos: pos, SCALP_MM)


def test_two_possible_units_are_none():
    carry = {1000.0: grid_mm(), 10.0: grid_mm(), 1.0: grid_mm() + 500}
    found = in_possible_unit(np.ones((16, 3)), "mm", lambda scaled: carry[scaled[0, 0]], SCALP_MM)
    assert found == "are declared in mm, but can be in m or cm just as well"


@pytest.mark.parametrize(
    ("stated", "unit"), [(" mm ", "mm"), ("Meters", "m"), ("centimetre", "cm"), ("pixels", None)]
)
def test_units_are_read_as_they_are_spelt(stated, unit):
    assert unit_of(stated) == unit


def test_a_point_near_the_centre_has_its_own_direction():
    # Half a millimetre to the right the scalp is 160 mm away, in the other directions 80 mm.
    wide_mm = CENTRE_MM + RADIUS_MM * np.array([2.0, 1.0, 1.0]) * directions()
    assert outside_head_mm(at(0.5), wide_mm) == pytest.approx([0.5 - 160], abs=1)
