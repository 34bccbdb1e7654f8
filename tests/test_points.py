"""Points for planning software: names, frames and units, read back by means other than ours."""

import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pydicom
import pytest
from dicom_series import write_series

from pipeline.markups import Group, NamedPoint, markups
from reports import dicom, points
from reports.dicom import structures
from reports.reading import read_patient

# Right 10, posterior 20, superior 30 mm; DICOM and Slicer count to the left and to the back.
PLACE_RAS_MM, PLACE_LPS_MM = np.array([10.0, -20.0, 30.5]), [-10.0, 20.0, 30.5]
GROUPS = [
    Group("Contacts", "#ff0000", (NamedPoint("LA1\\x", "SOZ", PLACE_RAS_MM),)),
    Group("Nothing", "#00ff00", ()),
    Group("Dipoles", "#0000ff", (NamedPoint("Spike 3", "good", np.array([0.0, 0.0, 1 / 3])),)),
]


@pytest.fixture(scope="module")
def patient(rendered):
    return read_patient(rendered.inputs, rendered.paths)


def test_slicers_file_states_frame_and_unit():
    first, second = markups(GROUPS)["markups"]
    assert (first["type"], first["coordinateSystem"], first["coordinateUnits"]) == (
        "Fiducial",
        "LPS",
        "mm",
    )
    (point,) = first["controlPoints"]
    assert point["position"] == PLACE_LPS_MM
    assert (point["label"], point["description"], point["id"]) == ("LA1\\x", "SOZ", "1")
    assert first["display"]["color"] == [1.0, 0.0, 0.0]
    assert second["controlPoints"][0]["position"][2] == pytest.approx(1 / 3, abs=5e-4)


def test_dicom_structures_hold_the_same_points(rendered, tmp_path):
    write_series(rendered.inputs.t1w, tmp_path / "series", every=30)
    template = dicom.read_template(tmp_path / "series", rendered.inputs.t1w)
    made = structures.points(GROUPS, template, datetime(2024, 3, 1, 12))
    made.save_as(tmp_path / "points.dcm", enforce_file_format=True)
    read = pydicom.dcmread(tmp_path / "points.dcm")
    given = pydicom.dcmread(next((tmp_path / "series").iterdir()))
    assert read.Modality == "RTSTRUCT" and "research use only" in read.SeriesDescription
    assert read.StudyInstanceUID == given.StudyInstanceUID
    name = {roi.ROINumber: roi.ROIName for roi in read.StructureSetROISequence}
    assert list(name.values()) == ["LA1/x", "Spike 3"]
    place = {}
    for contour in read.ROIContourSequence:
        (drawn,) = contour.ContourSequence
        assert (drawn.ContourGeometricType, drawn.NumberOfContourPoints) == ("POINT", 1)
        place[name[contour.ReferencedROINumber]] = [float(value) for value in drawn.ContourData]
    assert place["LA1/x"] == PLACE_LPS_MM
    assert {roi.ReferencedFrameOfReferenceUID for roi in read.StructureSetROISequence} == {
        given.FrameOfReferenceUID
    }
    (frame,) = read.ReferencedFrameOfReferenceSequence
    (study,) = frame.RTReferencedStudySequence
    (series,) = study.RTReferencedSeriesSequence
    assert series.SeriesInstanceUID == given.SeriesInstanceUID


def test_report_writes_every_contact_maximum_and_dipole(rendered):
    told = json.loads(rendered.paths.markups.read_text())
    placed = {
        (group["name"], point["label"]): np.array(point["position"])
        for group in told["markups"]
        for point in group["controlPoints"]
    }
    contacts = pd.read_csv(rendered.paths.contacts, sep="\t", keep_default_na=False)
    for row in contacts.itertuples():
        kind = "seizure-onset zone" if row.soz == "yes" else "other"
        position = placed[f"Contacts, {kind}", row.name]
        assert position == pytest.approx([-row.x, -row.y, row.z], abs=1e-3)
    dipoles = pd.read_csv(rendered.paths.dipoles, sep="\t", dtype={"included": str})
    for row in dipoles.itertuples():
        kind = "" if row.included == "true" else " that do not count"
        position = placed[f"Dipoles of single spikes{kind}", f"Spike {row.spike}"]
        assert position == pytest.approx([-row.x, -row.y, row.z], abs=1e-3)
    average = json.loads(rendered.paths.point("ecd").read_text())
    x, y, z = average["pos_mri_mm"]
    assert placed["Dipole of the average", "Dipole of average"] == pytest.approx(
        [-x, -y, z], abs=1e-3
    )
    maximum = [name for name in placed if name[0] == "Maximum of the source map"]
    assert len(placed) == len(contacts) + len(dipoles) + 1 + len(maximum) and len(maximum) == 1


def test_descriptions_say_what_a_point_is(patient):
    by_name = {point.name: point for group in points.groups([patient]) for point in group.points}
    dipole = by_name["Dipole of average"].description
    found = patient.solutions["ecd"]
    x, y, z = found.direction_mri
    assert f"({-x:.3f}, {-y:.3f}, {z:.3f}) in LPS" in dipole
    assert "nA·m" in dipole and dipole.endswith("Research use only.")
    refused = [i for i, reason in enumerate(patient.dipoles.reason) if reason]
    assert by_name[f"Spike {refused[0] + 1}"].description.startswith("Does not count: ")


def test_a_patient_without_a_map_has_no_maximum_and_only_dipoles_that_count(patient):
    thin = replace(patient, solutions={}, contacts=patient.contacts[:0])
    (only,) = points.groups([thin])
    assert only.name == "Dipoles of single spikes"
    assert len(only.points) == patient.dipoles_qc.n_included
