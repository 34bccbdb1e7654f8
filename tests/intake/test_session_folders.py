"""Files whose name and folder are of two sessions, and files that leave the session to the folder."""

import pytest
from dataset_of_files import SPIKES, find, names, touch, write_recording

from bids_app.surgery import find_surgery
from pipeline.errors import InvalidInput

T1W = "sub-01_T1w.nii.gz"


def meg(root, folder, session="", seed=0, marked=True):
    stem = f"sub-01{session and f'_ses-{session}'}_task-rest"
    path = write_recording(root / f"sub-01/ses-{folder}/meg/{stem}_meg.fif", seed=seed)
    if marked:
        path.with_name(f"{stem}_events.tsv").write_text(SPIKES)
    return path


@pytest.fixture
def dataset(tmp_path):
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    touch(tmp_path, f"sub-01/anat/{T1W}")
    return tmp_path


def test_a_recording_in_the_folder_of_another_session_is_used_and_told(dataset):
    meg(dataset, "1", "2")
    files = find(dataset)
    assert names(files.meg + files.events) == [
        "sub-01_ses-2_task-rest_meg.fif",
        "sub-01_ses-2_task-rest_events.tsv",
    ]
    (note,) = files.notes
    assert note.startswith(
        "sub-01_ses-2_task-rest_meg.fif lies in the folder of ses-1: it was taken"
    )


@pytest.mark.parametrize("asked", ["1", "2"])
def test_where_a_session_is_asked_for_it_is_none_of_it(dataset, asked):
    meg(dataset, "1", "2")
    with pytest.raises(InvalidInput, match="it lies in the folder of ses-1"):
        find(dataset, sessions=(asked,))
    right = meg(dataset, asked, asked, seed=1)
    files = find(dataset, sessions=(asked,))
    assert files.meg == [right]
    assert (
        "sub-01_ses-2_task-rest_meg.fif was passed over: it lies in the folder of ses-1."
        in files.notes
    )


def test_leading_zeros_are_no_other_session(dataset):
    meg(dataset, "1", "01")
    assert find(dataset).notes == []


def test_a_name_without_session_is_of_its_folders(dataset):
    recordings = [meg(dataset, session, seed=int(session)) for session in ("1", "2")]
    assert find(dataset).meg == recordings
    assert find(dataset, sessions=("2",)).meg == recordings[1:]


@pytest.mark.parametrize("name", [T1W, "sub-01_ses-pre_T1w.nii.gz"])
def test_an_image_in_the_folder_of_a_session_after_surgery_is_the_last_choice(tmp_path, name):
    meg(tmp_path, "pre", "pre")
    touch(tmp_path, f"sub-01/ses-postop/anat/{name}")
    assert any("post-operative" in note for note in find(tmp_path).notes)
    touch(tmp_path, "sub-01/ses-pre/anat/sub-01_ses-pre_acq-late_rec-norm_T1w.nii.gz")
    assert find(tmp_path).t1w.name == "sub-01_ses-pre_acq-late_rec-norm_T1w.nii.gz"


def test_such_an_image_is_the_post_operative_one_of_the_mask(dataset):
    root = dataset / "derivatives/d"
    touch(dataset, f"sub-01/ses-postop/anat/{T1W}")
    touch(root, "sub-01/ses-postop/anat/sub-01_desc-resection_mask.nii.gz")
    t1w = dataset / f"sub-01/anat/{T1W}"
    surgery = find_surgery("01", dataset, [root], t1w, [])
    assert surgery.postop_t1w == dataset / f"sub-01/ses-postop/anat/{T1W}"


def test_an_empty_room_without_session_is_of_its_folders_day(dataset):
    path = meg(dataset, "20200110")
    path.rename(path.with_name("sub-01_task-rest_meg.fif"))
    for day, seed in (("20200109", 1), ("20200301", 2)):
        name = f"sub-emptyroom/ses-{day}/meg/sub-emptyroom_task-noise_meg.fif"
        write_recording(dataset / name, day=None, has_head=False, seed=seed)
    assert find(dataset).empty_room.parts[-3] == "ses-20200109"
