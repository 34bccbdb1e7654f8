"""JSON in the code page of Windows: an umlaut or a µ as a single byte stops nobody."""

import json

import numpy as np
import pytest
from dataset_of_files import SPIKES, find, names, touch, write_recording

from bids_app.dataset import check_dataset
from pipeline.compare.coordsystems import description_of
from pipeline.files import read_json
from pipeline.headmodel.landmarks import MARKED, read_landmarks
from pipeline.spikes.events import read_events
from reports.clinical_file import read_clinical_file

TOLD = " is not UTF-8; it was read as Latin-1."


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps(content, ensure_ascii=False).encode("cp1252"))
    return path


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_single_byte_is_read_and_told(tmp_path, mark):
    file = tmp_path / "a.json"
    file.write_bytes(mark + b'{"Ort": 1, "Z\xfcrich \x96": "\xb5V"}')
    notes = []
    assert read_json(file, notes) == {"Ort": 1, "Zürich –": "µV"}
    assert notes == [f"a.json{TOLD}"]


def test_the_description_of_the_dataset_stops_nobody(tmp_path):
    write(tmp_path / "dataset_description.json", {"Name": "Universitätsklinikum"})
    check_dataset(tmp_path)


def test_the_sidecar_of_a_recording_names_its_empty_room(tmp_path):
    meg = tmp_path / "sub-01/meg"
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    write_recording(meg / "sub-01_task-rest_meg.fif")
    (meg / "sub-01_task-rest_events.tsv").write_text(SPIKES)
    room = "sub-emptyroom/meg/sub-emptyroom_task-noise_meg.fif"
    for path, seed in ((room, 2), (room.replace("noise", "later"), 3)):
        write_recording(tmp_path / path, has_head=False, seed=seed)
    said = {"InstitutionName": "Tübingen", "AssociatedEmptyRoom": room}
    write(meg / "sub-01_task-rest_meg.json", said)
    files = find(tmp_path)
    assert names([files.empty_room]) == ["sub-emptyroom_task-noise_meg.fif"]
    assert f"sub-01_task-rest_meg.json{TOLD}" in files.notes


def test_levels_that_name_spikes_count(tmp_path):
    (tmp_path / "a_events.tsv").write_text(SPIKES.replace("spike", "3"))
    described = write(
        tmp_path / "a_events.json", {"trial_type": {"Levels": {"3": "spike über links"}}}
    )
    table = read_events(tmp_path / "a_events.tsv", ("spike",), [described])
    assert list(table.onset_s) == [1.0]
    assert f"a_events.json{TOLD}" in table.notes


def test_the_coordinates_unit_is_read(tmp_path):
    table = tmp_path / "sub-01_electrodes.tsv"
    said = {"iEEGCoordinateUnits": "mm", "iEEGCoordinateSystem": "ScanRAS", "By": "Jörg"}
    file = write(tmp_path / "sub-01_coordsystem.json", said)
    notes = []
    assert description_of(table, [file], notes) == (file, said)
    assert notes == [f"{file.name}{TOLD}"]


def test_landmarks_are_read(tmp_path):
    voxels = {"NAS": [45, 106, 20], "LPA": [4, 52, 18], "RPA": [86, 52, 18]}
    said = {"AnatomicalLandmarkCoordinates": voxels, "InstitutionName": "Köln"}
    marked = read_landmarks(write(tmp_path / "sub-01_T1w.json", said), np.diag([2.0, 2, 2, 1]))
    assert marked.origin == MARKED and not marked.doubts


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("cp1252", "the clinical file is not UTF-8; it was read as Latin-1"),
        ("latin-1", "the clinical file is not UTF-8; it was read as Latin-1"),
        ("utf-16", ""),
        ("utf-8-sig", ""),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_the_physician_says_is_read(tmp_path, encoding, note, end):
    file = tmp_path / "sub-01_clinical.toml"
    text = 'indication = "fokal"\nsemiology = "Übelkeit, 5 µg"\n'
    file.write_bytes(text.replace("\n", end).encode(encoding))
    read = read_clinical_file(file)
    assert read.semiology == "Übelkeit, 5 µg" and read.note == note
    assert read.rows == [("Semiology of seizures", read.semiology)] + [("Note", note)] * bool(note)
