"""Which T1w the head model is made from."""

import json

import pytest
from dataset_of_files import find, touch

from pipeline.errors import InvalidInput

MEG = "sub-01/ses-meg/meg/sub-01_ses-meg_task-rest_meg.fif"


def t1w(session: str, entity: str = "") -> str:
    return f"sub-01/ses-{session}/anat/sub-01_ses-{session}{entity}_T1w.nii.gz"


def test_the_only_one_of_another_session_serves(tmp_path):
    touch(tmp_path, t1w("mri"), MEG)
    files = find(tmp_path, sessions=("meg",))
    assert files.t1w == tmp_path / t1w("mri")
    assert "of another session" in files.notes[0]


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        ([t1w("meg"), t1w("a")], t1w("meg")),
        ([t1w("meg", "_ce-gadolinium"), t1w("meg", "_rec-norm")], t1w("meg", "_rec-norm")),
        ([t1w("meg", "_acq-postcontrast"), t1w("meg", "_run-2")], t1w("meg", "_run-2")),
        ([t1w("meg", "_ce-gadolinium")], t1w("meg", "_ce-gadolinium")),
        ([t1w("postop"), t1w("preop")], t1w("preop")),
        ([t1w("meg", "_part-phase"), t1w("meg", "_part-mag")], t1w("meg", "_part-mag")),
        ([t1w("meg", "_rec-defaced"), t1w("meg", "_rec-norm")], t1w("meg", "_rec-norm")),
    ],
)
def test_the_order_of_preference(tmp_path, images, chosen):
    touch(tmp_path, *images, MEG)
    assert find(tmp_path).t1w == tmp_path / chosen


def test_a_session_that_is_asked_for_is_preferred(tmp_path):
    touch(tmp_path, t1w("a"), t1w("b"), MEG, MEG.replace("ses-meg", "ses-b"))
    assert find(tmp_path, sessions=("b",)).t1w == tmp_path / t1w("b")


def test_a_filter_that_lets_none_through_is_an_error(tmp_path):
    touch(tmp_path, t1w("mri"), MEG)
    with pytest.raises(InvalidInput, match="No T1-weighted MRI"):
        find(tmp_path, filters={"t1w": {"acquisition": "mprage"}})


def test_the_landmarks_are_inherited(tmp_path):
    touch(tmp_path, t1w("mri"), MEG)
    beside = tmp_path / t1w("mri").replace(".nii.gz", ".json")
    beside.write_text("{}")
    above = tmp_path / "sub-01/sub-01_T1w.json"
    above.write_text(json.dumps({"AnatomicalLandmarkCoordinates": {"NAS": [1, 2, 3]}}))
    assert find(tmp_path).t1w_json == above
    above.unlink()
    assert find(tmp_path).t1w_json == beside


def test_an_image_in_a_templates_space_is_the_last_choice_and_told(tmp_path):
    fitted = t1w("meg", "_space-MNI152NLin2009cAsym")
    touch(tmp_path, fitted, MEG)
    files = find(tmp_path)
    assert files.t1w == tmp_path / fitted and "named as in a template's space" in files.notes[0]
    touch(tmp_path, t1w("a"))
    assert find(tmp_path).t1w == tmp_path / t1w("a")
