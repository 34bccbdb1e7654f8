"""A pin in the region that the sensors see best."""

from dataclasses import dataclass

import numpy as np

from pipeline.methods._method import PointMethod
from pipeline.options import option
from pipeline.records.solution import Point


@dataclass(frozen=True)
class Options:
    pin_length_mm: float = option(12.0, "how long the pin is", unit="mm", above=0)


def fit(problem, options):
    head = problem.model.head
    region = int(np.linalg.norm(head.leadfield, axis=0).argmax())
    return Point(
        pos_mri_mm=head.region_pos_mri_mm[region],
        direction_mri=np.array([0.0, 0.0, 1.0]),
        moment_am=1e-9 * options.pin_length_mm,
        gof_percent=87.0,
        confidence_volume_cm3=None,
        time_s=0.0,
        nearest_region=region,
        nearest_label=str(head.region_label[region]),
        nearest_sublobar=head.sublobar(region),
    )


METHOD = PointMethod(
    label="Pin",
    short="pin",
    order=995,
    marker="v",
    colour="#654321",
    sentence="a pin {cite}",
    references={"pin": "Needle P. Pins. 1872."},
    options=Options,
    fit=fit,
    heading="Pin in the cortex",
)
