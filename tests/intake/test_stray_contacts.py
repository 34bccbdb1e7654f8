"""Contacts in files that no reader takes: told by name, never "none are given"."""

import pytest
from dataset_of_files import touch

from bids_app.clinical import find_ieeg
from pipeline.compare.config import NO_CONTACTS
from pipeline.compare.frames import frame_of

SCANNER = {"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}
TABLE = "sub-01/ieeg/sub-01_electrodes.tsv"


def told(root, *files):
    touch(root, *files)
    notes = []
    found = find_ieeg(root / "sub-01", [root / "derivatives/locs"], notes)
    return [path.name for path in found.electrodes], found.no_contacts, notes


@pytest.mark.parametrize(
    "name",
    [
        "sub-01/ieeg/sub-01_electrodes.csv",
        "sub-01/ieeg/sub-01_Electrodes.tsv",
        "sub-01/ieeg/sub-01_electrodes (1).tsv",
        "sub-01/ieeg/contacts.xlsx",
        "sub-01/ieeg/sub-01_elec.mat",
        "derivatives/locs/sub-01/ieeg/sub-01_electrodes.tsv",
    ],
)
def test_a_table_of_contacts_that_is_not_read_is_named(tmp_path, name):
    of_table = f"{name.split('/')[-1]} is no electrodes.tsv among the dataset's own files of iEEG"
    note = of_table.replace(" is no", " was not used: it is no") + "."
    assert told(tmp_path, name) == ([], of_table, [note])
    electrodes, _, notes = told(tmp_path, TABLE)
    # In a derivative it is a copy or a product.
    assert electrodes == ["sub-01_electrodes.tsv"] and notes == [note] * (
        "ieeg" == name.split("/")[1]
    )


def test_without_any_there_is_none(tmp_path):
    assert told(tmp_path, "sub-01/ieeg/sub-01_task-rest_channels.tsv") == ([], NO_CONTACTS, [])


@pytest.mark.parametrize(
    ("intended", "grave"),
    [
        ("bids:freesurfer:sub-01/surf/lh.pial", [True]),
        (["sub-01/anat/sub-01_hemi-L_pial.surf.gii"], [True]),
        (["sub-01/anat/sub-01_T1w.nii.gz", "sub-01/surf/lh.pial"], []),
        ("sub-01/anat/sub-01_T1w.nii.gz", []),
    ],
)
def test_coordinates_intended_for_a_surface_are_a_grave_doubt(tmp_path, intended, grave):
    t1w = tmp_path / "sub-01_T1w.nii.gz"
    frame = frame_of({**SCANNER, "IntendedFor": intended}, t1w, [])
    assert [doubt.grave for doubt in frame.doubts] == grave
