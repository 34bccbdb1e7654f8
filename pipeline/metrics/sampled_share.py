"""How much of the extent the implantation could have seen."""

import numpy as np

from pipeline.localisation import nearest_distance_mm
from pipeline.metrics._case import SAMPLED_MM, Case
from pipeline.metrics._metric import Metric


def sampled_share(estimated_mm: np.ndarray, area_mm2: np.ndarray, contacts_mm: np.ndarray) -> float:
    """Part of the estimated area (n regions) whose centre lies within 20 mm of any contact."""
    seen = nearest_distance_mm(estimated_mm, contacts_mm) <= SAMPLED_MM
    return float(area_mm2[seen].sum() / area_mm2.sum())


def value(case: Case) -> float:
    area_mm2 = case.head.region_area_mm2[case.extent]
    return sampled_share(case.found_mm, area_mm2, case.contacts.contacts.pos_mri_mm)


METRIC = Metric(
    label="Extent within sight of the contacts",
    order=100,
    reference="soz",
    unit="fraction",
    digits=2,
    needs="extent",
    definition="Part of the extent's area within 20 mm of any contact",
    higher_is_better=None,
    value=value,
)
