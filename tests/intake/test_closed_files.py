"""Files that this user may not read, and folders that may not be listed: told as that, by the preflight as by a run."""

import errno
import os
from pathlib import Path

import pytest
from dataset_of_files import SPIKES, find, touch, write_recording

from bids_app.dataset import check_dataset
from bids_app.dataset.participants import InvalidDataset
from bids_app.stages import Task
from pipeline import headmodel
from pipeline.compare.images import open_image
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.headmodel.landmarks import read_landmarks
from pipeline.headmodel.t1w import open_t1w
from pipeline.paths import PatientPaths
from pipeline.tables import read_tsv

UNREAD = "the file cannot be read by this user"
UNLISTED = "the folder cannot be listed by this user"
MASK = "derivatives/d/sub-01/anat/sub-01_desc-resection_mask.nii.gz"


@pytest.fixture
def close(monkeypatch):
    """Takes the right to read a file or folder, also from a superuser, who has all rights."""
    closed = set()
    access, scandir = os.access, os.scandir

    def may_not(path):
        return any(each in closed for each in (Path(path), *Path(path).parents))

    def listed(path="."):
        if may_not(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "access", lambda path, mode: not may_not(path) and access(path, mode))
    monkeypatch.setattr(os, "scandir", listed)
    return closed.add


@pytest.fixture
def dataset(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz", "sub-01/ieeg/sub-01_electrodes.tsv", MASK)
    write_recording(tmp_path / "sub-01/meg/sub-01_task-rest_meg.fif")
    (tmp_path / "sub-01/meg/sub-01_task-rest_events.tsv").write_text(SPIKES)
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    return tmp_path


@pytest.mark.parametrize(
    "read",
    [
        open_t1w,
        read_json,
        lambda path: read_tsv(path, (), []),
        lambda path: open_image(path, "resection mask"),
    ],
)
def test_a_reader_says_that_it_may_not_read(tmp_path, close, read):
    touch(tmp_path, "a.nii")
    close(tmp_path / "a.nii")
    with pytest.raises(InvalidInput, match=UNREAD) as refused:
        read(tmp_path / "a.nii")
    assert refused.value.hint == "give this user the right to read it"


def test_landmarks_that_may_not_be_read_are_told(tmp_path, close):
    touch(tmp_path, "sub-01_T1w.json")
    close(tmp_path / "sub-01_T1w.json")
    (doubt,) = read_landmarks(tmp_path / "sub-01_T1w.json", None).doubts
    assert UNREAD in doubt.text


def test_the_description_of_the_dataset(dataset, close):
    close(dataset / "dataset_description.json")
    with pytest.raises(InvalidDataset, match=UNREAD):
        check_dataset(dataset)


@pytest.mark.parametrize("name", ["anat/sub-01_T1w.nii.gz", "meg/sub-01_task-rest_meg.fif"])
def test_a_file_that_is_needed_is_refused_by_that_cause(dataset, close, name):
    close(dataset / "sub-01" / name)
    with pytest.raises(InvalidInput, match=UNREAD):
        find(dataset)


def test_an_optional_file_does_not_stop_the_stage_that_could_read_it(dataset, close):
    t1w, sidecar = dataset / "sub-01/anat/sub-01_T1w.nii.gz", dataset / "sub-01_T1w.json"
    sidecar.write_text("{}")
    inputs = headmodel.Inputs(t1w=t1w, t1w_json=sidecar, freesurfer_dir=None, meg=[])
    task = Task("headmodel", inputs, headmodel.Config())
    paths = PatientPaths(dataset / "out", "01")
    readable = task.input_hashes(paths)
    close(sidecar)
    hashes = task.input_hashes(paths)
    assert hashes == readable | {sidecar.name: "cannot be read"}
    assert task.key(hashes) != task.key(readable)


@pytest.mark.parametrize("folder", ["", "anat", "meg"])
def test_a_folder_that_is_needed_is_refused_by_that_cause(dataset, close, folder):
    close(dataset / "sub-01" / folder)
    with pytest.raises(InvalidInput, match=UNLISTED) as refused:
        find(dataset)
    assert refused.value.file == dataset / "sub-01" / folder


def test_a_folder_of_contacts_is_told_as_the_reason(dataset, close):
    close(dataset / "sub-01/ieeg")
    files = find(dataset)
    assert files.ieeg.electrodes == []
    assert files.ieeg.no_contacts == "the folder ieeg cannot be listed by this user"
    assert files.notes == [
        "The folder ieeg cannot be listed by this user: what it holds was not used."
    ]


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("derivatives", "derivatives"),
        ("derivatives/d", "derivatives/d"),
        ("derivatives/d/sub-01", "d/sub-01"),
        ("derivatives/d/sub-01/anat", "sub-01/anat"),
    ],
)
def test_a_folder_of_derivatives_is_told_and_stops_nobody(dataset, close, folder, told):
    assert find(dataset).resection_mask == dataset / MASK
    close(dataset / folder)
    files = find(dataset)
    assert files.resection_mask is None
    assert files.notes == [
        f"The folder {told} cannot be listed by this user: what it holds was not used."
    ]
