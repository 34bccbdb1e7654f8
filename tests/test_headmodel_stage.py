"""The headmodel stage as a whole: on a synthetic head, and FreeSurfer's path on a real one."""

import hashlib
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pytest
from fake_anatomy import MNI152_TO_MRI, digitise, make_head, save_volume, write_recording

from pipeline import headmodel
from pipeline.errors import InvalidInput
from pipeline.files import read_json, read_npz
from pipeline.headmodel.anatomy import build_anatomy
from pipeline.headmodel.meshes import distance_to_surface_mm
from pipeline.headmodel.scalp import scalp_surface
from pipeline.headmodel.t1w import read_t1w
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.template import N_REGIONS, SUBLOBAR_NAMES, load_template
from pipeline.template.cortex import N_VERTICES_HEMI
from pipeline.template.deep import DEEP_NAMES, deep_atlas_mni152_mm
from pipeline.warp import MNI305_TO_MNI152, apply_affine, read_warp

REAL_HEAD = Path(__file__).parents[1].parent / "shared" / "data" / "real_head"
QUICK = headmodel.Config(registration="affine", shell_vertices=642)


@pytest.fixture(scope="module")
def head():
    return make_head()


@pytest.fixture(scope="module")
def inputs(head, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bids")
    t1w = save_volume(head.t1w, folder / "sub-01_T1w.nii.gz")
    scalp_mm = scalp_surface(head.t1w, head.brain_mask, t1w)[0]
    landmarks, points, truth = digitise(head.landmarks_mri_mm, scalp_mm, 120, noise_mm=2.0)
    meg = write_recording(folder / "sub-01_meg.fif", landmarks, points)
    mne.write_trans(folder / "truth-trans.fif", truth, overwrite=True)
    return headmodel.Inputs(t1w, None, None, [meg])


@pytest.fixture(scope="module")
def done(inputs, tmp_path_factory):
    paths = PatientPaths(tmp_path_factory.mktemp("out"), "01")
    headmodel.run(inputs, paths, QUICK, Progress())
    return paths


def test_everything_is_written(done, inputs):
    assert all(path.exists() for path in headmodel.writes(done))
    assert set(headmodel.reads(inputs, done)) == {inputs.t1w, inputs.meg[0]}
    assert not list(done.folder.rglob(".tmp_*"))


def test_same_input_gives_the_same_bytes(done, inputs, tmp_path):
    again = PatientPaths(tmp_path, "01")
    headmodel.run(inputs, again, QUICK, Progress())
    for first, second in zip(headmodel.writes(done), headmodel.writes(again), strict=True):
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (first, second)]
        assert digests[0] == digests[1], first.name


def test_deep_structures_lie_where_they_truly_are(done):
    qc = read_json(done.qc("headmodel"))
    assert qc["deep_structures"].startswith("an atlas of the average brain")
    with np.load(done.deep_leadfield) as stored:
        pos_mm, structure, field = (stored[key] for key in ("pos_mri_mm", "structure", "leadfield"))
    assert np.isfinite(field).all() and field.shape[1:] == (len(pos_mm), 3)
    for name, voxels_mm in zip(DEEP_NAMES, deep_atlas_mni152_mm(), strict=True):
        true_mm = apply_affine(MNI152_TO_MRI, voxels_mm)
        own_mm = pos_mm[structure == DEEP_NAMES.index(name)]
        assert np.linalg.norm(own_mm.mean(0) - true_mm.mean(0)) < 4, name


def test_cortex_lies_where_it_truly_is(done):
    template = load_template()
    true_mm = apply_affine(MNI152_TO_MRI @ MNI305_TO_MNI152, template.midthickness_mni305_mm)
    for h, hemi in enumerate("LR"):
        pos_mm, faces = nib.load(done.surface(hemi, "midthickness")).agg_data()
        half = slice(h * N_VERTICES_HEMI, (h + 1) * N_VERTICES_HEMI)
        assert np.median(np.linalg.norm(pos_mm - true_mm[half], axis=1)) < 2
        assert faces.shape == (20480, 3) and faces.max() == N_VERTICES_HEMI - 1


def test_points_of_mni_space_come_to_where_they_truly_are(done):
    warp = read_warp(done.template_xfm)
    template_mm = load_template().midthickness_mni305_mm[::50]
    mni152_mm = apply_affine(MNI305_TO_MNI152, template_mm)
    true_mm = apply_affine(MNI152_TO_MRI, mni152_mm)
    for found_mm in (warp.from_mni152(mni152_mm), warp.from_mni305(template_mm)):
        assert np.median(np.linalg.norm(found_mm - true_mm, axis=1)) < 2
    by = read_json(done.template_xfm.with_suffix(".json"))
    assert "affine" in by["Method"] and by["Quality"]["correlation_in_brain"] > 0.8


def test_labels_name_every_vertex(done):
    template = load_template()
    for h, hemi in enumerate("LR"):
        half = slice(h * N_VERTICES_HEMI, (h + 1) * N_VERTICES_HEMI)
        regions = nib.load(done.labels(hemi, "regions"))
        np.testing.assert_array_equal(regions.agg_data(), template.vertex_region[half] + 1)
        names = nib.load(done.labels(hemi, "sublobar")).labeltable.get_labels_as_dict()
        assert tuple(names[key] for key in range(1, 21)) == SUBLOBAR_NAMES
    stored = read_npz(done.regions)
    assert stored["region_pos_mri_mm"].shape == (N_REGIONS, 3)
    assert (stored["region_area_mm2"] > 0).all()


def test_leadfield_has_every_channel_and_region(done, inputs):
    stored = read_npz(done.leadfield)
    info = mne.io.read_info(inputs.meg[0], verbose="error")
    assert stored["ch_names"].tolist() == info["ch_names"]
    assert stored["leadfield"].shape == (len(info["ch_names"]), N_REGIONS)
    assert stored["leadfield"].dtype == np.float64 and np.isfinite(stored["leadfield"]).all()
    mags = stored["ch_types"] == "mag"
    strength = np.linalg.norm(stored["leadfield"][mags], axis=0)
    z_mm = stored_positions(done)[:, 2]
    assert strength[z_mm > np.percentile(z_mm, 80)].mean() > strength.mean()
    assert read_json(done.leadfield.with_suffix(".json"))["Units"]["mag"] == "T/(A m)"


def stored_positions(paths):
    return read_npz(paths.regions)["region_pos_mri_mm"]


def test_helmet_lies_where_it_was(done, inputs):
    found = mne.read_trans(done.trans)
    truth = mne.read_trans(inputs.t1w.with_name("truth-trans.fif"))
    brain_m = stored_positions(done) / 1000
    moved = apply_affine(found["trans"] @ np.linalg.inv(truth["trans"]), brain_m)
    assert 1000 * np.linalg.norm(moved - brain_m, axis=1).max() < 4


def test_quality_file_tells_what_was_done(done):
    qc = read_json(done.qc("headmodel"))
    assert qc["head_model"] == "template" and "Template" in qc["head_model_sentence"]
    assert any("affine only" in warning for warning in qc["warnings"])
    assert qc["head_points"] == 120 and qc["head_point_distance_median_mm"] < 2
    assert qc["landmarks"] == "carried from the template"
    assert qc["leadfield_silent_regions"] == 0


def test_recording_without_points_stops_before_the_work(inputs, head, tmp_path):
    raw = mne.io.read_raw_fif(inputs.meg[0], preload=True, verbose="error")
    with raw.info._unlock():
        raw.info["dig"] = None
    meg = tmp_path / "sub-01_meg.fif"
    raw.save(meg, verbose="error")
    bare = headmodel.Inputs(inputs.t1w, None, None, [meg])
    with pytest.raises(InvalidInput, match="landmarks") as caught:
        headmodel.run(bare, PatientPaths(tmp_path / "out", "01"), QUICK, Progress())
    assert caught.value.file == meg


@pytest.mark.skipif(not REAL_HEAD.exists(), reason="the real head is not beside this checkout")
def test_freesurfer_path_on_a_real_head():
    """Cortex within the T1w's brain, inside the shell, scalp on FreeSurfer's skin."""
    subject = "sub-real01"
    t1w = REAL_HEAD / "bids" / subject / "anat" / f"{subject}_T1w.nii.gz"
    freesurfer = REAL_HEAD / "freesurfer" / subject
    inputs = headmodel.Inputs(t1w, t1w.with_name(f"{subject}_T1w.json"), freesurfer, [])
    anatomy = build_anatomy(inputs, headmodel.Config(), Progress())
    assert anatomy.cortex_qc.head_model == "freesurfer" and anatomy.warnings == []
    assert anatomy.cortex_qc.freesurfer_t1w_correlation > 0.9
    volume = read_t1w(t1w)
    index = apply_affine(np.linalg.inv(volume.affine), anatomy.cortex.white_mri_mm)
    in_cortex = load_template().vertex_region >= 0
    in_brain = anatomy.brain_mask[tuple(np.rint(index).astype(int).T)]
    assert in_brain[in_cortex].mean() > 0.97
    pial_mm = anatomy.cortex.pial_mri_mm
    assert distance_to_surface_mm(pial_mm, *anatomy.inner_skull).min() > 2.4
    # FreeSurfer's talairach.xfm brings fsaverage's cortex near this head's own.
    assert "talairach.xfm" in anatomy.cortex_qc.mni_transform
    assert anatomy.cortex_qc.mni_transform_quality.same_vertex_distance_median_mm < 8
    template_mm = load_template().midthickness_mni305_mm[in_cortex]
    carried_mm = anatomy.warp.from_mni305(template_mm)
    own_mm = anatomy.cortex.midthickness_mri_mm[in_cortex]
    assert np.linalg.norm((carried_mm - own_mm).mean(0)) < 3
    skin_mm, _ = nib.freesurfer.read_geometry(freesurfer / "bem" / "outer_skin.surf")
    image = nib.load(freesurfer / "mri" / "T1.mgz")
    to_scanner = image.affine @ np.linalg.inv(image.header.get_vox2ras_tkr())
    skin_mri_mm = apply_affine(to_scanner, skin_mm[skin_mm[:, 2] > 0])
    assert np.median(distance_to_surface_mm(skin_mri_mm, *anatomy.scalp)) < 1.0
