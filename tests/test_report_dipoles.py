"""Places by their letters, in other spaces, and dipoles of single spikes beside the map."""

from dataclasses import replace

import numpy as np
import pytest
from rendered_report import html_of, laid_out, page_texts

import reports
from pipeline.warp import HeadWarp
from reports import content
from reports.dipoles import average_sentence, cluster_rows, criteria_sentence, single_rows
from reports.findings import place
from reports.reading import read_patient
from reports.sections import SECTIONS
from reports.specification import read_sections
from reports.wording import coordinates, lps


@pytest.fixture(scope="module")
def patient(rendered):
    return read_patient(rendered.inputs, rendered.paths)


@pytest.mark.parametrize(
    ("pos_mm", "text"),
    [
        ((53.2, -22.6, 4.4), "R 53 · P 23 · S 4 mm"),
        ((-53.2, 22.6, -4.4), "L 53 · A 23 · I 4 mm"),
        ((-0.4, 0.4, 0), "R 0 · A 0 · S 0 mm"),
    ],
)
def test_places_are_told_by_letters(pos_mm, text):
    assert coordinates(pos_mm).replace("\u00a0", " ") == text


def test_dicom_counts_to_the_left_and_back():
    assert lps((53.2, -22.6, 4.4)).replace("\u00a0", " ") == "x, y, z = \u221253, 23, 4 mm"


def test_warp_is_inverted():
    """A bend of up to 6 mm over an affine, at places all over a head."""
    index = np.stack(np.meshgrid(*[np.arange(12.0)] * 3, indexing="ij"), -1)
    lattice_mm = 6 * np.sin(index / 3)
    to_mni = np.diag([16.0, 16, 16, 1])
    to_mni[:3, 3] = -88
    affine = np.array([[1.1, 0.1, 0, 12], [-0.1, 0.9, 0.05, -8], [0, 0, 1.05, 20], [0, 0, 0, 1]])
    warp = HeadWarp(affine, lattice_mm, to_mni)
    mni_mm = np.random.default_rng(0).uniform(-60, 60, (50, 3))
    assert np.abs(warp.to_mni152(warp.from_mni152(mni_mm)) - mni_mm).max() < 0.2


def test_place_is_told_in_three_frames(patient):
    told = place(patient)
    assert told["coordinates"] == coordinates(patient.max_mm)
    in_mni = patient.warp.to_mni152(patient.max_mm[None])[0]
    assert coordinates(in_mni) in told["frames"] and lps(patient.max_mm) in told["frames"]


def test_dipoles_that_count_are_told_apart(patient):
    found = patient.qc.image.dipoles
    assert (found.n_fitted, found.n_included) == (12, 9)
    assert "9 of 12 do" in criteria_sentence(found) and "80\u00a0%" in criteria_sentence(found)
    rows = {name: cells for name, *cells in cluster_rows(found)}
    assert rows["Dipoles"] == ["9", "12"]
    assert rows["Centre (mean)"][0] == coordinates(found.cluster.centre_mri_mm)
    assert rows["Spread of orientation"] == ["0°", "0°"]
    singles = single_rows(patient)
    assert [row["counts"] for row in singles] == ["yes"] * 9 + [
        "no: goodness of fit below 80 %"
    ] * 3
    assert singles[0]["latency"] == "\u22124" and singles[0]["gof"] == "88"


def test_the_averages_dipole_is_on_page_one(rendered, patient):
    _, document = laid_out(rendered, reports.Config())
    first = page_texts(document)[0].replace("\u00a0", " ")
    assert coordinates(patient.solutions["ecd"].pos_mri_mm).replace("\u00a0", " ") in " ".join(
        first.split()
    )
    assert "9 of 12 single spikes’ dipoles meet the criteria" in average_sentence(patient)


def test_spikes_without_a_map_have_their_dipoles_told(patient):
    (one,) = patient.qc.spikes.types
    reason = "3 spikes fit their own average, and 5 are needed"
    few = replace(one, imaged=False, reason=reason)
    image = replace(patient.qc.image, methods={})
    spikes = replace(patient.qc.spikes, types=(few,))
    thin = replace(
        patient,
        solutions={},
        stability={},
        metrics=patient.metrics[:0],
        qc=replace(patient.qc, spikes=spikes, image=image, compare=None),
    )
    told = SECTIONS["overview"].content([thin])
    assert told["headline"] == "Nothing is imaged"
    (sentence,) = told["of_single_spikes"]
    assert sentence.startswith("These spikes, not imaged: 9 of 12 single spikes’ dipoles meet")
    built = content.build(thin, thin.paths, reports.Config())
    html = " ".join(html_of(built, read_sections("", ("dipoles", "quality"))).split())
    assert f"These spikes are not imaged together: {reason}." in html
    assert "The best-fitting single dipoles, 9 of 12" in html  # those that count
    noise = replace(thin, dipoles=replace(thin.dipoles, reason=12 * ("poor fit",)))
    built = content.build(noise, thin.paths, reports.Config())
    html = " ".join(html_of(built, read_sections("", ("dipoles",))).split())
    assert "No place is told: noise alone has a best-fitting dipole too." in html
    assert "The best-fitting single dipoles" not in html and "gyrus" not in html
    assert SECTIONS["overview"].content([patient])["of_single_spikes"] == []
