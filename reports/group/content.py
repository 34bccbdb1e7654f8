"""The group report's sentences, tables and pictures, as plain values for its template."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import __version__
from reports.group import pictures
from reports.group.analysis import (
    FIRST,
    PANELS,
    comparisons,
    levels,
    missing_table,
    subgroup_table,
    summary_table,
)
from reports.group.cohort import FACTORS, NOT_STATED, Cohort
from reports.group.names import (
    DASH,
    DIGITS,
    FACTOR_TITLES,
    METRIC_NAMES,
    SHARES,
    mean_sd,
    short_name,
    unit_of,
)
from reports.group.published import SUBGROUPS, VALUES, Published
from reports.wording import NOT_ASSESSABLE, count, listing, method_name, number

# Parts of the metrics above, which their definitions refer to.
_PARTS = {
    "soz_to_estimate": "SOZ to extent",
    "estimate_to_soz": "Extent to SOZ",
    "resection_specificity_close": "Specificity, close",
    "resection_specificity_far": "Specificity, far",
}
# The columns of the table of all patients, which has less room for names.
_COLUMNS = {
    "soz_localisation_error": "SOZ localisation error, mm",
    "max_to_soz": "Maximum to SOZ, mm",
    "spatial_dispersion": "Spatial dispersion, mm",
    "resection_sensitivity": "Sensitivity",
    "resection_specificity": "Specificity",
    "sublobar_concordance": "Sublobar concordant",
    "max_in_resection": "Maximum in resection",
}
FEWEST_FOR_P = 6  # with fewer pairs not even a difference in all of them reaches p < 0.05


def build(cohort: Cohort, folder: Path, centre: str, date: str) -> dict:
    """Everything that the template needs; draws the figures into `folder`."""
    summary = summary_table(cohort)
    missing = missing_table(cohort)
    tests = comparisons(cohort)
    return {
        "centre": centre,
        "date": date,
        "version": __version__,
        "n_patients": len(cohort.patients),
        "who": _who(cohort),
        "key_sentences": _key_sentences(cohort, tests),
        "summary_rows": _summary_rows(summary),
        "tests": [_test_row(one) for one in tests],
        "n_tests": len(tests),
        "too_few": bool(tests) and max(one.test.n for one in tests) < FEWEST_FOR_P,
        "fewest": FEWEST_FOR_P,
        "missing": _missing_rows(missing),
        "failed": _failed(cohort),
        "subgroups": _subgroup_blocks(cohort),
        "columns": [
            (FACTOR_TITLES[factor], cohort.columns[factor] or "no such column")
            for factor in FACTORS
        ],
        "patient_columns": [_COLUMNS[name] for name in _patient_columns(cohort)],
        "patient_rows": _patient_rows(cohort),
        "definitions": [
            (name, cohort.definitions[metric])
            for metric, name in (METRIC_NAMES | _PARTS).items()
            if cohort.definitions.get(metric)
        ],
        "pictures": pictures.draw(cohort, folder),
        "not_assessable": NOT_ASSESSABLE,
    }


def _who(cohort: Cohort) -> list[str]:
    """How many patients there are, and of what kind."""
    n = len(cohort.patients)
    states = Counter(cohort.patients["state"])
    parts = [f"{states.pop('done', 0)} processed"]
    parts += [f"{n_others} {state}" for state, n_others in states.items()]
    lines = [f"{count(n, 'patient')}: {listing(parts)}."]
    for factor in FACTORS:
        counted = Counter(cohort.patients[factor])
        if set(counted) != {NOT_STATED}:
            told = [f"{counted[name]} {name}" for name in levels(cohort, factor)]
            lines.append(f"{FACTOR_TITLES[factor]}: {listing(told)}.")
    return lines


def _key_sentences(cohort: Cohort, tests: list) -> list[str]:
    """What the personalized maps have to do with SOZ and resection, in sentences."""
    told = []
    concordant = cohort.values("sublobar_concordance", FIRST).dropna()
    n = len(concordant)
    if n:
        told.append(
            f"Sublobar concordance with the SOZ in {int(concordant.sum())} of {n} assessable "
            f"patients ({100 * concordant.mean():.0f} %; published: 93 %)."
        )
    else:
        told.append(f"Sublobar concordance with the SOZ: {NOT_ASSESSABLE} in any patient.")
    for metric in ("soz_localisation_error", "spatial_dispersion"):
        values = cohort.values(metric, FIRST).dropna()
        published = VALUES[metric][FIRST]
        if len(values):
            ours = number(values.median(), "mm", 1)
            if len(values) > 1:
                mean = mean_sd(values.mean(), values.std(ddof=1), "mm")
                ours = f"median {ours}, mean {mean}\u00a0mm"
            told.append(
                f"{METRIC_NAMES[metric]}: {ours} in {count(len(values), 'patient')} (published: "
                f"{mean_sd(published.mean, published.sd, 'mm')}\u00a0mm in {published.n})."
            )
        else:
            told.append(f"{METRIC_NAMES[metric]}: {NOT_ASSESSABLE} in any patient.")
    if tests:
        clear = [one for one in tests if one.p_holm < 0.05]
        told.append(
            f"Of {count(len(tests), 'paired test')} of the personalized network against another "
            f"method, {len(clear)} {'has' if len(clear) == 1 else 'have'} p < 0.05 after Holm’s "
            "correction."
        )
    return told


def _cells(row: dict, unit: str) -> dict:
    """One summary row in words: mean ± SD, median (quartiles), or a count for yes and no."""
    digits = DIGITS.get(unit, 2)
    n = int(row["n"])
    if not n:
        return {"n": "0", "mean": DASH, "median": NOT_ASSESSABLE}
    if row["metric"] in SHARES:
        n_yes = round(row["mean"] * n)
        return {"n": str(n), "mean": f"{n_yes} of {n}", "median": f"{100 * row['mean']:.0f} %"}
    low, middle, high = (
        number(row[name], digits=digits) for name in ("quartile_1", "median", "quartile_3")
    )
    return {
        "n": str(n),
        "mean": mean_sd(row["mean"], row["sd"], unit),
        "median": f"{middle} ({low} to {high})" if n > 1 else middle,
    }


def _summary_rows(summary: pd.DataFrame) -> list[dict]:
    """One block per metric, one row per method."""
    blocks: list[dict] = []
    for row in summary.to_dict("records"):
        metric = row["metric"]
        unit = unit_of(metric)
        if not blocks or blocks[-1]["metric"] != metric:
            title = METRIC_NAMES[metric] + (f", {unit}" if unit else "")
            blocks.append({"metric": metric, "title": title, "rows": []})
        published = VALUES.get(metric, {}).get(row["method"])
        blocks[-1]["rows"].append(
            {"method": method_name(row["method"]), "published": _published(published, metric)}
            | _cells(row, unit)
        )
    return blocks


def _published(published: Published | None, metric: str) -> str:
    if published is None:
        return DASH
    if published.sd is None:
        return f"{100 * published.mean:.0f} % (n = {published.n})"
    return f"{mean_sd(published.mean, published.sd, unit_of(metric))} (n = {published.n})"


def _test_row(one) -> dict:
    unit = unit_of(one.metric)
    digits = 1 if unit else 2
    return {
        "metric": METRIC_NAMES[one.metric] + (f", {unit}" if unit else ""),
        "method": method_name(one.method),
        "n": str(one.test.n),
        "different": str(one.test.n_different),
        "better": f"{one.n_first_better} : {one.test.n_different - one.n_first_better}",
        "difference": number(one.test.median_difference, digits=digits) if one.test.n else DASH,
        "p": p_value(one.test.p),
        "p_holm": p_value(one.p_holm),
    }


def p_value(p: float) -> str:
    """An exact p with two significant digits, small ones as a power of ten."""
    if not np.isfinite(p):
        return DASH
    if p >= 0.995:
        return "1"
    return f"{p:.2g}" if p >= 0.001 else number(p)


def _missing_rows(missing: pd.DataFrame) -> list[dict]:
    return [
        {
            "metric": METRIC_NAMES[row["metric"]],
            "assessable": str(row["assessable"]),
            "missing": str(row["not_assessable"]),
            "reasons": "; ".join(f"{reason} ({n})" for reason, n in row["reasons"]) or DASH,
        }
        for row in missing.to_dict("records")
    ]


def _failed(cohort: Cohort) -> list[tuple[str, str, str]]:
    other = cohort.patients[cohort.patients["state"] != "done"]
    return [(name, row["state"], row["message"] or DASH) for name, row in other.iterrows()]


def _subgroup_blocks(cohort: Cohort) -> list[dict]:
    """One table per factor that participants.tsv tells: networks and published values."""
    table = subgroup_table(cohort).set_index(["factor", "subgroup", "metric", "method"])
    blocks = []
    for factor in FACTORS:
        names = levels(cohort, factor)
        if names in ([], [NOT_STATED]):
            continue
        rows = []
        for metric in (*PANELS, "sublobar_concordance"):
            unit = unit_of(metric)
            own = []
            for method in (FIRST, "generic"):
                cells = []
                for name in names:
                    key = (factor, name, metric, method)
                    found = table.loc[key].to_dict() if key in table.index else {"n": 0}
                    cell = _cells(found | {"metric": metric}, unit)
                    share = metric in SHARES
                    text = cell["mean"] if share else f"{cell['mean']} (n = {cell['n']})"
                    cells.append(text if cell["n"] != "0" else NOT_ASSESSABLE)
                own.append((method_name(method), cells))
            published = [SUBGROUPS.get(name, {}).get(metric) for name in names]
            if any(published):
                values = [mean_sd(one.mean, one.sd, unit) if one else DASH for one in published]
                own.append(("Published, personalized", values))
            title = METRIC_NAMES[metric] + (f", {unit}" if unit else "")
            rows.append({"metric": title, "rows": own})
        sizes = Counter(cohort.patients[factor])
        blocks.append(
            {
                "id": factor,
                "title": FACTOR_TITLES[factor],
                "levels": [f"{name} ({count(sizes[name], 'patient')})" for name in names],
                "metrics": rows,
            }
        )
    return blocks


def _patient_columns(cohort: Cohort) -> list[str]:
    return [name for name in _COLUMNS if name in cohort.metrics]


def _patient_rows(cohort: Cohort) -> list[dict]:
    """One block per patient, in it one row per method."""
    blocks = []
    for patient, about in cohort.patients.iterrows():
        rows = [
            (
                short_name(method),
                [
                    _value(metric, cohort.metrics.loc[(patient, method), metric])
                    for metric in _patient_columns(cohort)
                ],
            )
            for method in cohort.methods
            if (patient, method) in cohort.metrics.index
        ]
        told = ", ".join(about[factor] for factor in FACTORS if about[factor] != NOT_STATED)
        if rows:
            blocks.append({"patient": patient, "about": told, "rows": rows})
    return blocks


def _value(metric: str, value: float) -> str:
    if not np.isfinite(value):
        return DASH
    if metric in SHARES:
        return "yes" if value else "no"
    return number(value, digits=1 if unit_of(metric) else 2)
