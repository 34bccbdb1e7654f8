"""Which part of the sublobar regions with contacts but without seizure onset is left out."""

from pipeline.metrics._case import Case, sublobar_mask
from pipeline.metrics._metric import Metric
from pipeline.metrics._overlap import sublobar_sensitivity_specificity


def value(case: Case) -> float:
    soz = case.onset
    sampled = sublobar_mask(soz.contact_sublobar)
    return sublobar_sensitivity_specificity(case.found_sublobar, soz.soz_sublobar, sampled)[1]


METRIC = Metric(
    label="Sublobar specificity, sampled regions",
    order=90,
    reference="soz",
    unit="fraction",
    digits=2,
    needs="extent",
    definition="The same over the sublobar regions that hold any contact: where none was placed,"
    " the estimate can be neither confirmed nor refuted",
    higher_is_better=True,
    value=value,
    undefined="every sublobar region with contacts holds SOZ contacts",
)
