"""Free text of the clinic stays in the clinic's files."""

import json
import subprocess
from pathlib import Path

import mne
import numpy as np
import pytest

from bids_app import validator
from bids_app.clinical import find_outcome
from pipeline.spikes.marks import channel_marks

NAME = "Quixotescu"


def verdict(*issues):
    return {"issues": {"issues": list(issues)}}


def test_validation_names_neither_stray_files_nor_cells(tmp_path, monkeypatch, capfd):
    issues = [
        {
            "code": "TSV_VALUE_INCORRECT_TYPE",
            "severity": "error",
            "location": "/sub-01/meg/sub-01_task-rest_channels.tsv",
            "subCode": NAME,
            "issueMessage": f"'{NAME}' is no number",
            "affects": [f"/{NAME}.txt"],
            "suggestion": NAME,
            "rule": NAME,
        },
        {"code": "NOT_INCLUDED", "severity": "error", "location": f"/sub-01/anat/{NAME}_1970.dcm"},
        {"code": "NOT_INCLUDED", "severity": "error", "location": f"/{NAME}/sub-01/README"},
        {"code": "NOT_INCLUDED", "severity": "error", "location": f"/{NAME}2/sub-01/README"},
        {"code": f"X {NAME}", "severity": NAME, "location": f"/sub-01/sub-01_{NAME}-1_T1w.nii.gz"},
        {"code": "OTHER", "severity": "ignore"},
    ]
    answer = verdict(*issues) | {"derivativesSummary": {"d": verdict(issues[0])}}
    done = subprocess.CompletedProcess([], 0, stdout=json.dumps(answer), stderr="")
    monkeypatch.setattr(validator.subprocess, "run", lambda *_, **__: done)
    monkeypatch.setattr(validator, "find_validator", lambda: "here")
    validator.report(tmp_path, tmp_path / "bids_validation.json")
    text = (tmp_path / "bids_validation.json").read_text()
    assert NAME not in text + capfd.readouterr().err
    channels = "sub-01/meg/sub-01_task-rest_channels.tsv"
    by_place = {(one["code"], one["location"]): one["n"] for one in json.loads(text)["issues"]}
    assert by_place == {
        ("TSV_VALUE_INCORRECT_TYPE", channels): 2,
        ("NOT_INCLUDED", "sub-01/anat/..."): 1,
        ("NOT_INCLUDED", ".../sub-01/README"): 2,
        ("OTHER", "sub-01/..."): 1,
        ("OTHER", ""): 1,
    }


@pytest.mark.parametrize("answer", ["", "[", "[]", '{"issues": 1}', "{}", "[" * 100_000])
def test_validator_that_answers_anything_stops_nothing(tmp_path, monkeypatch, capfd, answer):
    done = subprocess.CompletedProcess([], 0, stdout=answer, stderr="")
    monkeypatch.setattr(validator.subprocess, "run", lambda *_, **__: done)
    monkeypatch.setattr(validator, "find_validator", lambda: "here")
    validator.report(tmp_path, tmp_path / "bids_validation.json")
    assert "was not validated" in capfd.readouterr().err


def test_reason_of_a_bad_channel_is_not_repeated(tmp_path):
    table = tmp_path / "sub-01_channels.tsv"
    table.write_text(
        "name\ttype\tunits\tstatus\tstatus_description\n"
        f"MEG0111\tMEGMAG\tT\tbad\tsays {NAME}\nMEG0121\tMEGMAG\tT\tgood\tn/a\n"
    )
    info = mne.create_info(["MEG0111", "MEG0121"], 100.0, "mag")
    raw = mne.io.RawArray(np.zeros((2, 10)), info, verbose="error")
    notes = []
    assert channel_marks(raw, Path("sub-01_meg.fif"), table, notes) == {
        "MEG0111": "marked bad in channels.tsv"
    }
    assert notes == []


@pytest.mark.parametrize(
    ("cell", "outcome"),
    [
        ("IA", "engel: IA"),
        ("Engel class II", "engel: Engel class II"),
        ("not seizure-free", "engel: not seizure-free"),
        ("1a2", "engel: 1a2"),
        (f"{NAME} is free", None),
        ("since 1970-03-29", None),
        ("IA since 29.3.1970", None),
    ],
)
def test_outcome_is_a_grade_or_a_usual_word(tmp_path, cell, outcome):
    (tmp_path / "participants.tsv").write_text(f"participant_id\tengel\nsub-01\t{cell}\n")
    notes = []
    assert find_outcome(tmp_path, "01", notes) == outcome
    assert (len(notes) == 1) is (outcome is None)
    assert NAME not in " ".join(notes)
