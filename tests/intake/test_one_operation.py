"""A resection mask that contradicts the contacts marked as resected, and one with parts elsewhere."""

import numpy as np
import pytest

from pipeline.compare.one_operation import contacts_beside_mask, far_parts
from pipeline.compare.sides import midline_of
from pipeline.metrics._case import Contacts, Resection

# 2 mm voxels of a head whose middle is at x = 4 mm.
AFFINE = np.array([[2.0, 0, 0, -76], [0, 2, 0, -80], [0, 0, 2, -60], [0, 0, 0, 1]])
MIDLINE_MM = 4.0


def mask(*blocks):
    inside = np.zeros((80, 80, 70), bool)
    for low, size in blocks:
        inside[tuple(slice(first, first + size) for first in low)] = True
    return Resection(inside, AFFINE)


LEFT = mask(((12, 40, 25), 8))
PLACES_MM = AFFINE[:3, :3] @ np.array([16, 44, 29]) + AFFINE[:3, 3]


def contacts(shift_mm=(0, 0, 0), mirrored=False, n=4):
    pos_mm = PLACES_MM + np.arange(n)[:, None] * [0, 2.0, 0] + shift_mm
    if mirrored:
        pos_mm = pos_mm * [-1, 1, 1] + [2 * MIDLINE_MM, 0, 0]
    others = pos_mm + np.array([30, -40, 10])
    marks = np.repeat([True, False], n)
    none = np.zeros(2 * n, bool)
    names = [f"A{k}" for k in range(2 * n)]
    return Contacts(names, np.vstack([pos_mm, others]), none, marks, none)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (contacts(), None),
        (contacts((0, 12, 0)), None),
        (
            contacts(mirrored=True),
            "mirrored they would lie in it: one of the two is on the wrong side",
        ),
        (contacts((0, 45, 0)), "in the wrong place"),
        (contacts((0, 45, 0), n=2), None),
    ],
    ids=["in it", "beside it", "mirrored", "elsewhere", "too few"],
)
def test_contacts_marked_as_resected_lie_in_the_mask(given, told):
    doubts = contacts_beside_mask(given, LEFT, MIDLINE_MM)
    assert [doubt.grave for doubt in doubts] == [True] * (told is not None)
    assert all(told in doubt.text for doubt in doubts)


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([((12, 40, 25), 8)], None),
        ([((12, 40, 25), 8), ((22, 40, 25), 2)], None),
        ([((12, 40, 25), 8), ((60, 40, 25), 1)], "1 parts of 0.008 cm³ together up to 82 mm"),
        ([((12, 40, 25), 8), ((60, 40, 25), 8), ((50, 10, 10), 1)], "2 parts of 4.1 cm³"),
    ],
    ids=["one", "a near part", "a speck", "two sides"],
)
def test_parts_of_a_mask_away_from_its_largest_one_are_told(blocks, told):
    doubts = far_parts(mask(*blocks))
    assert len(doubts) == (told is not None)
    assert all(told in doubt.text for doubt in doubts)


def test_the_middle_of_a_head():
    assert midline_of(np.array([[-70.0, 0, 0], [0, 90, 0], [78, 0, 0]])) == MIDLINE_MM
