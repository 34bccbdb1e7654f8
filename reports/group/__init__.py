"""The cohort's report: what `spikefocus BIDS_DIR OUTPUT_DIR group` writes.

`cohort` joins the participants' metrics with participants.tsv, `statistics` and `analysis` compute,
the metrics hold the paper's values, `figures` draws, `content` puts it into words and tables,
and this module writes the files.
"""

import hashlib
from importlib.resources import files
from pathlib import Path

from pipeline.errors import InvalidInput
from pipeline.files import write_json, write_text
from pipeline.tables import to_tsv
from reports import render
from reports.config import Config
from reports.group import analysis, content
from reports.group.cohort import Cohort, Note, read_cohort

__all__ = ["Note", "read_cohort", "write"]

PAGE_SIZES = ("A4", "Letter")
_TEMPLATES = files("reports.group") / "templates"
_STYLES = (files("reports") / "templates" / "report.css", _TEMPLATES / "group.css")


def write(cohort: Cohort, folder: Path, config: Config) -> list[Path]:
    """Write the tables of metrics, of types and of statistics, the figures, HTML and PDF.

    Parameters
    ----------
    cohort : Cohort
    folder : Path
        ``OUTPUT_DIR/group``.
    config : Config
        Page size, centre and date, as for the patients' reports.

    Returns
    -------
    list of Path
        Tables, HTML and PDF.

    Raises
    ------
    InvalidInput
        A page size other than A4 or Letter.
    """
    if config.page_size not in PAGE_SIZES:
        raise InvalidInput(
            f"The page size {config.page_size!r} is unknown",
            hint=f"use {' or '.join(PAGE_SIZES)}",
        )
    metrics, statistics = folder / "group_metrics.tsv", folder / "group_statistics.tsv"
    write_text(metrics, to_tsv(_metrics_table(cohort), "%.6g"))
    write_json(metrics.with_suffix(".json"), _metrics_sidecar(cohort))
    types = folder / "group_types.tsv"
    write_text(types, to_tsv(_types_table(cohort), "%.6g"))
    write_json(types.with_suffix(".json"), _types_sidecar(cohort))
    write_text(statistics, to_tsv(analysis.statistics_table(cohort), "%.6g"))
    write_json(statistics.with_suffix(".json"), _STATISTICS_SIDECAR)
    figures = folder / "figures"
    for old in figures.glob("group_*_figure.svg"):
        old.unlink()
    text = content.build(cohort, figures, config.centre, config.date)
    html = _to_html(text, config.page_size, "")
    write_text(folder / "group_report.html", html)
    document = render.lay_out(_to_html(text, config.page_size, render.font_faces()), figures)
    identifier = hashlib.sha256(html.encode()).hexdigest()
    render.write_pdf(document, folder / "group_report.pdf", identifier)
    return [metrics, types, statistics, folder / "group_report.html", folder / "group_report.pdf"]


def _to_html(text: dict, page_size: str, fonts: str) -> str:
    templates = render.environment(render.data_uri, _TEMPLATES)
    css = fonts + "".join(style.read_text(encoding="utf-8") for style in _STYLES)
    return templates.get_template("group.html.j2").render(**text, page_size=page_size, css=css)


def _metrics_table(cohort: Cohort):
    """One row per patient and method."""
    about = cohort.patients.drop(columns=["message", "state", "virtual"])
    rows = cohort.metrics.join(about, on="participant_id").reset_index()
    return _in_order(rows, cohort, ["participant_id", "method", *about.columns])


def _types_table(cohort: Cohort):
    """One row per patient, type of spikes and method."""
    rows = cohort.of_types.reset_index()
    return _in_order(rows, cohort, ["participant_id", "type", "method"])


def _in_order(rows, cohort: Cohort, first: list[str]):
    """By patient, type and method, with the columns `first` first."""
    rank = {name: i for i, name in enumerate(cohort.methods)}
    keys = [name for name in first if name in ("participant_id", "type", "method")]
    rows = rows.sort_values(keys, key=lambda c: c.map(rank) if c.name == "method" else c)
    return rows[[*first, *(name for name in rows.columns if name not in first)]]


_KEYS = {
    "participant_id": {"Description": "Pseudonymous identifier, as in the dataset"},
    "method": {"Description": "Imaging method"},
}


def _metrics_sidecar(cohort: Cohort) -> dict:
    described = dict(_KEYS)
    for factor, column in cohort.columns.items():
        source = f"column {column} of participants.tsv" if column else "participants.tsv lacks it"
        described[factor] = {"Description": f"Subgroup; {source}"}
    described["n_types"] = {"Description": "Types of spikes among the marks"}
    return described | _described_metrics(cohort)


def _types_sidecar(cohort: Cohort) -> dict:
    own = {"type": {"Description": "Type of spikes, as in the participant's files"}}
    return _KEYS | own | _described_metrics(cohort)


def _described_metrics(cohort: Cohort) -> dict:
    return {
        metric: {
            "Description": cohort.definitions.get(metric, ""),
            "Units": cohort.units.get(metric, ""),
        }
        for metric in cohort.metrics.columns
    }


_STATISTICS_SIDECAR = {
    "kind": {
        "Description": "What the row holds",
        "Levels": {
            "summary": "one method over all patients",
            "subgroup": "one method over a subgroup",
            "paired test": "two-sided Wilcoxon signed-rank test of method against other_method",
        },
    },
    "factor": {"Description": "What the subgroup is a part of: epilepsy, centre, outcome, or all"},
    "subgroup": {"Description": "Subgroup, as participants.tsv tells it"},
    "n_patients": {"Description": "Patients of the subgroup, assessable or not"},
    "metric": {"Description": "Metric, as described beside group_metrics.tsv"},
    "unit": {"Description": "Unit of the metric"},
    "method": {"Description": "Imaging method"},
    "other_method": {"Description": "Imaging method that it is tested against"},
    "n": {"Description": "Patients, or pairs, with a value"},
    "mean": {"Description": "Mean, in the unit of the metric"},
    "sd": {"Description": "Sample standard deviation, in the unit of the metric"},
    "median": {"Description": "Median, in the unit of the metric"},
    "quartile_1": {"Description": "25th percentile, in the unit of the metric"},
    "quartile_3": {"Description": "75th percentile, in the unit of the metric"},
    "published_mean": {"Description": "Mean in Sun et al. 2022"},
    "published_sd": {"Description": "Standard deviation in Sun et al. 2022"},
    "published_n": {"Description": "Patients in Sun et al. 2022; 0 where nothing is published"},
    "n_different": {"Description": "Pairs whose values differ: those that the test rests on"},
    "n_first_better": {"Description": "Pairs in which method has the better value"},
    "median_difference": {"Description": "Median of method minus other_method"},
    "shift": {"Description": "Hodges and Lehmann's shift of method against other_method"},
    "shift_low": {"Description": "Lower end of its 95 % interval; n/a with fewer than 6 pairs"},
    "shift_high": {"Description": "Upper end of its 95 % interval; n/a with fewer than 6 pairs"},
    "direction": {"Description": "Whether method is better or worse than other_method by shift"},
    "wilcoxon_statistic": {"Description": "Sum of the ranks of the positive differences"},
    "p_exact": {"Description": "Two-sided p, exact also with ties"},
    "p_holm": {"Description": "p_exact after Holm's correction over all paired tests"},
}
