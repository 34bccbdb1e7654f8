"""The compare stage on the fake patient: the resection."""

import dataclasses
import shutil

import nibabel as nib
import numpy as np
import pytest
from compare_run import Recorder, run
from fake_patient import write_fake_patient
from fake_results import write_ieeg, write_images

from pipeline import compare
from pipeline.compare import resection, surgery
from pipeline.compare.images import RigidFit
from pipeline.files import read_json, read_npz
from pipeline.metrics._case import ResectionReference
from pipeline.records.head import read_head


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    patient = write_fake_patient(tmp_path_factory.mktemp("compare") / "out")
    write_images(patient)
    return patient


@pytest.fixture
def inputs(patient):
    return write_ieeg(patient)


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


def test_a_mask_that_does_not_say_where_it_lies_is_not_assessable(patient, inputs):
    image = nib.load(inputs.resection_mask)
    unplaced = nib.Nifti1Image(np.asarray(image.dataobj), None)
    nib.save(unplaced, inputs.resection_mask)
    found, qc = run(patient, inputs)
    assert "does not say where it lies" in found["generic", "max_in_resection"]
    assert not qc["resection_assessable"]


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
        assert any("by at least 18 mm" in text for text in qc["warnings"]) == (shift_mm > 15)


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
        stored, head.surfaces["midthickness"].pos_mm, head.vertex_area_mm2, head.vertex_region
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
def test_mask_of_another_geometry_is_not_assessable(patient, inputs, shift_mm):
    mask = nib.load(inputs.resection_mask)
    affine = mask.affine.copy()
    affine[:3, 3] += shift_mm
    save_mask(inputs, np.asarray(mask.dataobj), affine)
    found, _ = run(patient, inputs)
    assert "another subject's geometry" in found["generic", "spatial_dispersion"]
    assert inputs.resection_mask.name in found["generic", "spatial_dispersion"]
    assert not patient.paths.resection.exists()


def test_mask_on_another_grid_is_placed_by_its_affine_with_a_warning(patient, inputs):
    mask = nib.load(inputs.resection_mask)
    before, _ = run(patient, inputs)
    cropped = mask.slicer[5:-5, 5:-5, 5:-5]
    nib.save(cropped, inputs.resection_mask)
    after, qc = run(patient, inputs)
    assert after == before
    assert any("not on the T1w's grid" in warning for warning in qc["warnings"])


def test_a_mask_that_is_no_nifti_is_not_assessable(patient, inputs):
    inputs.resection_mask.write_bytes(b"not an image")
    found, _ = run(patient, inputs)
    assert "cannot be read as NIfTI" in found["generic", "spatial_dispersion"]
    assert isinstance(found["generic", "max_to_soz"], float)


def test_a_broken_postoperative_image_costs_the_mask_drawn_on_it_alone(patient, inputs):
    broken = inputs.t1w.with_name("sub-01_ses-postop_T1w.nii.gz")
    broken.write_bytes(b"not an image")
    inputs = dataclasses.replace(inputs, postop_t1w=broken)
    found, _ = run(patient, inputs)
    assert isinstance(found["generic", "spatial_dispersion"], float)
    post = inputs.resection_mask.with_name("sub-01_space-postop_desc-resection_mask.nii.gz")
    shutil.copy(inputs.resection_mask, post)
    found, _ = run(patient, dataclasses.replace(inputs, resection_mask=post))
    assert "post-op T1w cannot be read as NIfTI" in found["generic", "spatial_dispersion"]
