"""Kubernetes: Indexed Jobs, whose pods see the dataset and the output folder as volumes."""

from pathlib import PurePosixPath

from bids_app.plan.engines._engine import Engine, template
from bids_app.plan.needs import Need, Step
from bids_app.plan.records import Plan


def files(plan: Plan) -> dict[str, str]:
    """An Indexed Job per step, and the script that applies them one after the other.

    Jobs cannot depend on each other by participant, and without a GPU nothing is gained by
    cutting a participant up: then all stages are one step.
    """
    steps = plan.steps if plan.gpu else (_joined(plan.steps),)
    job = template("kubernetes/job.yaml.j2")
    jobs = {}
    for number, step in enumerate(steps, 1):
        need = plan.largest(step) if plan.gpu else _largest_of_all(plan)
        name = f"spikefocus-{step.name}"
        jobs[f"{number}_{step.name}.yaml"] = job.render(
            plan=plan, step=step, name=name, memory_mb=need.memory_mb
        )
    submit = template("kubernetes/submit.sh.j2").render(
        jobs={file: f"spikefocus-{step.name}" for file, step in zip(jobs, steps, strict=True)}
    )
    return {**jobs, "submit.sh": submit}


def _joined(steps: tuple[Step, ...]) -> Step:
    return Step("all", tuple(stage for step in steps for stage in step.stages))


def _largest_of_all(plan: Plan) -> Need:
    return max((plan.largest(step) for step in plan.steps), key=lambda need: need.memory_mb)


ENGINE = Engine(files, mounts=(PurePosixPath("/data"), PurePosixPath("/out")))
