"""When a poor fit of head points is tried again, and landmarks that no head can have."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InvalidInput
from pipeline.headmodel import coregistration
from pipeline.headmodel.coregistration import coregister
from pipeline.headmodel.landmarks import _check_sides
from pipeline.leadfield import star_shaped_remesh
from pipeline.template import load_template

FILE = Path("sub-01_meg.fif")
MARKS_MM = {
    "nasion": np.array([0.0, 80, 0]),
    "lpa": np.array([-80.0, 0, 0]),
    "rpa": np.array([80.0, 0, 30]),
}


@pytest.fixture(scope="module")
def scalp():
    return star_shaped_remesh(80 * load_template().sphere_mm[:10242] / 100, 642)


@pytest.mark.parametrize(("off_mm", "n_tried"), [(3.0, 0), (5.0, 6)])
def test_a_fit_that_is_off_by_four_millimetres_is_tried_from_six_turns(
    scalp, monkeypatch, off_mm, n_tried
):
    """Fifteen degrees either way about each axis through the landmarks' centre; the best is kept."""
    upper = scalp[0][scalp[0][:, 2] > 20][:40]
    points_m = upper * (1 + off_mm / 80) / 1000
    starts = []

    def fitted(start, points_mm, *rest):
        starts.append(start)
        # The third of the turns comes nearest: it shrinks towards the sphere.
        best = start.copy()
        if len(starts) == 4:
            best[:3, :3] *= 80 / (80 + off_mm)
            best[:3, 3] = 0
        return best

    monkeypatch.setattr(coregistration, "fit_points_to_surface", fitted)
    marks_m = {name: pos / 1000 for name, pos in MARKS_MM.items()}
    coregister(marks_m, points_m, MARKS_MM, True, *scalp, 10.0, FILE)
    assert len(starts) == 1 + n_tried + 1
    assert starts[0] == pytest.approx(np.eye(4), abs=1e-6)
    centre_mm = np.mean(list(MARKS_MM.values()), axis=0)
    expected = coregistration._turns(centre_mm)[:n_tried]
    for start, turn in zip(starts[1:-1], expected, strict=True):
        assert start == pytest.approx(turn, abs=1e-6)
        assert start[:3, :3] @ centre_mm + start[:3, 3] == pytest.approx(centre_mm, abs=1e-4)
    if n_tried:
        assert np.linalg.det(starts[-1][:3, :3]) == pytest.approx((80 / 85) ** 3)


def sides(**moved):
    return {name: np.array(pos, float) for name, pos in (MARKS_MM | moved).items()}


def test_left_is_left_of_right_and_the_nose_in_front():
    _check_sides(sides(), FILE)
    for lpa, rpa in (((80, -100, 0), (-80, 0, 0)), ((80, 0, 0), (-80, 100, 0)), ((5, 0, 0),) * 2):
        with pytest.raises(InvalidInput, match="left ear"):
            _check_sides(sides(lpa=lpa, rpa=rpa), FILE)
    # The mean of the ears is at 10.
    _check_sides(sides(nasion=(50, 10.1, -90), lpa=(-80, 0, 0), rpa=(80, 20, 0)), FILE)
    for nasion in ((50, 10, 90), (50, 9, 90)):
        with pytest.raises(InvalidInput, match="nasion behind the ears"):
            _check_sides(sides(nasion=nasion, lpa=(-80, 0, 0), rpa=(80, 20, 0)), FILE)
