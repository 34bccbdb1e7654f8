"""Channels that several files of one recording write in several ways."""

import json
from pathlib import Path

import mne
import numpy as np
import pytest
from mne.proj import make_projector
from spikes_recording import simulate

from pipeline import spikes
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.spikes.marks import channel_marks, join_projectors
from pipeline.spikes.recording import rename_like

FIF = Path("sub-01_meg.fif")
NEUROMAG = ["MEG 0111", "MEG 0112", "MEG 0113", "EOG061"]
CTF = ["MLC11-1609", "MLC12-1609", "MRC11-1609", "EEG057"]


def raw_of(names):
    info = mne.create_info(names, 200.0, ["mag"] * (len(names) - 1) + ["misc"])
    return mne.io.RawArray(np.arange(len(names) * 10.0).reshape(-1, 10), info, verbose="error")


def channels_tsv(tmp_path, rows, header="name\ttype\tstatus"):
    file = tmp_path / "sub-01_channels.tsv"
    file.write_text("\n".join([header, *rows]) + "\n")
    return file


@pytest.mark.parametrize(
    ("names", "written", "meant", "eyes"),
    [
        (NEUROMAG, "MEG0111", "MEG 0111", "EOG 061"),
        (NEUROMAG, "meg_0111", "MEG 0111", "EOG061"),
        (CTF, "MLC11", "MLC11-1609", "EEG057"),
        (CTF, "MLC11-4408", "MLC11-1609", "EEG057"),
    ],
)
def test_marks_and_types_are_joined_by_key(tmp_path, names, written, meant, eyes):
    raw, notes = raw_of(names), []
    table = channels_tsv(tmp_path, [f"{written}\tMEGMAG\tBAD", f"{eyes}\tVEOG\tgood"])
    assert channel_marks(raw, FIF, table, notes) == {meant: "marked bad in channels.tsv"}
    assert raw.get_channel_types()[-1] == "eog"
    assert notes == []


@pytest.mark.parametrize(
    ("columns", "told"), [(["bad"], True), (["bad", "status"], False), (["units"], False)]
)
def test_a_column_that_may_mark_bad_channels_and_is_not_read_is_told(tmp_path, columns, told):
    notes = []
    cells = {"bad": "1", "status": "good", "units": "T"}
    header = "\t".join(["name", *columns])
    row = "\t".join(["MEG0111", *(cells[column] for column in columns)])
    table = channels_tsv(tmp_path, [row], header)
    assert channel_marks(raw_of(NEUROMAG), FIF, table, notes) == {}
    assert ["column 'bad' is not read" in note for note in notes] == [True] * told


def test_names_that_fit_none_or_several_are_told(tmp_path):
    raw, notes = raw_of(["MLC11-1609", "MLC11-1610", "MLC12-1609", "EEG057"]), []
    rows = ["MLC11\tMEGMAG\tbad", "MLC12\tMEGMAG\tbad", "MZZ01\tMEGMAG\tgood"]
    assert list(channel_marks(raw, FIF, channels_tsv(tmp_path, rows), notes)) == ["MLC12-1609"]
    (note,) = notes
    assert "2 of 3 names of sub-01_channels.tsv" in note
    assert "'MZZ01'" in note and "'MLC11'" in note and "1 of them are marked bad" in note


def test_at_most_five_names_are_listed(tmp_path):
    raw, notes = raw_of(NEUROMAG), []
    channel_marks(raw, FIF, channels_tsv(tmp_path, [f"X{i}\tMISC\tgood" for i in range(9)]), notes)
    assert "9 of 9 names" in notes[0] and "'X4'" in notes[0] and "'X5'" not in notes[0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "the table is empty"),
        ("MEG 0111\tMEGMAG\tgood\n", "no column 'name'"),
        ("name\tstatus\nMEG 0111\tbad\ttoo\tmany\n", "instead of 2"),
    ],
)
def test_an_unusable_table_is_told_and_stops_nobody(tmp_path, content, why):
    file = tmp_path / "sub-01_channels.tsv"
    file.write_text(content)
    raw, notes = raw_of(NEUROMAG), []
    raw.info["bads"] = ["MEG 0112"]
    assert channel_marks(raw, FIF, file, notes) == {"MEG 0112": "marked bad in the recording"}
    assert why in notes[0] and "not known" in notes[0] and file.name in notes[0]


@pytest.mark.parametrize("state", ["bad", "Bad", " BAD ", '"bad"'])
def test_states_of_channels(tmp_path, state):
    notes = []
    rows = [f"MEG 0111\tMEGMAG\t{state}", "MEG 0112\tMEGMAG\tGood", "MEG 0113\tMEGMAG\tn/a"]
    bad = channel_marks(raw_of(NEUROMAG), FIF, channels_tsv(tmp_path, rows), notes)
    assert list(bad) == ["MEG 0111"] and notes == []


def test_a_state_that_is_neither_is_told(tmp_path):
    notes = []
    table = channels_tsv(tmp_path, ["MEG 0111\tMEGMAG\tbroken"])
    bad = channel_marks(raw_of(NEUROMAG), FIF, table, notes)
    assert bad == {} and "neither good nor bad ('MEG 0111')" in notes[0]


def test_a_table_without_states_marks_nothing(tmp_path):
    table = channels_tsv(tmp_path, ["MEG 0111\tMEGMAG"], header="name\ttype")
    assert channel_marks(raw_of(NEUROMAG), FIF, table, []) == {}


def test_projectors_act_on_channels_that_are_written_otherwise():
    info = raw_of(NEUROMAG).info
    data = {
        "nrow": 1,
        "ncol": 3,
        "row_names": None,
        "col_names": ["MEG0111", "MEG0112", "MEG9999"],
        "data": np.array([[1.0, 0.0, 0.0]]),
    }
    with info._unlock():
        info["projs"] = [mne.Projection(active=False, data=data, desc="PCA-01", kind=1)]
    notes = []
    join_projectors(info, notes)
    matrix = make_projector(info["projs"], info["ch_names"])[0]
    assert np.diag(matrix) == pytest.approx([0, 1, 1, 1])
    assert "1 of 3 channels of projector 1" in notes[0] and "'MEG9999'" in notes[0]


def test_another_recording_of_the_device_gets_the_same_names_and_order():
    raw = raw_of(["MEG0112", "MEG0113", "MEG0111", "EOG061"])
    before = dict(zip(raw.ch_names, raw.get_data()[:, 0], strict=True))
    assert rename_like(raw, NEUROMAG[:3]) == ()
    assert raw.ch_names == NEUROMAG
    for name in NEUROMAG[:3]:
        assert raw.get_data(name)[0, 0] == before[name.replace(" ", "")]
    assert rename_like(raw, ["MEG 0111", "MEG 0999"]) == ("MEG 0999",)


def test_runs_and_empty_room_with_other_names_serve(tmp_path):
    short = {"duration_s": 30, "sfreq": 500.0, "n_spikes": 8, "n_wrong": 0, "aux": False}
    first = simulate(tmp_path, **short, name="sub-01_task-rest_run-1", seed=1)
    second = simulate(tmp_path, **short, name="sub-01_task-rest_run-2", seed=2)
    raw = mne.io.read_raw_fif(second.meg, preload=True, verbose="error")
    raw.rename_channels(lambda name: name.replace(" ", ""))
    raw.reorder_channels(raw.ch_names[::-1])
    raw.save(second.meg, overwrite=True, verbose="error")
    noise = simulate(tmp_path, **short | {"n_spikes": 0}, name="sub-emptyroom_task-noise", seed=3)
    empty = mne.io.read_raw_fif(noise.meg, preload=True, verbose="error")
    empty.rename_channels(lambda name: name.replace(" ", ""))
    room = tmp_path / "room" / "sub-emptyroom_task-noise_meg.fif"
    room.parent.mkdir()
    mne.concatenate_raws([empty.copy(), empty], verbose="error").save(room, verbose="error")
    marked = first.channels.read_text().replace("MEG 0141\tMEGMAG\tgood", "MEG0141\tMEGMAG\tbad")
    first.channels.write_text(marked)
    runs = [first, second]
    inputs = spikes.Inputs(
        *([getattr(run, kind) for run in runs] for kind in ("meg", "events", "channels")), room
    )
    paths = PatientPaths(tmp_path / "out", "01")
    spikes.run(inputs, paths, spikes.Config(min_baseline_s=50), Progress())
    qc = json.loads(paths.qc("spikes").read_text())
    assert len(qc["runs"]) == 2 and qc["runs_left_out"] == []
    assert qc["noise_covariance"]["source"] == "empty room"
    assert qc["bad_channels"]["MEG 0141"] == "marked bad in channels.tsv"
    average = mne.read_evokeds(paths.average, 0, verbose="error")
    peak = average.data[:, average.time_as_index(0)[0]]
    true = [first.topography[first.ch_names.index(name)] for name in average.ch_names]
    true = make_projector(average.info["projs"], average.ch_names)[0] @ true
    grad = mne.pick_types(average.info, meg="grad")
    assert np.corrcoef(peak[grad], np.array(true)[grad])[0, 1] > 0.9
