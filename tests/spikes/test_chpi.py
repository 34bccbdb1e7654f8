"""The positions that come out of a MEGIN recording's coils are those that its head was moved through."""

from pathlib import Path

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info
from mne.io.constants import FIFF

from pipeline.head_position import displacement
from pipeline.spikes.movement import NOT_MEASURED, located

SFREQ, SECONDS, FIRST = 400.0, 10, 2800  # 7 s from the acquisition to the first stored sample
COIL_HZ = (83.0, 103.0, 113.0, 123.0, 143.0)
COILS_HEAD_M = np.array(
    [
        [-0.07, 0.03, 0.03],
        [0.07, 0.03, 0.03],
        [-0.04, 0.09, 0.05],
        [0.04, 0.09, 0.05],
        [0, 0.1, 0.01],
    ]
)
HERE = mne.transforms.translation(0.003, -0.004, 0.05)
# In the helmet: 12 mm to the side and 8 degrees about the vertical, in the middle of the recording.
THERE = (
    HERE @ mne.transforms.translation(0.012, 0, 0) @ mne.transforms.rotation(0, 0, np.radians(8))
)
STEP_S = 5.0


@pytest.fixture(scope="module")
def raw():
    """Sensors' noise and mne's simulation of the coils, of which no position is read here."""
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg="mag"))
    with info._unlock():
        info["sfreq"], info["line_freq"] = SFREQ, 50.0
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", HERE)
        info["dig"] = mne.channels.make_dig_montage(hpi=COILS_HEAD_M, coord_frame="head").dig
        at_device = [
            dict(
                point,
                r=mne.transforms.apply_trans(np.linalg.inv(HERE), point["r"]),
                coord_frame=FIFF.FIFFV_COORD_UNKNOWN,
            )
            for point in info["dig"]
        ]
        n = len(COIL_HZ)
        info["hpi_results"] = [
            {
                "dig_points": at_device,
                "coord_trans": info["dev_head_t"],
                "order": np.arange(1, n + 1),
                "used": np.arange(1, n + 1),
                "dist_limit": 0.005,
                "good_limit": 0.98,
                "goodness": np.ones(n),
            }
        ]
        coils = [{"number": i + 1, "coil_freq": hz} for i, hz in enumerate(COIL_HZ)]
        info["hpi_meas"] = [{"hpi_coils": coils}]
        bits = [{"event_bits": np.array([256 << i, 0, 256 << i, 0])} for i in range(n)]
        info["hpi_subsystem"] = {"event_channel": "STI201", "hpi_coils": bits, "ncoil": n}
    n_times = int(SECONDS * SFREQ)
    white = np.full(len(info.ch_names), 3e-15)
    noise = np.random.default_rng(0).normal(size=(len(white), n_times))
    raw = mne.io.RawArray(
        noise * white[:, None] * np.sqrt(SFREQ / 2), info, first_samp=FIRST, verbose="error"
    )
    switch = mne.create_info(["STI201"], SFREQ, "stim")
    stim = mne.io.RawArray(np.zeros((1, n_times)), switch, first_samp=FIRST, verbose="error")
    raw.add_channels([stim], force_update_info=True)
    begin_s = raw.first_time
    positions = np.array(
        [
            _row(begin_s, HERE),
            _row(begin_s + STEP_S, HERE),
            _row(begin_s + STEP_S + 0.2, THERE),
            _row(begin_s + SECONDS - 0.1, THERE),
        ]
    )
    return mne.simulation.add_chpi(raw, head_pos=positions, verbose="error")


def _row(time_s, dev_head_t):
    quaternion = mne.transforms.rot_to_quat(dev_head_t[:3, :3])
    return [time_s, *quaternion, *dev_head_t[:3, 3], 0.99, 0.0, 0.0]


def test_spikes_have_the_positions_through_which_the_head_was_moved(raw):
    notes: list[str] = []
    places, movement = located(
        raw, Path("sub-01_task-rest_meg.fif"), np.array([2.0, 3.0, 7.5, 8.5]), notes
    )
    assert notes == [] and movement.source == "the recording's head localisation"
    for place, true in zip(places, (HERE, HERE, THERE, THERE), strict=True):
        (distance_mm,), (angle_deg,) = displacement(true, place[None])
        assert distance_mm < 0.5 and angle_deg < 0.3
    (true_mm,), (true_deg,) = displacement(HERE, THERE[None])
    assert true_mm > 10 and true_deg == pytest.approx(8)
    assert movement.spike_distance_mm[-1] == pytest.approx(true_mm, abs=0.7)
    assert movement.times_s[0] < 1.5 and movement.times_s[-1] > SECONDS - 2
    late = np.array(movement.times_s) > STEP_S + 1.2
    assert np.array(movement.angle_deg)[late] == pytest.approx(8, abs=0.5)
    assert np.array(movement.angle_deg)[np.array(movement.times_s) < STEP_S - 1].max() < 0.5


def test_coils_that_were_switched_off_are_told_and_the_header_used(raw):
    silent = raw.copy()
    rng = np.random.default_rng(1)
    silent._data[:102] = 3e-14 * rng.normal(size=silent._data[:102].shape)
    notes: list[str] = []
    places, movement = located(silent, Path("a_meg.fif"), np.array([2.0, 8.0]), notes)
    assert len(notes) == 1 and movement.source == NOT_MEASURED
    assert places == pytest.approx(np.tile(HERE, (2, 1, 1)))
