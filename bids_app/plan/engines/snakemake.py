"""Snakemake, on one machine or on Slurm."""

from bids_app.plan.engines._engine import Engine, template
from bids_app.plan.records import Plan


def files(plan: Plan) -> dict[str, str]:
    """A workflow that reads the plan, and a profile that runs it on Slurm."""
    return {
        "Snakefile": template("snakemake/Snakefile.j2").render(plan=plan),
        "slurm/config.yaml": template("snakemake/config.yaml.j2").render(plan=plan),
    }


ENGINE = Engine(files)
