"""Several files of one recording are one run, however they are named."""

import json
import re

import pytest
from dataset_of_files import SPIKES, find, names, touch, write_recording

T1W = "sub-01/anat/sub-01_T1w.nii.gz"
MEG = "sub-01/meg/sub-01_task-rest"


@pytest.fixture
def dataset(tmp_path):
    touch(tmp_path, T1W)
    return tmp_path


def test_dot_files_are_no_data(dataset):
    touch(
        dataset,
        f"{MEG}_meg.fif",
        "sub-01/anat/._sub-01_T1w.nii.gz",
        "sub-01/anat/._sub-01_T1w.json",
        "sub-01/meg/._sub-01_task-rest_meg.fif",
        "sub-01/meg/._sub-01_task-rest_meg.json",
        "sub-01/meg/._sub-01_task-rest_events.tsv",
        "sub-01/.heudiconv/meg/sub-01_task-old_meg.fif",
        "._sub-01_trans.fif",
    )
    files = find(dataset)
    assert files.t1w == dataset / T1W and files.t1w_json is None
    assert names(files.meg) == ["sub-01_task-rest_meg.fif"]
    assert files.events == [None] and files.notes == []


@pytest.mark.parametrize(
    "version",
    [
        "_proc-sss_meg.fif",
        "_proc-tsss_meg.fif",
        "_rec-tsss_meg.fif",
        "_desc-filtered_meg.fif",
        "_split-01_meg.fif",
        "_meg.con",
    ],
)
def test_versions_by_name_are_one_run_and_the_choice_is_told(dataset, version):
    touch(dataset, f"{MEG}_meg.fif", MEG + version, f"{MEG}_run-2_meg.fif")
    files = find(dataset)
    assert len(files.meg) == 2
    (note,) = files.notes
    assert "hold one recording" in note and version in note and "--bids-filter-file" in note


def test_the_raw_one_is_used_unless_it_is_shielded(dataset):
    raw = write_recording(dataset / f"{MEG}_meg.fif")
    sss = write_recording(dataset / f"{MEG}_proc-sss_meg.fif")
    assert find(dataset).meg == [raw]
    write_recording(raw, shielded=True)
    files = find(dataset)
    assert files.meg == [sss]
    assert "internal active shielding" in files.notes[0]
    sss.unlink()
    assert find(dataset).meg == [raw], "what is wrong with it is said where it is read"


def test_the_version_with_marked_spikes_is_used(dataset):
    touch(dataset, f"{MEG}_meg.fif", f"{MEG}_proc-sss_meg.fif")
    (dataset / f"{MEG}_proc-sss_events.tsv").write_text(SPIKES)
    files = find(dataset)
    assert names(files.meg) == ["sub-01_task-rest_proc-sss_meg.fif"]
    assert "only its events name spikes" in files.notes[0]


def test_a_filter_chooses_between_versions(dataset):
    touch(dataset, f"{MEG}_meg.fif", f"{MEG}_proc-sss_meg.fif")
    for label, version in (("sss", "_proc-sss"), (None, "")):
        files = find(dataset, filters={"meg": {"processing": label}})
        assert names(files.meg) == [f"sub-01_task-rest{version}_meg.fif"] and files.notes == []


def test_the_filter_that_is_told_takes_the_other_version(dataset):
    touch(dataset, f"{MEG}_meg.fif", f"{MEG}_proc-sss_meg.fif")
    first = find(dataset)
    told = re.search(r"as by (\{.*\})\.", first.notes[0])[1]
    assert names(find(dataset, filters=json.loads(told)).meg) == [
        "sub-01_task-rest_proc-sss_meg.fif"
    ]
    (dataset / f"{MEG}_proc-sss_events.tsv").write_text(SPIKES)
    told = re.search(r"as by (\{.*\})\.", find(dataset).notes[0])[1]
    assert find(dataset, filters=json.loads(told)).meg == first.meg


def test_a_filter_chooses_between_formats(dataset):
    touch(dataset, f"{MEG}_meg.fif", f"{MEG}_meg.con")
    told = json.loads(re.search(r"as by (\{.*\})\.", find(dataset).notes[0])[1])
    assert told == {"meg": {"extension": ".fif"}}
    assert names(find(dataset, filters=told).meg) == ["sub-01_task-rest_meg.fif"]


@pytest.mark.parametrize(
    ("other", "n_runs"),
    [
        ({"noise": 0.5}, 1),
        ({"noise": 0.5, "second": 60.0}, 2),
        ({"second": 60.0}, 1),
        ({"seed": 7}, 2),
        ({"noise": 0.5, "day": None}, 1),
        ({"seed": 7, "day": None}, 2),
        ({"seconds": 15.0}, 2),
    ],
    ids=[
        "same",
        "a minute later",
        "same data",
        "same time only",
        "no time",
        "no time, other data",
        "longer",
    ],
)
def test_acquisitions_are_one_run_where_time_length_and_data_agree(dataset, other, n_runs):
    write_recording(dataset / f"{MEG}_acq-a_meg.fif")
    write_recording(dataset / f"{MEG}_acq-b_meg.fif", **other)
    assert len(find(dataset).meg) == n_runs


def test_a_copy_under_another_run_counts_once(dataset):
    write_recording(dataset / f"{MEG}_run-1_meg.fif", day=None)
    write_recording(dataset / f"{MEG}_run-2_meg.fif", day=None)
    files = find(dataset)
    assert names(files.meg) == ["sub-01_task-rest_run-1_meg.fif"]
    write_recording(dataset / f"{MEG}_run-2_meg.fif", day=None, noise=0.1)
    assert len(find(dataset).meg) == 2


def test_parts_of_a_split_run_are_one_and_share_their_sidecars(dataset):
    touch(dataset, *(f"{MEG}_split-{part}_meg.fif" for part in ("01", "02", "03")))
    touch(dataset, f"{MEG}_channels.tsv", "task-rest_events.tsv")
    files = find(dataset)
    assert names(files.meg) == ["sub-01_task-rest_split-01_meg.fif"]
    assert files.events == [dataset / "task-rest_events.tsv"]
    assert files.channels == [dataset / f"{MEG}_channels.tsv"]


def test_a_part_without_its_first_is_told(dataset):
    touch(dataset, f"{MEG}_run-1_meg.fif", f"{MEG}_run-2_split-02_meg.fif")
    files = find(dataset)
    assert len(files.meg) == 1
    assert files.notes == [
        "sub-01_task-rest_run-2_split-02_meg.fif was passed over: the first part of this split "
        "recording is missing."
    ]


def test_what_is_not_named_for_the_participant_or_not_read_is_told(dataset):
    touch(
        dataset,
        f"{MEG}_meg.fif",
        "sub-01/meg/sub-02_task-rest_meg.fif",
        "sub-01/meg/sub-01_task-rest_run-2_meg.edf",
        "sub-01/meg/sub-01_acq-calibration_meg.dat",
        "sub-01/meg/sub-01_acq-crosstalk_meg.fif",
    )
    files = find(dataset)
    assert len(files.meg) == 1
    assert [note.split(" was passed over: ")[1] for note in sorted(files.notes)] == [
        "its format is not read.",
        "it is not named for sub-01.",
    ]


def test_runs_are_asked_for_with_or_without_leading_zeros(dataset):
    touch(dataset, f"{MEG}_run-01_meg.fif", f"{MEG}_run-02_meg.fif")
    for asked in ("2", "02"):
        assert names(find(dataset, runs=(asked,)).meg) == ["sub-01_task-rest_run-02_meg.fif"]
