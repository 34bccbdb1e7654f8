"""Recordings of the empty room are known by name, content, what names them, and their day."""

import json

import pytest
from dataset_of_files import SPIKES, find, names, touch, write_recording

RUN = "sub-01/meg/sub-01_task-rest_run-1_meg.fif"
SHARED = "sub-emptyroom/ses-{0}/meg/sub-emptyroom_ses-{0}_task-noise_meg.fif"


@pytest.fixture
def dataset(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", RUN)
    return tmp_path


@pytest.mark.parametrize("task", ["noise", "noise2", "emptyroom", "EmptyRoom", "empty", "er"])
def test_by_its_task(dataset, task):
    touch(dataset, f"sub-01/meg/sub-01_task-{task}_meg.fif")
    files = find(dataset)
    assert names(files.meg) == [RUN.split("/")[-1]]
    assert files.empty_room.name == f"sub-01_task-{task}_meg.fif"


@pytest.mark.parametrize("entity", ["acq-emptyroom", "run-emptyroom"])
def test_by_another_part_of_its_name(dataset, entity):
    touch(dataset, f"sub-01/meg/sub-01_task-rest_{entity}_meg.fif")
    assert find(dataset).empty_room.name == f"sub-01_task-rest_{entity}_meg.fif"


def test_by_its_content(dataset):
    write_recording(dataset / RUN)
    room = write_recording(dataset / RUN.replace("run-1", "run-2"), has_head=False, seed=5)
    files = find(dataset)
    assert files.empty_room == room and len(files.meg) == 1
    assert "neither a head position nor digitised points" in files.notes[0]
    # With events it may be a patient's: of no use, but no empty room.
    (room.parent / room.name.replace("_meg.fif", "_events.tsv")).write_text(SPIKES)
    files = find(dataset)
    assert files.empty_room is None and len(files.meg) == 1 and "passed over" in files.notes[0]


def test_where_no_recording_has_a_head_all_are_runs(dataset):
    write_recording(dataset / RUN, has_head=False)
    write_recording(dataset / RUN.replace("run-1", "run-2"), has_head=False, seed=5)
    files = find(dataset)
    assert len(files.meg) == 2 and files.empty_room is None


def test_what_a_sidecar_of_a_split_run_names(dataset):
    (dataset / RUN).unlink()
    touch(dataset, RUN.replace("_meg", "_split-01_meg"), RUN.replace("_meg", "_split-02_meg"))
    touch(dataset, "sub-01/meg/sub-01_task-noise_meg.fif", SHARED.format("20200101"))
    stated = {"AssociatedEmptyRoom": [f"bids::{SHARED.format('20200101')}"]}
    (dataset / RUN.replace(".fif", ".json")).write_text(json.dumps(stated))
    assert find(dataset).empty_room == dataset / SHARED.format("20200101")


@pytest.mark.parametrize("place", ["task-rest_meg.json", "sub-01/sub-01_meg.json"])
def test_what_an_inherited_sidecar_names(dataset, place):
    touch(dataset, SHARED.format("20200101"), SHARED.format("20200202"))
    stated = {"AssociatedEmptyRoom": f"/{SHARED.format('20200202')}"}
    (dataset / place).write_text(json.dumps(stated))
    assert find(dataset).empty_room == dataset / SHARED.format("20200202")


@pytest.mark.parametrize("where", ["header", "scans", "session"])
def test_by_the_day_of_the_recording(tmp_path, where):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    session = "ses-20200202/" if where == "session" else ""
    run = RUN.replace("sub-01/", f"sub-01/{session}", 1)
    run = run.replace("sub-01_", f"sub-01_{session}".replace("/", "_"))
    if where == "header":
        write_recording(tmp_path / run, day=18294)  # 2 February 2020
    else:
        touch(tmp_path, run)
    if where == "scans":
        rows = "filename\tacq_time\nmeg/sub-01_task-rest_run-1_meg.fif\t2020-02-02T08:00:00\n"
        (tmp_path / "sub-01/sub-01_scans.tsv").write_text(rows)
    touch(tmp_path, *map(SHARED.format, ("20200101", "20200202", "20200203")))
    files = find(tmp_path)
    assert files.empty_room == tmp_path / SHARED.format("20200202")
    assert files.notes == []


def test_of_other_days_the_nearest_is_used_and_told(dataset):
    write_recording(dataset / RUN, day=18294)
    touch(dataset, SHARED.format("20200101"), SHARED.format("20200205"))
    files = find(dataset)
    assert files.empty_room == dataset / SHARED.format("20200205")
    assert "3 days" in files.notes[0]


def test_two_as_near_are_not_chosen_between(dataset):
    write_recording(dataset / RUN, day=18294)
    touch(dataset, SHARED.format("20200201"), SHARED.format("20200203"))
    files = find(dataset)
    assert files.empty_room is None and "AssociatedEmptyRoom" in files.notes[0]


def test_without_days_only_a_single_one_serves(dataset):
    touch(dataset, "sub-emptyroom/meg/sub-emptyroom_task-noise_meg.fif")
    files = find(dataset)
    assert files.empty_room.name == "sub-emptyroom_task-noise_meg.fif"
    assert "as the only one" in files.notes[0]
    touch(dataset, "sub-emptyroom/meg/sub-emptyroom_task-noise_run-2_meg.fif")
    files = find(dataset)
    assert files.empty_room is None and "2 empty rooms" in files.notes[0]


def test_one_whose_content_is_not_here_is_told_and_not_used(dataset):
    room = dataset / "sub-01/meg/sub-01_task-noise_meg.fif"
    room.symlink_to("../../.git/annex/objects/a/b/MD5E-s1--c.fif/MD5E-s1--c.fif")
    files = find(dataset)
    assert files.empty_room is None and "git annex get" in files.notes[0]
