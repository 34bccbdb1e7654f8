"""Spikes of a head that lay in two places: the field of each source is the mean over both."""

from types import SimpleNamespace

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info
from spikes_recording import dipole_fields

from pipeline.head_position import HeadPositions
from pipeline.image.dipoles import Criteria, fit_single_spikes
from pipeline.leadfield import sensors_at, star_shaped_remesh
from pipeline.methods.ecd import fit_dipole
from pipeline.records.head import INNER_SKULL, MeasuredHead, Surface, at_positions
from pipeline.records.spike import Spike

TRANS = mne.transforms.Transform("head", "mri")
POS_HEAD_M = np.array([[0.045, 0.02, 0.07]])
DIRECTION = np.cross(POS_HEAD_M - [0, 0, 0.04], [0.3, 0.2, 1.0])
NOISE = {"mag": 1e-15, "grad": 1e-13}


def place(shift_m, turn_rad):
    own = mne.transforms.translation(0.003, -0.004 + shift_m, 0.05) @ mne.transforms.rotation(
        0, turn_rad
    )
    return own


PLACES = HeadPositions(np.array([place(0, 0), place(0.015, 0.15)]), np.array([0, 1, 0]))


@pytest.fixture(scope="module")
def sensors():
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True)[::3])
    with info._unlock():
        info["sfreq"] = 500.0
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", PLACES.dev_head_t[0])
    return info


@pytest.fixture(scope="module")
def skull():
    """About the sphere in which the fields are made, of another mesh."""
    sphere = np.random.default_rng(0).normal(size=(4000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    return sphere * 85 + [0, 0, 40]


@pytest.fixture(scope="module")
def spike(sensors):
    """Three spikes of one dipole in a sphere, as the sensors saw them around each place."""
    seen = [
        dipole_fields(sensors_at(sensors, each), POS_HEAD_M, DIRECTION)[:, 0]
        for each in PLACES.dev_head_t
    ]
    fields = 200e-9 * np.array([seen[index] for index in PLACES.of_spike])
    cov = mne.make_ad_hoc_cov(sensors, NOISE, verbose="error")
    noise = np.sqrt(np.diag(cov.data if cov.data.ndim == 2 else np.diag(cov.data)))
    course = np.exp(-0.5 * ((np.arange(21) - 10) / 2) ** 2)
    data = fields[:, :, None] * course
    data += noise[:, None] * np.random.default_rng(1).normal(size=data.shape)
    epochs = mne.EpochsArray(data, sensors, tmin=-10 / 500, proj=False, verbose="error")
    return Spike(epochs.average(), sensors, cov, epochs, PLACES)


def test_the_averages_dipole_is_found_where_one_position_misses_it(spike, skull):
    given = spike.average_with_references, spike.noise_cov, TRANS, skull, 0.0, 0.004
    found = fit_dipole(*given, PLACES)
    missed = fit_dipole(*given)
    assert np.linalg.norm(found["pos_mri_mm"] - 1000 * POS_HEAD_M) < 1
    assert np.linalg.norm(missed["pos_mri_mm"] - 1000 * POS_HEAD_M) > 3
    assert found["gof_percent"] > 99 and found["time_s"] == 0
    assert found["moment_am"] == pytest.approx(200e-9, rel=0.05)
    true = DIRECTION[0] / np.linalg.norm(DIRECTION)
    assert found["direction_mri"] @ true > np.cos(np.radians(12))


def test_each_spike_is_fitted_in_its_own_place(spike, skull):
    head = SimpleNamespace(
        trans=TRANS,
        surfaces={INNER_SKULL: SimpleNamespace(pos_mm=skull)},
        surface=lambda name: None,
    )
    found, _ = fit_single_spikes(spike, head, 0.02, 0.004, Criteria())
    assert np.linalg.norm(found.pos_mri_mm - 1000 * POS_HEAD_M, axis=1).max() < 1
    assert found.gof_percent.min() > 99


def test_the_leadfield_is_the_mean_over_the_spikes(sensors, skull):
    pos_mm, faces = star_shaped_remesh(skull, 642)
    middle = Surface([0, 0, 40] + 0.7 * (pos_mm - [0, 0, 40]), faces)
    region = np.arange(642) % 3 - 1
    head = MeasuredHead(
        *(np.zeros(0),) * 4,
        region,
        {INNER_SKULL: Surface(pos_mm, faces), "midthickness": middle},
        np.zeros((len(sensors.ch_names), 2)),
        TRANS,
    )
    each = [
        at_positions(head, sensors, HeadPositions(one[None], np.zeros(1, int))).leadfield
        for one in PLACES.dev_head_t
    ]
    mean = at_positions(head, sensors, PLACES).leadfield
    np.testing.assert_allclose(mean, (2 * each[0] + each[1]) / 3, rtol=1e-3)
    assert mean.shape == (len(sensors.ch_names), 2)
    assert np.linalg.norm(each[0] - each[1]) > 0.1 * np.linalg.norm(each[0])
