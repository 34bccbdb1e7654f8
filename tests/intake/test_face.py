"""No result shows a face unless it is asked for, and a T1w without one is placed none the worse."""

from dataclasses import replace
from types import SimpleNamespace

import mne
import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from fake_anatomy import MNI152_TO_MRI, digitise, make_head
from fake_patient import write_fake_patient
from quality_files import HEADMODEL, IMAGE

from pipeline.face import (
    KEPT,
    NOT_WHOLLY_REMOVED,
    REMOVED,
    brain_positions_mm,
    face_region,
    read_face_region,
)
from pipeline.headmodel.coregistration import Placement
from pipeline.headmodel.head import write_head
from pipeline.headmodel.scalp import scalp_surface
from pipeline.paths import PatientPaths
from pipeline.records.headmodel_qc import write_headmodel_qc
from pipeline.records.image_qc import write_image_qc
from pipeline.spikes.outputs import bare_info
from pipeline.warp import apply_affine
from reports.reading import read_patient

FACE_MNI152_MM = {
    "left eye": (-33, 72, -38),
    "right eye": (33, 72, -38),
    "nose": (0, 98, -70),
    "mouth": (0, 85, -100),
    "chin": (0, 75, -125),
    "left ear": (-88, -50, -45),
    "right ear": (88, -50, -45),
}
ABOVE_MNI152_MM = {
    "forehead": (0, 86, 20),
    "vertex": (0, -20, 95),
    "occiput": (0, -118, 0),
    "left parietal": (-80, -20, 20),
}


@pytest.fixture(scope="module")
def head():
    return make_head()


@pytest.fixture(scope="module")
def brain_mm(head):
    return brain_positions_mm(head.brain_mask, head.t1w.affine)


@pytest.fixture(scope="module")
def face(brain_mm):
    return face_region(MNI152_TO_MRI, brain_mm)


def carried(places: dict) -> np.ndarray:
    return apply_affine(MNI152_TO_MRI, np.array(list(places.values()), float))


def test_the_region_holds_the_face_and_never_the_brain(face, brain_mm):
    assert face.holds(carried(FACE_MNI152_MM)).all()
    assert not face.holds(carried(ABOVE_MNI152_MM)).any()
    assert not face.holds(brain_mm).any()
    assert face.reaches_eyes


def test_a_brain_that_reaches_into_the_face_is_kept_and_told(brain_mm):
    odd = np.vstack([brain_mm, apply_affine(MNI152_TO_MRI, np.array([[0.0, 85.0, -40.0]]))])
    face = face_region(MNI152_TO_MRI, odd)
    assert not face.holds(odd).any()
    assert not face.reaches_eyes


def test_voxels_are_those_whose_centre_is_in_the_region(face, head):
    found = face.voxels(head.t1w.data.shape, head.t1w.affine)
    index = np.random.default_rng(0).integers(0, found.shape, (2000, 3))
    expected = face.holds(apply_affine(head.t1w.affine, index.astype(float)))
    assert 0 < expected.sum() < len(expected)
    np.testing.assert_array_equal(found[tuple(index.T)], expected)


@pytest.fixture(scope="module")
def placed(head, face):
    """A head with its scalp, and points all over it, where they truly are."""
    *scalp, _, inside = scalp_surface(head.t1w, head.brain_mask, "t1w.nii.gz")
    _, points_head_m, truth = digitise(head.landmarks_mri_mm, scalp[0], 300)
    on_face = scalp[0][face.holds(scalp[0])]
    to_head = mne.transforms.invert_transform(truth)
    points_head_m = np.vstack(
        [points_head_m, mne.transforms.apply_trans(to_head, on_face[::50] / 1000)]
    )
    n = len(points_head_m)
    anatomy = SimpleNamespace(scalp=tuple(scalp), head=inside, face=face)
    return (
        anatomy,
        points_head_m,
        Placement(truth, {}, np.zeros(n), np.ones(n, bool), np.zeros(n, bool)),
    )


def test_scalp_and_points_are_written_without_a_face(placed, face, tmp_path):
    paths = PatientPaths(tmp_path, "01")
    assert write_head(paths, *placed, False) == (REMOVED, [])
    scalp_mm, _ = nib.load(paths.scalp).agg_data()
    # The mesh is smooth over its voxels of 2 mm, and round where the cylinders of the ears end.
    assert face.holds(placed[0].scalp[0]).mean() > 0.05
    deeper = replace(face, front_mm=face.front_mm + 2, right_mm=np.inf, left_mm=np.inf)
    assert not deeper.holds(scalp_mm).any()
    points = pd.read_csv(paths.head_points, sep="\t")
    assert 200 < len(points) < len(placed[1])
    assert not face.holds(points[["x", "y", "z"]].to_numpy()).any()


def test_the_option_keeps_the_face(placed, face, tmp_path):
    paths = PatientPaths(tmp_path, "01")
    assert write_head(paths, *placed, True) == (KEPT, [])
    scalp_mm, _ = nib.load(paths.scalp).agg_data()
    np.testing.assert_allclose(scalp_mm, placed[0].scalp[0], atol=1e-3)
    assert len(pd.read_csv(paths.head_points, sep="\t")) == len(placed[1])


def test_a_face_that_could_not_be_cut_off_is_told(placed, brain_mm, tmp_path):
    odd = np.vstack([brain_mm, apply_affine(MNI152_TO_MRI, np.array([[0.0, 85.0, -40.0]]))])
    anatomy = SimpleNamespace(**vars(placed[0]) | {"face": face_region(MNI152_TO_MRI, odd)})
    state, warnings = write_head(PatientPaths(tmp_path, "01"), anatomy, *placed[1:], False)
    assert state == NOT_WHOLLY_REMOVED
    assert len(warnings) == 1 and "face could not be wholly cut off" in warnings[0]


def test_averages_hold_landmarks_but_no_head_points(placed):
    info = mne.create_info(["MEG0111"], 500.0, "mag")
    montage = mne.channels.make_dig_montage(
        nasion=(0, 0.1, 0), lpa=(-0.07, 0, 0), rpa=(0.07, 0, 0), hpi=np.eye(3) / 10, hsp=placed[1]
    )
    with info._unlock():
        info["dig"] = montage.dig
    kinds = {int(point["kind"]) for point in bare_info(info)["dig"]}
    assert kinds == {
        mne.io.constants.FIFF.FIFFV_POINT_CARDINAL,
        mne.io.constants.FIFF.FIFFV_POINT_HPI,
    }


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """Results up to the spikes, and a T1w that is bright everywhere."""
    patient = write_fake_patient(tmp_path_factory.mktemp("patient") / "out")
    image = nib.load(patient.t1w)
    bright = np.full(image.shape, 700, np.int16)
    bright[0, 0, 0] = -30
    nib.save(nib.Nifti1Image(bright, image.affine), patient.t1w)
    paths = patient.paths
    write_image_qc(paths, IMAGE)
    flat = np.ones(994)
    np.savez(
        paths.sources("personalized"),
        activity=flat[:, None],
        times_s=np.zeros(1),
        peak_map=flat,
        extent=flat > 0,
        otsu_threshold=0.5,
        unit="",
    )
    return patient


@pytest.mark.parametrize(
    ("state", "darkened", "shows_face"),
    [
        (REMOVED, True, False),
        (NOT_WHOLLY_REMOVED, True, True),
        (KEPT, False, True),
    ],
)
def test_the_report_sees_a_t1w_without_a_face(patient, state, darkened, shows_face):
    paths = patient.paths
    write_headmodel_qc(paths, replace(HEADMODEL, face=state))
    read = read_patient(SimpleNamespace(t1w=patient.t1w, clinical=None, virtual=None), paths)
    region = read_face_region(paths).voxels(read.t1w.data.shape, read.t1w.affine)
    brain = np.asarray(nib.load(paths.brain_mask).dataobj) > 0
    assert region.any() and not (region & brain).any()
    assert (read.t1w.data[region] == (-30 if darkened else 700)).mean() > 0.99
    assert (read.t1w.data[brain] == 700).all()
    assert read.shows_face is shows_face
