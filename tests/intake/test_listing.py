"""Dot files and dot folders are no part of a dataset."""

import pytest

from bids_app.listing import visible


@pytest.fixture
def folder(tmp_path):
    """A dataset that itself lies in a dot folder."""
    for name in (
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/._sub-01_T1w.nii.gz",
        "sub-01/.git/anat/sub-01_T1w.nii.gz",
        "sub-01/.anat/sub-01_T1w.nii.gz",
        "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz",
    ):
        path = tmp_path / ".data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / ".data" / "sub-01"


@pytest.mark.parametrize("pattern", ["**/anat/*_T1w.nii*", "**/*", "**/*_T1w.nii.gz"])
def test_only_visible_files_in_visible_folders_are_found(folder, pattern):
    found = [path.relative_to(folder).as_posix() for path in visible(folder, pattern)]
    assert [name for name in found if name.endswith(".gz")] == [
        "anat/sub-01_T1w.nii.gz",
        "ses-b/anat/sub-01_ses-b_T1w.nii.gz",
    ]
    assert not any("/." in f"/{name}" for name in found)


def test_nothing_is_found_where_there_is_no_folder(tmp_path):
    assert visible(tmp_path / "absent", "*") == []
