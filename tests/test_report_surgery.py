"""Page one before surgery and after it: eloquent cortex and contacts, what was removed and left."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from reports.comparison import Metrics
from reports.figures.slices import Volume
from reports.reading import read_patient
from reports.surgery import (
    Removed,
    contact_sentences,
    eloquent_distances_mm,
    eloquent_sentences,
    removed,
    removed_sentences,
    surgery,
)


@pytest.fixture(scope="module")
def patient(rendered):
    return read_patient(rendered.inputs, rendered.paths)


def half_removed(patient) -> Volume:
    """A mask of all that lies to the right of the extent's median vertex."""
    head = patient.head
    in_extent = (head.vertex_region >= 0) & patient.finding.extent[head.vertex_region]
    middle = np.median(head.surfaces["midthickness"].pos_mm[in_extent, 0])
    affine = np.diag([1.0, 4, 4, 1])
    affine[:3, 3] = -120
    data = np.zeros((240, 60, 60), np.float32)
    data[int(np.ceil(middle + 120)) :] = 1
    return Volume(data, affine)


def test_eloquent_cortex_is_measured_to_its_nearest_vertex(patient):
    head = patient.head
    told = {label: (of_max, near) for label, of_max, near in eloquent_distances_mm(patient)}
    assert {label.split(" ")[1] for label in told} == {
        "precentral",
        "postcentral",
        "parsopercularis",
    }
    pos_mm = head.surfaces["midthickness"].pos_mm
    label = np.where(head.vertex_region >= 0, head.region_label[head.vertex_region], "")
    for name, (of_max_mm, from_extent_mm) in told.items():
        own = pos_mm[label == name]
        assert of_max_mm == pytest.approx(np.linalg.norm(own - patient.max_mm, axis=1).min())
        assert from_extent_mm <= of_max_mm
    assert "Function is not mapped" in eloquent_sentences(patient)[0]


def test_extent_that_holds_eloquent_cortex_says_so(patient):
    extent = np.char.endswith(patient.head.region_label.astype(str), "precentral")
    finding = {patient.finding_method: replace(patient.finding, extent=extent)}
    (told,) = eloquent_sentences(replace(patient, solutions=patient.solutions | finding))
    assert "and within the extent" in told


def test_contacts_that_could_sample_are_named(patient):
    x, y, z = patient.max_mm
    contacts = pd.DataFrame(
        {"name": ["A1", "B2", "C3"], "x": [x + 6, x, x], "y": y, "z": [z, z + 12, z + 40]}
    ).assign(soz=False)
    (told,) = contact_sentences(replace(patient, contacts=contacts))
    assert told.replace("\u00a0", " ") == (
        "2 contacts within 20 mm of the maximum could sample it: A1 (6 mm) and B2 (12 mm)."
    )
    (told,) = contact_sentences(replace(patient, contacts=contacts.iloc[2:]))
    assert told.replace("\u00a0", " ").endswith("the nearest is C3 (40 mm).")


def test_removed_and_left_add_up(patient):
    whole, *gyri = removed(replace(patient, resection=half_removed(patient)))
    assert 0.2 < whole.share < 0.8
    assert sum(part.area_cm2 for part in gyri) == pytest.approx(whole.area_cm2)
    assert sum(part.removed_cm2 for part in gyri) == pytest.approx(whole.removed_cm2)
    assert whole.area_cm2 == pytest.approx(
        patient.head.region_area_mm2[patient.finding.extent].sum() / 100, rel=0.02
    )


def test_removed_is_told_by_gyrus():
    parts = [
        Removed("", 10.0, 7.5),
        Removed("left insula", 6.0, 6.0),
        Removed("left cuneus", 4.0, 1.5),
    ]
    (told,) = removed_sentences(parts)
    assert told.replace("\u00a0", " ") == (
        "Of the source’s extent (10.0 cm²) 7.5 cm² were removed (75 %) and 2.5 cm² left. Removed by "
        "gyrus: left insula 100 % of 6.0 cm²; left cuneus 38 % of 4.0 cm²."
    )


def test_before_and_after_differ(patient):
    after, told = surgery(patient, Metrics(patient))
    assert after == "After surgery" and any("were removed" in text for text in told)
    assert not any("of the resected cortex" in text for text in told)
    compare = replace(patient.qc.compare, outcome=None)
    before = replace(patient, resection=None, qc=replace(patient.qc, compare=compare))
    title, told = surgery(before, Metrics(before))
    assert title == "Before surgery" and told[0].startswith("Eloquent cortex")
    assert not any("were removed" in text for text in told)
