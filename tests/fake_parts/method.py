"""The field's power seen through the leadfield."""

from dataclasses import dataclass

from pipeline.methods._method import MapMethod
from pipeline.options import option


@dataclass(frozen=True)
class Options:
    mirror_gain: float = option(2.0, "what the mirror is multiplied with", above=0)


def activity(problem, options):
    average = problem.spike.average
    return options.mirror_gain * problem.model.head.leadfield.T @ average.data, average.times


METHOD = MapMethod(
    label="Mirror image",
    short="mirror",
    order=990,
    marker="*",
    colour="#123456",
    sentence="a mirror {cite}",
    references={"mirror": "Looking-Glass A. Mirrors. 1871."},
    options=Options,
    unit="T²",
    activity=activity,
)
