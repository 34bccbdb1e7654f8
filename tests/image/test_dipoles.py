"""Single spikes' dipoles: found where they are, judged by the criteria, gathered to a cluster."""

from types import SimpleNamespace

import mne
import numpy as np
import pytest
from compensated_array import as_recorded, compensated_info

from pipeline.image.dipoles import Criteria, fit_single_spikes
from pipeline.leadfield import star_shaped_remesh, vertex_leadfield
from pipeline.modality.meg import single_shell_bem
from pipeline.paths import PatientPaths
from pipeline.records.dipoles import read_dipoles, write_dipoles
from pipeline.records.head import INNER_SKULL
from pipeline.records.spike import Spike

TRANS = mne.transforms.Transform(
    "head", "mri", mne.transforms.translation(0.004, -0.02, -0.01) @ mne.transforms.rotation(0.1)
)
POS_HEAD_M = np.array([[0.045, 0.02, 0.07], [-0.03, -0.04, 0.06]])
MOMENT_AM = 200e-9
NOISE_T = 2e-14
SFREQ_HZ = 500.0
LATER = 2  # samples after the aligned peak at which the second spike is strongest


@pytest.fixture(scope="module")
def fitted():
    """Two spikes in compensated channels: one at its peak, one strongest 4 ms later."""
    sphere = np.random.default_rng(0).normal(size=(4000, 3))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    skull_head_m = (sphere * [70, 76, 69] + [0, 5, 45]) / 1000
    skull_mri_mm = 1000 * mne.transforms.apply_trans(TRANS, skull_head_m)
    bem = single_shell_bem(*star_shaped_remesh(skull_mri_mm, 642))
    directions = np.cross(POS_HEAD_M - [0, 0.005, 0.045], [0.3, 0.2, 1.0])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    info = compensated_info(sfreq=SFREQ_HZ)
    primary = info.copy()
    with primary._unlock():
        primary["comps"] = []
        for channel in primary["chs"]:
            channel["coil_type"] = int(channel["coil_type"]) & 0xFFFF
            channel["kind"] = mne.io.constants.FIFF.FIFFV_MEG_CH
    own = vertex_leadfield(
        primary,
        TRANS,
        bem,
        1000 * mne.transforms.apply_trans(TRANS, POS_HEAD_M),
        mne.transforms.apply_trans(TRANS, directions, move=False),
    )
    fields = as_recorded(info, own) * MOMENT_AM
    picks = mne.pick_types(info, meg=True, ref_meg=False)
    cov = mne.make_ad_hoc_cov(info, {"mag": NOISE_T, "grad": 1e-12}, verbose="error")
    n_times = 21
    course = np.exp(-0.5 * ((np.arange(n_times) - 10 - LATER * np.arange(2)[:, None]) / 2) ** 2)
    noise = np.random.default_rng(1).normal(size=(2, len(picks), n_times)) * NOISE_T
    data = fields[picks].T[:, :, None] * course[:, None] + noise
    sensors = mne.pick_info(info, picks, verbose="error")
    epochs = mne.EpochsArray(data, sensors, tmin=-10 / SFREQ_HZ, proj=False, verbose="error")
    spike = Spike(epochs.average(), info, cov, epochs)
    head = SimpleNamespace(
        trans=TRANS,
        surfaces={INNER_SKULL: SimpleNamespace(pos_mm=skull_mri_mm)},
        surface=lambda name: None,
    )
    return fit_single_spikes(spike, head, 0.02, 0.004, Criteria()), directions


def test_each_spike_has_its_own_dipole(fitted):
    (found, in_head), directions = fitted
    truth_mm = 1000 * mne.transforms.apply_trans(TRANS, POS_HEAD_M)
    assert np.linalg.norm(found.pos_mri_mm - truth_mm, axis=1).max() < 1
    assert np.linalg.norm(in_head.pos - POS_HEAD_M, axis=1).max() < 1e-3
    turned = mne.transforms.apply_trans(TRANS, directions, move=False)
    assert (found.direction_mri * turned).sum(1).min() > np.cos(np.radians(6))
    assert found.moment_nam == pytest.approx(200, rel=0.03)
    assert found.latency_s == pytest.approx([0, LATER / SFREQ_HZ])
    assert (found.confidence_volume_cm3 < 0.02).all() and found.included.all()


def test_at_the_aligned_peak_a_late_spike_is_fitted_worse(fitted):
    (found, _), _ = fitted
    assert found.peak_gof_percent[0] == pytest.approx(found.gof_percent[0])
    assert found.peak_gof_percent[1] < found.gof_percent[1] - 0.2
    truth_mm = 1000 * mne.transforms.apply_trans(TRANS, POS_HEAD_M)
    assert np.linalg.norm(found.peak_pos_mri_mm - truth_mm, axis=1).max() < 2


def test_files_hold_what_was_fitted(fitted, tmp_path):
    (found, in_head), _ = fitted
    paths = PatientPaths(tmp_path, "01")
    write_dipoles(paths, found, in_head)
    read = read_dipoles(paths)
    for name in ("pos_mri_mm", "direction_mri", "confidence_volume_cm3", "peak_pos_mri_mm"):
        assert np.allclose(getattr(read, name), getattr(found, name), rtol=1e-4), name
    assert read.reason == found.reason and read.included.all()
    of_mne = mne.read_dipole(paths.dipole_file, verbose="error")
    assert np.allclose(of_mne.pos, in_head.pos, atol=1e-5)
    assert np.allclose(of_mne.amplitude, in_head.amplitude, rtol=1e-2)
    assert np.allclose(of_mne.times, found.latency_s, atol=1e-4)
    assert "Head" in paths.dipole_file.read_text().splitlines()[0]
