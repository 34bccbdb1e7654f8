"""The compare stage on the fake patient: resection, contacts and the metrics table."""

import csv
import dataclasses
import io
import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from fake_patient import write_fake_patient
from fake_results import SOZ, resection_mask, write_ieeg, write_images

from pipeline import METHODS, compare
from pipeline.compare import resection, spaces, surgery
from pipeline.compare.images import RigidFit
from pipeline.compare.references import read_head
from pipeline.compare.rows import METRICS, Table
from pipeline.compare.surgery import ResectionReference
from pipeline.errors import InvalidInput
from pipeline.files import read_json, read_npz
from pipeline.headmodel.outputs import write_template_xfm
from pipeline.headmodel.registration import MNI305_TO_MNI152, HeadWarp
from pipeline.paths import PatientPaths
from pipeline.progress import Progress


class Recorder(Progress):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    patient = write_fake_patient(tmp_path_factory.mktemp("compare") / "out")
    write_images(patient)
    return patient


@pytest.fixture
def inputs(patient):
    return write_ieeg(patient)


def run(patient, inputs, seed=0):
    """Run the stage; return value or reason of each (method, metric), and the QC file."""
    recorder = Recorder()
    compare.run(inputs, patient.paths, compare.Config(seed=seed), recorder)
    assert all(file.exists() for file in compare.writes(patient.paths))
    qc = read_json(patient.paths.qc("compare"))
    assert recorder.warnings == qc["warnings"]
    rows = csv.DictReader(io.StringIO(patient.paths.metrics.read_text()), delimiter="\t")
    found = {}
    for row in rows:
        value = float(row["value"]) if row["assessable"] == "true" else row["reason"]
        assert (row["value"] == "n/a") == (row["assessable"] == "false")
        found[row["method"], row["metric"]] = value
    return found, qc


def test_every_metric_has_a_value_and_a_description(patient, inputs):
    found, qc = run(patient, inputs)
    assert qc["soz_assessable"] and qc["resection_assessable"] and qc["warnings"] == []
    assert {method for method, _ in found} == set(METHODS)
    assert {metric for _, metric in found} == set(METRICS)
    assert all(isinstance(value, float) for value in found.values())
    described = read_json(patient.paths.metrics.with_suffix(".json"))
    header = patient.paths.metrics.read_text().splitlines()[0].split("\t")
    assert set(described) == set(header)
    assert set(described["metric"]["Levels"]) == set(METRICS)


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
    voxels_to_dipole = np.linalg.norm(edge - read_json(patient.paths.dipole)["pos_mri_mm"], axis=1)
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
    for (_, metric), value in found.items():
        assert isinstance(value, float) == (METRICS[metric].reference == "model")
    assert "no iEEG contacts" in found["generic", "max_to_soz"]
    assert "no resection mask" in found["generic", "spatial_dispersion"]
    assert not qc["soz_assessable"] and not qc["resection_assessable"]
    # The contacts of the run before must not stay behind.
    assert not patient.paths.contacts.exists()


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


def test_metres_declared_as_millimetres_stop_the_stage(patient, inputs):
    electrodes = inputs.electrodes[0]
    lines = electrodes.read_text().splitlines()
    in_metres = [
        "\t".join([name, *(f"{float(value) / 1000:.5f}" for value in pos), size])
        for name, *pos, size in (line.split("\t") for line in lines[1:])
    ]
    electrodes.write_text("\n".join([lines[0], *in_metres]) + "\n")
    with pytest.raises(InvalidInput, match="declared in mm but fit this head only in m "):
        run(patient, inputs)
    inputs.coordsystem[0].write_text(
        json.dumps({"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "m"})
    )
    found, _ = run(patient, inputs)
    assert found["ecd", "max_to_soz"] == pytest.approx(6.0, abs=0.01)


def test_distances_have_intervals_and_nothing_else_has(patient, inputs):
    run(patient, inputs)
    rows = list(csv.DictReader(patient.paths.metrics.open(), delimiter="\t"))
    with_interval = [row for row in rows if row["ci95_low"] != "n/a"]
    assert {row["method"] for row in with_interval} == {"personalized", "generic"}
    assert {row["unit"] for row in with_interval} == {"mm"}
    in_mm = {name for name, metric in METRICS.items() if metric.unit == "mm"}
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
    nearest = qc["nearest_contacts"]["generic"]
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
        {"mni_transform": "a shift", "mni_transform_quality": {"correlation_in_brain": 0.9}},
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


# -- resection ------------------------------------------------------------------------
def test_the_mask_is_written_on_the_t1ws_grid(patient, inputs):
    run(patient, inputs)
    written, t1w = nib.load(patient.paths.resection), nib.load(inputs.t1w)
    assert written.shape == t1w.shape
    np.testing.assert_allclose(written.affine, t1w.affine)
    np.testing.assert_array_equal(
        np.asarray(written.dataobj), np.asarray(nib.load(inputs.resection_mask).dataobj)
    )
    run(patient, dataclasses.replace(inputs, resection_mask=None))
    assert not patient.paths.resection.exists()


def test_a_mask_of_the_whole_brain_is_not_assessable(patient, inputs):
    brain = nib.load(patient.paths.brain_mask)
    save_mask(inputs, np.asarray(brain.dataobj), brain.affine)
    found, qc = run(patient, inputs)
    assert "covers 100% of the brain" in found["generic", "spatial_dispersion"]
    assert not qc["resection_assessable"] and not patient.paths.resection.exists()


def test_a_mask_that_does_not_say_where_it_lies_is_refused(patient, inputs):
    image = nib.load(inputs.resection_mask)
    unplaced = nib.Nifti1Image(np.asarray(image.dataobj), None)
    nib.save(unplaced, inputs.resection_mask)
    with pytest.raises(InvalidInput, match="does not say where it lies"):
        run(patient, inputs)


def test_a_postoperative_mask_without_its_image_is_not_assessable(patient, inputs):
    post = inputs.resection_mask.with_name(
        "sub-01_ses-postop_space-postop_desc-resection_mask.nii.gz"
    )
    shutil.copy(inputs.resection_mask, post)
    found, _ = run(patient, dataclasses.replace(inputs, resection_mask=post))
    assert "no post-operative T1w" in found["generic", "max_in_resection"]


@pytest.mark.parametrize(
    ("inconsistency_mm", "correlation", "shift_mm", "reason"),
    [
        (0.5, 0.9, 4.0, None),
        (0.5, 0.9, 18.0, None),
        (8.0, 0.9, 4.0, "differ by 8.0 mm"),
        (0.5, 0.3, 4.0, "does not resemble"),
    ],
)
def test_the_postoperative_registration_is_judged(
    patient, inputs, monkeypatch, inconsistency_mm, correlation, shift_mm, reason
):
    """The registration itself is tested on a head whose shift is known."""
    post = inputs.resection_mask.with_name("sub-01_space-postop_desc-resection_mask.nii.gz")
    shutil.copy(inputs.resection_mask, post)
    postop_t1w = inputs.t1w.with_name("sub-01_ses-postop_T1w.nii.gz")
    shutil.copy(inputs.t1w, postop_t1w)
    quality = {"correlation_deformed": correlation, "brain_shift_p95_mm": shift_mm}
    fit = RigidFit(np.eye(4), inconsistency_mm, 0.0, 0.0)
    monkeypatch.setattr(surgery, "carry_to_preop", lambda mask, *_: (mask, quality, fit))
    inputs = dataclasses.replace(inputs, resection_mask=post, postop_t1w=postop_t1w)
    found, qc = run(patient, inputs)
    assert qc["resection_registration"]["brain_shift_p95_mm"] == shift_mm
    if reason:
        assert reason in found["generic", "spatial_dispersion"]
    else:
        assert isinstance(found["generic", "spatial_dispersion"], float)
        assert "post-operative" in qc["resection_space"]
        assert any("shifted by 18 mm" in text for text in qc["warnings"]) == (shift_mm > 15)


def test_another_share_makes_other_regions_resected(patient, inputs):
    def n_resected(share):
        config = compare.Config(region_share=share)
        compare.run(inputs, patient.paths, config, Recorder())
        qc = read_json(patient.paths.qc("compare"))
        assert qc["resected_region_share"] == share
        return qc["n_resected_regions"]

    assert n_resected(0.1) > n_resected(0.5) > n_resected(0.9) > 0
    with pytest.raises(ValueError, match="region_share"):
        compare.Config(region_share=1.0)


def save_mask(inputs, data, affine):
    nib.save(nib.Nifti1Image(data.astype(np.uint8), affine), inputs.resection_mask)


def test_volume_and_regions_of_the_resection(patient, inputs):
    _, qc = run(patient, inputs)
    data = np.asarray(nib.load(inputs.resection_mask).dataobj)
    assert qc["resection_volume_cm3"] == pytest.approx(data.sum() * 0.008)
    assert "left anterior temporal" in qc["resected_sublobar"]
    # All regions within 10 mm of the centre of an 18 mm ball, none beyond 30 mm.
    regions = read_npz(patient.paths.regions)
    stored = resection.read_resection(inputs.resection_mask)
    head = read_head(patient.paths)
    share = resection.resected_share(
        stored, head.midthickness_mm, head.vertex_area_mm2, head.vertex_region
    )
    distance = np.linalg.norm(regions["region_pos_mri_mm"] - (-54, 0, -18), axis=1)
    assert (share[distance < 10] > 0.5).all() and not share[distance > 30].any()
    assert qc["n_resected_regions"] == (share > 0.5).sum()
    assert qc["resected_area_cm2"] == pytest.approx((share * head.region_area_mm2).sum() / 100)
    assert qc["resected_region_share"] == 0.5


def test_the_share_of_a_region_is_that_of_its_area():
    mask = resection.Resection(np.arange(10)[:, None, None] < 5, np.eye(4))
    x = np.array([3, 4, 5, 6, 2, 3, 4, 5, 7, 1.0])
    vertices = np.stack([x, 0 * x, 0 * x], axis=1)
    area = np.array([1, 1, 1, 5, 1, 1, 1, 1, 9, 9.0])
    region = np.array([0, 0, 0, 0, 1, 1, 1, 1, -1, -1])
    share = resection.resected_share(mask, vertices, area, region)
    assert share.tolist() == [2 / 8, 3 / 4]
    assert ResectionReference(mask, share, 0.5).resected.tolist() == [False, True]
    assert ResectionReference(mask, share, 0.75).resected.tolist() == [False, False]
    assert ResectionReference(mask, share, 0.2).resected.tolist() == [True, True]


def test_distances_to_the_resection_by_hand():
    inside = np.zeros((20, 9, 9), bool)
    inside[5:12, 1:8, 1:8] = True
    mask = resection.Resection(inside, np.diag([2.0, 2, 2, 1]))
    points = np.array([[16.0, 8, 8], [22, 8, 8], [32, 8, 8], [99, 8, 8]])
    assert mask.holds(points).tolist() == [True, True, False, False]
    assert mask.distance_mm(points).tolist() == [0, 0, 10, 77]
    assert mask.edge_distance_mm(points).tolist() == [6, 0, 10, 77]
    assert mask.volume_cm3 == pytest.approx(7**3 * 8 / 1000)


def test_empty_mask_is_not_assessable(patient, inputs):
    mask = nib.load(inputs.resection_mask)
    save_mask(inputs, np.zeros(mask.shape), mask.affine)
    found, _ = run(patient, inputs)
    assert found["generic", "max_in_resection"] == "the resection mask is empty"


def test_mask_smaller_than_a_region_still_has_distances(patient, inputs):
    mask = nib.load(inputs.resection_mask)
    data = np.zeros(mask.shape)
    data[tuple(np.rint(np.linalg.inv(mask.affine) @ (-54, 0, -18, 1)).astype(int)[:3])] = 1
    save_mask(inputs, data, mask.affine)
    found, _ = run(patient, inputs)
    assert found["generic", "resection_sensitivity"].startswith("no region lies")
    assert found["generic", "resection_specificity"].startswith("no region lies")
    assert isinstance(found["generic", "spatial_dispersion"], float)


@pytest.mark.parametrize("shift_mm", [(0, 120, 0), (0, 0, 80), (-45, 0, 0)])
def test_mask_of_another_geometry_is_refused(patient, inputs, shift_mm):
    mask = nib.load(inputs.resection_mask)
    affine = mask.affine.copy()
    affine[:3, 3] += shift_mm
    save_mask(inputs, np.asarray(mask.dataobj), affine)
    with pytest.raises(InvalidInput, match="another subject's geometry") as error:
        run(patient, inputs)
    assert error.value.file == inputs.resection_mask


def test_mask_on_another_grid_is_placed_by_its_affine_with_a_warning(patient, inputs):
    mask = nib.load(inputs.resection_mask)
    before, _ = run(patient, inputs)
    cropped = mask.slicer[5:-5, 5:-5, 5:-5]
    nib.save(cropped, inputs.resection_mask)
    after, qc = run(patient, inputs)
    assert after == before
    assert any("not on the T1w's grid" in warning for warning in qc["warnings"])


def test_a_mask_that_is_no_nifti_is_refused(patient, inputs):
    inputs.resection_mask.write_bytes(b"not an image")
    with pytest.raises(InvalidInput, match="cannot be read as NIfTI"):
        run(patient, inputs)


def test_a_row_needs_a_value_or_a_reason():
    with pytest.raises(ValueError, match="neither"):
        Table([]).add("generic", "max_to_soz", float("nan"))
