"""One method's rows: its estimate against contacts, resection and the other estimates."""

import math

import numpy as np

from pipeline.compare.rows import Table, defined, measured
from pipeline.metrics._case import Case, Estimate, NotAssessable, SozReference
from pipeline.metrics._metric import Metric
from pipeline.records.compare_qc import NearContactQC, NearContactsQC
from pipeline.records.head import Head
from pipeline.template import SUBLOBAR_NAMES

PERCENTILES = (2.5, 97.5)


def assess(table: Table, method: str, case: Case) -> None:
    """Add every metric that is defined for a method; what the data do not allow says why."""
    metrics = measured()
    for name in defined(method):
        metric = metrics[name]
        try:
            value = metric.value(case)
        except NotAssessable as error:
            table.add(method, name, None, str(error))
            continue
        if math.isnan(value):
            table.add(method, name, None, metric.undefined)
            continue
        table.add(method, name, value, ci95=_interval(metric, case))


def _interval(metric: Metric, case: Case) -> tuple[float, float] | None:
    """The percentile interval of 95 % (Efron and Tibshirani 1993); None without resamples."""
    values = [metric.value(one) for one in case.resampled()] if metric.resampled else []
    return tuple(np.percentile(values, PERCENTILES)) if values else None


def nearest_contacts(estimate: Estimate, soz: SozReference | None, head: Head) -> NearContactsQC:
    """The contact nearest to the maximum, of all and of those marked as SOZ, with its cortex."""
    if soz is None:
        return NearContactsQC()
    away_mm = np.linalg.norm(soz.contacts.pos_mri_mm - estimate.max_mm, axis=1)
    found = {}
    for which, chosen in (("any", np.ones(len(away_mm), bool)), ("soz", soz.contacts.soz)):
        if not chosen.any():
            continue
        nearest = int(np.where(chosen, away_mm, np.inf).argmin())
        found[which] = NearContactQC(
            name=soz.contacts.name[nearest],
            distance_mm=float(away_mm[nearest]),
            nearest_label=str(head.region_label[soz.nearest_region[nearest]]),
            sublobar=SUBLOBAR_NAMES[soz.contact_sublobar[nearest]],
            to_cortex_mm=float(soz.to_cortex_mm[nearest]),
        )
    return NearContactsQC(**found)
