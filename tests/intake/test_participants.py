"""Folders that are participants, and folders that only look so."""

import pytest

from bids_app.clinical import find_outcome
from bids_app.dataset import participant_labels, unusable_participants
from bids_app.dataset.participants import is_virtual


def test_folders_that_cannot_be_participants_are_listed(tmp_path):
    for name in ("sub-01", "sub-02 (copy)", "Sub-03", "sub_04", "sub-05_old", "sub-", "sub06"):
        (tmp_path / name).mkdir()
    for name in ("sub-emptyroom", "sub-EmptyRoom", "subjects", "derivatives", ".sub-07"):
        (tmp_path / name).mkdir()
    (tmp_path / "sub-08.zip").touch()
    (tmp_path / "sub-09").symlink_to("nowhere")
    assert participant_labels(tmp_path) == ["01"]
    reasons = unusable_participants(tmp_path)
    named, spelled = "a participant's folder is named sub- and its label", "letters and digits only"
    assert reasons["Sub-03"] == reasons["sub_04"] == reasons["sub06"] == named
    assert all(spelled in reasons[name] for name in ("sub-", "sub-02 (copy)", "sub-05_old"))
    assert "leads nowhere" in reasons["sub-09"]
    assert len(reasons) == 7


def test_a_dataset_without_such_folders_lists_none(tmp_path):
    (tmp_path / "sub-01").mkdir()
    assert unusable_participants(tmp_path) == {}


@pytest.mark.parametrize("name", ["sub-01", "01", "1", "SUB-01", " sub-1"])
@pytest.mark.parametrize("said", ["yes", "TRUE", "1", "1.0"])
def test_a_virtual_participant_is_one_in_any_spelling(tmp_path, name, said):
    (tmp_path / "sub-01").mkdir()
    table = tmp_path / "participants.tsv"
    table.write_text(f"participant_id\tvirtual\n{name}\t{said}\nsub-02\tno\n")
    assert is_virtual(tmp_path, "01") and not is_virtual(tmp_path, "02")
    (tmp_path / "sub-001").mkdir()  # whose row it is, only the very name tells
    assert is_virtual(tmp_path, "01") == (name.strip() in ("sub-01", "01"))


@pytest.mark.parametrize("grade", ["Engel I A", "Engel Class I A", "IA", "ILAE 2", "Engel 1 a"])
def test_grades_with_their_letter_apart_are_grades(tmp_path, grade):
    (tmp_path / "sub-01").mkdir()
    table = tmp_path / "participants.tsv"
    table.write_text(f"participant_id\toutcome\nsub-01\t{grade}\n")
    assert find_outcome(tmp_path, "01", []) == f"outcome: {grade}"
    table.write_text("participant_id\toutcome\nsub-01\tA B\n")
    assert find_outcome(tmp_path, "01", []) is None
