"""Tables of events and recordings that are there, but not where or as BIDS names them."""

import unicodedata

import pytest
from dataset_of_files import SPIKES, find, names, touch, write_recording

from pipeline.errors import InvalidInput

MEG = "sub-01/meg"


@pytest.fixture
def dataset(tmp_path):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    write_recording(tmp_path / MEG / "sub-01_task-rest_meg.fif")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "sub-01_task-Rest_events.tsv",
        "sub-01_task-rest_run-01_events.tsv",
        "sub-01_task-rest_desc-spikes_events.tsv",
        "sub-01_task-rest_event.tsv",
        "sub-01_task-rest_events.csv",
        "sub-01_task-rest_events.TSV",
        "sub-02_task-rest_events.tsv",
    ],
)
def test_a_table_of_no_recording_is_told(dataset, name):
    (dataset / MEG / name).write_text(SPIKES)
    found = find(dataset)
    assert found.events == [None]
    assert [note for note in found.notes if note.startswith(f"{name} was not used")]


def test_tables_of_the_recordings_and_copies_beside_them_are_not_told(dataset):
    for name in ("sub-01_task-rest_events.tsv", "sub-01_task-rest_events.csv"):
        (dataset / MEG / name).write_text(SPIKES)
    (dataset / "task-rest_events.tsv").write_text(SPIKES)
    found = find(dataset)
    assert names(found.events) == ["sub-01_task-rest_events.tsv"] and found.notes == []


@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")])
def test_letters_that_macos_parts_are_the_same(tmp_path, forms):
    recording, table = (unicodedata.normalize(form, "Ruheäugig") for form in forms)
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    write_recording(tmp_path / MEG / f"sub-01_task-{recording}_meg.fif")
    (tmp_path / MEG / f"sub-01_task-{table}_events.tsv").write_text(SPIKES)
    assert len(names(filter(None, find(tmp_path).events))) == 1


@pytest.mark.parametrize("folder", ["sub-01/MEG", "sub-01", "sub-01/ses-1/func"])
def test_a_recording_in_no_meg_folder_is_named(tmp_path, folder):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    write_recording(tmp_path / folder / "sub-01_task-rest_meg.fif")
    with pytest.raises(InvalidInput, match=r"sub-01_task-rest_meg\.fif .* in no folder named meg"):
        find(tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "n_runs"),
    [
        ("2020-01-01", "2020-01-01T10:00:00", 1),
        ("2020-01-01T00:00:00", "2020-01-01T10:00:00", 1),
        ("2020-01-02", "2020-01-01T10:00:00", 2),
        ("2020-01-01T10:00:00Z", "2020-01-01T12:00:00+02:00", 1),
        ("2020-01-01T10:00:00Z", "2020-01-01T10:00:00+02:00", 2),
    ],
)
def test_days_and_zones_in_scans_tsv_make_no_two_runs_of_one(tmp_path, first, second, n_runs):
    touch(tmp_path, "sub-01/anat/sub-01_T1w.nii.gz")
    lines = ["filename\tacq_time"]
    for acquisition, time, noise in (("a", first, 0.0), ("b", second, 0.1)):
        name = f"sub-01_task-rest_acq-{acquisition}_meg.fif"
        write_recording(tmp_path / MEG / name, noise=noise)
        lines.append(f"meg/{name}\t{time}")
    (tmp_path / "sub-01/sub-01_scans.tsv").write_text("\n".join(lines) + "\n")
    assert len(find(tmp_path).meg) == n_runs


def test_an_empty_room_named_with_backslashes_is_found(dataset):
    for day in ("20200101", "19720927"):
        room = f"sub-emptyroom_ses-{day}_task-noise_meg.fif"
        write_recording(dataset / f"sub-emptyroom/ses-{day}/meg/{room}", has_head=False)
    named = r"sub-emptyroom\\ses-20200101\\meg\\sub-emptyroom_ses-20200101_task-noise_meg.fif"
    (dataset / MEG / "sub-01_task-rest_meg.json").write_text(
        f'{{"AssociatedEmptyRoom": "{named}"}}'
    )
    found = find(dataset)
    assert found.empty_room.name == "sub-emptyroom_ses-20200101_task-noise_meg.fif"
    assert found.notes == []
