"""Which sidecar speaks of a recording."""

import pytest

from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.sidecars import applicable, nearest


def _touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_inheritance(tmp_path):
    root = tmp_path / "bids"
    meg = "sub-01/ses-1/meg/"
    _touch(
        root,
        meg + "sub-01_ses-1_task-rest_run-01_split-01_meg.fif",
        meg + "sub-01_ses-1_task-rest_run-1_meg.json",
        meg + "._sub-01_ses-1_task-rest_run-1_meg.json",
        meg + "sub-01_ses-1_task-rest_meg.json",
        meg + "sub-01_ses-1_task-rest_run-02_meg.json",
        meg + "sub-01_ses-1_task-rest_coordsystem.json",
        "sub-01/sub-01_meg.json",
        "sub-01/sub-02_meg.json",
        "task-rest_meg.json",
        "task-go_meg.json",
        "meg.json",
    )
    _touch(tmp_path, "meg.json")
    recording = root / meg / "sub-01_ses-1_task-rest_run-01_split-01_meg.fif"
    names = [
        str(path.relative_to(tmp_path)) for path in applicable(recording, "meg", ".json", root)
    ]
    assert names == [
        "bids/" + meg + "sub-01_ses-1_task-rest_run-1_meg.json",
        "bids/" + meg + "sub-01_ses-1_task-rest_meg.json",
        "bids/sub-01/sub-01_meg.json",
        "bids/task-rest_meg.json",
        "bids/meg.json",
    ]
    assert nearest(recording, "events", ".tsv", root) is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_of_any_unicode(encoding, tmp_path):
    file = tmp_path / "a.json"
    file.write_bytes('{"Institution": "Universitätsklinikum", "Rate": NaN}'.encode(encoding))
    assert read_json(file)["Institution"] == "Universitätsklinikum"


def test_a_key_with_two_values_says_nothing(tmp_path):
    file = tmp_path / "a.json"
    file.write_text('{"A": {"LPA": [1, 2, 3], "RPA": [0, 0, 0], "LPA": [-1, 2, 3]}}')
    with pytest.raises(InvalidInput, match=r"“LPA” two different values"):
        read_json(file)
    file.write_text('{"A": {"LPA": [1, 2, 3], "LPA": [1, 2, 3]}}')
    assert read_json(file) == {"A": {"LPA": [1, 2, 3]}}
