"""Which runs are averaged, told from tables and headers alone."""

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info

from pipeline.errors import InvalidInput
from pipeline.records.spikes_qc import RunLeftOutQC
from pipeline.spikes.choice import choose_runs
from pipeline.spikes.config import Config, Inputs

ONSETS = (2.0, 3.0, 4.0, 5.0, 6.0)


def recording(folder, name, *, head_shift_m=0.0, n_s=12, rename=None):
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False))
    head = np.eye(4)
    head[2, 3] = 0.05 + head_shift_m
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", head)
        info["sfreq"], info["lowpass"] = 200.0, 100.0
    raw = mne.io.RawArray(np.zeros((306, 200 * n_s)), info, verbose="error")
    if rename is not None:
        raw.rename_channels(rename)
    file = folder / f"sub-01_task-{name}_meg.fif"
    raw.save(file, overwrite=True, verbose="error")
    return file


def events(folder, name, rows):
    file = folder / f"sub-01_task-{name}_events.tsv"
    file.write_text("onset\tduration\ttrial_type\n" + "".join(f"{t}\t0\t{n}\n" for t, n in rows))
    return file


def spikes(folder, name, onsets=ONSETS):
    return events(folder, name, [(onset, "spike") for onset in onsets])


def inputs(meg, tables):
    return Inputs(meg, tables, [None] * len(meg))


def test_a_run_without_spikes_is_no_measure_of_the_others(tmp_path):
    language = recording(tmp_path, "language", head_shift_m=0.009)
    rest = recording(tmp_path, "rest")
    given = inputs([language, rest], [events(tmp_path, "language", [(1, "word")]),
                                      spikes(tmp_path, "rest")])  # fmt: skip
    choice = choose_runs(given, Config())
    assert [run.path for run in choice.used] == [rest]
    assert choice.left_out == [RunLeftOutQC(file=language.name, reason="no spikes annotated")]


def test_runs_whose_channels_are_written_otherwise_belong_together(tmp_path):
    first = recording(tmp_path, "a")
    second = recording(tmp_path, "b", rename=lambda name: name.replace(" ", ""))
    given = inputs([first, second], [spikes(tmp_path, "a"), spikes(tmp_path, "b")])
    assert [run.path for run in choose_runs(given, Config()).used] == [first, second]


def test_a_run_of_another_device_is_left_out_with_the_names(tmp_path):
    first = recording(tmp_path, "a")
    second = recording(tmp_path, "b", rename={"MEG 0111": "MEG 0119"})
    given = inputs([first, second], [spikes(tmp_path, "a"), spikes(tmp_path, "b")])
    choice = choose_runs(given, Config())
    assert [run.path for run in choice.used] == [first]
    assert "MEG 0111" in choice.left_out[0].reason
    assert any(second.name in warning for warning in choice.warnings)


def test_events_that_cannot_be_read_leave_their_run_out(tmp_path):
    first, second = recording(tmp_path, "a"), recording(tmp_path, "b")
    broken = spikes(tmp_path, "a")
    broken.write_bytes(b"onset\0")
    choice = choose_runs(inputs([first, second], [broken, spikes(tmp_path, "b")]), Config())
    assert [run.path for run in choice.used] == [second]
    assert choice.left_out == [RunLeftOutQC(file=first.name, reason="its events cannot be read")]
    assert any("no text" in warning and broken.name in warning for warning in choice.warnings)


def test_the_true_error_is_told_where_no_events_are_left(tmp_path):
    run = recording(tmp_path, "a")
    broken = spikes(tmp_path, "a")
    broken.write_text("time\tname\n1\tspike\n")
    with pytest.raises(InvalidInput, match="no column 'onset'"):
        choose_runs(inputs([run], [broken]), Config())


def test_spikes_outside_the_recording_are_counted(tmp_path):
    run = recording(tmp_path, "a")
    table = spikes(tmp_path, "a", (-1.0, *ONSETS, 400.0))
    choice = choose_runs(inputs([run], [table]), Config())
    assert any("2 of 7 annotated spikes lie before" in warning for warning in choice.warnings)
    late = spikes(tmp_path, "a", [1000 * onset for onset in ONSETS])
    with pytest.raises(InvalidInput, match="5 of 5 annotated spikes lie before") as raised:
        choose_runs(inputs([run], [late]), Config())
    assert "seconds" in raised.value.hint and raised.value.file == late


def test_too_few_spikes_tell_of_those_without_an_onset(tmp_path):
    run = recording(tmp_path, "a")
    table = spikes(tmp_path, "a", (2.0, 3.0, "12:30:01", "12:30:02"))
    (warning,) = choose_runs(inputs([run], [table]), Config()).warnings
    assert warning.startswith("2 annotated spikes of ") and "no number" in warning
