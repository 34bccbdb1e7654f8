"""Nothing is written behind a link, for everybody to read, or into a folder that was taken away."""

import dataclasses
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from bids_app.cli import main
from bids_app.derivatives import open_output
from bids_app.exit_codes import ExitCode, Outcome
from bids_app.lock import LOCK_NAME, participant_lock
from bids_app.progress import ConsoleProgress
from bids_app.runner import run_patient
from bids_app.stages import Task, hash_of_folder
from bids_app.status import read_cohort
from pipeline.errors import MissingResource
from pipeline.files import write_text
from pipeline.options import option
from pipeline.paths import PatientPaths

PRECIOUS = "somebody else's"


@pytest.fixture
def precious(tmp_path):
    file = tmp_path / "precious.txt"
    file.write_text(PRECIOUS)
    return file


@dataclasses.dataclass(frozen=True)
class Config:
    number: int = option(1, "a number")


class Stage:
    """Does `during` and writes one file."""

    def __init__(self, during=lambda: None):
        self.during = during

    def reads(self, inputs, paths):
        return []

    def writes(self, paths):
        return [paths.anat("x.txt")]

    def run(self, inputs, paths, config, progress):
        self.during()
        write_text(paths.anat("x.txt"), "result")


@dataclasses.dataclass(frozen=True)
class FakeTask(Task):
    fake: object = None

    @property
    def module(self):
        return self.fake


def run(out, label="01", during=lambda: None, log_format="text"):
    task = FakeTask("headmodel", SimpleNamespace(), Config(), Stage(during))
    log = out / "logs" / f"sub-{label}.log"
    progress = ConsoleProgress(f"sub-{label}", log, log_format=log_format)
    return run_patient(lambda: [task], PatientPaths(out, label), ("headmodel",), progress)


@pytest.fixture
def out(tmp_path):
    bids = tmp_path / "bids"
    bids.mkdir()
    (bids / "dataset_description.json").write_text('{"Name": "x"}')
    open_output(tmp_path / "out", bids)
    return tmp_path / "out"


def test_lock_does_not_follow_a_link(out, precious, capfd):
    (out / "sub-01").mkdir()
    (out / "sub-01" / LOCK_NAME).symlink_to(precious)
    assert run(out) is Outcome.MISSING_RESOURCE
    assert precious.read_text() == PRECIOUS
    assert "The file is a symbolic link" in capfd.readouterr().err
    assert run(out, "02") is Outcome.DONE


@pytest.mark.parametrize("ending", [".log", ".jsonl"])
def test_log_does_not_follow_a_link_and_stops_nothing(out, precious, capfd, ending):
    (out / "logs" / f"sub-01{ending}").symlink_to(precious)
    assert run(out, log_format="json") is Outcome.DONE
    assert precious.read_text() == PRECIOUS
    assert "the log cannot be written (The file is a symbolic link)" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["sub-01_status.json", "anat/sub-01_x.txt"])
def test_link_under_a_result_name_is_replaced_not_followed(out, precious, name):
    link = out / "sub-01" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(precious)
    assert run(out) is Outcome.DONE
    assert precious.read_text() == PRECIOUS
    assert link.is_file() and not link.is_symlink()


@pytest.mark.parametrize("name", ["sub-01", "sub-01/anat", "sub-01/meg/deeper"])
def test_folder_of_results_that_is_a_link_is_refused(out, tmp_path, capfd, name):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).symlink_to(elsewhere)
    assert run(out) is Outcome.MISSING_RESOURCE
    assert "is a symbolic link" in capfd.readouterr().err
    assert not list(elsewhere.iterdir())
    assert run(out, "02") is Outcome.DONE


def test_log_folder_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/logs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MissingResource, match="symbolic link"):
        open_output(tmp_path / "out", tmp_path)


def test_group_folder_that_is_a_link_is_refused(out, tmp_path, capfd):
    (tmp_path / "elsewhere").mkdir()
    (out / "group").symlink_to(tmp_path / "elsewhere")
    assert main([str(tmp_path / "bids"), str(out), "group"]) == ExitCode.MISSING_RESOURCE
    assert "symbolic link" in capfd.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("what", ["the output folder", "the participant's folder", "replaced"])
def test_folder_taken_away_during_the_run_is_a_failure_with_this_cause(out, capfd, what):
    taken = out if what == "the output folder" else out / "sub-01"

    def take_away():
        shutil.rmtree(taken)
        if what == "replaced":
            taken.mkdir()

    assert run(out, during=take_away) is Outcome.MISSING_RESOURCE
    assert "was removed or replaced during the run" in capfd.readouterr().err
    assert not (out / "sub-01/sub-01_status.json").exists()
    assert all(one["state"] != "done" for one in read_cohort(out))


def test_output_folder_taken_away_is_not_made_anew_for_the_next(out, capfd):
    shutil.rmtree(out)
    assert run(out, "02") is Outcome.MISSING_RESOURCE
    assert not out.exists()
    assert "was removed" in capfd.readouterr().err


def test_lock_of_another_run_in_a_new_folder_is_left(tmp_path):
    folder = tmp_path / "sub-01"
    with participant_lock(folder) as check:
        check()
        shutil.rmtree(folder)
        folder.mkdir()
        (folder / LOCK_NAME).write_text("another's")
        with pytest.raises(MissingResource, match="removed or replaced"):
            check()
    assert (folder / LOCK_NAME).read_text() == "another's"


@pytest.mark.parametrize(
    ("umask", "file_mode", "folder_mode"),
    [(0o022, 0o640, 0o750), (0o002, 0o660, 0o770), (0o077, 0o600, 0o700), (0, 0o660, 0o770)],
)
def test_results_are_not_for_everybody(tmp_path, umask, file_mode, folder_mode):
    bids = tmp_path / "bids"
    for name in ("anat/sub-01_T1w.nii.gz", "meg/sub-01_meg.fif"):
        (bids / "sub-01" / name).parent.mkdir(parents=True, exist_ok=True)
        (bids / "sub-01" / name).write_bytes(b"nothing")
    (bids / "dataset_description.json").write_text('{"Name": "x"}')
    out = tmp_path / "out"
    before = os.umask(umask)
    try:
        main([str(bids), str(out), "participant", "--skip-bids-validation", "--log-format", "json"])
    finally:
        os.umask(before)
    found = [out, *out.rglob("*")]
    assert {p.name for p in found} >= {"sub-01.log", "sub-01.jsonl", "sub-01_status.json", "README"}
    for path in found:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (folder_mode if path.is_dir() else file_mode), path


def test_temporary_folders_do_not_name_the_user(tmp_path, monkeypatch):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", tempfile.gettempdir())
    monkeypatch.setattr(tempfile, "tempdir", None)
    bids = tmp_path / "bids"
    bids.mkdir()
    (bids / "dataset_description.json").write_text("{}")
    main([str(bids), str(tmp_path / "out"), "participant", "--work-dir", str(tmp_path / "work")])
    cache = Path(os.environ["TORCHINDUCTOR_CACHE_DIR"])
    assert cache.name.startswith("spikefocus_")
    assert cache.parent == tmp_path / "work"


def test_recording_folder_is_hashed_by_names_and_content_and_named_alone(tmp_path):
    folder = tmp_path / "sub-01_meg.ds"
    folder.mkdir()
    (folder / "QUIXOTESCU.meg4").write_text("a")
    (folder / "QUIXOTESCU.res4").write_text("b")
    first = hash_of_folder(folder)
    (folder / "QUIXOTESCU.meg4").write_text("b")
    (folder / "QUIXOTESCU.res4").write_text("a")
    assert hash_of_folder(folder) != first
    stage = Stage()
    stage.reads = lambda inputs, paths: [folder]
    hashes = FakeTask("spikes", SimpleNamespace(), Config(), stage).input_hashes(
        PatientPaths(tmp_path, "01")
    )
    assert list(hashes) == ["sub-01_meg.ds"]
    assert "QUIXOTESCU" not in json.dumps(hashes)
