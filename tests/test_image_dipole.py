"""The dipole's field in compensated channels, and its ellipsoid against repeats."""

import mne
import numpy as np
import pytest
from compensated_array import as_recorded, compensated_info
from scipy.stats import chi2

from pipeline.compensation import check_references, compensation_grade
from pipeline.errors import InvalidInput
from pipeline.leadfield import star_shaped_remesh, vertex_leadfield
from pipeline.methods.ecd import ellipsoid_volume_m3, fit_dipole, location_covariances
from pipeline.modality.meg import single_shell_bem
from pipeline.personalize.jitter import sphere_field
from pipeline.spikes.outputs import average_with_references

TRANS = mne.transforms.Transform("head", "mri")
POS_HEAD_M = np.array([[0.045, 0.02, 0.07], [-0.03, -0.04, 0.06]])
MOMENT_AM = 100e-9
NAVE = 25


@pytest.fixture(scope="module")
def skull_mm():
    """An ellipsoid that is nearly a sphere, in which MEG is blind to radial dipoles."""
    sphere = np.random.default_rng(0).normal(size=(4000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    return sphere * [70, 76, 69] + [0, 5, 45]


@pytest.fixture(scope="module")
def bem(skull_mm):
    return single_shell_bem(*star_shaped_remesh(skull_mm, 642))


def tangential(pos_head_m):
    direction = np.cross(pos_head_m - [0, 0.005, 0.045], [0.3, 0.2, 1.0])
    return direction / np.linalg.norm(direction, axis=-1, keepdims=True)


def primary_info(info):
    """The same sensors and references, each as a sensor of its own without compensation."""
    plain = info.copy()
    with plain._unlock():
        plain["comps"] = []
        for channel in plain["chs"]:
            channel["coil_type"] = int(channel["coil_type"]) & 0xFFFF
            channel["kind"] = mne.io.constants.FIFF.FIFFV_MEG_CH
    return plain


@pytest.fixture(scope="module")
def compensated(bem):
    """Average (n_channels + references) of each dipole, from the sensors' own fields."""
    info = compensated_info()
    own = vertex_leadfield(
        primary_info(info), TRANS, bem, 1000 * POS_HEAD_M, tangential(POS_HEAD_M)
    )
    return info, as_recorded(info, own) * MOMENT_AM


def evoked(info, field):
    return mne.EvokedArray(
        np.tile(field[:, None], 3), info, tmin=-0.002, nave=NAVE, verbose="error"
    )


def noise(info):
    return mne.make_ad_hoc_cov(info, {"mag": 1e-13, "grad": 1e-12}, verbose="error")


def fit(average, skull_mm):
    return fit_dipole(average, noise(average.info), TRANS, skull_mm, 0.0, 0.002)


@pytest.mark.parametrize("dipole", range(len(POS_HEAD_M)))
def test_dipole_in_compensated_channels_is_found(compensated, skull_mm, dipole):
    info, fields = compensated
    found = fit(evoked(info, fields[:, dipole]), skull_mm)
    assert np.linalg.norm(found["pos_mri_mm"] - 1000 * POS_HEAD_M[dipole]) < 0.3
    assert found["gof_percent"] > 99.9
    assert found["moment_am"] == pytest.approx(MOMENT_AM, rel=0.01)


def test_the_field_of_the_sensors_alone_would_mislead(compensated, skull_mm):
    """What the references are for: without them the fit is off by millimetres."""
    info, fields = compensated
    picks = mne.pick_types(info, meg=True, ref_meg=False)
    bare = primary_info(mne.pick_info(info, picks))
    away_mm = [
        np.linalg.norm(fit(evoked(bare, fields[picks, i]), skull_mm)["pos_mri_mm"] - pos_mm)
        for i, pos_mm in enumerate(1000 * POS_HEAD_M)
    ]
    assert np.mean(away_mm) > 1


@pytest.mark.parametrize("lost", ["all", "one"])
def test_compensated_channels_without_references_are_refused(compensated, bem, skull_mm, lost):
    info, fields = compensated
    picks = mne.pick_types(info, meg=True, ref_meg=False) if lost == "all" else np.arange(152)
    info = mne.pick_info(info, picks)
    assert compensation_grade(info) == 3
    calls = (
        lambda: check_references(info),
        lambda: fit(evoked(info, fields[picks, 0]), skull_mm),
        lambda: vertex_leadfield(info, TRANS, bem, 1000 * POS_HEAD_M, tangential(POS_HEAD_M)),
        lambda: sphere_field(info, POS_HEAD_M, np.zeros(3)),
    )
    for call in calls:
        with pytest.raises(InvalidInput, match=r"grade 3.*lacks"):
            call()


def test_uncompensated_channels_need_no_references():
    info = compensated_info(grade=0)
    check_references(mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False)))


def test_average_keeps_the_references_and_the_projectors(compensated):
    info, fields = compensated
    picks = mne.pick_types(info, meg=True, ref_meg=False)[3:]
    own = mne.pick_info(info, picks)
    data = np.tile(fields[picks, 0][:, None], (4, 1, 3))
    average = average_with_references(
        mne.EpochsArray(data, own, verbose="error"), info, np.tile(fields[151:, 0][:, None], 3)
    )
    assert average.nave == 4 and average.comment == "spikes"
    assert average.ch_names == [*own["ch_names"], *info["ch_names"][151:]]
    assert np.allclose(average.data[:, 1], fields[[*picks, *range(151, 157)], 0], rtol=1e-6)
    check_references(average.info)


def test_possible_leadfields_move_the_compensated_field(compensated, bem):
    """Derivative by a motion in x: that of what is recorded, not of the primary sensors."""
    info, _ = compensated
    moved = info.copy()
    with moved._unlock():
        moved["dev_head_t"] = mne.transforms.Transform("meg", "head", info["dev_head_t"]["trans"])
    centre_m = np.array([0, 0, 0.045])
    own = sphere_field(primary_info(moved), POS_HEAD_M, centre_m)
    assert np.allclose(sphere_field(moved, POS_HEAD_M, centre_m), as_recorded(info, own)[:151])


def test_ellipsoid_holds_the_truth_in_95_percent_of_repeats():
    """150 averages of 25 spikes, each with noise of its own, of the same dipole."""
    sphere = mne.make_sphere_model((0, 0.005, 0.045), head_radius=None, verbose="error")
    info = mne.pick_info(compensated_info(grade=0), np.arange(151))
    cov = noise(info)
    pos_m, direction = POS_HEAD_M[:1], tangential(POS_HEAD_M[:1])
    field = vertex_leadfield(info, TRANS, sphere, 1000 * pos_m, direction)[:, 0]
    rng = np.random.default_rng(1)
    std = np.sqrt(cov["data"] / NAVE)
    data = 30e-9 * field[:, None] + std[:, None] * rng.normal(size=(151, 150))
    average = mne.EvokedArray(data, info, nave=NAVE, verbose="error")
    dipoles, _ = mne.fit_dipole(average, cov, sphere, tol=1e-6, verbose="error")
    (covariance_m2,) = location_covariances(
        info, cov, NAVE, sphere, TRANS, pos_m, 30e-9 * direction
    )
    off_m = dipoles.pos - pos_m
    squared = np.einsum("ni,ij,nj->n", off_m, np.linalg.inv(covariance_m2), off_m)
    assert 0.9 < np.mean(squared < chi2.ppf(0.95, 3)) < 0.985
    assert squared.mean() == pytest.approx(3, rel=0.25)
    measured = ellipsoid_volume_m3(np.cov(off_m.T))
    assert ellipsoid_volume_m3(covariance_m2) == pytest.approx(measured, rel=0.25)


def test_volume_of_a_known_ellipsoid():
    """Axes of 1, 2 and 3 mm standard deviation: the radius of 95 % in three dimensions is 2.80."""
    expected = 4 / 3 * np.pi * 2.7955**3 * 1e-3 * 2e-3 * 3e-3
    assert ellipsoid_volume_m3(np.diag([1e-6, 4e-6, 9e-6])) == pytest.approx(expected, rel=1e-3)


def test_dipole_at_the_edge_of_the_skull_has_no_volume(bem):
    info = mne.pick_info(compensated_info(grade=0), np.arange(151))
    edge_m = np.array([0, 0.005, 0.045 + 0.0685])
    at_edge, inside = location_covariances(
        info,
        noise(info),
        NAVE,
        bem,
        TRANS,
        np.array([edge_m, edge_m - [0, 0, 0.01]]),
        np.array([[3e-8, 0, 0]] * 2),
    )
    assert at_edge is None and inside.shape == (3, 3)
