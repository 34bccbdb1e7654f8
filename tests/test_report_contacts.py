"""The report's table of contacts: names, marks, distances and order, and what is left out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_results import SOZ
from rendered_report import CONTACT, html_of

from reports import content
from reports.config import Config
from reports.reading import read_patient
from reports.sections import SECTIONS
from reports.specification import read_sections


@pytest.fixture(scope="module")
def patient(rendered):
    return read_patient(rendered.inputs, rendered.paths)


def told(patient) -> dict:
    return SECTIONS["contacts"].content(patient)["contact_table"]


def test_seizure_onset_comes_first_and_then_the_nearest(patient):
    rows = told(patient)["rows"]
    names = [row["name"] for row in rows]
    assert set(names[:4]) == {CONTACT if name == "LT1" else name for name in SOZ}
    for part in (rows[:4], rows[4:]):
        distances = [int(row["to_maximum"]) for row in part]
        assert distances == sorted(distances)
    assert all(row["marks"].startswith("SOZ") for row in rows[:4])
    assert not any("SOZ" in row["marks"] for row in rows[4:])
    assert [row["marks"] for row in rows].count("SOZ, resected") == 3
    # 24 contacts: 4 in the SOZ, and 12 of the 20 others.
    assert len(rows) == 16 and "8 of 20 other contacts" in told(patient)["left_out"]


def test_distances_are_those_to_the_reports_own_maximum_and_extent(patient):
    contacts = patient.contacts.set_index("name")
    extent_mm = patient.head.region_pos_mri_mm[patient.finding.extent]
    for row in told(patient)["rows"]:
        pos_mm = contacts.loc[row["name"], ["x", "y", "z"]].to_numpy(float)
        assert int(row["to_maximum"]) == pytest.approx(
            np.linalg.norm(pos_mm - patient.max_mm), abs=0.51
        )
        nearest_mm = np.linalg.norm(extent_mm - pos_mm, axis=1).min()
        assert int(row["to_found"]) == pytest.approx(nearest_mm, abs=0.51)


def test_a_short_list_is_whole(patient):
    few = replace(patient, contacts=patient.contacts[:5])
    assert told(few)["left_out"] == "All 5 contacts are shown."
    assert len(told(few)["rows"]) == 5


def test_without_contacts_the_section_says_why(patient):
    contacts = replace(
        patient.qc.compare.contacts, soz_assessable=False, soz_reason="no iEEG contacts are given"
    )
    compared = replace(patient.qc.compare, contacts=contacts)
    none = replace(
        patient,
        contacts=patient.contacts[:0],
        contact_distances=pd.DataFrame(),
        qc=replace(patient.qc, compare=compared),
    )
    html = html_of(content.build(none, none.paths, Config()), read_sections("", ("contacts",)))
    assert "not assessable, because no iEEG contacts are given." in " ".join(html.split())


def test_names_stay_text_in_the_page(patient):
    html = html_of(
        content.build(patient, patient.paths, Config()), read_sections("", ("contacts",))
    )
    assert CONTACT not in html and "&lt;script&gt;alert(1)" in html
    assert patient.paths.contact_distances.name in html
