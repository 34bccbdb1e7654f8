"""How high the maximum lies."""

from pipeline.metrics._metric import InGroup, Metric


def value(case):
    return float(case.estimate.max_mm[2]) / 10


METRIC = Metric(
    label="Height of the maximum",
    order=175,
    reference="model",
    unit="cm",
    digits=3,
    needs="maximum",
    definition="How far above the origin the maximum lies",
    higher_is_better=True,
    value=value,
    resampled=True,
    in_group=InGroup(order=200, tested=True, column=99, heading="Height"),
)
