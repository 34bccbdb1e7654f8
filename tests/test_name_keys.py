"""Names of files, of recordings of nobody, and how names of two files are joined."""

import pytest

from pipeline.names import (
    bipolar_pair,
    channel_key,
    contact_key,
    entities_of,
    events_name,
    is_empty_room,
    is_room_by_name,
    match,
    participant_key,
    participant_label,
)


@pytest.mark.parametrize(
    ("name", "entities"),
    [
        ("sub-01_ses-a_run-02_meg.fif", {"sub": "01", "ses": "a", "run": "2"}),
        ("sub-01_run-00_split-010_meg.fif.gz", {"sub": "01", "run": "0", "split": "10"}),
        ("sub-01_acq-007_run-x1_meg.fif", {"sub": "01", "acq": "007", "run": "x1"}),
        ("sub-a-b_meg.fif", {"sub": "a-b"}),
        ("meg.fif", {}),
    ],
)
def test_indices_alone_have_no_leading_zeros(name, entities):
    assert entities_of(name) == entities


@pytest.mark.parametrize(
    ("name", "is_room"),
    [
        ("sub-emptyroom_ses-20200101_meg.fif", True),
        ("sub-EmptyRoom2_meg.fif", True),
        ("sub-01_task-noise_meg.fif", True),
        ("sub-01_task-noise2_meg.fif", True),
        ("sub-01_task-er_meg.fif", True),
        ("sub-01_task-TheEmptyRoomHere_meg.fif", True),
        ("sub-01_task-rest_acq-emptyroom_meg.fif", True),
        ("sub-01_task-noisy_meg.fif", False),
        ("sub-01_task-rest_acq-room_meg.fif", False),
        ("sub-01_meg.fif", False),
        ("sub-notemptyroom_meg.fif", False),
    ],
)
def test_recordings_of_nobody_are_told_by_their_names(name, is_room):
    assert is_room_by_name(name) is is_room


def test_a_label_of_nobody_begins_so():
    assert is_empty_room("EmptyRoom1") and not is_empty_room("myemptyroom")


def test_all_parts_of_a_split_recording_have_one_table_of_events():
    assert events_name("sub-01_split-01_meg.fif") == "sub-01_events.tsv"
    assert events_name("sub-01_task-a_run-1_meg.ds") == "sub-01_task-a_run-1_events.tsv"


def test_names_are_joined_as_written_or_by_a_key_of_one():
    known = ["RA1", "RA01", "LB2", "lc3"]
    found = match(["RA1", "RA001", "LB02", "LC3", "XX1", "LB02"], known, contact_key)
    assert found.found == {"RA1": "RA1", "LB02": "LB2", "LC3": "lc3"}
    assert found.unknown == ("XX1",) and found.ambiguous == ("RA001",)
    assert found.lost == ("XX1", "RA001")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("POL RA01", "ra1"),
        ("R-A 01-Ref", "ra1"),
        ("RA1-2", "ra1-2"),
        ("RA1 - 02", "ra1-2"),
        ("RA 1 - Ref", "ra1"),
        ("A1'", "a'1"),
        ("A\u201901", "a'1"),
    ],
)
def test_keys_of_contacts(name, key):
    assert contact_key(name) == key


def test_keys_of_channels_and_participants():
    assert channel_key("MLC11-1609") == "mlc11" == channel_key("mlc 11")
    assert channel_key("MEG_0111") == "meg111"
    # A serial number has three to five digits.
    assert channel_key("A1-12") == "a112" and channel_key("A1-123456") == "a1123456"
    assert participant_key(" SUB-007 ") == "7" and participant_label(" sub-007") == "007"


@pytest.mark.parametrize(
    ("name", "pair"),
    [
        ("RA01-RA02", ("ra01", "ra02")),
        ("RA9-10", ("ra9", "ra10")),
        ("A'1-2", ("a'1", "a'2")),
        ("A1'-2", ("a1'", "a2'")),
        ("EEG RA1-Ref", None),
        ("RA1", None),
    ],
)
def test_pairs_of_bipolar_channels(name, pair):
    assert bipolar_pair(name) == pair
