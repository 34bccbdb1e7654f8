"""What is said where it is not looked for, or by somebody else: marks in comments, in everybody's table, in doubt."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from dataset_of_files import SPIKES

from pipeline.compare.labels import ContactLabels
from pipeline.compare.marks import unread_columns
from pipeline.compare.placing import Carried, place
from pipeline.image_frame import frame_doubts
from pipeline.spikes.choice import Annotated
from pipeline.spikes.events import read_events
from pipeline.spikes.marks import read_channels_tsv
from pipeline.spikes.moments import of_everybody

NAMES = ("spike",)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("task-rest_events.tsv", True),
        ("events.tsv", True),
        ("sub-01_events.tsv", False),
        ("sub-01_ses-1_task-rest_events.tsv", False),
    ],
)
def test_spikes_of_a_table_that_is_named_for_no_participant(tmp_path, name, told):
    table = write(tmp_path / name, SPIKES)
    run = Annotated(Path("sub-01_meg.fif"), table, read_events(table, NAMES), None, None)
    doubts = of_everybody([run, run])
    assert [doubt.grave for doubt in doubts] == [True] * told
    assert all(name in doubt.text for doubt in doubts)


def test_such_a_table_without_spikes_is_told_of_nothing(tmp_path):
    table = write(tmp_path / "task-rest_events.tsv", SPIKES.replace("spike", "tone"))
    run = Annotated(Path("sub-01_meg.fif"), table, read_events(table, NAMES), None, None)
    assert of_everybody([run]) == ()


@pytest.mark.parametrize(
    ("named", "n"),
    [("spike?", 1), ("possible spike", 1), ("spike (unclear)", 1), ("spike", 0), ("spike-wave", 0)],
)
def test_spikes_that_are_marked_as_uncertain_count_and_are_told(tmp_path, named, n):
    table = read_events(write(tmp_path / "e.tsv", SPIKES.replace("spike", named)), NAMES)
    assert list(table.onset_s) == [1.0]
    assert [
        note.startswith("1 spikes of e.tsv are marked as uncertain") for note in table.notes
    ] == [True] * n


def test_a_channel_is_bad_whatever_stands_behind_the_word(tmp_path):
    states = ["bad (noisy)", "Bad;flat", "BAD", "good", "n/a", "badge", "0"]
    rows = "".join(f"M{number}\t{state}\n" for number, state in enumerate(states))
    notes = []
    bad, _ = read_channels_tsv(write(tmp_path / "c.tsv", f"name\tstatus\n{rows}"), notes)
    assert list(bad) == ["M0", "M1", "M2"]
    (note,) = notes
    assert note.startswith("2 channels of c.tsv are marked neither good nor bad ('M5', 'M6')")


@pytest.mark.parametrize(
    ("column", "cells", "told"),
    [
        ("comment", ["SOZ", "n/a"], True),
        ("notes", ["seizure onset here", ""], True),
        ("group", ["later resected", "x"], True),
        ("comment", ["noisy", "sudden onset of artefacts"], False),
        ("file", ["/data/resection/a.tsv", "/data/resection/a.tsv"], False),
        ("name", ["SOZ1", "SOZ2"], False),
        ("status_description", ["SOZ", "n/a"], False),
    ],
)
def test_marks_in_the_cells_of_a_column_that_no_rule_reads(column, cells, told):
    rows = pd.DataFrame({"name": ["A1", "A2"], "bipolar": False} | {column: cells})
    found = unread_columns({"electrodes.tsv": rows, "channels.tsv": None}, ContactLabels())
    assert found == [f"electrodes.tsv:{column}"] * told


@pytest.mark.parametrize(
    ("session", "image", "said", "told"),
    [
        ("implant", "ses-implant", {}, True),
        ("implant", "ses-implant", {"IntendedFor": "sub-01/anat/sub-01_T1w.nii.gz"}, False),
        ("implant", None, {}, False),
        (None, None, {}, False),
    ],
)
def test_contacts_whose_session_has_a_t1w_of_its_own(tmp_path, session, image, said, told):
    folder = tmp_path / "sub-01" / (f"ses-{session}" if session else "") / "ieeg"
    stem = f"sub-01_ses-{session}" if session else "sub-01"
    described = {"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm", **said}
    system = write(folder / f"{stem}_coordsystem.json", pd.Series(described).to_json())
    table = write(folder / f"{stem}_electrodes.tsv", "")
    if image:
        write(folder.parent / "anat" / f"{stem}_T1w.nii.gz", "")
    rng = np.random.default_rng(0)
    head_mm = rng.normal(size=(500, 3))
    head_mm *= 90 / np.linalg.norm(head_mm, axis=1, keepdims=True)
    rows = pd.DataFrame({"name": ["A1", "A2"], "x": ["10", "14"], "y": ["5", "5"], "z": ["0", "1"]})
    done = place(
        {table: rows.assign(key=rows["name"])},
        [system],
        tmp_path / "sub-01/anat/sub-01_T1w.nii.gz",
        [],
        lambda _: Carried(lambda pos_mm: pos_mm, "none"),
        head_mm,
    )
    assert [f"{stem}_T1w.nii.gz" in doubt.text for doubt in done.doubts] == [True] * told
    assert done.table["placed"].all()


@pytest.mark.parametrize(
    ("stated_mm", "told"),
    [((2, 2, 2), False), ((1, 1, 1), True), ((2, 2, 2.5), True), ((0, 0, 0), False)],
)
def test_voxels_of_other_sizes_than_the_only_sform_has(tmp_path, stated_mm, told):
    image = nib.Nifti1Image(np.zeros((8, 9, 10), np.uint8), np.diag([2.0, 2, 2, 1]))
    image.set_sform(image.affine, 1)
    image.set_qform(None, 0)
    image.header["pixdim"][1:4] = stated_mm
    file = tmp_path / "a.nii"
    file.write_bytes(image.to_bytes())
    doubts = frame_doubts(nib.load(file), file, "T1w")
    assert ["voxels of" in doubt.text for doubt in doubts] == [True] * told
