"""spikefocus plan: what it asks for, and what its files do, without any engine.

The engines themselves: tests/reliability/cluster.py.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bids_app.cli import main
from bids_app.exit_codes import ExitCode
from bids_app.parsers import bids_app_parser
from bids_app.plan.engines import ENGINES
from bids_app.plan.make import files_of, write_plan
from bids_app.plan.needs import STEPS, Need, needs_of, steps_of
from bids_app.plan.records import Participant, Plan
from bids_app.preflight.needs import MARGIN
from pipeline import STAGES

SCRIPTS = ("1_head.sbatch", "2_network.sbatch", "3_report.sbatch")


def plan_of(*labels: str, **changes) -> Plan:
    needs = {step.name: Need(1000, 60, "predicted") for step in STEPS}
    plan = Plan(
        steps=STEPS,
        participants=tuple(Participant(label, (), needs) for label in labels),
        program=("spikefocus",),
        bids_dir="/data/my bids",
        output_dir="/out",
        options=(),
        cores=2,
        gpu=False,
        image="spikefocus:1",
    )
    return replace(plan, **changes)


@pytest.fixture
def bids_dir(tmp_path):
    """Participants whose files cannot be read: they must be planned all the same."""
    root = tmp_path / "bids"
    for label in ("01", "02"):
        for name in (f"anat/sub-{label}_T1w.nii.gz", f"ses-b/meg/sub-{label}_ses-b_meg.fif"):
            file = root / f"sub-{label}" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("not an image")
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    return root


def run(bids_dir, *options):
    out = ("--out", str(bids_dir.parent / "plan"), "--skip-bids-validation")
    return main(["plan", str(bids_dir), str(bids_dir.parent / "out"), *out, *options])


# -- from a dataset ---------------------------------------------------------------------
def test_participants_that_cannot_be_read_are_planned_and_named(bids_dir, capsys):
    assert run(bids_dir, "--engine", "slurm") == ExitCode.DONE
    said = capsys.readouterr()
    assert "sub-02 is planned with the largest needs of the others" in said.err
    assert "2 participants, steps head, network, report" in said.out
    plan = json.loads((bids_dir.parent / "plan/plan.json").read_text())
    assert [one["label"] for one in plan["participants"]] == ["01", "02"]
    assert [one["sessions"] for one in plan["participants"]] == [["b"], ["b"]]
    assert plan["participants"][0]["needs"]["head"]["source"] == "others"
    for script in (*SCRIPTS, "submit.sh"):
        subprocess.run(["bash", "-n", bids_dir.parent / "plan" / script], check=True)
    assert os.access(bids_dir.parent / "plan/submit.sh", os.X_OK)


def test_options_of_a_run_reach_every_task_with_absolute_paths(bids_dir, monkeypatch):
    monkeypatch.chdir(bids_dir.parent)
    Path("config.toml").write_text("[personalize]\nsteps = 5\n")
    Path("fs").mkdir()
    given = ["--config", "config.toml", "-d", "freesurfer=fs", "--session-label", "b", "c", "-v"]
    assert run(bids_dir, "--engine", "slurm", "--nprocs", "3", *given) == ExitCode.DONE
    for step in json.loads(Path("plan/plan.json").read_text())["steps"]:
        _, *words = step["command"]
        args = bids_app_parser().parse_args([*words, "01"])
        assert args.config == bids_dir.parent / "config.toml"
        assert args.derivatives == [f"freesurfer={bids_dir.parent / 'fs'}"]
        assert (args.session_label, args.verbose, args.nprocs) == (["b", "c"], True, 3)
        assert (args.participant_label, args.device) == (["01"], "cpu")


def test_only_the_stages_asked_for():
    steps = steps_of(["personalize", "report"])
    assert [step.stages for step in steps] == [("personalize",), ("report",)]
    assert [stage for step in steps_of(list(STAGES)) for stage in step.stages] == list(STAGES)


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--engine", "pbs"), ExitCode.USAGE, "invalid choice: 'pbs'"),
        ((), ExitCode.USAGE, "--engine"),
        (("--engine", "slurm", "--participant-label", "99"), 4, "choose among: 01, 02"),
        (("--engine", "slurm", "--participant-label", "0 1"), ExitCode.USAGE, "letters and digits"),
        (("--engine", "slurm", "--program", "'"), ExitCode.USAGE, "close the quotation mark"),
        (("--engine", "slurm", "--out", "FILE/plan"), 7, "choose another --out"),
        (("--engine", "slurm", "--out", "FULL"), ExitCode.USAGE, "choose another --out"),
        (("--engine", "kubernetes", "--config", "FILE"), ExitCode.USAGE, "copy the file"),
    ],
)
def test_what_cannot_be_planned_is_said_in_a_sentence(bids_dir, capsys, options, code, sentence):
    file, full = bids_dir.parent / "file.toml", bids_dir.parent / "full"
    file.write_text("")
    full.mkdir()
    (full / "submit.sh").write_text("of an older plan")
    options = [o.replace("FILE", str(file)).replace("FULL", str(full)) for o in options]
    try:
        ended = run(bids_dir, *options)
    except SystemExit as stop:  # argparse's way
        ended = stop.code
    assert ended == code
    said = capsys.readouterr().err.splitlines()
    assert sentence in said[-1]
    assert (full / "submit.sh").read_text() == "of an older plan"


def test_empty_dataset(bids_dir, capsys):
    for folder in bids_dir.glob("sub-*"):
        shutil.rmtree(folder)
    assert run(bids_dir, "--engine", "slurm") == ExitCode.NOTHING_TO_PROCESS
    assert not (bids_dir.parent / "plan").exists()


# -- what a task asks for ---------------------------------------------------------------
def status(peak_mb: float, seconds: float, **more) -> dict:
    record = {"peak_memory_mb": peak_mb, "seconds": seconds}
    return {"stages": dict.fromkeys(STAGES, record)} | more


def test_needs_are_measured_else_predicted_else_those_of_the_others():
    needs = needs_of(STEPS, {"01": 3000, "02": 5000, "03": None}, {"01": status(2000, 1200)})
    assert needs["01"]["head"] == Need(round(2000 * MARGIN), 120, "measured")
    assert needs["02"]["head"] == Need(5000, 120, "predicted")
    assert needs["03"]["head"] == Need(5000, 120, "others")


def test_needs_of_a_dataset_of_which_nothing_is_known():
    need = needs_of(STEPS, {"01": None}, {})["01"]["network"]
    assert need.memory_mb > 2000
    assert need.minutes == 240


def test_out_of_memory_doubles_the_next_plan():
    failed = {"stages": {}, "outcome": "out of memory"}
    assert needs_of(STEPS, {"01": 3000}, {"01": failed})["01"]["head"].memory_mb == 6000


@pytest.mark.parametrize(
    ("cpu_seconds", "cores", "planned_cores", "minutes"),
    [
        (1200, 2, 2, 60),  # it waited for half of the time on a busy machine
        (9000, 4, 4, 120),  # the clock's seconds, where the cores worked
        (9000, 4, 2, 240),  # half of the cores, twice the time
        (3000, 4, 1, 150),  # never longer than one core would work
    ],
)
def test_time_limits_are_those_of_cores_that_are_shared_with_nobody(
    cpu_seconds, cores, planned_cores, minutes
):
    busy = status(2000, 1200)
    for stage in STAGES:
        more = {"cpu_seconds": cpu_seconds / 2, "cores": cores}
        busy["stages"][stage] = busy["stages"][stage] | more
    need = needs_of(STEPS, {"01": None}, {"01": busy}, planned_cores)["01"]["head"]
    assert need.minutes == minutes


@pytest.mark.parametrize("stages", [{}, {"headmodel": {}}, {"headmodel": None, "spikes": 3}])
def test_damaged_records_are_no_measurement(stages):
    need = needs_of(STEPS, {"01": 3000}, {"01": {"stages": stages}})["01"]["head"]
    assert need == Need(3000, 240, "predicted")


# -- quoting ----------------------------------------------------------------------------
nasty = st.text(
    st.one_of(
        st.sampled_from(list(" '\"\\$`(){}[]*?!#&;|<>~\n%@:,=-")), st.characters(codec="utf-8")
    ),
    min_size=1,
    max_size=20,
).filter(lambda text: "\0" not in text)
label = st.text("0123456789ABCxyz+", min_size=1, max_size=8)
few = settings(max_examples=25, deadline=None)


def printed_words(done: subprocess.CompletedProcess) -> list[str]:
    return done.stdout.decode().split("\0")[:-1]


@few
@given(nasty, nasty, nasty, st.lists(label, min_size=1, max_size=4, unique=True), st.data())
def test_slurm_scripts_hand_on_every_word_as_it_is(bids, out, option, labels, data):
    index = data.draw(st.integers(0, len(labels) - 1))
    plan = plan_of(*labels, bids_dir=bids, output_dir=out, options=("--task", option))
    # printf of "%s\0" and the words prints them one by one.
    script = files_of(replace(plan, program=("printf", "%s\\0")), "slurm")[SCRIPTS[0]]
    environment = os.environ | {"SLURM_ARRAY_TASK_ID": str(index + 1)}
    done = subprocess.run(["bash"], input=script.encode(), env=environment, stdout=subprocess.PIPE)
    assert done.returncode == 0
    assert printed_words(done) == [*plan.command(STEPS[0])[1:], labels[index]]


@few
@given(nasty, st.lists(label, min_size=1, max_size=4, unique=True), st.data())
def test_kubernetes_jobs_hand_on_every_word_as_it_is(option, labels, data):
    index = data.draw(st.integers(0, len(labels) - 1))
    plan = plan_of(*labels, options=("--task", option), program=("printf", "%s\\0"), gpu=True)
    container = yaml.safe_load(files_of(plan, "kubernetes")["1_head.yaml"])["spec"]["template"][
        "spec"
    ]["containers"][0]
    (script,) = container["args"]
    assert "$" not in script.replace("$$", "")
    words = [*container["command"], script.replace("$$", "$")]  # as the kubelet does
    environment = os.environ | {"JOB_COMPLETION_INDEX": str(index)}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, check=True)
    assert printed_words(done) == [*plan.command(STEPS[0])[2:], labels[index]]


# -- what a Slurm task does once the program has ended -----------------------------------
@pytest.fixture
def node(tmp_path):
    """A node whose Slurm commands write down how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, answer in (("sbatch", "4711"), ("scontrol", ""), ("squeue", "oldnode")):
        stand_in = folder / name
        stand_in.write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/calls\necho {answer}\n')
        stand_in.chmod(0o755)
    program = folder / "spikefocus"
    program.write_text(
        "#!/bin/bash\ntrap 'echo USR1 >> told; exit 75' USR1\ntrap 'echo TERM >> told; exit 75' TERM\n"
        "touch started\nfor _ in {1..100}; do [[ $CODE ]] && exit $CODE; sleep 0.05; done\n"
    )
    program.chmod(0o755)
    write_plan(plan_of("01", "02", program=(str(program),)), "slurm", tmp_path / "plan")
    return tmp_path


def end_of(node, code, sent=None, **environment):
    """Exit code of task 2 of job 7, and what it asked of Slurm, but for looking."""
    given = {"CODE": str(code or ""), "PATH": f"{node / 'bin'}:{os.environ['PATH']}"}
    given |= {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_JOB_ID": "7", "SLURM_JOB_ID": "9"}
    given |= {"SLURMD_NODENAME": "node1", "SLURM_MEM_PER_NODE": "1000"}
    words = ["bash", SCRIPTS[1]]
    process = subprocess.Popen(words, cwd=node / "plan", env=os.environ | given | environment)
    if sent:
        while not (node / "plan/started").exists():
            time.sleep(0.01)
        process.send_signal(sent)
    ended = process.wait(30)
    calls = (node / "calls").read_text().splitlines() if (node / "calls").exists() else []
    return ended, [call for call in calls if not call.startswith("squeue")]


@pytest.mark.parametrize("code", [0, 2, 5, 6, 7, 10, 70, 75, 130])
def test_a_task_that_a_person_must_see_to_stays_as_it_is(node, code):
    assert end_of(node, code or "0") == (code, [])


def test_a_task_whose_time_is_up_is_queued_again(node):
    assert end_of(node, None, signal.SIGUSR1) == (75, ["scontrol requeue 7_2"])
    assert (node / "plan/told").read_text() == "USR1\n"


def test_but_not_for_ever(node):
    assert end_of(node, None, signal.SIGUSR1, SLURM_RESTART_COUNT="20") == (75, [])


def test_a_cancelled_task_is_stopped_and_stays_so(node):
    assert end_of(node, None, signal.SIGTERM) == (75, [])
    assert (node / "plan/told").read_text() == "TERM\n"


def test_a_lock_found_after_a_restart_may_be_that_of_a_lost_node(node):
    assert end_of(node, 10, SLURM_RESTART_COUNT="1") == (10, ["scontrol requeue 7_2"])


@pytest.mark.parametrize("code", [8, 137])
def test_out_of_memory_is_submitted_again_with_twice_as_much(node, code):
    ended, calls = end_of(node, code)
    assert ended == code
    assert len(calls) == len(SCRIPTS)
    for call, script in zip(calls, SCRIPTS, strict=True):
        assert call.endswith(f"--array=2 --mem=2000M {script}")
    assert "--dependency" not in calls[0]
    assert "--dependency=aftercorr:4711" in calls[1]


def test_but_no_more_than_four_times_as_much(node):
    assert end_of(node, 8, SLURM_MEM_PER_NODE="4000") == (8, [])


def test_without_a_gpu_another_node_is_asked_for(node):
    ended, calls = end_of(node, 9)
    assert ended == 9
    assert calls[0].endswith("--array=2 --exclude=oldnode,node1 1_head.sbatch")


# -- GPUs and schemas -------------------------------------------------------------------
def test_a_gpu_is_asked_for_in_one_step_only():
    plan = plan_of("01", gpu=True)
    asked = [
        "#SBATCH --gres=gpu:1\n" in text
        for name, text in files_of(plan, "slurm").items()
        if name in SCRIPTS
    ]
    assert asked == [False, True, False]
    assert files_of(plan, "snakemake")["Snakefile"].count("gpu=1") == 1
    devices = [words[words.index("--device") + 1] for words in map(plan.command, plan.steps)]
    assert devices == ["cpu", "cuda", "cpu"]
    for engine in ENGINES:
        assert "gpu:1" not in str(files_of(plan_of("01"), engine)).replace("gpu: 1", "gpu:1")


def test_without_a_gpu_kubernetes_runs_all_stages_in_one_pod():
    files = files_of(plan_of("01", "02"), "kubernetes")
    assert sorted(files) == ["1_all.yaml", "plan.json", "submit.sh"]
    job = yaml.safe_load(files["1_all.yaml"])
    assert job["spec"]["completions"] == 2
    (script,) = job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert f"--stage {' '.join(STAGES)} " in script


@pytest.mark.parametrize("gpu", [False, True])
def test_kubernetes_jobs_fit_the_schema(gpu):
    validator = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    for name, text in files_of(plan_of("01", "02", gpu=gpu), "kubernetes").items():
        if name.endswith(".yaml"):
            job = yaml.safe_load(text)
            validator.validate(job, "1.33", strict=True)
            # A validator that would let everything pass proves nothing.
            job["spec"]["completionMoed"] = "Indexed"
            with pytest.raises(validator.ValidationError):
                validator.validate(job, "1.33", strict=True)


@pytest.mark.parametrize("gpu", [False, True])
def test_snakemake_accepts_the_workflow(gpu, tmp_path):
    if shutil.which("snakemake") is None:
        pytest.skip("snakemake is not installed")
    write_plan(plan_of("01", "0+2", gpu=gpu), "snakemake", tmp_path / "plan")
    words = ["snakemake", "--dry-run", "--printshellcmds"]
    done = subprocess.run(words, cwd=tmp_path / "plan", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = done.stdout + done.stderr
    for step in STEPS:
        assert shlex.join([*plan_of(gpu=gpu).command(step), "0+2"]) in printed


# -- a real Slurm -----------------------------------------------------------------------
@pytest.mark.campaign
@pytest.mark.timeout(7200)
@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("slurmctld") is None,
    reason="needs root, and slurmctld and munged (Debian: slurm-wlm, munge)",
)
def test_a_cohort_survives_the_death_of_a_node(tmp_path):
    script = Path(__file__).parent / "reliability" / "cluster.py"
    work = ["slurm"] + (["snakemake"] if shutil.which("snakemake") else [])
    done = subprocess.run(
        [sys.executable, script, tmp_path, *work], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    for name in work:
        assert f"{name}: 0 problems" in done.stdout
