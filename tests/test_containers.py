"""The files with which the image is built and run: what can be said of them without building it."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from bids_app.exit_codes import ExitCode, Outcome
from pipeline import __version__

ROOT = Path(__file__).parents[1]
CONTAINERS = ROOT / "containers"
SYSTEMD = CONTAINERS / "systemd"


def load(name):
    spec = importlib.util.spec_from_file_location(name, CONTAINERS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- the image --------------------------------------------------------------------------
def instructions():
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.split(None, 1) for line in text.splitlines() if line and line[0] != "#"]


def test_image_has_a_user_a_health_check_and_a_pinned_base():
    of_kind = dict(instructions())  # the last of each kind is the image's own
    assert of_kind["USER"] not in ("root", "0")
    assert json.loads(of_kind["ENTRYPOINT"]) == ["spikefocus"]
    assert of_kind["HEALTHCHECK"].endswith('CMD ["spikefocus", "--preflight"]')
    base = next(rest for kind, rest in instructions() if rest.startswith("BASE="))
    assert re.fullmatch(r"BASE=debian@sha256:[0-9a-f]{64}", base)


def test_labels_say_version_revision_and_the_date_of_the_commit():
    of_kind = dict(instructions())
    named = re.findall(r"org\.opencontainers\.image\.(\w+)=", of_kind["LABEL"])
    assert {"title", "version", "revision", "created", "licenses"} <= set(named)
    printed = subprocess.run(
        [CONTAINERS / "labels.sh"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"SOURCE_DATE_EPOCH": "86400"},
    ).stdout
    given = dict(line.removeprefix("--build-arg ").split("=") for line in printed.splitlines())
    assert given["VERSION"] == __version__
    assert re.fullmatch("[0-9a-f]{40}", given["REVISION"])
    assert given["CREATED"] == "1970-01-02T00:00:00Z"
    declared = {rest.partition("=")[0] for kind, rest in instructions() if kind == "ARG"}
    assert set(given) <= declared


@pytest.mark.parametrize("variant", ["cpu", "cuda"])
def test_one_argument_decides_which_torch_comes(tmp_path, variant):
    step = next(rest for _, rest in instructions() if "variant.lock" in rest)
    choice = step.partition("&& /opt")[0].replace("cd /build", f"cd {tmp_path}")
    for lock in ("requirements.lock", "requirements-cuda.lock"):
        shutil.copy(ROOT / lock, tmp_path)
    subprocess.run(["sh", "-euc", choice], env={"VARIANT": variant, **os.environ}, check=True)
    lines = (tmp_path / "variant.lock").read_text().splitlines()
    (torch,) = re.findall("^torch==.*$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    if variant == "cpu":
        assert lines == [f"{torch}+cpu"]
    else:
        assert lines[0] == torch.replace("==", "!=") + "+cpu"
        assert lines[1:] == (ROOT / "requirements-cuda.lock").read_text().splitlines()
    wrong = subprocess.run(["sh", "-euc", choice], env={"VARIANT": "gpu"}, capture_output=True)
    assert wrong.returncode != 0


# -- the other files ----------------------------------------------------------------------
@pytest.mark.parametrize("script", sorted(CONTAINERS.glob("*.sh")), ids=lambda path: path.name)
def test_shell_scripts_can_be_read(script):
    shell = script.read_text().splitlines()[0].rpartition("/")[2].split()[-1]
    assert subprocess.run([shell, "-n", script], check=False).returncode == 0
    if shutil.which("shellcheck"):
        checked = subprocess.run(["shellcheck", "--severity=warning", script], check=False)
        assert checked.returncode == 0


def test_compose_file_gives_no_more_than_is_needed():
    (service,) = yaml.safe_load((CONTAINERS / "compose.yaml").read_text())["services"].values()
    assert service["network_mode"] == "none"
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert "RUN_AS" in service["user"]
    mounts = {one["target"]: one.get("read_only", False) for one in service["volumes"]}
    assert mounts == {"/data": True, "/out": False}
    assert service["command"][:3] == ["/data", "/out", "participant"]
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert device["capabilities"] == ["gpu"]


def test_kubernetes_job_gives_no_more_than_is_needed_and_knows_the_exit_codes():
    job, network = yaml.safe_load_all((CONTAINERS / "kubernetes.yaml").read_text())
    assert network["kind"] == "NetworkPolicy"
    assert "egress" not in network["spec"]
    pod = job["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {one["name"] for one in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    codes = {}
    for rule in job["spec"]["podFailurePolicy"]["rules"]:
        for code in rule.get("onExitCodes", {"values": []})["values"]:
            codes[ExitCode(code)] = rule["action"]
    assert codes.pop(ExitCode.STOPPED) == "Ignore"
    assert set(codes.values()) == {"FailJob"}
    # Another machine may have a GPU; 130 is for a keyboard.
    left_out = set(ExitCode) - set(codes)
    assert left_out == {ExitCode.DONE, ExitCode.STOPPED, ExitCode.NO_GPU, ExitCode.INTERRUPTED}


def test_slurm_example_requeues_what_was_stopped():
    text = (CONTAINERS / "slurm.sh").read_text()
    assert f"$code == {ExitCode.STOPPED:d} " in text
    assert "--signal=USR1@" in text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
def test_systemd_units(tmp_path):
    units = sorted(SYSTEMD.glob("*.service")) + sorted(SYSTEMD.glob("*.timer"))
    assert len(units) == 2
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    settings = (SYSTEMD / "spikefocus.conf").read_text()
    used = re.findall(r"\$\{?([A-Z_]+)", (SYSTEMD / "spikefocus-nightly.service").read_text())
    assert set(used) <= set(re.findall(r"^([A-Z_]+)=", settings, re.MULTILINE))


@pytest.mark.parametrize("readme", ["README.md", "containers/README.md"])
def test_every_file_that_a_readme_names_is_there(readme):
    text = (ROOT / readme).read_text()
    tops = "|".join(p.name for p in ROOT.iterdir() if p.is_dir() and p.name[0] != ".")
    named = set(re.findall(rf"(?:^|[\s`(])((?:{tops})/[\w./-]*\w)", text, re.MULTILINE))
    named |= {
        f"containers/{name}" for name in re.findall(r"`([\w-]+\.(?:sh|py|def|yaml|txt))`", text)
    }
    made = {name for name in named if name.startswith(("build/", "demo/"))}
    assert len(named - made) > 3
    assert [name for name in sorted(named - made) if not (ROOT / name).exists()] == []


# -- known vulnerabilities ------------------------------------------------------------------
HOLE = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}


def answers(**vulns):
    return [
        {"name": name, "version": "1.0", "vulns": holes}
        if holes is not None
        else {"name": name, "skip_reason": "not found"}
        for name, holes in vulns.items()
    ]


@pytest.mark.parametrize(
    ("canary", "packages", "status"),
    [
        ([HOLE], {"a": [], "b": []}, 0),
        ([HOLE], {"a": [], "b": [HOLE]}, 1),
        ([HOLE], {"a": [], "b": None}, 0),
        ([], {"a": [], "b": []}, 2),
        (None, {"a": [], "b": []}, 2),
    ],
)
def test_nobody_claims_safety_who_could_not_look(
    tmp_path, capsys, monkeypatch, canary, packages, status
):
    audit = load("audit")

    def ask(service, asked):
        return answers(jinja2=canary) if asked == [audit.CANARY] else answers(**packages)

    monkeypatch.setattr(audit, "ask", ask)
    components = [{"name": n, "version": "1.0+cpu", "purl": f"pkg:pypi/{n}"} for n in packages]
    sbom = tmp_path / "sbom.json"
    sbom.write_text(json.dumps({"components": components}))
    assert audit.main(sbom) == status
    printed = capsys.readouterr().out
    assert ("no known vulnerability" in printed) == (status == 0)
    assert ("not known to" in printed) == (None in packages.values())
    monkeypatch.setenv("ACCEPTED_VULNERABILITIES", "CVE-1")
    assert audit.main(sbom) == (0 if status == 1 else status)


def test_a_service_that_cannot_be_reached_is_named(tmp_path, capsys, monkeypatch):
    audit = load("audit")
    monkeypatch.setattr(
        audit.subprocess,
        "run",
        lambda *_, **__: subprocess.CompletedProcess([], 1, "", "x\nno route to host\n"),
    )
    sbom = tmp_path / "sbom.json"
    sbom.write_text('{"components": []}')
    assert audit.main(sbom) == 2
    assert "pypi: no route to host" in capsys.readouterr().out


# -- the nightly batch ----------------------------------------------------------------------
# A spikefocus that writes the status that EXIT_CODES (JSON, by label) asks for; "wait" waits.
STAND_IN = f"""
import json, os, signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
if sys.argv[1] == "status":
    sys.path.insert(0, {str(ROOT)!r})
    from bids_app.status import show
    sys.exit(show(Path(sys.argv[2]), "--json" in sys.argv))
since, label = datetime.now(UTC).isoformat(timespec="seconds"), sys.argv[5].removeprefix("sub-")
code = json.loads(os.environ["EXIT_CODES"]).get(label, 0)
if code == "wait":
    def stop(*_):
        global code
        code = 75
    signal.signal(signal.SIGTERM, stop)
    print("waiting", flush=True)
    while code == "wait":
        time.sleep(0.05)
words = {{0: ("done", "done"), 75: ("stopped", "stopped"), 7: ("failed", "missing resource")}}
state, outcome = words.get(code, ("failed", "invalid input"))
folder = Path(sys.argv[2], "sub-" + label)
folder.mkdir(parents=True, exist_ok=True)
status = {{"state": state, "outcome": outcome, "since": since}}
(folder / f"sub-{{label}}_status.json").write_text(json.dumps(status))
sys.exit(code)
"""


class DropFolder:
    def __init__(self, root):
        self.bids, self.output = root / "bids", root / "output"
        self.output.mkdir()
        (root / "stand_in.py").write_text(STAND_IN)
        self.command = [sys.executable, str(root / "stand_in.py")]

    def drop(self, *labels):
        for label in labels:
            file = self.bids / f"sub-{label}/meg/sub-{label}_meg.fif"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(label)

    def begin(self, *options, **exit_codes):
        nightly = [sys.executable, str(CONTAINERS / "nightly.py"), "--settled", "0", *options]
        return subprocess.Popen(
            [*nightly, str(self.bids), str(self.output), *self.command],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"EXIT_CODES": json.dumps(exit_codes)},
        )

    def night(self, *options, **exit_codes):
        """Exit status, and participant to reason of those that were processed."""
        batch = self.begin(*options, **exit_codes)
        printed = batch.communicate()[0]
        return batch.returncode, dict(re.findall(r"sub-(\w+): begins \((.*)\)", printed))


@pytest.fixture
def folder(tmp_path):
    folder = DropFolder(tmp_path)
    folder.drop("01", "02", "emptyroom")
    return folder


def test_second_night_does_nothing_until_there_is_someone_new(folder):
    assert folder.night() == (0, {"01": "new", "02": "new"})
    assert folder.night() == (0, {})
    folder.drop("03")
    assert folder.night() == (0, {"03": "new"})


def test_night_after_failures_takes_up_what_can_go_on(folder):
    folder.drop("03", "04")
    processed = {"01": "new", "02": "new", "03": "new", "04": "new"}
    assert folder.night(**{"01": 6, "02": 75, "03": 7}) == (1, processed)
    assert folder.night() == (0, {"02": "stopped", "03": "missing resource"})
    assert folder.night() == (0, {})
    time.sleep(1)  # the status counts in seconds
    folder.drop("01", "04")
    assert folder.night() == (0, {"01": "files changed", "04": "files changed"})


def test_what_died_without_a_word_is_taken_up_and_what_runs_is_not(folder):
    running = json.dumps(
        {"state": "running", "outcome": None, "since": "2026-01-01T00:00:00+00:00"}
    )
    (folder.output / "sub-01").mkdir()
    (folder.output / "sub-01/sub-01_status.json").write_text(running)
    (folder.output / "sub-02").mkdir()
    (folder.output / "sub-02/sub-02_status.json").write_text("{")
    assert folder.night() == (0, {"01": "stale", "02": "unreadable"})


def test_participants_that_are_still_arriving_are_left_alone(folder):
    assert folder.night("--settled", "10") == (0, {})
    assert folder.night("--hours", "0") == (0, {})


def test_batch_that_is_stopped_stops_its_participant_and_begins_no_other(folder):
    batch = folder.begin(**{"01": "wait"})
    while "waiting" not in batch.stdout.readline():
        pass
    batch.terminate()
    printed = batch.communicate(timeout=60)[0]
    assert batch.returncode == 0
    assert "sub-01: exit code 75" in printed
    assert "sub-02: left for another night" in printed
    assert folder.night() == (0, {"01": "stopped", "02": "new"})


def test_participant_is_stopped_when_the_hours_are_over(folder):
    shell = 'test "$1" = status && exit 4; trap "exit 75" TERM; while :; do sleep 0.1; done'
    folder.command = ["sh", "-c", shell, "spikefocus"]
    assert folder.night("--hours", str(2 / 3600)) == (0, {"01": "new"})


def test_batch_that_cannot_ask_for_the_status_does_not_begin(folder):
    folder.command = [sys.executable, "-c", "import sys; sys.exit(125)"]
    assert folder.night() == (2, {})


def test_batch_knows_the_words_of_spikefocus():
    nightly = load("nightly")
    codes = (nightly.DONE, nightly.NOTHING_TO_PROCESS, nightly.LOCKED, nightly.STOPPED)
    names = ("DONE", "NOTHING_TO_PROCESS", "LOCKED", "STOPPED")
    assert codes == tuple(ExitCode[name] for name in names)
    assert set(nightly.OF_THE_MACHINE) <= set(Outcome)
