"""Files of the right name in a folder that BIDS does not know."""

import shutil

import pytest
from dataset_of_files import SPIKES, find, touch, write_recording

from bids_app.clinical import find_ieeg


@pytest.mark.parametrize("folder", ["iEEG", "seeg", "ses-1/ecog", "electrodes", ""])
def test_contacts_in_a_folder_that_is_not_named_ieeg_are_told_as_the_reason(tmp_path, folder):
    name = "sub-01_electrodes.tsv"
    touch(tmp_path, f"sub-01/{folder}/{name}")
    notes = []
    found = find_ieeg(tmp_path / "sub-01", [], notes)
    assert found.electrodes == []
    reason = f"{name} is no electrodes.tsv among the dataset's own files of iEEG"
    assert found.no_contacts == reason
    assert notes == [
        f"{name} was not used: it is no electrodes.tsv among the dataset's own files of iEEG."
    ]


@pytest.mark.parametrize("folder", ["eeg", "meg"])
def test_electrodes_of_the_eeg_are_none_of_them(tmp_path, folder):
    touch(tmp_path, f"sub-01/{folder}/sub-01_electrodes.tsv")
    notes = []
    find_ieeg(tmp_path / "sub-01", [], notes)
    assert notes == []


def test_two_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    name = "meg/sub-01_task-rest_meg.fif"
    recording = write_recording(tmp_path / "sub-01" / name)
    recording.with_name("sub-01_task-rest_events.tsv").write_text(SPIKES)
    (tmp_path / "sub-01/old/meg").mkdir(parents=True)
    shutil.copy(recording, tmp_path / "sub-01/old" / name)
    files = find(tmp_path)
    assert files.meg == [recording]
    assert files.notes[0].startswith(
        f"sub-01/{name} and sub-01/old/{name} hold one recording; sub-01/{name} was"
    )
