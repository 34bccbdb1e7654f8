"""Files of the right name in a folder that BIDS does not know."""

import json
import shutil

import numpy as np
import pytest
from dataset_of_files import SPIKES, find, touch, write_recording

from bids_app.clinical import find_ieeg
from pipeline.compare.contacts import resolve_contacts
from pipeline.compare.labels import ContactLabels
from pipeline.compare.outlines import box_outline_mm
from pipeline.compare.placing import Carried


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


@pytest.mark.parametrize("folder", ["eeg", "meg"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("electrodes.tsv", "name\tsoz\nA1\tyes\n"),
        ("electrodes.tsv", "name\ttype\nA1\tdepth\n"),
        ("channels.tsv", "name\ttype\nA1\tSEEG\n"),
        ("coordsystem.json", '{"iEEGCoordinateSystem": "ScanRAS"}'),
    ],
    ids=["marks", "depth", "channels", "coordsystem"],
)
def test_contacts_among_the_data_of_eeg_are_told_as_the_reason(tmp_path, folder, name, text):
    own = "sub-01_electrodes.tsv"
    touch(tmp_path, f"sub-01/{folder}/{own}")
    (tmp_path / f"sub-01/{folder}/{own}").write_text("name\nA1\n")
    (tmp_path / f"sub-01/{folder}/sub-01_{name}").write_text(text)
    notes = []
    found = find_ieeg(tmp_path / "sub-01", [], notes)
    told = f"{own} is no electrodes.tsv among the dataset's own files of iEEG"
    assert found.electrodes == [] and found.no_contacts == told
    assert notes == [f"{told.replace(' is no', ' was not used: it is no')}."]


@pytest.mark.parametrize(
    ("place", "text", "told"),
    [
        ("sub-01/eeg", "name\tsoz\nA1\tyes\n", True),
        ("sub-01/eeg", "name\tseizure_zone\nA1\tSOZ\n", True),
        ("sub-01/eeg", "name\tstatus_description\nA1\tresect,SOZ\n", True),
        ("derivatives/d/sub-01/ieeg", "name\tsoz\nA1\tyes\n", True),
        ("sub-01/eeg", "name\tsoz\nA1\tn/a\n", False),
        ("sub-01/eeg", "name\tstatus_description\nA1\tnoisy\n", False),
        ("sub-01/eeg", "name\tname\n", False),
    ],
)
def test_marks_in_tables_that_are_not_read_are_told_as_the_reason(tmp_path, place, text, told):
    ieeg = tmp_path / "sub-01/ieeg"
    name = "sub-01_task-rest_channels.tsv"
    touch(tmp_path, "sub-01/ieeg/sub-01_electrodes.tsv", f"{place}/{name}")
    (ieeg / "sub-01_electrodes.tsv").write_text("name\tx\ty\tz\nA1\t5\t5\t5\n")
    said = {"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}
    (ieeg / "sub-01_coordsystem.json").write_text(json.dumps(said))
    (tmp_path / place / name).write_text(text)
    notes = []
    found = find_ieeg(tmp_path / "sub-01", [tmp_path / "derivatives/d"], notes)
    assert [f"{name} in {place.split('/')[-1]} seems to mark" in note for note in notes] == [
        True
    ] * told
    resolved = resolve_contacts(
        found.electrodes,
        found.channels,
        found.coordsystem,
        tmp_path / "sub-01/anat/sub-01_T1w.nii",
        [],
        ContactLabels(),
        lambda frame: Carried(lambda pos_mm: pos_mm, "as stated"),
        box_outline_mm(np.full(3, -80.0), np.full(3, 80.0)),
        unread_marks=found.unread_marks,
    )
    elsewhere = f"no mark of seizure onset could be read: {name} was not read"
    assert resolved.no_soz == (elsewhere if told else "no contact is marked as seizure onset")


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
