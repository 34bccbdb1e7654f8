"""The detector's tables: where they lie, what they say, and that a reviewer's work is kept."""

from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info
from scipy.signal import oaconvolve

from bids_app.dataset.marks import events_of
from pipeline.detection.stream import Detected
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.spikes import reads
from pipeline.spikes.blocks import Blocks, few_samples
from pipeline.spikes.config import SPIKE_NAMES, Config, Inputs
from pipeline.spikes.detecting import (
    _table_of,
    _write,
    fitted_detector,
    require_measured,
    reviewed_tables,
    with_detected,
)
from pipeline.spikes.events import VERTEX_LIKE, read_events
from pipeline.tables import read_tsv

FOUND = Detected(np.array([1.5, 7.25]), np.array([2.0, 1.1]), 30.0, 3.0, 30.0, np.array([4.0]))


@pytest.mark.parametrize("session", ["", "ses-a"])
def test_marks_of_the_output_are_found_by_the_recordings_name(session, tmp_path):
    parts = [part for part in ("sub-01", session) if part]
    name = "_".join([*parts, "task-rest_split-01_meg.fif"])
    recording = tmp_path.joinpath("bids", *parts, "meg", name)
    paths = PatientPaths(tmp_path / "out", "01")
    table = _table_of(recording, paths)
    _write(table, FOUND, Config())
    assert events_of(recording, tmp_path / "bids", paths.output_dir) == table
    events = read_events(table, SPIKE_NAMES)
    assert events.onset_s.tolist() == [1.5, 7.25] and events.n_unreviewed == 2
    assert events.n_set_apart == 1
    told = read_tsv(table, ("onset",), []).set_index("onset")
    assert told.loc["4.0", "trial_type"] == VERTEX_LIKE and list(told.index) == [
        "1.5",
        "4.0",
        "7.25",
    ]
    described = read_json(table.with_suffix(".json"))
    assert described["trial_type"]["HED"]["spike"].startswith("sc:")
    assert "3.0 times in this recording" in described["score"]["Description"]


def test_a_reviewed_table_is_not_overwritten_and_no_reason_to_skip_the_stage(tmp_path):
    paths, recording = (
        PatientPaths(tmp_path, "01"),
        tmp_path / "sub-01/meg/sub-01_task-rest_meg.fif",
    )
    inputs = Inputs([recording], [None], [None], detect=True)
    table = _table_of(recording, paths)
    assert reviewed_tables(inputs, paths) == []
    _write(table, FOUND, Config())
    assert reviewed_tables(inputs, paths) == [] and table not in reads(inputs, paths)
    table.write_text(table.read_text().replace("unreviewed", "accepted", 1))
    assert reviewed_tables(inputs, paths) == [table] and table in reads(inputs, paths)
    assert reviewed_tables(replace(inputs, detect=False), paths) == []
    with pytest.raises(InvalidInput, match="somebody has reviewed") as refused:
        with_detected(inputs, paths, Config(), Progress(), None)
    assert "--marks" in refused.value.hint
    # A row that was taken out, or another kind of mark, is an answer as well.
    _write(table, FOUND, Config())
    assert reviewed_tables(inputs, paths) == []
    first, *rows = table.read_text().splitlines(keepends=True)
    table.write_text(first + "".join(rows[1:]))
    assert reviewed_tables(inputs, paths) == [table]
    table.with_suffix(".json").unlink()
    assert reviewed_tables(inputs, paths) == []


@pytest.mark.parametrize("step", [1, 2, 8])
def test_few_samples_are_those_of_the_whole_convolution(step):
    sfreq = 125.0 * step
    kernel = mne.filter.create_filter(None, sfreq, 1.0, 40.0, fir_design="firwin", verbose="error")
    data = np.random.default_rng(0).normal(size=(3, len(kernel) + 4001))
    data[1] += 1e3  # an offset, as sensors have it
    whole = oaconvolve(data, kernel[None], mode="valid", axes=1)[:, ::step]
    few = few_samples(data, kernel, step)
    assert few.shape == whole.shape and few.dtype == np.float32
    np.testing.assert_allclose(few[[0, 2]], whole[[0, 2]], atol=0.02 * whole.std())
    np.testing.assert_allclose(few[1], whole[1], atol=0.02 * whole.std())


def test_a_recording_whose_channels_stand_still_is_refused():
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    with info._unlock():
        info["sfreq"] = 125.0
    raw = mne.io.RawArray(np.zeros((len(info.ch_names), 4000)), info, verbose="error")
    blocks = Blocks(raw, Path("a_meg.fif"), Config())
    with pytest.raises(InvalidInput, match="306 of 306 MEG channels are bad"):
        fitted_detector(blocks, set(), lambda names: np.zeros((len(names), 994)))


@pytest.mark.parametrize("sfreq", [250.0, 1000.0])
def test_a_muscles_burst_is_seen_where_it_is_and_the_line_is_not(sfreq):
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True)[::6])
    with info._unlock():
        info["sfreq"] = sfreq
    rng = np.random.default_rng(0)
    time = np.arange(int(65 * sfreq)) / sfreq
    data = 1e-12 * rng.normal(size=(len(info.ch_names), len(time)))
    burst = (np.abs(time - 43.0) < 0.4) * np.sin(2 * np.pi * 80 * time)
    line = (np.abs(time - 50.0) < 0.4) * np.sin(2 * np.pi * 50 * time)
    data[:9] += 5e-12 * burst + 5e-12 * line
    raw = mne.io.RawArray(data, info, verbose="error")
    blocks = Blocks(raw, Path("a_meg.fif"), Config())
    band, level = blocks.with_fast(1, 1.2)
    assert np.allclose(band, blocks.at(1, 1.2), atol=0.01 * band.std())
    seen_s = np.arange(len(level)) / blocks.sfreq + 30 - 1.2
    assert level[np.abs(seen_s - 43) < 0.35].min() > 3
    assert level[np.abs(seen_s - 43) > 0.6].max() < 2


def test_slow_recordings_tell_nothing_of_muscles():
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True)[::6])
    with info._unlock():
        info["sfreq"] = 150.0
    raw = mne.io.RawArray(np.zeros((len(info.ch_names), 6000)), info, verbose="error")
    assert Blocks(raw, Path("a_meg.fif"), Config()).with_fast(0, 1.2)[1] is None


def test_what_the_detector_was_not_measured_on_is_refused_before_anything_is_read(tmp_path):
    require_measured([tmp_path / "sub-01_meg.fif"])
    with pytest.raises(
        InvalidInput, match="not measured how many would be false in EEG"
    ) as refused:
        require_measured([tmp_path / "sub-01_meg.fif", tmp_path / "sub-01_eeg.vhdr"])
    assert "without --detect-spikes" in refused.value.hint
    inputs = Inputs([tmp_path / "sub-01_eeg.vhdr"], [None], [None], detect=True)
    with pytest.raises(InvalidInput, match="in MEG alone"):
        with_detected(inputs, PatientPaths(tmp_path, "01"), Config(), Progress(), None)
