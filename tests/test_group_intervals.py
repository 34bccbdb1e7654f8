"""Intervals, direction and odds of the group's report, against values known by hand."""

import numpy as np
import pytest
from group_cohort import write_cohort

from bids_app.cli import main
from pipeline.compare.rows import Table, as_tsv
from reports.group.analysis import comparisons, count_of_types, n_not_sampled, outcome_table
from reports.group.cohort import read_cohort
from reports.group.statistics import hodges_lehmann, two_by_two, wilson


@pytest.mark.parametrize(
    ("n_yes", "n", "low", "high"),
    [(19, 19, 0.8318, 1.0), (19, 22, 0.6666, 0.9525), (0, 10, 0.0, 0.2775)],
)
def test_wilson(n_yes, n, low, high):
    found = wilson(n_yes, n)
    assert (found.value, found.low, found.high) == pytest.approx((n_yes / n, low, high), abs=1e-4)


def test_wilson_of_nobody_is_unknown():
    assert np.isnan(wilson(0, 0).value)


def test_shift_of_six_pairs():
    """Of six, only the outermost Walsh average may be left out at either end: 2/64 < 0.05."""
    found = hodges_lehmann(np.arange(1.0, 7), np.zeros(6))
    assert (found.value, found.low, found.high) == (3.5, 1, 6)
    assert np.isnan(hodges_lehmann(np.arange(1.0, 6), np.zeros(5)).low)


def test_interval_of_shift_holds_it_in_at_least_95_percent():
    rng = np.random.default_rng(0)
    found = [hodges_lehmann(rng.normal(1, 1, 12), np.zeros(12)) for _ in range(1000)]
    share = np.mean([each.low <= 1 <= each.high for each in found])
    assert 0.94 < share < 0.985


def test_two_by_two():
    """Fisher's tea: 3 and 1 against 1 and 3, conditional odds ratio 6.408, p = 0.4857."""
    first = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    second = np.array([1, 1, 1, 0, 1, 0, 0, 0], bool)
    found = two_by_two(first, second)
    assert (found.both, found.first_alone, found.second_alone, found.neither) == (3, 1, 1, 3)
    assert found.odds.value == pytest.approx(6.408, abs=1e-2)
    assert found.odds.low == pytest.approx(0.2117, abs=1e-3)
    assert found.odds.high == pytest.approx(621.93, rel=1e-2)
    assert found.p == pytest.approx(0.4857, abs=1e-4)


def test_one_outcome_has_no_odds():
    found = two_by_two(np.array([True, False]), np.array([True, True]))
    assert np.isnan(found.odds.value) and np.isnan(found.p)


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """Eight virtual patients, one not sampled, two not seizure-free."""
    participants = [
        {
            "participant_id": f"sub-{i:02d}",
            "virtual": "yes",
            "seizure_free": "no" if i < 3 else "yes",
            "epilepsy_type": "temporal" if i % 2 else "extratemporal",
        }
        for i in range(1, 9)
    ]
    bids, out = write_cohort(
        tmp_path_factory.mktemp("eight"), 8, not_sampled=(2,), participants=participants
    )
    assert main([str(bids), str(out), "group"]) == 0
    metrics = {f.parent.name: f for f in out.glob("sub-*/sub-*_metrics.tsv")}
    cohort = read_cohort(metrics, [], bids / "participants.tsv", {}, {})
    return out, cohort


def test_what_was_not_sampled_is_counted_openly(eight):
    out, cohort = eight
    assert n_not_sampled(cohort) == 1
    page = (out / "group" / "group_report.html").read_text()
    assert "of 7 assessable patients" in page and "1 more not sampled" in page


def test_direction_of_every_difference(eight):
    _, cohort = eight
    for one in comparisons(cohort):
        values = cohort.values(one.metric, "personalized") - cohort.values(one.metric, one.method)
        assert np.sign(one.shift.value) == np.sign(values.median())
        assert one.direction in {"better", "worse"}
    lower_is_better = [c for c in comparisons(cohort) if c.metric == "soz_localisation_error"]
    assert {one.direction for one in lower_is_better} == {"better"}


def test_outcome_is_set_against_the_maximum(eight):
    out, cohort = eight
    found = outcome_table(cohort)
    assert found.both + found.first_alone + found.second_alone + found.neither == 8
    assert found.first_alone + found.neither == 2
    assert "Maximum inside the resection" in (out / "group" / "group_report.html").read_text()


def test_every_page_says_that_the_patients_are_virtual(eight):
    from pypdf import PdfReader

    pages = PdfReader(eight[0] / "group" / "group_report.pdf").pages
    assert len(pages) <= 5
    assert all("Virtual patients" in page.extract_text() for page in pages)


@pytest.fixture(scope="module")
def several_types(tmp_path_factory):
    """Three patients: the first has two types, of which one is inside the resection."""
    bids, out = write_cohort(tmp_path_factory.mktemp("types"), 3)
    for number, inside in ((1, (1.0, 0.0)), (2, (1.0,)), (3, (0.0,))):
        tables = [Table([], spike_type) for spike_type in range(1, len(inside) + 1)]
        for table, value in zip(tables, inside, strict=True):
            for method in ("personalized", "ecd"):
                table.add(method, "max_in_resection", value)
                table.add(method, "sublobar_concordance", None, "no iEEG contacts are given")
                table.add(method, "spatial_dispersion", 10 * number + table.spike_type)
        (out / f"sub-0{number}/sub-0{number}_metrics.tsv").write_text(as_tsv(tables))
    assert main([str(bids), str(out), "group"]) == 0
    metrics = {f.parent.name: f for f in out.glob("sub-*/sub-*_metrics.tsv")}
    return out / "group", read_cohort(metrics, [], bids / "participants.tsv", {}, {})


def test_every_type_is_counted(several_types):
    found = count_of_types(several_types[1], "max_in_resection")
    assert (found.types_yes, found.n_types) == (2, 4)
    assert (found.patients_all_yes, found.n_patients) == (1, 3)
    page = " ".join((several_types[0] / "group_report.html").read_text().split())
    assert "4 types of spikes imaged in 3 patients" in page
    assert "inside the resection: 2 of 4 assessable; patients with all their" in page
    assert "so: 1 of 3." in page
    assert "concordant with the SOZ: not assessable in any patient" in page


def test_every_type_has_its_row_and_no_test_counts_a_patient_twice(several_types):
    folder, cohort = several_types
    lines = [line.split("\t") for line in (folder / "group_types.tsv").read_text().splitlines()]
    dispersion = lines[0].index("spatial_dispersion")
    assert [(*row[:3], float(row[dispersion])) for row in lines[1:3]] == [
        ("sub-01", "1", "personalized", 11),
        ("sub-01", "1", "ecd", 11),
    ]
    assert len(lines) == 1 + 8
    assert cohort.values("spatial_dispersion", "personalized").to_list() == [11, 21, 31]
