"""Where the head lay: by a file of positions, by each maker's coils, or not known."""

from pathlib import Path
from types import SimpleNamespace

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info
from mne.io.constants import FIFF

from pipeline.head_position import displacement
from pipeline.spikes import movement
from pipeline.spikes.movement import (
    NOT_MEASURED,
    Track,
    follow,
    movement_quality,
    positions_at,
    positions_of_average,
)

SFREQ, SECONDS, FIRST = 200.0, 20, 1400  # 7 s from the acquisition to the first stored sample
HERE = mne.transforms.translation(0.003, -0.004, 0.05)
# CTF's device axes lie turned and lower than those of mne.
CTF_TO_DEVICE = mne.transforms.translation(0, 0, 0.19) @ mne.transforms.rotation(0, 0, np.pi / 4)
LANDMARKS_M = {1: (-0.075, 0, 0), 2: (0, 0.1, 0), 3: (0.07, 0, 0)}


def moved(shift_m):
    return HERE @ mne.transforms.translation(-shift_m, 0, 0)


def recording(extra=(), rows=None):
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True)[:6])
    with info._unlock():
        info["sfreq"] = SFREQ
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", HERE)
        info["dig"] = mne.channels.make_dig_montage(
            lpa=LANDMARKS_M[1], nasion=LANDMARKS_M[2], rpa=LANDMARKS_M[3], coord_frame="head"
        ).dig
        points = [dict(point, coord_frame=FIFF.FIFFV_COORD_DEVICE) for point in info["dig"]]
        for point in points:
            point["r"] = mne.transforms.apply_trans(np.linalg.inv(HERE), point["r"])
        info["hpi_results"] = [{"dig_points": points, "coord_trans": info["dev_head_t"]}]
    n_times = int(SECONDS * SFREQ)
    raw = mne.io.RawArray(np.zeros((6, n_times)), info, first_samp=FIRST, verbose="error")
    if extra:
        more = mne.io.RawArray(
            rows, mne.create_info(list(extra), SFREQ, "misc"), first_samp=FIRST, verbose="error"
        )
        raw.add_channels([more], force_update_info=True)
    return raw


def position_file(folder, times_s, shifts_m):
    table = np.zeros((len(times_s), 10))
    table[:, 0], table[:, 7] = times_s, 0.99
    for row, shift_m in zip(table, shifts_m, strict=True):
        row[1:4] = mne.transforms.rot_to_quat(moved(shift_m)[:3, :3])
        row[4:7] = moved(shift_m)[:3, 3]
    mne.chpi.write_head_pos(folder / "sub-1_headpos.pos", table)


@pytest.mark.parametrize("begin_s", [FIRST / SFREQ, 0.0])
def test_a_file_counts_from_the_acquisition_or_from_the_first_sample(begin_s, tmp_path):
    notes = []
    position_file(tmp_path, begin_s + np.array([0.5, 10, 19]), [0, 0.01, 0.01])
    raw, path = recording(), tmp_path / "sub-1_meg.fif"
    track = follow(raw, path, notes)
    np.testing.assert_allclose(track.times_s, [0.5, 10, 19], atol=1e-3)
    places = positions_at(track, raw.info, np.array([3.0, 12.0]), path, notes)
    np.testing.assert_allclose(displacement(HERE, places)[0], [0, 10], atol=1e-2)
    assert notes == []
    told = movement_quality(track, places, np.array([3.0, 12.0]))
    assert told.source == "sub-1_headpos.pos" and max(told.distance_mm) == pytest.approx(
        10, abs=0.01
    )
    np.testing.assert_allclose(told.spike_distance_mm, [0, 10], atol=0.01)


def test_rows_at_which_the_head_was_lost_are_no_positions(tmp_path):
    position_file(tmp_path, [0.5, 5, 10, 19], [0, 0, 0, 0.01])
    file, path, notes = tmp_path / "sub-1_headpos.pos", tmp_path / "sub-1_meg.fif", []
    table = mne.chpi.read_head_pos(file)
    table[1:3, 1:] = 0  # as MaxFilter writes it
    mne.chpi.write_head_pos(file, table)
    track = follow(recording(), path, notes)
    np.testing.assert_allclose(track.times_s, [0.5, 19])
    assert "At 2 of 4 moments of sub-1_headpos.pos the head was not located" in notes[0]


def test_a_spike_far_from_every_fix_is_told(tmp_path):
    notes = []
    track = Track(np.array([0.0, 2.0]), np.array([HERE, moved(0.01)]), "a file")
    positions_at(track, recording().info, np.array([1.0, 9.0]), Path("a_meg.fif"), notes)
    assert "1 of 2 spikes of a_meg.fif lie more than 5 s" in notes[0]


@pytest.mark.parametrize("content", ["", "nonsense", "# Time q1\n"])
def test_a_file_that_holds_no_positions_is_told_and_the_header_used(content, tmp_path):
    (tmp_path / "sub-1_headpos.pos").write_text(content)
    notes, path = [], tmp_path / "sub-1_meg.fif"
    assert follow(recording(), path, notes) is None
    assert "sub-1_headpos.pos" in notes[0] and "not measured" in notes[0]


def test_positions_beyond_the_end_are_told(tmp_path):
    position_file(tmp_path, [100.0, 130.0], [0, 0])
    notes = []
    assert follow(recording(), tmp_path / "sub-1_meg.fif", notes) is None
    assert "no positions within the 20 s of its run" in notes[0]


def ctf_coils(shifts_m):
    """Rows of the nine channels in which CTF stores its coils, nasion first, in its own axes."""
    to_ctf = np.linalg.inv(CTF_TO_DEVICE)
    rows = []
    for kind in (2, 1, 3):
        points = [
            mne.transforms.apply_trans(
                to_ctf @ np.linalg.inv(moved(shift_m)), np.array(LANDMARKS_M[kind], float)
            )
            for shift_m in shifts_m
        ]
        rows += list(np.array(points).T)
    return np.array(rows)


def test_the_coils_of_ctf_are_followed():
    names = [f"HLC00{coil}{axis}-4408" for coil in (1, 2, 3) for axis in (1, 2, 3)]
    shifts_m = np.where(np.arange(int(SECONDS * SFREQ)) < 8 * SFREQ, 0, 0.006)
    raw = recording(names, ctf_coils(shifts_m))
    notes = []
    track = follow(raw, Path("a_meg.fif"), notes)
    places = positions_at(track, raw.info, np.array([2.0, 15.0]), Path("a_meg.fif"), notes)
    np.testing.assert_allclose(displacement(HERE, places[:1])[0], 0, atol=0.05)
    np.testing.assert_allclose(displacement(HERE, places[1:])[0], 6, atol=0.05)


def test_coils_that_are_missing_are_told_and_the_header_used():
    raw = recording(["HLC0011-4408"], np.zeros((1, int(SECONDS * SFREQ))))
    notes = []
    assert follow(raw, Path("a_meg.fif"), notes) is None
    assert "head localisation of a_meg.fif could not be evaluated" in notes[0]
    far = 0.3 * np.random.default_rng(0).normal(size=(9, int(SECONDS * SFREQ)))
    names = [f"HLC00{coil}{axis}-4408" for coil in (1, 2, 3) for axis in (1, 2, 3)]
    assert follow(recording(names, far), Path("a_meg.fif"), notes) is None
    assert "fewer than three coils at any moment" in notes[1]


def test_what_was_maxfiltered_elsewhere_is_not_followed(monkeypatch):
    monkeypatch.setattr(movement, "_localiser", lambda raw: movement._megin)
    notes = []
    assert follow(recording(), Path("a_proc-sss_meg.fif"), notes) is None
    assert "MaxFiltered elsewhere" in notes[0]


def test_a_recording_without_coils_is_not_measured():
    notes = []
    raw = recording()
    assert follow(raw, Path("a_meg.fif"), notes) is None and notes == []
    places = positions_at(None, raw.info, np.array([1.0, 2.0]), Path("a_meg.fif"), notes)
    assert (places == HERE).all()
    assert movement_quality(None, places, np.array([1.0, 2.0])).source == NOT_MEASURED


def test_positions_of_an_average_are_those_of_its_accepted_spikes():
    def run(shifts_m):
        places = np.array([moved(shift_m) for shift_m in shifts_m])
        return SimpleNamespace(
            info=recording().info, usable=np.full(len(places), True), places=places
        )

    runs = [run([0, 0, 0]), run([0.008, 0.008])]
    positions, told = positions_of_average(runs, np.array([True, False, True, False, True]))
    assert positions.of_spike.tolist() == [0, 0, 1]
    assert (told.n_positions, told.largest_distance_mm) == (2, 8.0)
    positions, told = positions_of_average(runs, np.array([True, True, True, False, False]))
    assert positions is None and told.n_positions == 1 and told.largest_distance_mm == 0
