"""Losses in a stretch: pauses, MaxFilter's zeros, marks; no channel is to blame for them."""

import json

import mne
import numpy as np
import pytest
from spikes_recording import simulate

from pipeline import spikes
from pipeline.errors import InvalidInput
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.spikes.channels import find_bad_channels, windows_with_data
from pipeline.spikes.filtering import WindowStats, bridged, held, load_filtered, still

NO_MARKS = np.empty((0, 2))


def stats_of(n_channels=40, n_windows=60):
    rng = np.random.default_rng(0)
    shape = (n_channels, n_windows)

    def about(value):
        return value * np.exp(0.05 * rng.normal(size=shape))

    return WindowStats(
        np.zeros(shape), about(1e-12), about(1e-13), about(6e-13), about(1e-14), window_s=0.5
    )


def test_windows_that_all_channels_lost_are_no_channels_fault():
    stats, types = stats_of(), np.array(["mag"] * 40)
    stats.stuck[:, 20:30] = 1
    stats.stuck[3, 40:50] = 1
    windows = windows_with_data(stats, types, NO_MARKS)
    assert np.flatnonzero(~windows).tolist() == list(range(20, 30))
    pos_m = np.random.default_rng(1).normal(size=(40, 3))
    bad = find_bad_channels(stats.at(windows), types, pos_m, np.full((40, 40), 0.5))
    assert list(bad) == [3] and "flat in 20% of the time" in bad[3]


def test_a_loss_of_one_type_of_sensors_counts():
    stats, types = stats_of(), np.array(["mag"] * 10 + ["grad"] * 30)
    stats.stuck[:10, 5:9] = 1
    windows = windows_with_data(stats, types, NO_MARKS)
    assert np.flatnonzero(~windows).tolist() == [5, 6, 7, 8]


def test_dead_channels_do_not_vote():
    stats, types = stats_of(), np.array(["mag"] * 40)
    stats.stuck[:30] = 1
    assert windows_with_data(stats, types, NO_MARKS).all()


def test_marked_windows_are_left_out():
    marks = np.array([[2.0, 3.2], [10.4, 10.6]])
    windows = windows_with_data(stats_of(), np.array(["mag"] * 40), marks)
    assert np.flatnonzero(~windows).tolist() == [4, 5, 6, 20, 21]


def test_a_gap_is_bridged_by_a_straight_line():
    block = np.array([[1.0, 2, 0, 0, 0, 6, 7], [3.0, 1, 0, 0, 0, 5, 2]])
    standing = still(block)
    assert standing.tolist() == [False, False, True, True, True, False, False]
    assert bridged(block, standing).tolist() == [[1, 2, 3, 4, 5, 6, 7], [3, 1, 2, 3, 4, 5, 2]]
    one_alone = np.array([[1.0, 1, 1], [1.0, 2, 3]])
    assert not still(one_alone).any()
    assert bridged(one_alone, still(one_alone)) is one_alone
    nothing = np.zeros((2, 5))
    assert still(nothing).all() and bridged(nothing, still(nothing)) is nothing


def test_the_edges_of_zeros_do_not_ring(tmp_path):
    rng = np.random.default_rng(0)
    data = 1e-10 + rng.normal(size=(40, 80_000)) * 1e-13  # as CTF's channels, with an offset
    whole = data.copy()
    data[:, 30_000:62_500] = 0
    info = mne.create_info(40, 1000.0, "mag")
    with mne.use_log_level("error"):
        got, want = (
            load_filtered(mne.io.RawArray(x, info), tmp_path, (1, 40), 500, Progress())[0]
            for x in (data, whole)
        )
    outside = np.r_[0:14_950, 31_300:40_000]
    difference = got.get_data()[:, outside] - want.get_data()[:, outside]
    assert np.abs(difference).max() < 5e-13  # without the bridge 4e-11


def test_values_that_are_no_numbers_hold_the_last_one_and_lose_their_window(tmp_path):
    rng = np.random.default_rng(0)
    data = rng.normal(size=(40, 20_000)) * 1e-13
    data[7, 5_200] = np.nan
    data[:, 9_000:11_000] = np.inf
    raw = mne.io.RawArray(data, mne.create_info(40, 1000.0, "mag"), verbose="error")
    filtered, stats = load_filtered(raw, tmp_path, (1, 40), 500, Progress())
    assert np.isfinite(filtered.get_data()).all()
    assert np.flatnonzero(stats.stuck[7] > 0.5).tolist() == [10, 18, 19, 20, 21]
    assert np.flatnonzero(stats.stuck[6] > 0.5).tolist() == [18, 19, 20, 21]
    block, lost = held(np.array([[1.0, np.nan, np.nan, 4], [np.nan, 2, 3, 4]]))
    assert block.tolist() == [[1, 1, 1, 4], [0, 2, 3, 4]]
    assert lost.tolist() == [[False, True, True, False], [True, False, False, False]]


SHORT = {"duration_s": 60, "sfreq": 500.0, "n_spikes": 24, "n_wrong": 0, "aux": False}
START_S, STOP_S = 20.25, 32.5


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("stretches"), **SHORT, seed=3)


def run(folder, recording, meg=None, events=None):
    inputs = spikes.Inputs([meg or recording.meg], [events or recording.events], [None])
    paths = PatientPaths(folder, "01")
    spikes.run(inputs, paths, spikes.Config(min_baseline_s=5), Progress())
    return json.loads(paths.qc("spikes").read_text())


@pytest.mark.parametrize("kind", ["zeros", "zeros and mark", "skip", "no numbers"])
def test_a_stretch_without_data_is_left_out_and_the_rest_used(short, tmp_path, kind):
    raw = mne.io.read_raw_fif(short.meg, preload=True, verbose="error")
    events = tmp_path / "sub-01_events.tsv"
    events.write_text(short.events.read_text())
    if kind == "skip":
        start = START_S + raw.first_samp / raw.info["sfreq"]
        lost = mne.Annotations(start, STOP_S - START_S, "BAD_ACQ_SKIP", raw.info["meas_date"])
        raw.set_annotations(lost)
    else:
        value = np.nan if kind == "no numbers" else 0
        raw._data[:306, int(START_S * 500) : int(STOP_S * 500)] = value
    if kind == "zeros and mark":
        with events.open("a") as file:
            file.write(f"{START_S}\t{STOP_S - START_S}\tBAD_hpi\n")
    file = tmp_path / "sub-01_task-rest_meg.fif"
    raw.save(file, buffer_size_sec=0.25, verbose="error")
    qc = run(tmp_path / "out", short, file, events)
    assert len(qc["bad_channels"]) == 2
    lost = [one for one in qc["bad_stretches"] if one["start_s"] <= 21 and one["end_s"] >= 32]
    assert lost and qc["rejected_by_reason"]["in a bad stretch"] >= 4
    inside = (short.true_peak_s > START_S - 0.6) & (short.true_peak_s < STOP_S + 0.6)
    assert qc["n_used"] >= (~inside).sum() - 2


def test_a_recording_that_is_marked_bad_as_a_whole_is_refused_with_the_reason(short, tmp_path):
    events = tmp_path / "sub-01_events.tsv"
    events.write_text(short.events.read_text() + "0\t55\tBAD_all\n")
    with pytest.raises(InvalidInput, match="only 5 s of the recording hold data"):
        run(tmp_path / "out", short, events=events)
