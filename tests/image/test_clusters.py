"""Instants, criteria and clusters of single spikes' dipoles, on numbers known by hand."""

from types import SimpleNamespace

import mne
import numpy as np
import pytest

from pipeline.head_position import HeadPositions
from pipeline.image import dipoles
from pipeline.image.dipoles import FEWEST_OF_CLUSTER, Criteria, cluster, describe
from pipeline.records.dipoles import SpikeDipoles


@pytest.mark.parametrize(
    ("window_s", "step_s", "instants"),
    [
        (0.02, 0.004, [-2, -1, 0, 1, 2]),
        (0.02, 0.008, [-2, 0, 2]),
        (0.0, 0.004, [0]),
        (0.023, 0.004, [-2, -1, 0, 1, 2]),
        (0.024, 0.001, [-3, -2, -1, 0, 1, 2, 3]),
    ],
)
def test_instants_lie_around_the_peak(window_s, step_s, instants):
    """Half of the window to either side, in steps of whole samples of 4 ms."""
    times_s = 0.004 * np.arange(-10, 31)
    found = dipoles._instants(times_s, window_s, step_s)
    assert (found - 10).tolist() == instants


def test_spikes_are_fitted_by_the_place_of_the_head():
    info = mne.create_info(1, 100.0, "mag")
    with info._unlock():
        info["dev_head_t"] = mne.Transform("meg", "head", np.eye(4))
    spike = SimpleNamespace(sensors=info, positions=None, single_spikes=np.zeros((3, 1, 2)))
    ((own, sensors),) = dipoles._of_each_place(spike)
    assert own.tolist() == [0, 1, 2] and sensors is info
    places = np.array([np.eye(4), mne.transforms.translation(0.01, 0, 0)])
    spike.positions = HeadPositions(places, np.array([1, 0, 1]))
    first, second = dipoles._of_each_place(spike)
    assert (first[0].tolist(), second[0].tolist()) == ([1], [0, 2])
    assert second[1]["dev_head_t"]["trans"][0, 3] == 0.01


@pytest.mark.parametrize(
    ("gof", "volume", "moment", "unmet"),
    [
        (80.0, 1.0, 50.0, ""),
        (80.0, 1.0, 500.0, ""),
        (79.99, 1.0, 50.0, "goodness of fit below 80 %"),
        (80.0, 1.01, 50.0, "confidence volume above 1 cm3"),
        (80.0, 1.0, 49.9, "moment outside 50 to 500 nA m"),
        (80.0, 1.0, 500.1, "moment outside 50 to 500 nA m"),
        (80.0, np.nan, 50.0, "at the edge of the inner skull"),
        (70, 2.0, 200, "goodness of fit below 80 %, confidence volume above 1 cm3"),
    ],
)
def test_each_criterion_has_its_limit(gof, volume, moment, unmet):
    assert Criteria().unmet(gof, volume, moment) == unmet


@pytest.mark.parametrize(("n", "quantile"), [(5, 19.1643), (10, 4.3468)])
def test_a_clusters_ellipsoid_is_that_of_a_further_dipole(n, quantile):
    """3 (n² - 1) / (n (n - 3)) times the 95 % point of F with 3 and n - 3 degrees of freedom."""
    pos_mm = np.random.default_rng(0).normal(size=(n, 3)) * [4, 2, 1] + [10, 20, 30]
    direction = np.tile([0.0, 0, 1], (n, 1))
    found = cluster(pos_mm, direction)
    radius = np.sqrt(3 * (n**2 - 1) / (n * (n - 3)) * quantile)
    sizes = np.sqrt(np.linalg.eigvalsh(np.cov(pos_mm.T)))[::-1]
    assert found.semi_axes_mm == pytest.approx(radius * sizes, rel=1e-4)
    assert found.volume_cm3 == pytest.approx(
        4 / 3 * np.pi * np.prod(radius * sizes) / 1000, rel=1e-4
    )
    assert found.centre_mri_mm == pytest.approx(pos_mm.mean(0))
    along = np.array(found.axes_mri)
    assert along @ np.cov(pos_mm.T) @ along.T == pytest.approx(np.diag(sizes**2), abs=1e-9)
    assert found.direction_mri == (0, 0, 1) and found.direction_spread_deg == 0


def test_cluster_of_known_dipoles():
    """Two dipoles on each axis, 3, 2 and 1 mm off: variances of 18, 8 and 2 mm² over 5."""
    off_mm = np.diag([3.0, 2.0, 1.0])
    pos_mm = np.array([40.0, -20, 10]) + np.vstack([off_mm, -off_mm])
    tilted = np.radians(10)
    directions = np.tile([np.sin(tilted), 0, np.cos(tilted)], (6, 1))
    directions[:3, 0] *= -1
    found = cluster(pos_mm, directions)
    assert found.centre_mri_mm == pytest.approx((40, -20, 10))
    # 3 (36 - 1) / (6 · 3) times the 95 % point of F with 3 and 3 degrees of freedom, 9.2766.
    radius = np.sqrt(35 / 6 * 9.2766)
    assert found.semi_axes_mm == pytest.approx(radius * np.sqrt([3.6, 1.6, 0.4]), rel=1e-4)
    assert np.abs(found.axes_mri) == pytest.approx(np.eye(3))
    assert found.direction_mri == pytest.approx((0, 0, 1))
    assert found.direction_spread_deg == pytest.approx(10)
    assert found.volume_cm3 == pytest.approx(
        4 / 3 * np.pi * radius**3 * np.sqrt(3.6 * 1.6 * 0.4) / 1000, rel=1e-4
    )


def test_ellipsoid_holds_a_further_dipole_in_95_percent():
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(1500):
        *pos_mm, further_mm = rng.normal(size=(9, 3)) * [5, 3, 1]
        found = cluster(np.array(pos_mm), np.tile([0.0, 0, 1], (8, 1)))
        along = np.array(found.axes_mri) @ (further_mm - found.centre_mri_mm)
        inside.append(((along / found.semi_axes_mm) ** 2).sum() < 1)
    assert 0.935 < np.mean(inside) < 0.965


def test_the_spread_of_directions_is_the_root_of_their_mean_square():
    tilt = np.radians([30, -30, 10, -10, 0, 0])
    direction = np.column_stack([np.sin(tilt), 0 * tilt, np.cos(tilt)])
    found = cluster(np.random.default_rng(1).normal(size=(6, 3)), direction)
    assert found.direction_mri == pytest.approx((0, 0, 1))
    expected = np.sqrt((2 * 30**2 + 2 * 10**2) / 6)
    assert found.direction_spread_deg == pytest.approx(expected)


@pytest.mark.parametrize(("n_included", "is_cluster"), [(4, False), (5, True)])
def test_five_dipoles_make_a_cluster(n_included, is_cluster):
    n = 7
    found = SpikeDipoles(
        pos_mri_mm=np.random.default_rng(0).normal(size=(n, 3)),
        direction_mri=np.tile([0.0, 0, 1], (n, 1)),
        moment_nam=np.full(n, 200.0),
        gof_percent=np.full(n, 90.0),
        confidence_volume_cm3=np.full(n, 0.1),
        latency_s=np.zeros(n),
        peak_pos_mri_mm=np.zeros((n, 3)),
        peak_gof_percent=np.full(n, 90.0),
        reason=("",) * n_included + ("weak",) * (n - n_included),
    )
    told = describe(found, Criteria())
    assert (told.n_fitted, told.n_included) == (n, n_included) and FEWEST_OF_CLUSTER == 5
    assert (told.cluster is not None) == is_cluster and (told.reason is None) == is_cluster
    if is_cluster:
        expected = found.pos_mri_mm[:n_included].mean(0)
        assert told.cluster.centre_mri_mm == pytest.approx(expected)
    assert told.cluster_of_all.centre_mri_mm == pytest.approx(found.pos_mri_mm.mean(0))
    assert (told.least_gof_percent, told.most_volume_cm3, told.moment_nam) == (80, 1, (50, 500))


def test_joined_dipoles_stand_in_the_order_of_their_spikes():
    def of(*values):
        values = np.array(values, float)
        pos = np.tile(values[:, None], 3)
        return mne.Dipole(values, pos, values, pos, values)

    joined = dipoles._joined([of(3, 1), of(2)], np.array([1, 2, 0]))
    assert joined.amplitude.tolist() == [1, 2, 3] and joined.pos[:, 0].tolist() == [1, 2, 3]
    assert joined.gof.tolist() == joined.times.tolist() == [1, 2, 3]
