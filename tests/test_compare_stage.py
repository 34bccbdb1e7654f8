"""The compare stage on the fake patient: contacts and the metrics table."""

import csv
import dataclasses
import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from compare_run import run
from fake_patient import write_fake_patient
from fake_results import SOZ, resection_mask, write_ieeg, write_images
from quality_files import HEADMODEL

from pipeline import compare, image
from pipeline.compare import spaces
from pipeline.compare.images import RigidFit
from pipeline.compare.rows import Table, measured
from pipeline.files import read_json, read_npz
from pipeline.headmodel.outputs import write_template_xfm
from pipeline.paths import PatientPaths
from pipeline.records.headmodel_qc import MniTransformQC
from pipeline.warp import MNI305_TO_MNI152, HeadWarp

# Scores predict no field.
NO_FIELD = {(method, "goodness_of_fit") for method in ("sloreta", "dspm", "lcmv")}


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    patient = write_fake_patient(tmp_path_factory.mktemp("compare") / "out")
    write_images(patient)
    return patient


@pytest.fixture
def inputs(patient):
    return write_ieeg(patient)


def test_every_metric_has_a_value_and_a_description(patient, inputs):
    found, qc = run(patient, inputs)
    assert qc["soz_assessable"] and qc["resection_assessable"] and qc["warnings"] == []
    assert {method for method, _ in found} == set(image.Config().methods)
    assert {metric for _, metric in found} == set(measured())
    assert {each for each, value in found.items() if not isinstance(value, float)} == NO_FIELD
    described = read_json(patient.paths.metrics.with_suffix(".json"))
    header = patient.paths.metrics.read_text().splitlines()[0].split("\t")
    assert set(described) == set(header)
    assert set(described["metric"]["Levels"]) == set(measured())


def test_values_against_a_computation_from_the_files(patient, inputs):
    found, _ = run(patient, inputs)
    pos = read_npz(patient.paths.regions)["region_pos_mri_mm"]
    area = read_npz(patient.paths.regions)["region_area_mm2"]
    sources = read_npz(patient.paths.sources("generic"))
    soz = np.array([[-62.0, 0, -18], [-58, 0, -18], [-54, 0, -18], [-50, 0, -18]])
    to_extent = np.linalg.norm(soz[:, None] - pos[sources["extent"]][None], axis=2)
    assert found["generic", "soz_to_estimate"] == pytest.approx(to_extent.min(1).mean(), abs=1e-3)
    assert found["generic", "estimate_to_soz"] == pytest.approx(to_extent.min(0).mean(), abs=1e-3)
    maximum = pos[sources["peak_map"].argmax()]
    assert found["generic", "max_to_soz"] == pytest.approx(
        np.linalg.norm(soz - maximum, axis=1).min(), abs=1e-3
    )
    mask = resection_mask(patient)
    edge = nib.affines.apply_affine(mask.affine, np.argwhere(np.asarray(mask.dataobj)))
    voxels_to_dipole = np.linalg.norm(
        edge - read_json(patient.paths.point("ecd"))["pos_mri_mm"], axis=1
    )
    assert found["ecd", "max_in_resection"] == float(voxels_to_dipole.min() < 1.8)
    assert found["generic", "extent_area"] == pytest.approx(
        area[sources["extent"]].sum() / 100, abs=1e-3
    )


def test_contacts_are_written_in_the_frame_of_the_t1w(patient, inputs):
    run(patient, inputs)
    rows = list(csv.DictReader(patient.paths.contacts.open(), delimiter="\t"))
    assert len(rows) == 24
    assert [row["name"] for row in rows if row["soz"] == "yes"] == list(SOZ)
    first = rows[0]
    assert [float(first[axis]) for axis in "xyz"] == [-62.0, 0.0, -18.0]
    assert first["sublobar"] == "left anterior temporal"
    assert set(read_json(patient.paths.contacts.with_suffix(".json"))) == set(first) - {"name"}


def test_every_contact_has_a_distance_to_what_every_method_found(patient, inputs):
    found, _ = run(patient, inputs)
    distances = pd.read_csv(patient.paths.contact_distances, sep="\t")
    assert patient.paths.contact_distances in compare.writes(patient.paths)
    methods = set(distances["method"])
    assert methods == {method for method, _ in found} and set(distances["type"]) == {1}
    assert len(distances) == 24 * len(methods)
    for method in methods:
        own = distances[distances["method"] == method]
        assert own["to_maximum"].min() == pytest.approx(found[method, "max_to_contact"], abs=0.01)
        soz = own[own["name"].isin(SOZ)]
        assert soz["to_maximum"].min() == pytest.approx(found[method, "max_to_soz"], abs=0.01)
        assert soz["to_found"].mean() == pytest.approx(found[method, "soz_to_estimate"], abs=0.01)


def test_explained_variance_is_that_of_the_image_stage(patient, inputs):
    found, _ = run(patient, inputs)
    assert found["personalized", "goodness_of_fit"] == found["cmem", "goodness_of_fit"] == 71
    assert found["ecd", "goodness_of_fit"] == 88
    assert {found[each] for each in NO_FIELD} == {"its values are scores"}


def test_the_same_input_gives_the_same_bytes(patient, inputs):
    def bytes_of_run():
        run(patient, inputs)
        return [
            file.read_bytes() for file in (*compare.writes(patient.paths), patient.paths.contacts)
        ]

    assert bytes_of_run() == bytes_of_run()


def test_without_ieeg_and_mask_everything_against_them_is_not_assessable(patient, inputs):
    run(patient, inputs)
    bare = dataclasses.replace(
        inputs, electrodes=[], channels=[], coordsystem=[], resection_mask=None
    )
    found, qc = run(patient, bare)
    for (method, metric), value in found.items():
        is_known = measured()[metric].reference == "model" and (method, metric) not in NO_FIELD
        assert isinstance(value, float) == is_known, (method, metric)
    assert "no iEEG contacts" in found["generic", "max_to_soz"]
    assert "no resection mask" in found["generic", "spatial_dispersion"]
    assert not qc["soz_assessable"] and not qc["resection_assessable"]
    # The contacts of the run before must not stay behind.
    assert not patient.paths.contacts.exists() and not patient.paths.contact_distances.exists()


def test_contacts_without_soz_marks_show_what_was_sampled_and_no_more(patient, inputs):
    channels = inputs.channels[0]
    channels.write_text(channels.read_text().replace("soz", "x"))
    found, qc = run(patient, inputs)
    assert "no contact is marked" in found["personalized", "soz_localisation_error"]
    assert "no contact is marked" in found["ecd", "sublobar_concordance"]
    assert isinstance(found["personalized", "sampled_share"], float)
    assert isinstance(found["personalized", "max_to_contact"], float)
    assert qc["soz_reason"] == "no contact is marked as seizure onset"


def test_a_source_far_from_all_contacts_is_not_sampled_rather_than_missed(patient, inputs):
    electrodes = inputs.electrodes[0]
    electrodes.write_text(
        "\n".join(
            line
            for line in electrodes.read_text().splitlines()
            if not line.startswith(("LT", "LP"))
        )
    )
    channels = inputs.channels[0]
    channels.write_text(
        channels.read_text().replace("RT1\tSEEG\tuV\tgood\tn/a", "RT1\tSEEG\tuV\tgood\tsoz")
    )
    found, _ = run(patient, inputs)
    assert found["personalized", "max_to_soz"] > 80
    assert found["personalized", "sampled_share"] == 0
    assert found["personalized", "sublobar_concordance"].startswith("not sampled")


def test_a_sampled_source_in_another_lobe_is_discordant(patient, inputs):
    channels = inputs.channels[0]
    text = channels.read_text().replace("soz", "x")
    channels.write_text(text.replace("RT1\tSEEG\tuV\tgood\tn/a", "RT1\tSEEG\tuV\tgood\tsoz"))
    found, _ = run(patient, inputs)
    assert found["personalized", "sublobar_concordance"] == 0
    assert found["personalized", "sublobar_sensitivity"] == 0


def test_a_failed_method_says_so_in_its_rows(patient, inputs, tmp_path):
    shutil.copytree(patient.paths.output_dir, tmp_path / "out")
    other = dataclasses.replace(patient, paths=PatientPaths(tmp_path / "out", "01"))
    write_images(other, failed=("ecd", "lcmv"))
    found, _ = run(other, inputs)
    assert found["lcmv", "spatial_dispersion"] == "the method failed: made to fail"
    assert found["ecd", "goodness_of_fit"] == "the method failed: made to fail"
    assert isinstance(found["dspm", "spatial_dispersion"], float)


def test_metres_declared_as_millimetres_are_read_in_metres_and_told(patient, inputs):
    expected, _ = run(patient, inputs)
    electrodes = inputs.electrodes[0]
    lines = electrodes.read_text().splitlines()
    in_metres = [
        "\t".join([name, *(f"{float(value) / 1000:.5f}" for value in pos), size])
        for name, *pos, size in (line.split("\t") for line in lines[1:])
    ]
    electrodes.write_text("\n".join([lines[0], *in_metres]) + "\n")
    found, qc = run(patient, inputs)
    assert found["ecd", "max_to_soz"] == pytest.approx(expected["ecd", "max_to_soz"], abs=0.01)
    assert any("declared in mm" in text and "read in m," in text for text in qc["warnings"])


def test_distances_have_intervals_and_nothing_else_has(patient, inputs):
    run(patient, inputs)
    rows = list(csv.DictReader(patient.paths.metrics.open(), delimiter="\t"))
    with_interval = [row for row in rows if row["ci95_low"] != "n/a"]
    assert {row["method"] for row in with_interval} == {"personalized", "generic"}
    assert {row["unit"] for row in with_interval} == {"mm"}
    in_mm = {name for name, metric in measured().items() if metric.unit == "mm"}
    assert {row["metric"] for row in with_interval if row["method"] == "generic"} == in_mm
    for row in with_interval:
        assert 0 <= float(row["ci95_low"]) <= float(row["ci95_high"])
    # One interval from the files, by hand.
    maxima = read_npz(patient.paths.bootstrap("generic"))["max_region"]
    pos = read_npz(patient.paths.regions)["region_pos_mri_mm"][maxima]
    soz = np.array([[-62.0, 0, -18], [-58, 0, -18], [-54, 0, -18], [-50, 0, -18]])
    nearest = np.linalg.norm(soz[:, None] - pos[None], axis=2).min(0)
    row = next(row for row in rows if (row["method"], row["metric"]) == ("generic", "max_to_soz"))
    expected = np.percentile(nearest, [2.5, 97.5])
    assert [float(row["ci95_low"]), float(row["ci95_high"])] == pytest.approx(expected, abs=1e-3)


def test_without_resamples_there_are_no_intervals(patient, inputs, tmp_path):
    shutil.copytree(patient.paths.output_dir, tmp_path / "out")
    other = dataclasses.replace(patient, paths=PatientPaths(tmp_path / "out", "01"))
    for method in ("personalized", "generic"):
        other.paths.bootstrap(method).unlink()
    run(other, inputs)
    rows = list(csv.DictReader(other.paths.metrics.open(), delimiter="\t"))
    assert {row["ci95_low"] for row in rows} == {"n/a"}


def test_the_nearest_contacts_and_their_cortex_are_named(patient, inputs):
    found, qc = run(patient, inputs)
    nearest = qc["nearest_contacts"]["1"]["generic"]
    assert nearest["soz"]["name"] in SOZ
    assert nearest["soz"]["distance_mm"] == pytest.approx(found["generic", "max_to_soz"], abs=1e-3)
    assert nearest["any"]["distance_mm"] <= nearest["soz"]["distance_mm"]
    assert nearest["soz"]["nearest_label"].startswith("left ")
    rows = list(csv.DictReader(patient.paths.contacts.open(), delimiter="\t"))
    named = {row["name"]: row for row in rows}
    # Contacts in depth are measured where they are: moved to the cortex, these would be nearer.
    assert float(named["LT8"]["to_cortex"]) > 5
    assert named[nearest["soz"]["name"]]["nearest_label"] == nearest["soz"]["nearest_label"]


def test_contacts_in_mni_space_are_carried_by_the_head_models_transform(patient, inputs, tmp_path):
    shutil.copytree(patient.paths.output_dir, tmp_path / "out")
    other = dataclasses.replace(patient, paths=PatientPaths(tmp_path / "out", "01"))
    moved = np.eye(4)
    moved[:3, 3] = 1.0, -2.0, 3.0
    write_template_xfm(
        other.paths,
        HeadWarp(moved, None, np.eye(4)),
        dataclasses.replace(
            HEADMODEL.cortex,
            mni_transform="a shift",
            mni_transform_quality=MniTransformQC(correlation_in_brain=0.9),
        ),
    )
    inputs.coordsystem[0].write_text(
        json.dumps({"iEEGCoordinateSystem": "MNI152NLin2009cAsym", "iEEGCoordinateUnits": "mm"})
    )
    _, qc = run(other, inputs)
    first = next(csv.DictReader(other.paths.contacts.open(), delimiter="\t"))
    assert [float(first[axis]) for axis in "xyz"] == [-61.0, -2.0, -15.0]
    assert qc["contact_transforms"] == [
        {
            "file": "sub-01_electrodes.tsv",
            "space": "MNI152NLin2009cAsym",
            "method": "a shift",
            "quality": {"correlation_in_brain": 0.9},
        }
    ]
    assert any("several millimetres" in warning for warning in qc["warnings"])
    described = read_json(other.paths.metrics.with_suffix(".json"))
    assert "a shift (correlation_in_brain 0.9)" in described["reference"]["Levels"]["soz"]
    inputs.coordsystem[0].write_text(
        json.dumps({"iEEGCoordinateSystem": "fsaverage", "iEEGCoordinateUnits": "mm"})
    )
    run(other, inputs)
    first = next(csv.DictReader(other.paths.contacts.open(), delimiter="\t"))
    expected = MNI305_TO_MNI152 @ (-62, 0, -18, 1) + (1, -2, 3, 0)
    assert [float(first[axis]) for axis in "xyz"] == pytest.approx(expected[:3], abs=1e-3)


def test_contacts_on_a_ct_are_carried_by_its_registration(patient, inputs, monkeypatch):
    ct = inputs.t1w.with_name("sub-01_ct.nii.gz")
    nib.save(nib.load(inputs.t1w), ct)
    to_t1w = np.eye(4)
    to_t1w[:3, 3] = 2.0, 0, 1.0
    fit = RigidFit(to_t1w, inconsistency_mm=0.4, rotation_deg=0.0, shift_mm=2.2)
    monkeypatch.setattr(spaces, "register_rigidly", lambda *_: fit)
    described = {
        "iEEGCoordinateSystem": "Other",
        "iEEGCoordinateUnits": "mm",
        "IntendedFor": "bids::sub-01/ct/sub-01_ct.nii.gz",
    }
    inputs.coordsystem[0].write_text(json.dumps(described))
    inputs = dataclasses.replace(inputs, images=[ct])
    assert ct in compare.reads(inputs, patient.paths)
    _, qc = run(patient, inputs)
    first = next(csv.DictReader(patient.paths.contacts.open(), delimiter="\t"))
    assert [float(first[axis]) for axis in "xyz"] == [-60.0, 0.0, -17.0]
    assert qc["contact_transforms"][0]["quality"]["inverse_consistency_mm"] == 0.4
    fit = dataclasses.replace(fit, inconsistency_mm=9.0)
    monkeypatch.setattr(spaces, "register_rigidly", lambda *_: fit)
    found, qc = run(patient, inputs)
    assert "forward and backward differ by 9.0 mm" in found["generic", "max_to_soz"]
    assert not qc["soz_assessable"]


def test_an_outcome_that_is_missing_is_said_to_be(patient, inputs):
    assert run(patient, inputs)[1]["outcome_reason"] is None
    _, qc = run(patient, dataclasses.replace(inputs, outcome=None))
    assert qc["outcome"] is None and "participants.tsv" in qc["outcome_reason"]


def test_a_row_needs_a_value_or_a_reason():
    with pytest.raises(ValueError, match="neither"):
        Table([]).add("generic", "max_to_soz", float("nan"))
