"""The files that an engine reads, made from a plan by templates; nothing here touches the disk."""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import jinja2

from bids_app.plan.needs import Need, Step
from pipeline import __version__

TEMPLATES = Path(__file__).with_name("templates")
EXECUTABLE_SUFFIX = ".sh"
# Where the volumes lie in a pod.
POD_BIDS, POD_OUTPUT = PurePosixPath("/data"), PurePosixPath("/out")


@dataclass(frozen=True)
class Participant:
    """One row of the plan.

    Attributes
    ----------
    label : str
        Without ``sub-``.
    sessions : tuple of str
        Of the recordings that will be read; empty where the dataset has none.
    needs : dict of step name to Need
    """

    label: str
    sessions: tuple[str, ...]
    needs: dict[str, Need]


@dataclass(frozen=True)
class Plan:
    """One participant per task, cut into steps.

    Attributes
    ----------
    steps : tuple of Step
    participants : tuple of Participant
        At least one.
    program : tuple of str
        Words that start spikefocus on a node.
    bids_dir, output_dir : str
        As a node sees them.
    options : tuple of str
        Of ``spikefocus … participant``, for every task.
    cores : int
        Of each task.
    gpu : bool
        Whether the steps that can use a GPU ask for one.
    image : str
        Container image, for Kubernetes.
    """

    steps: tuple[Step, ...]
    participants: tuple[Participant, ...]
    program: tuple[str, ...]
    bids_dir: str
    output_dir: str
    options: tuple[str, ...]
    cores: int
    gpu: bool
    image: str

    @property
    def labels(self) -> list[str]:
        return [participant.label for participant in self.participants]

    def on_gpu(self, step: Step) -> bool:
        return self.gpu and step.uses_gpu

    def command(self, step: Step) -> list[str]:
        """Words of a step's command; the participant's label follows them."""
        return [
            *self.program,
            self.bids_dir,
            self.output_dir,
            "participant",
            *self.options,
            "--skip-bids-validation",
            *("--nprocs", str(self.cores)),
            *("--device", "cuda" if self.on_gpu(step) else "cpu"),
            *("--stage", *step.stages),
            "--participant-label",
        ]

    def largest(self, step: Step) -> Need:
        """What holds for every participant: an array's tasks all ask for the same."""
        needs = [participant.needs[step.name] for participant in self.participants]
        return Need(
            max(need.memory_mb for need in needs), max(need.minutes for need in needs), "others"
        )

    def to_json(self) -> str:
        """The whole plan, for people and for Snakemake."""
        content = {
            "spikefocus_version": __version__,
            "cores": self.cores,
            "steps": [
                {"name": s.name, "gpu": self.on_gpu(s), "command": self.command(s)}
                for s in self.steps
            ],
            "participants": [
                {
                    "label": one.label,
                    "sessions": list(one.sessions),
                    "needs": {name: vars(need) for name, need in one.needs.items()},
                }
                for one in self.participants
            ],
        }
        return json.dumps(content, indent=2) + "\n"


def slurm(plan: Plan) -> dict[str, str]:
    """A job array per step, and the script that submits them one after the other."""
    step_file = _template("slurm/step.sbatch.j2")
    scripts = {
        f"{number}_{step.name}.sbatch": step_file.render(plan=plan, step=step)
        for number, step in enumerate(plan.steps, 1)
    }
    submit = _template("slurm/submit.sh.j2").render(scripts=list(scripts))
    return {**scripts, "submit.sh": submit}


def snakemake(plan: Plan) -> dict[str, str]:
    """A workflow that reads the plan, and a profile that runs it on Slurm."""
    return {
        "Snakefile": _template("snakemake/Snakefile.j2").render(plan=plan),
        "slurm/config.yaml": _template("snakemake/config.yaml.j2").render(plan=plan),
    }


def kubernetes(plan: Plan) -> dict[str, str]:
    """An Indexed Job per step, and the script that applies them one after the other.

    Jobs cannot depend on each other by participant, and without a GPU nothing is gained by
    cutting a participant up: then all stages are one step.
    """
    steps = plan.steps if plan.gpu else (_joined(plan.steps),)
    job = _template("kubernetes/job.yaml.j2")
    jobs = {}
    for number, step in enumerate(steps, 1):
        need = plan.largest(step) if plan.gpu else _largest_of_all(plan)
        name = f"spikefocus-{step.name}"
        jobs[f"{number}_{step.name}.yaml"] = job.render(
            plan=plan, step=step, name=name, memory_mb=need.memory_mb
        )
    submit = _template("kubernetes/submit.sh.j2").render(
        jobs={file: f"spikefocus-{step.name}" for file, step in zip(jobs, steps, strict=True)}
    )
    return {**jobs, "submit.sh": submit}


ENGINES: dict[str, Callable[[Plan], dict[str, str]]] = {
    "slurm": slurm,
    "snakemake": snakemake,
    "kubernetes": kubernetes,
}


def files_of(plan: Plan, engine: str) -> dict[str, str]:
    """Text of every file of the plan by its path in the plan's folder."""
    return {**ENGINES[engine](plan), "plan.json": plan.to_json()}


def _joined(steps: tuple[Step, ...]) -> Step:
    return Step("all", tuple(stage for step in steps for stage in step.stages))


def _largest_of_all(plan: Plan) -> Need:
    return max((plan.largest(step) for step in plan.steps), key=lambda need: need.memory_mb)


def _template(name: str) -> jinja2.Template:
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(TEMPLATES)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # shell scripts and YAML, which the next two filters quote
    )
    templates.filters["words"] = shlex.join
    templates.filters["quoted"] = _yaml_string
    return templates.get_template(name)


def _yaml_string(text: str) -> str:
    """A JSON string, which YAML reads too, but for characters beyond 16 bits and some unprintable."""
    return re.sub(
        r"[^ -~]", lambda found: f"\\U{ord(found[0]):08x}", json.dumps(text, ensure_ascii=False)
    )
