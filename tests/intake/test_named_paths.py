"""Files that sidecars and tables name by paths that lead nowhere, or as Windows writes them."""

import json

import pytest
from dataset_of_files import SPIKES, find, touch, write_recording

from bids_app.dataset.headers import acquired

ROOM = "sub-emptyroom/ses-20200101/meg/sub-emptyroom_ses-20200101_task-noise_meg.fif"
OTHER = ROOM.replace("20200101", "20210101")
NAME = ROOM.rpartition("/")[2]


@pytest.fixture
def dataset(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    run = write_recording(tmp_path / "sub-01/meg/sub-01_task-rest_meg.fif", day=999)
    run.with_name("sub-01_task-rest_events.tsv").write_text(SPIKES)
    for room, day in ((ROOM, 1), (OTHER, 999)):
        write_recording(tmp_path / room, has_head=False, seed=day, day=day)
    return tmp_path


@pytest.mark.parametrize(
    "named", [NAME, f"../../{ROOM}", f"raw/{ROOM}", f"/data/study/{ROOM}", f"C:\\study\\{NAME}"]
)
def test_an_empty_room_is_found_by_its_name_where_the_path_leads_nowhere(dataset, named):
    sidecar = dataset / "sub-01/meg/sub-01_task-rest_meg.json"
    sidecar.write_text(json.dumps({"AssociatedEmptyRoom": named}))
    files = find(dataset)
    assert (files.empty_room, files.notes) == (dataset / ROOM, [])


@pytest.mark.parametrize("named", ["sub-emptyroom_task-x_meg.fif", "*_meg.fif", "sub-emptyroom"])
def test_a_name_that_fits_none_or_several_is_told(dataset, named):
    sidecar = dataset / "sub-01/meg/sub-01_task-rest_meg.json"
    sidecar.write_text(json.dumps({"AssociatedEmptyRoom": named}))
    assert (
        find(dataset).notes[0].startswith("AssociatedEmptyRoom of sub-01_task-rest_meg.fif names")
    )


@pytest.mark.parametrize(
    "name", ["meg/a_meg.fif", "./meg/a_meg.fif", ".\\meg\\a_meg.fif", "meg\\a_meg.fif"]
)
def test_a_recording_is_found_in_a_table_of_scans_of_windows(tmp_path, name):
    folder = tmp_path / "sub-01"
    folder.mkdir()
    (folder / "sub-01_scans.tsv").write_text(f"filename\tacq_time\n{name}\t2020-01-01T10:00:00\n")
    assert acquired(folder / "meg/a_meg.fif", tmp_path).day == 1
