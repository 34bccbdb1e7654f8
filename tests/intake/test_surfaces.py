"""FreeSurfer's results are found where the programs that run it leave them."""

import pytest
from dataset_of_files import find, touch

from pipeline.errors import InvalidInput
from pipeline.headmodel.freesurfer import SURFACES


def surfaces(root, folder, *, without=()):
    files = [name for name in (*SURFACES, "mri/orig.mgz") if name not in without]
    touch(root, *(f"{folder}/{name}" for name in files))
    return root / folder


@pytest.fixture
def dataset(tmp_path):
    root = tmp_path / "bids"
    touch(
        root,
        "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
        "sub-01/ses-a/meg/sub-01_ses-a_task-rest_meg.fif",
    )
    return root


@pytest.mark.parametrize(
    "folder",
    [
        "derivatives/freesurfer/sub-01",
        "derivatives/freesurfer/sub-01_ses-a",
        "derivatives/freesurfer/subjects/sub-01",
        "derivatives/freesurfer-7.4.1/sub-01",
        "derivatives/fastsurfer/sub-01",
        "derivatives/fmriprep/sourcedata/freesurfer/sub-01",
        "derivatives/fmriprep/freesurfer/sub-01",
        "derivatives/mne-bids-pipeline/freesurfer/subjects/sub-01",
        "sourcedata/freesurfer/sub-01",
        "derivatives/freesurfer/01",
    ],
)
def test_places(dataset, folder):
    expected = surfaces(dataset, folder)
    files = find(dataset)
    assert files.freesurfer_dir == expected and files.notes == []


@pytest.mark.parametrize(
    "folder",
    ["derivatives/freesurfer/sub-010", "derivatives/freesurfer/fsaverage", "sourcedata/sub-01"],
)
def test_places_that_are_not_the_participants(dataset, folder):
    surfaces(dataset, folder)
    assert find(dataset).freesurfer_dir is None


def test_a_derivative_outside_is_found_by_its_structure(dataset, tmp_path):
    expected = surfaces(tmp_path, "fmriprep/sourcedata/freesurfer/sub-01")
    assert find(dataset, derivatives={"fmriprep": tmp_path / "fmriprep"}).freesurfer_dir == expected


def test_of_the_sessions_that_of_the_t1w_is_used(dataset):
    surfaces(dataset, "derivatives/freesurfer/sub-01_ses-b")
    files = find(dataset)
    assert files.freesurfer_dir is None and "are of session b" in files.notes[0]
    expected = surfaces(dataset, "derivatives/freesurfer/sub-01_ses-a")
    assert find(dataset).freesurfer_dir == expected


def test_incomplete_results_are_told_and_passed_over(dataset):
    surfaces(dataset, "derivatives/freesurfer/sub-01", without=("surf/lh.pial",))
    files = find(dataset)
    assert files.freesurfer_dir is None
    assert "incomplete (surf/lh.pial is missing); the template head model is used" in files.notes[0]
    expected = surfaces(dataset, "derivatives/fastsurfer/sub-01")
    files = find(dataset)
    assert files.freesurfer_dir == expected and "fastsurfer/sub-01 is used" in files.notes[0]
    with pytest.raises(InvalidInput, match="incomplete"):
        find(dataset, subjects_dir=dataset / "derivatives/freesurfer")


def test_results_whose_content_is_not_here_are_told(dataset):
    folder = surfaces(dataset, "derivatives/freesurfer/sub-01", without=("surf/lh.pial",))
    (folder / "surf/lh.pial").symlink_to("../../.git/annex/objects/a/b/MD5E-s1--c/MD5E-s1--c")
    files = find(dataset)
    assert files.freesurfer_dir is None and "datalad get" in files.notes[0]
