import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from pipeline.head_position import MOST_POSITIONS, displacement, group

HEAD = np.array([0.0, 0.0, 0.04])


def place(shift_mm=(0, 0, 0), turn_deg=0.0):
    """A head that was shifted and turned about its centre, in the helmet."""
    axis = np.array([2, 3, 6]) / 7
    turn = Rotation.from_rotvec(turn_deg * axis, degrees=True).as_matrix()
    head_to_device = np.eye(4)
    head_to_device[:3, :3] = turn
    head_to_device[:3, 3] = np.array([0, 0, -0.05]) + np.array(shift_mm) / 1000 - turn @ HEAD
    return np.linalg.inv(head_to_device)


def test_distance_is_of_the_heads_centre_and_the_turn_apart():
    others = np.array([place(), place((3, 4, 0)), place(turn_deg=7), place((0, 0, 2), -2)])
    distance_mm, angle_deg = displacement(place(), others)
    np.testing.assert_allclose(distance_mm, [0, 5, 0, 2], atol=1e-9)
    np.testing.assert_allclose(angle_deg, [0, 0, 7, 2], atol=1e-5)


def test_near_positions_are_one_and_weigh_by_their_spikes():
    at = [place(), place((0.4, 0, 0)), place((8, 0, 0)), place((0.8, 0, 0))]
    positions, width_mm = group(np.array(at))
    assert positions.of_spike.tolist() == [0, 0, 1, 0] and width_mm == 1
    np.testing.assert_allclose(positions.weight, [0.75, 0.25])
    distance_mm, _ = displacement(place(), positions.dev_head_t)
    np.testing.assert_allclose(distance_mm, [0.4, 8], atol=1e-6)


def test_a_turn_alone_is_another_position():
    positions, _ = group(np.array([place(), place(turn_deg=3), place(turn_deg=3.5)]))
    assert positions.of_spike.tolist() == [0, 1, 1]
    assert displacement(place(), positions.dev_head_t)[1][1] == pytest.approx(3.25)


def test_a_still_head_keeps_its_position_to_the_last_bit():
    here = place((1, 2, 3), 4)
    positions, _ = group(np.array([here] * 5))
    assert (positions.dev_head_t == here).all()


def test_a_long_drift_has_wider_groups_and_few_of_them():
    positions, width_mm = group(np.array([place((x, 0, 0)) for x in np.linspace(0, 30, 61)]))
    # Eight of 61 half a millimetre apart need a width of 3.5; a quarter more at a time, six times.
    assert len(positions.dev_head_t) == MOST_POSITIONS == 8
    assert width_mm == pytest.approx(1.25**6)
    assert positions.weight[:7].tolist() == [8 / 61] * 7 and positions.weight.sum() == 1


@pytest.mark.parametrize(("n", "width_mm", "n_positions"), [(8, 1.0, 8), (9, 1.25**5, 5)])
def test_more_than_eight_positions_make_the_groups_wider(n, width_mm, n_positions):
    """Three millimetres apart: two of them are one from a width of 3.05 on."""
    positions, found_mm = group(np.array([place((3 * i, 0, 0)) for i in range(n)]))
    assert found_mm == pytest.approx(width_mm)
    assert len(positions.dev_head_t) == n_positions


@pytest.mark.parametrize(
    ("shift_mm", "turn_deg", "n_positions"),
    [(0.99, 0, 1), (1.01, 0, 2), (0, 0.99, 1), (0, 1.01, 2), (0.9, 0.9, 1)],
)
def test_a_position_lies_within_a_millimetre_and_a_degree(shift_mm, turn_deg, n_positions):
    at = np.array([place(), place((shift_mm, 0, 0), turn_deg)])
    assert len(group(at)[0].dev_head_t) == n_positions


def test_the_mean_position_is_that_of_centre_and_turn():
    at = np.array([place((1, 2, 3), 4), place((1.4, 2, 3), 4.6)])
    mean = group(at)[0].dev_head_t
    assert mean[0] == pytest.approx(place((1.2, 2, 3), 4.3), abs=1e-6)
    assert mean[0][3].tolist() == [0, 0, 0, 1]
