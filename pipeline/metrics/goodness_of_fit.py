"""How much of the spike's field an estimate explains."""

from pipeline.metrics._case import Case
from pipeline.metrics._metric import Metric


def value(case: Case) -> float:
    return case.explained_percent


METRIC = Metric(
    label="Explained variance (goodness of fit)",
    order=200,
    reference="model",
    unit="percent",
    digits=0,
    needs="maximum",
    definition="Variance of the average's field, behind projectors and whitener, that the estimate's "
    "own field explains: 1 minus the power of what is left over that of the field. Of a map over its "
    "window around the peak, where activity in relative units (networks) is given the one factor that "
    "fits best; of a dipole at the instant that it fits best. Below 0 where no source would fit better. "
    "Not assessable for scores (sLORETA, dSPM, LCMV), which are no currents. A high value does not say "
    "that the place is right",
    higher_is_better=True,
    value=value,
)
