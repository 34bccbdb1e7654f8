"""How far the extent reaches beyond the resection."""

import numpy as np

from pipeline.metrics._case import Case
from pipeline.metrics._metric import InGroup, Metric, Published


def spatial_dispersion_mm(values: np.ndarray, distance_mm: np.ndarray) -> float:
    """Mean distance of the estimated regions to the resection, weighted by their activity.

    SD = sum(d_i J_i) / sum(J_i), over the regions of the extent (Sun et al. 2022).

    Parameters
    ----------
    values : ndarray, (n,)
        Map J of the estimated regions.
    distance_mm : ndarray, (n,)
        Distance d of each to the resection, 0 inside.
    """
    return float((distance_mm * values).sum() / values.sum())


def value(case: Case) -> float:
    distance_mm = case.removed.mask.distance_mm(case.found_mm)
    return spatial_dispersion_mm(case.peak_map[case.extent], distance_mm)


METRIC = Metric(
    label="Spatial dispersion",
    order=150,
    reference="resection",
    unit="mm",
    digits=1,
    needs="extent",
    definition="Mean distance of the extent's regions to the mask, weighted by their activity",
    higher_is_better=False,
    value=value,
    resampled=True,
    in_group=InGroup(
        order=40,
        label="Spatial dispersion (resection)",
        tested=True,
        column=30,
        published={
            "personalized": Published(8.19, 8.14, 21),
            "generic": Published(21.90, 19.03, 21),
            "lcmv": Published(33.36, 16.16, 21),
            "sloreta": Published(32.36, 17.94, 21),
            "cmem": Published(33.95, 23.60, 21),
        },
        published_parts={
            "temporal": Published(7.43, 8.27, 17),
            "extratemporal": Published(11.41, 7.74, 4),
        },
    ),
)
