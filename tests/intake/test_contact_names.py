"""Names of contacts as electrodes.tsv, channels.tsv and lists of contacts spell them."""

import json

import numpy as np
import pytest
from contact_files import in_t1w, resolve, spherical_scalp

from pipeline.compare.labels import read_contact_labels
from pipeline.errors import InvalidInput


def write(folder, contacts, marks, labels=None):
    """Contacts in a row, channels with their status descriptions; returns what they come to."""
    rows = [f"{name}\t{-60 + 5 * i}\t0\t0" for i, name in enumerate(contacts)]
    electrodes = folder / "sub-01_electrodes.tsv"
    electrodes.write_text("\n".join(["name\tx\ty\tz", *rows]) + "\n", encoding="utf-8")
    channels = folder / "sub-01_task-rest_channels.tsv"
    rows = [f"{name}\tSEEG\t{mark}" for name, mark in marks.items()]
    channels.write_text("\n".join(["name\ttype\tstatus_description", *rows]), encoding="utf-8")
    system = folder / "sub-01_coordsystem.json"
    system.write_text(json.dumps({"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}))
    return resolve([electrodes], [channels], [system], spherical_scalp(), labels, in_t1w)


def soz(found):
    return [
        name for name, marked in zip(found.contacts.name, found.contacts.soz, strict=True) if marked
    ]


def on_page_one(found):
    return [doubt.text for doubt in found.doubts]


@pytest.mark.parametrize(
    ("contacts", "channel"),
    [
        (("RA01", "RA02"), "RA1"),
        (("RA1", "RA2"), "RA01"),
        (("RA-1", "RA-2"), "RA 1"),
        (("ra_1", "ra_2"), "RA1"),
        (("R'A1", "R'A2"), "R’A1"),
        (("A’01", "A’02"), "A'1"),
        (("A1'", "A2'"), "A'1"),
        (("RA1", "RA2"), "POL RA1"),
        (("RA1", "RA2"), "EEG RA1-Ref"),
    ],
)
def test_one_contact_in_two_spellings(tmp_path, contacts, channel):
    found = write(tmp_path, contacts, {channel: "soz"})
    assert soz(found) == [contacts[0]]
    assert found.no_soz is None and found.warnings == found.doubts == []
    assert found.counts["channels_without_contact"] == 0


@pytest.mark.parametrize(
    ("contacts", "channel"),
    [
        (("RA1", "RA2", "RA3"), "RA1-RA2"),
        (("RA01", "RA02", "RA03"), "RA1-RA2"),
        (("RA1", "RA2", "RA3"), "RA1-2"),
        (("R'A1", "R'A2", "R'A3"), "R’A1 – R’A2"),
        # No twelfth contact: between two digits, a hyphen parts two numbers.
        (("RA1", "RA2", "RA12"), "RA1-2"),
        (("RA1", "RA2", "RA12"), "RA1 - 2"),
    ],
)
def test_a_mark_on_a_bipolar_channel_marks_both_contacts(tmp_path, contacts, channel):
    found = write(tmp_path, contacts, {channel: "soz"})
    assert soz(found) == list(contacts[:2])
    assert found.warnings == [
        "1 names that channels.tsv:status_description marks as soz are bipolar channels: both "
        "contacts of each count."
    ]


def test_a_neighbouring_pair_that_is_not_marked_denies_nothing(tmp_path):
    marks = {"RA1-RA2": "soz", "RA2-RA3": "nonSOZ", "RA3-RA4": "n/a"}
    found = write(tmp_path, ("RA1", "RA2", "RA3", "RA4"), marks)
    assert soz(found) == ["RA1", "RA2"]
    assert not any("denies" in text or "disagree" in text for text in found.warnings)


def test_a_pair_of_which_one_is_no_contact_marks_the_other_and_is_told(tmp_path):
    found = write(tmp_path, ("RA1", "RA2"), {"RA1-RB1": "soz"})
    assert soz(found) == ["RA1"]
    assert any("1 names" in text and "RA1-RB1" in text for text in on_page_one(found))


def test_names_that_differ_by_more_than_spelling_are_told_and_counted(tmp_path):
    marks = {"RA1": "soz", "XX1": "soz", "XX2": "n/a", "RA10": "soz"}
    found = write(tmp_path, ("RA1", "RA2", "RA'1"), marks)
    assert soz(found) == ["RA1"]
    assert found.counts["channels_without_contact"] == 3
    assert any(text.startswith("2 names") and "XX1, RA10" in text for text in on_page_one(found))


def test_where_no_name_fits_the_reason_is_the_join_not_the_marks(tmp_path):
    marks = {f"Chan{i}x": "soz" for i in range(21)}
    found = write(tmp_path, ("RA1", "RA2"), marks)
    assert found.contacts is not None
    assert found.no_soz == (
        "21 SOZ marks were found in channels.tsv:status_description, but none of these names is a "
        "contact of electrodes.tsv (such as Chan0x)"
    )


def test_a_name_of_two_contacts_means_neither(tmp_path):
    contacts = ("RA1", "RA01", "RA2")
    found = write(tmp_path, contacts, {"ra-1": "soz", "RA2": "soz"})
    assert found.contacts.name == list(contacts)
    assert soz(found) == ["RA2"]
    assert any("ra-1" in text for text in on_page_one(found))
    # As written, each of them is itself.
    assert soz(write(tmp_path, contacts, {"RA01": "soz"})) == ["RA01"]


def labels_of(tmp_path, participants, sub="sub-01"):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"participants": participants}))
    return read_contact_labels(path, sub)


@pytest.mark.parametrize("label", ["sub-01", "01"])
def test_listed_contacts_go_through_the_same_join(tmp_path, label):
    labels = labels_of(tmp_path, {label: {"soz": ["ra-02", "RB1-RB2"]}})
    found = write(tmp_path, ("RA1", "RA2", "RB1", "RB2"), {"RA1": "soz"}, labels)
    assert soz(found) == ["RA2", "RB1", "RB2"]
    assert found.rules["soz"] == "--contact-labels (list)"


def test_a_list_of_another_participant_is_never_taken(tmp_path):
    labels = labels_of(tmp_path, {"sub-1": {"soz": ["RA1"]}})
    assert labels.listed == {}
    assert any("not of sub-01" in text for text in labels.warnings)
    with pytest.raises(InvalidInput, match="listed twice"):
        labels_of(tmp_path, {"01": {"soz": []}, " 01": {"soz": []}})


def test_marks_without_a_position_are_not_said_to_be_missing(tmp_path):
    found = write(tmp_path, ("RA1", "RA2"), {"RA1": "soz"})
    assert found.no_soz is None
    electrodes = tmp_path / "sub-01_electrodes.tsv"
    electrodes.write_text(electrodes.read_text().replace("RA1\t-60", "RA1\tn/a"))
    files = [tmp_path / f"sub-01_{name}" for name in ("task-rest_channels.tsv", "coordsystem.json")]
    found = resolve([electrodes], [files[0]], [files[1]], spherical_scalp())
    assert found.no_soz == (
        "one contact is marked as seizure onset in channels.tsv:status_description, but without "
        "usable coordinates"
    )
    np.testing.assert_allclose(found.contacts.pos_mri_mm, [[-55, 0, 0]])
