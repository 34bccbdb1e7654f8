"""From the cohort to the rows of the group's tables. No drawing, no wording of pages."""

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from pipeline.metrics import METRICS
from pipeline.metrics._metric import Metric
from reports.group.cohort import FACTORS, NOT_SEIZURE_FREE, NOT_STATED, SEIZURE_FREE, Cohort
from reports.group.statistics import (
    Interval,
    PairedTest,
    TwoByTwo,
    hodges_lehmann,
    holm,
    paired_test,
    summarise,
    two_by_two,
)

FIRST = "personalized"
NOT_SAMPLED = "not sampled"


@dataclass(frozen=True)
class Comparison:
    """One test: the personalized network against another method."""

    metric: str
    method: str
    test: PairedTest
    n_first_better: int
    p_holm: float
    shift: Interval
    """Hodges and Lehmann's, of the first against the other."""

    @property
    def direction(self) -> str:
        """Whether the personalized network is the better or the worse one by its shift."""
        if not self.shift.value or self.test.n == 0:
            return "equal" if self.test.n else ""
        lower = self.shift.value < 0
        return "worse" if lower == METRICS[self.metric].higher_is_better else "better"


def summarised() -> list[str]:
    """The metrics that the cohort is described by, in their order."""
    chosen = [name for name in METRICS if METRICS[name].in_group]
    return sorted(chosen, key=lambda name: METRICS[name].in_group.order)


def tested() -> list[str]:
    """Those by which methods are compared: the measures of the published figures 4c and 5a."""
    return [name for name in summarised() if METRICS[name].in_group.tested]


def panels() -> list[str]:
    """Those that the figures show: what is tested and not derived from it."""
    return [name for name in tested() if isinstance(METRICS[name], Metric)]


def comparisons(cohort: Cohort) -> list[Comparison]:
    """All tests of the report, corrected together."""
    if FIRST not in cohort.methods:
        return []
    pairs = [
        (metric, method)
        for metric in tested()
        for method in cohort.methods
        if method != FIRST and cohort.values(metric, method).notna().any()
    ]
    tests = [
        paired_test(cohort.values(metric, FIRST), cohort.values(metric, method))
        for metric, method in pairs
    ]
    corrected = holm([test.p for test in tests])
    return [
        Comparison(
            metric,
            method,
            test,
            _n_better(metric, test),
            float(p),
            hodges_lehmann(cohort.values(metric, FIRST), cohort.values(metric, method)),
        )
        for (metric, method), test, p in zip(pairs, tests, corrected, strict=True)
    ]


def outcome_table(cohort: Cohort, method: str = FIRST) -> TwoByTwo:
    """Maximum inside the resection against freedom from seizures, where both are known."""
    inside = cohort.values("max_in_resection", method)
    outcome = cohort.patients["outcome"]
    known = inside.notna() & outcome.isin([SEIZURE_FREE, NOT_SEIZURE_FREE])
    return two_by_two(inside[known] == 1, outcome[known] == SEIZURE_FREE)


@dataclass(frozen=True)
class Count:
    """How many types of spikes, and how many patients with all their types, have a yes.

    Attributes
    ----------
    n_types : int
        In which the metric is assessable.
    n_patients : int
        In whom it is so in a type or more.
    """

    types_yes: int
    n_types: int
    patients_all_yes: int
    n_patients: int


def count_of_types(cohort: Cohort, metric: str, method: str = FIRST) -> Count:
    """A yes-or-no metric over every type that is imaged, not over one of each patient."""
    if metric not in cohort.of_types or method not in cohort.methods:
        return Count(0, 0, 0, 0)
    known = cohort.of_types[metric].xs(method, level="method").dropna() == 1
    of_patients = known.groupby("participant_id").all()
    return Count(int(known.sum()), len(known), int(of_patients.sum()), len(of_patients))


def n_not_sampled(cohort: Cohort, method: str = FIRST) -> int:
    """Patients whose concordance is unknown because no contact could have confirmed the maximum."""
    values = cohort.values("sublobar_concordance", method)
    reasons = [
        cohort.reason("sublobar_concordance", method, who) for who in values.index[values.isna()]
    ]
    return sum(reason.startswith(NOT_SAMPLED) for reason in reasons)


def _n_better(metric: str, test: PairedTest) -> int:
    if METRICS[metric].higher_is_better:
        return test.n_different - test.n_first_lower
    return test.n_first_lower


def summary_table(cohort: Cohort, chosen: pd.Index | None = None) -> pd.DataFrame:
    """One row per metric and method: n, mean, SD, median and quartiles, published mean, SD and n."""
    rows = []
    for metric in summarised():
        for method in cohort.methods:
            values = cohort.values(metric, method, chosen)
            published = METRICS[metric].in_group.published.get(method)
            if metric not in cohort.metrics or not _is_defined(cohort, metric, method):
                continue
            rows.append(
                {"metric": metric, "method": method}
                | vars(summarise(values.to_numpy()))
                | {
                    "published_mean": published.mean if published else float("nan"),
                    "published_sd": published.sd if published and published.sd else float("nan"),
                    "published_n": published.n if published else 0,
                }
            )
    return pd.DataFrame(rows)


def _is_defined(cohort: Cohort, metric: str, method: str) -> bool:
    """Whether any patient's file has the metric for the method, be it without a value."""
    rows = cohort.reasons[metric].xs(method, level="method")
    return bool(rows.notna().any() or cohort.values(metric, method).notna().any())


def levels(cohort: Cohort, factor: str) -> list[str]:
    """The subgroups of a factor that hold a patient, those that are not stated last."""
    there = cohort.patients[factor].value_counts().index
    order = {"temporal": 0, "extratemporal": 1, SEIZURE_FREE: 0, NOT_SEIZURE_FREE: 1}
    named = sorted(set(there) - {NOT_STATED}, key=lambda name: (order.get(name, 2), name))
    return named + ([NOT_STATED] if NOT_STATED in there else [])


def subgroup_table(cohort: Cohort) -> pd.DataFrame:
    """One row per factor, subgroup, method and metric, with n, mean, SD, median and quartiles."""
    rows = []
    for factor in FACTORS:
        for level in levels(cohort, factor):
            chosen = cohort.patients.index[cohort.patients[factor] == level]
            part = summary_table(cohort, chosen)
            part = part.loc[:, :"quartile_3"] if len(part) else part
            rows.append(part.assign(factor=factor, subgroup=level, n_patients=len(chosen)))
    return pd.concat(rows, ignore_index=True)


def missing_table(cohort: Cohort, method: str = FIRST) -> pd.DataFrame:
    """One row per metric: patients assessable, not assessable, and the reasons with their counts."""
    rows = []
    for metric in summarised():
        values = cohort.values(metric, method)
        absent = values.index[values.isna()]
        reasons = Counter(cohort.reason(metric, method, name) for name in absent)
        rows.append(
            {
                "metric": metric,
                "assessable": int(values.notna().sum()),
                "not_assessable": len(absent),
                "reasons": reasons.most_common(),
            }
        )
    return pd.DataFrame(rows)


def statistics_table(cohort: Cohort) -> pd.DataFrame:
    """Everything that was computed on the group, one row per number of patients and method."""
    described = summary_table(cohort).assign(kind="summary", factor="all", subgroup="all")
    parts = subgroup_table(cohort).assign(kind="subgroup")
    tests = pd.DataFrame(
        [
            {
                "kind": "paired test",
                "factor": "all",
                "subgroup": "all",
                "metric": one.metric,
                "method": FIRST,
                "other_method": one.method,
                "n": one.test.n,
                "n_different": one.test.n_different,
                "n_first_better": one.n_first_better,
                "median_difference": one.test.median_difference,
                "shift": one.shift.value,
                "shift_low": one.shift.low,
                "shift_high": one.shift.high,
                "direction": one.direction,
                "wilcoxon_statistic": one.test.statistic,
                "p_exact": one.test.p,
                "p_holm": one.p_holm,
            }
            for one in comparisons(cohort)
        ]
    )
    columns = ["kind", "factor", "subgroup", "metric", "unit", "method", "other_method", "n"]
    table = pd.concat([described, parts, tests], ignore_index=True)
    table["unit"] = table["metric"].map(cohort.units)
    rest = [name for name in table.columns if name not in columns]
    return table.reindex(columns=[*columns, *rest])
