"""An engine that shouts every command."""

from bids_app.plan.engines._engine import Engine


def files(plan):
    return {"shout.sh": "".join(" ".join(plan.command(step)).upper() for step in plan.steps)}


ENGINE = Engine(files)
