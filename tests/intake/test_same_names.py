"""Two files by one name: runs and tables that differ in leading zeros alone, copies, and odd extensions."""

import pytest
from dataset_of_files import SPIKES, find, names, touch, write_recording

MEG = "sub-01/meg/sub-01_task-rest"


@pytest.fixture
def dataset(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    return tmp_path


def write(root, name, text=SPIKES):
    (root / f"{MEG}{name}").write_text(text)


def test_two_runs_that_differ_in_leading_zeros_alone_are_two_if_their_data_are(dataset):
    for run, seed in (("1", 1), ("01", 2)):
        write_recording(dataset / f"{MEG}_run-{run}_meg.fif", seed=seed)
        write(dataset, f"_run-{run}_events.tsv")
    files = find(dataset)
    assert names(files.meg) == [f"sub-01_task-rest_run-{run}_meg.fif" for run in ("01", "1")]
    # Each has the table that is written as itself.
    assert names(files.events) == [f"sub-01_task-rest_run-{run}_events.tsv" for run in ("01", "1")]
    assert files.notes == []


def test_one_recording_by_two_such_names_counts_once_and_the_remedy_can_be_followed(dataset):
    for run in ("1", "01"):
        write_recording(dataset / f"{MEG}_run-{run}_meg.fif", seed=1)
    files = find(dataset)
    assert names(files.meg) == ["sub-01_task-rest_run-01_meg.fif"]
    assert "hold one recording" in files.notes[0]
    assert files.notes[0].endswith("Remove the one that is not wanted.")


@pytest.mark.parametrize("other", ["_run-1_events.tsv", "_events.tsv"])
def test_a_second_table_of_one_run_is_told(dataset, other):
    write_recording(dataset / f"{MEG}_run-01_meg.fif")
    write(dataset, "_run-01_events.tsv")
    write(dataset, other)
    files = find(dataset)
    assert names(files.events) == ["sub-01_task-rest_run-01_events.tsv"]
    assert files.notes == [
        f"sub-01_task-rest{other} was not used: sub-01_task-rest_run-01_events.tsv is nearer to the "
        "recording's name."
    ]


def test_a_table_that_another_run_uses_is_no_second_one(dataset):
    for run in ("01", "02"):
        write_recording(dataset / f"{MEG}_run-{run}_meg.fif", seed=int(run))
    write(dataset, "_events.tsv")
    write(dataset, "_run-01_events.tsv")
    files = find(dataset)
    assert names(files.events) == [
        "sub-01_task-rest_run-01_events.tsv",
        "sub-01_task-rest_events.tsv",
    ]
    assert files.notes == []


@pytest.mark.parametrize("copy", ["_meg (1).fif", "_meg - Copy.fif", "_meg_old.fif", "_meg2.fif"])
def test_a_recording_with_something_behind_its_name_is_told(dataset, copy):
    write_recording(dataset / f"{MEG}_meg.fif")
    (dataset / f"{MEG}_meg.fif").rename(dataset / f"{MEG}{copy}")
    write_recording(dataset / f"{MEG}_meg.fif", seed=2)
    touch(dataset, f"{MEG}_meg-1.fif")
    write(dataset, "_meg.json", "{}")
    files = find(dataset)
    assert names(files.meg) == ["sub-01_task-rest_meg.fif"]
    assert files.notes == [
        f"sub-01_task-rest{copy} was passed over: it is not named as BIDS names a recording."
    ]


@pytest.mark.parametrize("ending", ["_events.xlsx", "_Events.tsv", "_events.tsv.gz", "_events.TSV"])
def test_a_table_of_another_format_or_case_is_told(dataset, ending):
    write_recording(dataset / f"{MEG}_meg.fif")
    touch(dataset, f"{MEG}{ending}")
    assert find(dataset).notes == [
        f"sub-01_task-rest{ending} was not used: it is no events.tsv that is named as a recording is."
    ]


def test_a_run_of_which_only_another_format_is_there_is_told_beside_marked_ones(dataset):
    for run in ("01", "02"):
        write_recording(dataset / f"{MEG}_run-{run}_meg.fif", seed=int(run))
    write(dataset, "_run-01_events.tsv")
    touch(dataset, f"{MEG}_run-02_events.csv")
    assert len(find(dataset).notes) == 1
    write(dataset, "_run-02_events.tsv")
    assert find(dataset).notes == []
