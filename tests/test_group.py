"""The cohort's tables, statistics and report."""

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from group_cohort import METHODS, NO_CONTACTS, NO_MASK, NOT_SAMPLED, write_cohort
from scipy import stats

from bids_app.cli import main
from pipeline.compare.rows import as_tsv
from pipeline.metrics import METRICS
from reports.group.analysis import comparisons, missing_table, summarised, summary_table
from reports.group.cohort import NOT_STATED, read_cohort
from reports.group.statistics import holm

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="pdftotext is not installed (Debian: poppler-utils)"
)


def rows(n, **columns):
    return [
        {"participant_id": f"sub-{i + 1:02d}"} | {name: of(i) for name, of in columns.items()}
        for i in range(n)
    ]


def subgroups(n):
    return rows(
        n,
        epilepsy_type=lambda i: "extratemporal" if i % 3 == 0 else "temporal",
        centre=lambda i: "<i>North</i>" if i % 2 else "South & West",
        engel_class=lambda i: ["IA", "III", "n/a"][i % 3],
    )


def run_group(bids, out, *options):
    return main([str(bids), str(out), "group", *options])


def read(out, name):
    return pd.read_csv(out / "group" / name, sep="\t", na_values="n/a")


def pages(pdf):
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], check=True, capture_output=True)
    return text.stdout.decode().rstrip("\f").split("\f")


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    """Twelve patients: 2 without iEEG, 3 without mask, 1 not sampled, 1 failed, 1 never run."""
    root = tmp_path_factory.mktemp("twelve")
    bids, out = write_cohort(root, 12, (3, 4), (4, 5, 6), (7,), (12,), participants=subgroups(12))
    (bids / "sub-13").mkdir()
    assert run_group(bids, out) == 0
    return out


def test_one_row_per_patient_and_method(twelve):
    table = read(twelve, "group_metrics.tsv")
    assert len(table) == 11 * len(METHODS)
    assert not table.duplicated(["participant_id", "method"]).any()
    own = pd.read_csv(twelve / "sub-01/sub-01_metrics.tsv", sep="\t", na_values="n/a")
    own = own[own["method"] == "lcmv"].set_index("metric")["value"]
    row = table[(table["participant_id"] == "sub-01") & (table["method"] == "lcmv")].iloc[0]
    for metric, value in own.items():
        assert row[metric] == pytest.approx(value), metric
    expected = np.sqrt(row["resection_sensitivity"] * row["resection_specificity"])
    assert row["resection_geometric_mean"] == pytest.approx(expected)
    first = table.groupby("participant_id").first()
    assert list(first["outcome"][:3]) == ["seizure-free", "not seizure-free", NOT_STATED]
    assert list(first["epilepsy"][:2]) == ["extratemporal", "temporal"]


def test_statistics_hold_counts_values_and_corrected_p(twelve):
    table, metrics = read(twelve, "group_statistics.tsv"), read(twelve, "group_metrics.tsv")
    by = metrics.pivot(index="participant_id", columns="method", values="spatial_dispersion")
    tests = table[table["kind"] == "paired test"]
    row = tests[(tests["metric"] == "spatial_dispersion") & (tests["other_method"] == "lcmv")].iloc[
        0
    ]
    both = by[["personalized", "lcmv"]].dropna()
    expected = stats.wilcoxon(both["personalized"], both["lcmv"], method="exact").pvalue
    assert row["n"] == len(both) == 8
    assert row["p_exact"] == pytest.approx(expected)
    assert row["n_first_better"] == 8
    np.testing.assert_allclose(tests["p_holm"], holm(tests["p_exact"].to_numpy()), rtol=1e-4)
    summary = table[(table["kind"] == "summary") & (table["method"] == "personalized")]
    summary = summary.set_index("metric")
    assert summary.loc["spatial_dispersion", "mean"] == pytest.approx(
        by["personalized"].mean(), rel=1e-5
    )
    assert summary.loc["spatial_dispersion", "published_mean"] == 8.19
    parts = table[(table["kind"] == "subgroup") & (table["factor"] == "epilepsy")]
    assert dict(parts.drop_duplicates("subgroup").set_index("subgroup")["n_patients"]) == {
        "temporal": 8,
        "extratemporal": 4,
        NOT_STATED: 1,
    }


def test_sidecars_describe_every_column(twelve):
    for name in ("group_metrics", "group_statistics"):
        described = pd.read_json(twelve / f"group/{name}.json", typ="series").index
        assert set(described) >= set(read(twelve, f"{name}.tsv").columns), name


@pytest.fixture
def cohort(tmp_path):
    bids, out = write_cohort(tmp_path, 8, (1, 2), (2, 3), (4,), (8,))
    return read_cohort(
        {path.parent.name: path for path in out.glob("sub-*/*_metrics.tsv")},
        [f"sub-{i:02d}" for i in range(1, 10)],
        bids / "participants.tsv",
        {"sub-08": ("failed", "No spikes")},
        {},
    )


def test_not_assessable_patients_are_counted_apart(cohort):
    table = missing_table(cohort).set_index("metric")
    concordance = table.loc["sublobar_concordance"]
    assert (concordance["assessable"], concordance["not_assessable"]) == (4, 5)
    assert dict(concordance["reasons"]) == {
        NO_CONTACTS: 2,
        NOT_SAMPLED: 1,
        "processing failed": 1,
        "not processed": 1,
    }
    assert dict(table.loc["spatial_dispersion", "reasons"])[NO_MASK] == 2
    assert dict(table.loc["resection_geometric_mean", "reasons"])[NO_MASK] == 2
    summary = summary_table(cohort).set_index(["metric", "method"])
    assert summary.loc[("sublobar_concordance", "personalized"), "n"] == 4


def test_pairs_are_the_same_patients(cohort):
    for one in comparisons(cohort):
        ours = cohort.values(one.metric, "personalized")
        theirs = cohort.values(one.metric, one.method)
        assert one.test.n == int((ours.notna() & theirs.notna()).sum())
    assert {one.method for one in comparisons(cohort)} == set(METHODS) - {"personalized"}


def test_a_system_is_tested_as_any_other_method(tmp_path, monkeypatch):
    """In four patients of six, as where it was not trained for the others' heads."""
    files = {}
    for folder, methods in (("without", METHODS), ("with", (*METHODS, "convdip"))):
        monkeypatch.setattr("group_cohort.METHODS", methods)
        bids, out = write_cohort(tmp_path / folder, 6 if folder == "without" else 4)
        files |= {path.parent.name: path for path in out.glob("sub-*/*_metrics.tsv")}
    cohort = read_cohort(files, sorted(files), bids / "participants.tsv", {}, {})
    assert cohort.methods == ["personalized", "generic", "sloreta", "lcmv", "ecd", "convdip"]
    n_pairs = {(one.metric, one.method): one.test.n for one in comparisons(cohort)}
    assert n_pairs["spatial_dispersion", "convdip"] == 4
    assert n_pairs["spatial_dispersion", "sloreta"] == 6
    summary = summary_table(cohort).set_index(["metric", "method"])
    assert summary.loc[("spatial_dispersion", "convdip"), "n"] == 4


def test_better_means_lower_for_distances_and_higher_for_fractions(cohort):
    for one in comparisons(cohort):
        distance = one.metric in ("spatial_dispersion", "soz_localisation_error")
        assert one.n_first_better == (one.test.n if distance else 0), (one.metric, one.method)


@pytest.mark.parametrize(
    ("factor", "column", "value", "level"),
    [
        ("epilepsy", "epilepsy", "TLE", "temporal"),
        ("epilepsy", "epilepsy", "left mesial temporal", "temporal"),
        ("epilepsy", "epilepsy", "ETLE", "extratemporal"),
        ("epilepsy", "epilepsy", "Extra-temporal", "extratemporal"),
        ("epilepsy", "lobe", "right frontal", "extratemporal"),
        ("epilepsy", "lobe", "fronto-temporal", NOT_STATED),
        ("outcome", "engel_class", "IA", "seizure-free"),
        ("outcome", "engel_class", "Engel Ib", "seizure-free"),
        ("outcome", "engel_class", "II", "not seizure-free"),
        ("outcome", "engel_class", "IVB", "not seizure-free"),
        ("outcome", "engel", "1", "seizure-free"),
        ("outcome", "engel", "2a", "not seizure-free"),
        ("outcome", "ilae", "2", "seizure-free"),
        ("outcome", "ILAE", "3", "not seizure-free"),
        ("outcome", "seizure_free", "yes", "seizure-free"),
        ("outcome", "seizure_free", "0", "not seizure-free"),
        ("outcome", "outcome", "S", "seizure-free"),
        ("outcome", "outcome", "improved", NOT_STATED),
        ("centre", "site", "n/a", NOT_STATED),
        ("centre", "site", " Nord ", "Nord"),
    ],
)
def test_subgroups_are_read_as_they_are_spelled(tmp_path, factor, column, value, level):
    bids, out = write_cohort(tmp_path, 1, participants=rows(1, **{column: lambda i: value}))
    files = {"sub-01": out / "sub-01/sub-01_metrics.tsv"}
    found = read_cohort(files, ["sub-01"], bids / "participants.tsv", {}, {})
    assert found.patients.loc["sub-01", factor] == level
    assert found.columns[factor] == column.lower()


def test_published_values_are_those_of_the_paper():
    published = {name: METRICS[name].in_group.published for name in summarised()}
    got = {
        metric: [values[m].mean for m in ("personalized", "generic", "lcmv", "sloreta", "cmem")]
        for metric, values in published.items()
        if len(values) == 5
    }
    assert got == {
        "soz_localisation_error": [15.78, 24.86, 25.96, 24.34, 33.14],
        "spatial_dispersion": [8.19, 21.90, 33.36, 32.36, 33.95],
        "resection_sensitivity": [0.41, 0.14, 0.54, 0.76, 0.23],
        "resection_specificity": [0.90, 0.83, 0.43, 0.31, 0.78],
    }


@needs_poppler
def test_every_page_says_that_it_is_for_research(twelve):
    texts = pages(twelve / "group/group_report.pdf")
    assert len(texts) <= 12
    assert all("Research use only" in text for text in texts)
    whole = " ".join(" ".join(texts).split())
    assert "13 patients: 11 processed, 1 failed and 1 not processed." in whole
    assert "No <b>spikes</b> are marked" in whole, "markup in a message is text"
    assert "South & West" in whole and "<i>North</i>" in whole
    assert "Holm’s method for the" in whole
    assert "15.8 ± 5.5 (n = 27)" in whole


def test_html_stands_alone_and_names_no_folder(twelve):
    html = (twelve / "group/group_report.html").read_text()
    assert "Research use only" in html
    loads = re.findall(r"(?:src|href)=\"([^\"]{0,40})|url\(([^)]{0,40})", html)
    assert loads and all("".join(one).startswith("data:") for one in loads)
    assert "file:" not in html and str(twelve) not in html
    assert "<script" not in html


@pytest.mark.parametrize(
    ("n", "lacks", "says"),
    [
        (1, {}, "With fewer than 6 pairs no difference can reach p < 0.05"),
        (
            3,
            {"without_ieeg": (1, 2, 3), "without_mask": (1, 2, 3)},
            "No paired test: in no patient could",
        ),
        (29, {"without_ieeg": (4, 8, 12), "without_mask": (3, 8, 13)}, "29 patients: 29 processed"),
    ],
)
@needs_poppler
def test_cohorts_of_every_size(tmp_path, n, lacks, says):
    bids, out = write_cohort(tmp_path, n, **lacks, participants=subgroups(n) if n > 3 else None)
    assert run_group(bids, out) == 0
    assert says in " ".join(" ".join(pages(out / "group/group_report.pdf")).split())
    assert len(read(out, "group_metrics.tsv")) == n * len(METHODS)


def test_same_cohort_gives_the_same_bytes(twelve, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(twelve.parent, again)
    before = {
        path.name: path.read_bytes() for path in (again / "out/group").iterdir() if path.is_file()
    }
    assert run_group(again / "bids", again / "out") == 0
    assert before == {
        path.name: path.read_bytes() for path in (again / "out/group").iterdir() if path.is_file()
    }


def nothing_imaged(out, number: int) -> None:
    """What the comparison of a participant leaves where no type of spikes is imaged."""
    (out / f"sub-{number:02d}/sub-{number:02d}_metrics.tsv").write_text(as_tsv([]))


def test_a_participant_without_an_image_is_counted_and_not_compared(tmp_path):
    bids, out = write_cohort(tmp_path, 3)
    nothing_imaged(out, 2)
    assert run_group(bids, out) == 0
    assert set(read(out, "group_metrics.tsv")["participant_id"]) == {"sub-01", "sub-03"}
    page = (out / "group/group_report.html").read_text()
    assert "nothing was imaged (1)" in re.sub(r"\s+", " ", page)


def test_a_cohort_without_any_image_is_told_and_leaves_no_table(tmp_path, capsys):
    bids, out = write_cohort(tmp_path, 2)
    for number in (1, 2):
        nothing_imaged(out, number)
    assert run_group(bids, out) != 0
    assert "nothing was imaged in any of the 2 participants" in capsys.readouterr().err
    assert not (out / "group/group_metrics.tsv").exists()


def test_only_the_participants_asked_for(tmp_path):
    bids, out = write_cohort(tmp_path, 3)
    assert run_group(bids, out, "--participant-label", "01", "sub-03") == 0
    assert set(read(out, "group_metrics.tsv")["participant_id"]) == {"sub-01", "sub-03"}


def test_metrics_of_a_participant_that_fails_now_do_not_count(tmp_path):
    bids, out = write_cohort(tmp_path, 2)
    status = out / "sub-02/sub-02_status.json"
    status.write_text(status.read_text().replace('"done"', '"failed"'))
    assert run_group(bids, out) == 0
    assert set(read(out, "group_metrics.tsv")["participant_id"]) == {"sub-01"}


@pytest.mark.parametrize("damage", ["no such column", "no number", "twice"])
def test_damaged_metrics_are_named(tmp_path, capsys, damage):
    bids, out = write_cohort(tmp_path, 2)
    path = out / "sub-02/sub-02_metrics.tsv"
    lines = path.read_text().splitlines()
    if damage == "no such column":
        lines[0] = lines[0].replace("assessable", "other")
    elif damage == "no number":
        cells = lines[1].split("\t")
        lines[1] = "\t".join([*cells[:2], "wide", *cells[3:]])
    else:
        lines.append(lines[1])
    path.write_text("\n".join(lines))
    assert run_group(bids, out) == 2
    error = capsys.readouterr().err
    assert "The metrics of sub-02 cannot be read" in error and "sub-02_metrics.tsv" in error
    assert len(error.strip().splitlines()) == 1


def test_participants_twice_in_the_table_are_refused(tmp_path, capsys):
    bids, out = write_cohort(tmp_path, 1, participants=subgroups(1) * 2)
    assert run_group(bids, out) == 2
    assert "a participant stands in it twice" in capsys.readouterr().err


def test_page_size_comes_from_the_configuration(tmp_path, capsys):
    bids, out = write_cohort(tmp_path, 1)
    config = tmp_path / "config.toml"
    config.write_text('[report]\npage_size = "A3"\n')
    assert run_group(bids, out, "--config", str(config)) == 2
    assert "allowed is A4 or Letter" in capsys.readouterr().err
