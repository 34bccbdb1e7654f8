"""The group report's sentences, tables and pictures, as plain values for its template."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline import __version__
from pipeline.metrics import METRICS
from pipeline.metrics._metric import Published
from reports.content import NOTICE
from reports.group import grades, pictures
from reports.group.analysis import (
    FIRST,
    comparisons,
    count_of_types,
    levels,
    missing_table,
    n_not_sampled,
    outcome_table,
    panels,
    subgroup_table,
    summarised,
    summary_table,
)
from reports.group.cohort import FACTORS, NOT_STATED, Cohort
from reports.group.names import (
    DASH,
    FACTOR_TITLES,
    heading,
    is_share,
    mean_sd,
    metric_name,
    short_name,
    title,
)
from reports.group.published import other_published
from reports.group.statistics import wilson
from reports.wording import NOT_ASSESSABLE, count, listing, method_name, number

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
        "notice": _notice(cohort),
        "outcome": _outcome(cohort),
        "grades": grades.content(cohort),
        "other_published": other_published(),
        "who": _who(cohort),
        "of_types": _of_types(cohort),
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
        "patient_columns": [heading(name) for name in _patient_columns(cohort)],
        "patient_rows": _patient_rows(cohort),
        "definitions": [
            (metric_name(metric), cohort.definitions[metric])
            for metric in _defined()
            if cohort.definitions.get(metric)
        ],
        "pictures": pictures.draw(cohort, folder),
        "not_assessable": NOT_ASSESSABLE,
    }


def _defined() -> list[str]:
    """The metrics that the report defines: what it summarises, and what these are made of."""
    shown = summarised()
    parts = [part for name in METRICS if name in shown for part in METRICS[name].parts]
    return list(dict.fromkeys([*shown, *parts]))


def _notice(cohort: Cohort) -> str:
    """What stands on every page."""
    n_virtual, n = int(cohort.patients["virtual"].sum()), len(cohort.patients)
    if not n_virtual:
        return NOTICE
    who = "Virtual patients, no such persons" if n_virtual == n else f"{n_virtual} of {n} virtual"
    return f"{who} · {NOTICE}"


def _outcome(cohort: Cohort) -> dict:
    """Maximum in the resection against outcome, as a table of four and in a sentence."""
    found = outcome_table(cohort)
    n = found.both + found.first_alone + found.second_alone + found.neither
    if not n:
        told = f"{NOT_ASSESSABLE.capitalize()}: in no patient are outcome and resection both known."
    elif not np.isfinite(found.p):
        told = (
            f"{n} patients. Odds ratio: {NOT_ASSESSABLE}, because all of them have the same outcome or "
            "the same side of the resection’s edge."
        )
    else:
        told = (
            f"{n} patients. Odds ratio of freedom from seizures, maximum inside against outside: "
            f"{_odds(found.odds.value)} (95 % interval {_odds(found.odds.low)} to "
            f"{_odds(found.odds.high)}, exact; Fisher’s p = {p_value(found.p)})."
        )
    return {
        "sentence": told,
        "rows": [
            ("Maximum inside the resection", found.both, found.first_alone),
            ("Maximum outside", found.second_alone, found.neither),
        ]
        if n
        else [],
    }


def _odds(value: float) -> str:
    return "∞" if np.isinf(value) else number(value)


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
    types = Counter(cohort.patients["n_types"].dropna().astype(int))
    if types:
        told = [f"{count(types[k], 'patient')} with {k}" for k in sorted(types)]
        lines.append(f"Types of spikes among the marks: {listing(told)}.")
    return lines


def _of_types(cohort: Cohort) -> list[str]:
    """What every imaged type has to do with SOZ and resection, where a patient has several."""
    imaged = cohort.of_types.reset_index()[["participant_id", "type"]].drop_duplicates()
    if not imaged["participant_id"].duplicated().any():
        return []
    told = [
        f"{count(len(imaged), 'type')} of spikes imaged in "
        f"{count(imaged['participant_id'].nunique(), 'patient')}. All tables and tests but these "
        "sentences and group_types.tsv take of each patient the type with most marks, because the "
        "types of one patient are no independent samples."
    ]
    for metric, named in (
        ("sublobar_concordance", "concordant with the SOZ"),
        ("max_in_resection", "with the maximum inside the resection"),
    ):
        found = count_of_types(cohort, metric)
        if not found.n_types:
            told.append(f"Types {named}: {NOT_ASSESSABLE} in any patient.")
            continue
        told.append(
            f"Types {named}: {found.types_yes} of {found.n_types} assessable; patients with all their "
            f"assessable types so: {found.patients_all_yes} of {found.n_patients}."
        )
    return told


def _key_sentences(cohort: Cohort, tests: list) -> list[str]:
    """What the personalized maps have to do with SOZ and resection, in sentences."""
    told = []
    concordant = cohort.values("sublobar_concordance", FIRST).dropna()
    n = len(concordant)
    if n:
        n_yes, unsampled = int(concordant.sum()), n_not_sampled(cohort)
        beyond = f"; {unsampled} more not sampled: {n_yes} of {n + unsampled}" if unsampled else ""
        told.append(
            f"Sublobar concordance with the SOZ in {n_yes} of {n} assessable patients "
            f"({100 * n_yes / n:.0f} %, {wilson(n_yes, n).told}){beyond} (published: 93 %)."
        )
    else:
        told.append(f"Sublobar concordance with the SOZ: {NOT_ASSESSABLE} in any patient.")
    for metric in ("soz_localisation_error", "spatial_dispersion"):
        values = cohort.values(metric, FIRST).dropna()
        published = METRICS[metric].in_group.published[FIRST]
        if len(values):
            ours = number(values.median(), "mm", METRICS[metric].digits)
            if len(values) > 1:
                mean = mean_sd(metric, values.mean(), values.std(ddof=1))
                ours = f"median {ours}, mean {mean}\u00a0mm"
            told.append(
                f"{metric_name(metric)}: {ours} in {count(len(values), 'patient')} (published: "
                f"{mean_sd(metric, published.mean, published.sd)}\u00a0mm in {published.n})."
            )
        else:
            told.append(f"{metric_name(metric)}: {NOT_ASSESSABLE} in any patient.")
    if tests:
        clear = [one for one in tests if one.p_holm < 0.05]
        told.append(
            f"Of {count(len(tests), 'paired test')} of the personalized network against another "
            f"method, {len(clear)} {'has' if len(clear) == 1 else 'have'} p < 0.05 after Holm’s "
            "correction."
        )
    return told


def _cells(row: dict) -> dict:
    """One summary row in words: mean ± SD, median (quartiles), or a count for yes and no."""
    n, metric = int(row["n"]), row["metric"]
    if not n:
        return {"n": "0", "mean": DASH, "median": NOT_ASSESSABLE}
    if is_share(metric):
        n_yes = round(row["mean"] * n)
        share = wilson(n_yes, n)
        median = f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f})"
        return {"n": str(n), "mean": f"{n_yes} of {n}", "median": median}
    low, middle, high = (
        number(row[name], digits=METRICS[metric].digits)
        for name in ("quartile_1", "median", "quartile_3")
    )
    return {
        "n": str(n),
        "mean": mean_sd(metric, row["mean"], row["sd"]),
        "median": f"{middle} ({low} to {high})" if n > 1 else middle,
    }


def _summary_rows(summary: pd.DataFrame) -> list[dict]:
    """One block per metric, one row per method."""
    blocks: list[dict] = []
    for row in summary.to_dict("records"):
        metric = row["metric"]
        if not blocks or blocks[-1]["metric"] != metric:
            blocks.append({"metric": metric, "title": title(metric), "rows": []})
        published = METRICS[metric].in_group.published.get(row["method"])
        blocks[-1]["rows"].append(
            {"method": method_name(row["method"]), "published": _published(published, metric)}
            | _cells(row)
        )
    return blocks


def _published(published: Published | None, metric: str) -> str:
    if published is None:
        return DASH
    if published.sd is None:
        return f"{100 * published.mean:.0f} % (n = {published.n})"
    return f"{mean_sd(metric, published.mean, published.sd)} (n = {published.n})"


def _test_row(one) -> dict:
    digits = METRICS[one.metric].digits
    return {
        "metric": title(one.metric),
        "method": method_name(one.method),
        "n": str(one.test.n),
        "different": str(one.test.n_different),
        "better": f"{one.n_first_better} : {one.test.n_different - one.n_first_better}",
        "difference": _shift(one, digits),
        "direction": one.direction or DASH,
        "p": p_value(one.test.p),
        "p_holm": p_value(one.p_holm),
    }


def _shift(one, digits: int) -> str:
    if not one.test.n:
        return DASH
    told = number(one.shift.value, digits=digits)
    if not np.isfinite(one.shift.low):
        return told
    low, high = (number(end, digits=digits) for end in (one.shift.low, one.shift.high))
    return f"{told} ({low} to {high})"


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
            "metric": metric_name(row["metric"]),
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
        for metric in (*panels(), "sublobar_concordance"):
            own = []
            for method in (FIRST, "generic"):
                cells = []
                for name in names:
                    key = (factor, name, metric, method)
                    found = table.loc[key].to_dict() if key in table.index else {"n": 0}
                    cell = _cells(found | {"metric": metric})
                    share = is_share(metric)
                    text = cell["mean"] if share else f"{cell['mean']} (n = {cell['n']})"
                    cells.append(text if cell["n"] != "0" else NOT_ASSESSABLE)
                own.append((method_name(method), cells))
            known = METRICS[metric].in_group.published_parts
            published = [known.get(name) for name in names]
            if any(published):
                values = [_published(one, metric) for one in published]
                own.append(("Published, personalized", values))
            rows.append({"metric": title(metric), "rows": own})
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


def _shown_of_patients(cohort: Cohort) -> list[str]:
    """The personalized network alone, where it ran: the rest stands in group_metrics.tsv."""
    return [FIRST] if FIRST in cohort.methods else cohort.methods


def _patient_columns(cohort: Cohort) -> list[str]:
    """The metrics of the table of all patients, in their order."""
    places = {name: METRICS[name].in_group.column for name in summarised()}
    chosen = [name for name in places if places[name] is not None and name in cohort.metrics]
    return sorted(chosen, key=places.get)


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
            for method in _shown_of_patients(cohort)
            if (patient, method) in cohort.metrics.index
        ]
        told = ", ".join(about[factor] for factor in FACTORS if about[factor] != NOT_STATED)
        if rows:
            blocks.append({"patient": patient, "about": told, "rows": rows})
    return blocks


def _value(metric: str, value: float) -> str:
    if not np.isfinite(value):
        return DASH
    if is_share(metric):
        return "yes" if value else "no"
    return number(value, digits=METRICS[metric].digits)
