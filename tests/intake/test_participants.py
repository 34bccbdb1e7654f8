"""Folders that are participants, and folders that only look so."""

from bids_app.dataset import participant_labels, unusable_participants


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
