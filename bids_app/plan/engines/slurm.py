"""Slurm: a job array per step."""

from bids_app.plan.engines._engine import Engine, template
from bids_app.plan.records import Plan


def files(plan: Plan) -> dict[str, str]:
    """A job array per step, and the script that submits them one after the other."""
    step_file = template("slurm/step.sbatch.j2")
    scripts = {
        f"{number}_{step.name}.sbatch": step_file.render(plan=plan, step=step)
        for number, step in enumerate(plan.steps, 1)
    }
    submit = template("slurm/submit.sh.j2").render(scripts=list(scripts))
    return {**scripts, "submit.sh": submit}


ENGINE = Engine(files)
