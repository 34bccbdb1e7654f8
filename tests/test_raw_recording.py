"""From a raw recording to the report by the command line alone, and a reviewer's answer back in."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import FAST, World

from bids_app.cli import main
from bids_app.demo.create import create_virtual_patients
from bids_app.demo.scenarios import SCENARIOS
from bids_app.exit_codes import ExitCode
from bids_app.validator import find_validator, validate
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.spike import read_positions

TABLE = "sub-01/meg/sub-01_task-rest_run-01_events.tsv"
NOBODY = "No person has reviewed"


def _raw_patient(root):
    """Raw data of active shielding, a head that moves by 8 mm, and no marks."""
    create_virtual_patients(
        root, 1, 1, "neuromag", Progress(), scenario=SCENARIOS["raw"], minutes=1.5, small=True
    )
    (root / "config.toml").write_text(FAST)
    world = World(root)
    assert world.run("--detect-spikes", "--methods", "sloreta") == ExitCode.DONE


@pytest.fixture(scope="module")
def processed(made_once) -> World:
    return World(made_once(_raw_patient))


def report_of(world: World) -> str:
    return (world.output / "sub-01_report.html").read_text()


def qc_of(world: World) -> dict:
    return read_json(PatientPaths(world.output, "01").qc("spikes"))


@pytest.mark.skipif(find_validator() is None, reason="bids-validator-deno is not installed")
def test_the_dataset_is_valid_and_has_no_marks(processed):
    assert [each for each in validate(processed.bids) if each["severity"] == "error"] == []
    assert not list(processed.bids.glob("sub-01/meg/*_events.tsv"))


def test_spikes_are_found_where_they_are(processed):
    found = pd.read_csv(processed.output / TABLE, sep="\t")
    assert set(found["review"]) == {"unreviewed"}
    # What is like a vertex wave stands apart, without a score.
    found = found[found["trial_type"] == "spike"]
    assert (found["score"] > 1).all()
    with np.load(processed.root / "truth/sub-01_truth.npz") as truth:
        true_s = truth["peak_s"][truth["mark_focus"] >= 0]
    away_s = np.abs(found["onset"].to_numpy()[:, None] - true_s)
    assert (away_s.min(0) < 0.1).mean() > 0.3 and (away_s.min(1) < 0.1).mean() > 0.8


def test_the_report_tells_what_was_done(processed):
    qc, text = qc_of(processed), report_of(processed)
    (run,) = qc["runs"]
    assert run["maxfilter"]["done"] and "active shielding" in run["maxfilter"]["why"]
    assert max(run["movement"]["distance_mm"]) == pytest.approx(8.0, abs=0.1)
    assert NOBODY in text and "Head movement: the head moved." in text
    assert qc["doubts"][0]["grave"] and qc["doubts"][0]["text"].startswith(NOBODY)
    positions = read_positions(PatientPaths(processed.output, "01"))
    assert positions is not None and len(positions.dev_head_t) >= 2


@pytest.fixture
def reviewed(processed, tmp_path) -> tuple[World, pd.DataFrame, list[str]]:
    """A copy of what was made, the table with a person's answers, and the words that name it."""
    shutil.copytree(processed.bids, tmp_path / "bids")
    shutil.copytree(processed.output, tmp_path / "output")
    shutil.copy(processed.root / "config.toml", tmp_path)
    folder = tmp_path / "reviewed"
    for name in (TABLE, TABLE.replace(".tsv", ".json"), "dataset_description.json"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(processed.output / name, folder / name)
    table = pd.read_csv(folder / TABLE, sep="\t")
    table["review"] = "accepted"
    table.loc[0, "review"] = "rejected"
    table.to_csv(folder / TABLE, sep="\t", index=False)
    return World(tmp_path), table, ["--marks", str(folder), "--methods", "sloreta"]


def test_a_reviewed_table_is_read_and_not_detected_over(reviewed, capsys):
    world, table, words = reviewed
    assert world.run("--preflight", "--json", *words) == ExitCode.DONE
    told = {one["check"]: one["detail"] for one in json.loads(capsys.readouterr().out)["findings"]}
    assert told["spikes"].startswith(f"{len(table) - 1} annotated in 1 run(s)")
    assert "1 marks" in told["spikes"] and "rejected" in told["spikes"]
    assert not any(NOBODY in each for each in told.values())
    # What somebody has reviewed in place is not detected over.
    shutil.copy(world.root / "reviewed" / TABLE, world.output / TABLE)
    again = world.arguments("--detect-spikes", "--methods", "sloreta")
    assert main([*again, "--preflight"]) == main(again) == ExitCode.ALL_FAILED
    assert "reviewed" in world.status("01")["message"]


@pytest.mark.campaign
def test_a_reviewed_table_is_imaged(reviewed):
    world, table, words = reviewed
    assert world.run(*words) == ExitCode.DONE
    assert NOBODY not in report_of(world)
    assert any("1 marks" in each and "rejected" in each for each in qc_of(world)["warnings"])
    assert qc_of(world)["n_marks"] == len(table) - 1
