"""The steps of the headmodel stage against geometry that is known."""

import mne
import nibabel as nib
import numpy as np
import pytest
from fake_anatomy import MNI152_TO_MRI, digitise, make_head
from mne.transforms import rotation
from scipy.spatial import ConvexHull

from pipeline.errors import InvalidInput
from pipeline.headmodel.coregistration import coregister
from pipeline.headmodel.cortex import labels_from_aparc, region_geometry
from pipeline.headmodel.freesurfer import (
    HEMIS,
    locate_on_sphere,
    read_reconstruction,
    read_talairach,
)
from pipeline.headmodel.meshes import distance_to_surface_mm, signed_volume_mm3
from pipeline.headmodel.registration import register_template
from pipeline.headmodel.scalp import scalp_surface
from pipeline.headmodel.skull import inner_skull_from_mask, shell_around_cortex
from pipeline.headmodel.stage import placement_warnings, residuals
from pipeline.leadfield import (
    region_leadfield,
    star_shaped_remesh,
    vertex_leadfield,
)
from pipeline.modality.meg import single_shell_bem
from pipeline.template import N_REGIONS, SUBLOBAR_NAMES, load_template
from pipeline.template.cortex import N_VERTICES_HEMI
from pipeline.warp import MNI305_TO_MNI152, apply_affine, read_warp, write_warp


@pytest.fixture(scope="module")
def head():
    return make_head()


@pytest.fixture(scope="module")
def scalp(head):
    return scalp_surface(head.t1w, head.brain_mask, "t1w.nii.gz")[:2]


# -- registration ---------------------------------------------------------------------
def test_affine_registration_finds_the_motion(head):
    warp, similarity = register_template(head.t1w, head.brain_mask, "affine", seed=1)
    again, _ = register_template(head.t1w, head.brain_mask, "affine", seed=1)
    np.testing.assert_array_equal(warp.affine, again.affine)
    points = load_template().midthickness_mni305_mm[::50]
    true_mm = apply_affine(MNI152_TO_MRI @ MNI305_TO_MNI152, points)
    error_mm = np.linalg.norm(warp.from_mni305(points) - true_mm, axis=1)
    assert np.median(error_mm) < 1.0 and error_mm.max() < 3.0
    assert similarity > 0.9


def test_nonlinear_registration_follows_a_bend(head, monkeypatch, tmp_path):
    """The brain is bent by up to 8 mm, which no affine can follow."""
    from scipy.ndimage import map_coordinates

    from pipeline.headmodel import registration
    from pipeline.headmodel.t1w import Volume

    def bend_mm(points):
        return 8 * np.sin(points[:, 1:2] / 25.0) * np.array([[0.0, 0.0, 1.0]])

    grid = np.indices(head.t1w.data.shape).reshape(3, -1).T.astype(float)
    mri_mm = apply_affine(head.t1w.affine, grid)
    source = apply_affine(np.linalg.inv(head.t1w.affine), mri_mm - bend_mm(mri_mm)).T
    bent = map_coordinates(head.t1w.data, source, order=1).reshape(head.t1w.data.shape)
    mask = map_coordinates(head.brain_mask.astype(float), source, order=1) > 0.5
    volume = Volume(bent.astype(np.float32), head.t1w.affine)
    points = load_template().midthickness_mni305_mm[::50]
    true_mm = apply_affine(MNI152_TO_MRI @ MNI305_TO_MNI152, points)
    true_mm = true_mm + bend_mm(true_mm)
    monkeypatch.setattr(registration, "SYN_ITERATIONS", (30, 10, 0))
    warp, _ = register_template(volume, mask.reshape(bent.shape), "syn", seed=1)
    error_mm = np.linalg.norm(warp.from_mni305(points) - true_mm, axis=1)
    linear_mm = np.linalg.norm(apply_affine(warp.affine_from_mni305, points) - true_mm, axis=1)
    assert np.median(error_mm) < 0.5 * np.median(linear_mm)
    assert np.median(error_mm) < 1.5
    # What is stored is coarser, and as good.
    write_warp(tmp_path / "xfm.npz", warp)
    stored = read_warp(tmp_path / "xfm.npz")
    apart_mm = np.linalg.norm(stored.from_mni305(points) - warp.from_mni305(points), axis=1)
    assert apart_mm.max() < 0.5
    assert (tmp_path / "xfm.npz").stat().st_size < 4e6


# -- scalp and skull ------------------------------------------------------------------
def test_scalp_is_closed_outward_and_around_the_brain(head, scalp):
    pos_mm, faces = scalp
    brain_mm3 = head.brain_mask.sum() * 8.0
    assert 1.5 * brain_mm3 < signed_volume_mm3(pos_mm, faces) < 4 * brain_mm3
    assert len(np.unique(np.sort(faces[:, [0, 1]], axis=1), axis=0)) > 0
    edges = np.sort(np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all()


def test_shell_holds_the_cortex_at_a_distance(head):
    template = load_template()
    pial_mm = apply_affine(MNI152_TO_MRI @ MNI305_TO_MNI152, template.pial_mni305_mm)
    dense_mm = inner_skull_from_mask(head.brain_mask, head.t1w.affine)
    centre = dense_mm.mean(0)
    squeezed_mm = centre + 0.93 * (dense_mm - centre)
    for start_mm, least_pushed in ((dense_mm, 0), (squeezed_mm, 100)):
        pos_mm, faces, push_mm = shell_around_cortex(start_mm, pial_mm, 642, 2.5)
        assert distance_to_surface_mm(pial_mm, pos_mm, faces).min() >= 2.4
        bem = ConvexHull(pos_mm)
        assert (bem.equations[:, :3] @ pial_mm.T + bem.equations[:, 3:] < 0).all()
        assert (push_mm > 0).sum() >= least_pushed and push_mm.min() == 0
        assert signed_volume_mm3(pos_mm, faces) > 1e6


def test_remesh_keeps_a_sphere():
    sphere_mm = 80 * load_template().sphere_mm[:10242] / 100 + np.array([5.0, -3.0, 20.0])
    pos_mm, faces = star_shaped_remesh(sphere_mm, 642)
    radius = np.linalg.norm(pos_mm - [5, -3, 20], axis=1)
    np.testing.assert_allclose(radius, 80, atol=0.1)
    assert faces.shape == (1280, 3)
    assert signed_volume_mm3(pos_mm, faces) == pytest.approx(4 / 3 * np.pi * 80**3, rel=0.02)


# -- co-registration ------------------------------------------------------------------
def _cortex_error_mm(placement, truth, head):
    corners = np.argwhere(head.brain_mask)[::997]
    true_m = apply_affine(head.t1w.affine, corners.astype(float)) / 1000
    found_m = apply_affine(placement.head_to_mri["trans"] @ np.linalg.inv(truth["trans"]), true_m)
    return 1000 * np.linalg.norm(found_m - true_m, axis=1).max()


def test_head_points_mend_wrong_landmarks(head, scalp):
    """The template's landmarks lie a centimetre off; the scalp decides."""
    landmarks, points, truth = digitise(head.landmarks_mri_mm, scalp[0], 150, noise_mm=2.0)
    shifts = {"nasion": [0, -6, 9], "lpa": [3, 8, -6], "rpa": [-2, -6, 5]}
    carried = {name: pos + shifts[name] for name, pos in head.landmarks_mri_mm.items()}
    placement = coregister(landmarks, points, carried, False, *scalp, 8.0, "meg.fif")
    alone = coregister(landmarks, points[:5], carried, False, *scalp, 8.0, "meg.fif")
    assert _cortex_error_mm(alone, truth, head) > 5
    assert _cortex_error_mm(placement, truth, head) < 3
    assert np.median(placement.head_point_distance_mm) < 1.5
    assert placement_warnings(placement, False) == []
    assert "centimetre" in placement_warnings(alone, False)[0]


def test_outliers_are_left_out(head, scalp):
    landmarks, points, truth = digitise(head.landmarks_mri_mm, scalp[0], 150, noise_mm=1.0)
    points[:12] *= 1.3
    placement = coregister(landmarks, points, head.landmarks_mri_mm, True, *scalp, 8.0, "meg.fif")
    assert not placement.used[:12].any() and placement.used[12:].all()
    assert _cortex_error_mm(placement, truth, head) < 2
    numbers = residuals(placement)
    assert numbers.head_points_left_out == 12 and numbers.head_point_distance_max_mm > 15


def test_a_turned_start_is_mended(head, scalp):
    landmarks, points, truth = digitise(head.landmarks_mri_mm, scalp[0], 150)
    centre = np.mean(list(head.landmarks_mri_mm.values()), axis=0)
    turn = rotation(np.deg2rad(20), 0, np.deg2rad(10))[:3, :3]
    turned = {name: centre + turn @ (p - centre) for name, p in head.landmarks_mri_mm.items()}
    placement = coregister(landmarks, points, turned, False, *scalp, 8.0, "meg.fif")
    assert _cortex_error_mm(placement, truth, head) < 4


def test_confused_landmarks_are_refused(head, scalp):
    landmarks, points, _ = digitise(head.landmarks_mri_mm, scalp[0], 5)
    confused = {"nasion": "lpa", "lpa": "rpa", "rpa": "nasion"}
    mri = {name: head.landmarks_mri_mm[other] for name, other in confused.items()}
    with pytest.raises(InvalidInput, match="turn of"):
        coregister(landmarks, points, mri, True, *scalp, 8.0, "meg.fif")


def test_another_persons_points_are_refused(head, scalp):
    landmarks, points, _ = digitise(head.landmarks_mri_mm, scalp[0], 150)
    with pytest.raises(InvalidInput, match="from the scalp in the median"):
        coregister(landmarks, 1.8 * points, head.landmarks_mri_mm, True, *scalp, 8.0, "meg.fif")


# -- cortex ---------------------------------------------------------------------------
def test_region_positions_lie_on_their_regions():
    template = load_template()
    mid_mm = template.midthickness_mni305_mm
    pos_mm, area_mm2 = region_geometry(mid_mm)
    assert pos_mm.shape == (N_REGIONS, 3)
    for region in (0, 400, 993):
        members = mid_mm[template.vertex_region == region]
        assert (np.linalg.norm(members - pos_mm[region], axis=1) == 0).sum() == 1
        assert np.linalg.norm(members.mean(0) - pos_mm[region]) < 12
    doubled_mm2 = region_geometry(2 * mid_mm)[1]
    np.testing.assert_allclose(doubled_mm2, 4 * area_mm2, rtol=1e-6)


def test_own_annotation_names_the_regions():
    template = load_template()
    own = template.region_label[np.maximum(template.vertex_region, 0)]
    region = int(np.flatnonzero(template.region_label == "left precuneus")[0])
    changed = own.copy()
    changed[template.vertex_region == region] = "left cuneus"
    nameless = int(np.flatnonzero(template.region_label == "right insula")[0])
    changed[template.vertex_region == nameless] = ""
    label, sublobar = labels_from_aparc(changed)
    assert label[region] == "left cuneus" and label[nameless] == "right insula"
    assert SUBLOBAR_NAMES[sublobar[region]] == "left occipital"
    same = np.arange(N_REGIONS) != region
    np.testing.assert_array_equal(label[same], template.region_label[same])


def test_sphere_location_is_exact_at_vertices_and_linear_between():
    template = load_template()
    sphere = template.sphere_mm[:642]
    faces = ConvexHull(sphere).simplices
    corners, weights = locate_on_sphere(sphere, faces, sphere[:50])
    at = np.einsum("nc,ncx->nx", weights, sphere[corners])
    np.testing.assert_allclose(at, sphere[:50], atol=1e-6)
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.ones(3), len(faces))
    inside = np.einsum("nc,ncx->nx", share, sphere[faces])
    corners, weights = locate_on_sphere(sphere, faces, 3 * inside)
    for found, w, true, s in zip(corners, weights, faces, share, strict=True):
        order = [list(found).index(v) for v in true]
        np.testing.assert_allclose(w[order], s, atol=1e-3)


def _freesurfer_folder(folder, shift_mm=0.0):
    """fsaverage5's own surfaces as one person's, in a head image with a shifted centre."""
    template = load_template()
    for name in ("surf", "mri", "bem", "label"):
        (folder / name).mkdir(parents=True)
    n_faces = len(template.faces) // 2
    rng = np.random.default_rng(0)
    for h, hemi in enumerate(HEMIS):
        half = slice(h * N_VERTICES_HEMI, (h + 1) * N_VERTICES_HEMI)
        faces = template.faces[h * n_faces : (h + 1) * n_faces] - half.start
        order = rng.permutation(N_VERTICES_HEMI)  # their mesh need not be ours
        place = np.argsort(order)
        for name, pos_mm in (
            ("white", template.white_mni305_mm),
            ("pial", template.pial_mni305_mm),
            ("sphere.reg", template.sphere_mm),
        ):
            nib.freesurfer.write_geometry(
                folder / "surf" / f"{hemi}.{name}", pos_mm[half][order], place[faces]
            )
        names = ["unknown", "precuneus", "cuneus"]
        index = np.where(template.dk_label[half] == "precuneus", 1, 0)[order]
        table = np.array([[0, 0, 0, 0], [10, 20, 30, 0], [40, 50, 60, 0]])
        nib.freesurfer.write_annot(
            folder / "label" / f"{hemi}.aparc.annot", index, table, names, fill_ctab=True
        )
    image = nib.MGHImage(np.ones((64, 64, 64), np.uint8), np.diag([4.0, 4.0, 4.0, 1.0]))
    header = image.header.copy()
    header["Pxyz_c"] = (0.0, shift_mm, 0.0)
    header["Mdc"] = np.array([[-1, 0, 0], [0, 0, -1], [0, 1, 0]], np.float32)
    header["delta"] = (4, 4, 4)
    nib.save(nib.MGHImage(np.ones((64, 64, 64), np.uint8), None, header), folder / "mri" / "T1.mgz")
    return folder


def test_freesurfer_surfaces_come_to_scanner_ras(tmp_path):
    template = load_template()
    found = read_reconstruction(_freesurfer_folder(tmp_path / "sub-01", shift_mm=7.5))
    expected = template.pial_mni305_mm + np.array([0, 7.5, 0])
    np.testing.assert_allclose(found.pial_mri_mm, expected, atol=1e-3)
    assert found.inner_skull_mri_mm is None
    precuneus = template.dk_label == "precuneus"
    assert (np.char.endswith(found.aparc, "precuneus") == precuneus).all()
    assert set(found.aparc) == {"", "left precuneus", "right precuneus"}


def test_incomplete_freesurfer_is_refused(tmp_path):
    folder = _freesurfer_folder(tmp_path / "sub-01")
    (folder / "surf" / "rh.pial").write_bytes(b"cut")
    with pytest.raises(InvalidInput, match="corrupt"):
        read_reconstruction(folder)
    (folder / "surf" / "rh.pial").unlink()
    with pytest.raises(InvalidInput, match="missing"):
        read_reconstruction(folder)


def _change_surface(name, change):
    def damage(folder):
        file = folder / "surf" / name
        pos_mm, faces = nib.freesurfer.read_geometry(file)
        change(pos_mm, faces)
        nib.freesurfer.write_geometry(file, pos_mm, faces)

    return damage


def _corner_that_does_not_exist(_, faces):
    faces[7, 1] = len(faces)


def _vertex_that_is_no_number(pos_mm, _):
    pos_mm[7] = np.nan


def _vertex_at_the_centre(pos_mm, _):
    pos_mm[7] = 0


def _annotation_of_another_mesh(folder):
    file = folder / "label" / "lh.aparc.annot"
    index, table, names = nib.freesurfer.read_annot(file)
    nib.freesurfer.write_annot(file, index[:-1], table, names)


def _text_for_an_image(folder):
    (folder / "mri" / "T1.mgz").write_text("this is not an image")


@pytest.mark.parametrize(
    "damage",
    [
        _change_surface("lh.sphere.reg", _corner_that_does_not_exist),
        _change_surface("lh.pial", _vertex_that_is_no_number),
        _change_surface("rh.sphere.reg", _vertex_at_the_centre),
        _annotation_of_another_mesh,
        _text_for_an_image,
    ],
)
def test_damaged_freesurfer_is_refused(tmp_path, damage):
    folder = _freesurfer_folder(tmp_path / "sub-01")
    damage(folder)
    with pytest.raises(InvalidInput, match="corrupt"):
        read_reconstruction(folder)


@pytest.mark.parametrize("number", ["nan", "1e9", "-1"])
def test_talairach_transform_that_no_head_has_is_refused(tmp_path, number):
    folder = _freesurfer_folder(tmp_path / "sub-01")
    file = folder / "mri" / "transforms" / "talairach.xfm"
    file.parent.mkdir()
    lines = "Linear_Transform =\n1 0 0 2\n0 {} 0 3\n0 0 1 4;\n"
    file.write_text(lines.format("1.1"))
    assert np.linalg.det(read_talairach(folder)) == pytest.approx(1 / 1.1)
    file.write_text(lines.format(number))
    with pytest.raises(InvalidInput, match="corrupt"):
        read_talairach(folder)


# -- leadfield ------------------------------------------------------------------------
def test_leadfield_matches_the_analytic_sphere():
    """A spherical shell must give what Sarvas's formula gives."""
    template = load_template()
    pos_mm, faces = star_shaped_remesh(90 * template.sphere_mm[:10242] / 100, 642)
    info = mne.channels.montage.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, np.arange(0, 306, 9))
    rng = np.random.default_rng(3)
    direction = rng.standard_normal((40, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    dipole_mm = direction * rng.uniform(30, 70, (40, 1))
    normal = np.cross(direction, rng.standard_normal((40, 3)))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    trans = mne.Transform("head", "mri", np.eye(4))
    ours = vertex_leadfield(info, trans, single_shell_bem(pos_mm, faces), dipole_mm, normal)
    sphere = mne.make_sphere_model((0, 0, 0), head_radius=0.09, verbose="error")
    src = mne.setup_volume_source_space(
        pos={"rr": dipole_mm / 1000, "nn": normal}, sphere_units="m", verbose="error"
    )
    fwd = mne.make_forward_solution(info, trans, src, sphere, eeg=False, mindist=0, verbose="error")
    fixed = mne.convert_forward_solution(fwd, force_fixed=True, use_cps=False, verbose="error")
    theirs = fixed["sol"]["data"]
    assert np.linalg.norm(ours - theirs) < 0.05 * np.linalg.norm(theirs)


def test_dipoles_outside_the_skull_are_refused():
    pos_mm, faces = star_shaped_remesh(90 * load_template().sphere_mm[:10242] / 100, 642)
    info = mne.channels.montage.read_meg_canonical_info("neuromag")
    trans = mne.Transform("head", "mri", np.eye(4))
    with pytest.raises(InvalidInput, match="outside the inner skull"):
        vertex_leadfield(
            mne.pick_info(info, [0, 1, 2]),
            trans,
            single_shell_bem(pos_mm, faces),
            np.array([[0.0, 0.0, 50.0], [0.0, 0.0, 95.0]]),
            np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]),
        )


def test_regions_sum_their_vertices():
    leadfield = np.arange(8.0).reshape(2, 4)
    regions = region_leadfield(leadfield, np.array([1, -1, 0, 1]))
    np.testing.assert_array_equal(regions, [[2, 0 + 3], [6, 4 + 7]])
