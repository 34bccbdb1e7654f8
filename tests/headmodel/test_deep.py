"""Points in deep structures, and their field, where both are known by hand."""

import mne
import nibabel as nib
import numpy as np
import pytest
from mne.transforms import apply_trans, rotation
from scipy.spatial import cKDTree

from pipeline.errors import InvalidInput
from pipeline.free_leadfield import free_leadfield
from pipeline.headmodel.deep import find_points, from_aseg, from_atlas, points_of, thinned
from pipeline.modality.meg import sphere
from pipeline.paths import PatientPaths
from pipeline.records.deep import DeepSources, read_deep, write_deep
from pipeline.template.deep import ASEG_LABELS, DEEP_NAMES
from pipeline.warp import HeadWarp

# Centres of mass by another atlas, AAL of the Colin brain (Tzourio-Mazoyer et al. 2002), MNI, mm.
AAL_LEFT_MM = {
    "hippocampus": (-25.0, -20.7, -10.1),
    "amygdala": (-23.3, -0.7, -17.1),
    "thalamus": (-10.9, -17.6, 8.0),
    "caudate": (-11.5, 11.0, 9.2),
    "putamen": (-23.9, 3.9, 2.4),
    "pallidum": (-17.8, 0.0, 0.2),
}
AS_IT_IS = HeadWarp(np.eye(4), None, np.eye(4))


def box(*sides_mm) -> np.ndarray:
    """Voxels of a box, 1 mm apart, its corner at 0.5."""
    return np.stack(np.meshgrid(*map(np.arange, sides_mm), indexing="ij"), -1).reshape(-1, 3) + 0.5


def test_points_are_spread_over_a_structure_and_lie_in_it():
    voxels = box(24, 12, 6) + np.array([100, -50, 7])
    points = thinned(voxels, 1.0, 6.0)
    assert 8 <= len(points) <= 18  # 24 * 12 * 6 / 6³ = 8 cells, more where they are cut
    assert cKDTree(voxels).query(points)[0].max() == 0
    assert cKDTree(points).query(voxels)[0].max() < 6
    assert cKDTree(points).query(points, k=2)[0][:, 1].min() > 2.5


def test_voxels_of_any_size_give_as_many_points():
    fine = thinned(box(24, 24, 24), 1.0, 6.0)
    coarse = thinned(2 * box(12, 12, 12), 8.0, 6.0)
    assert len(fine) == pytest.approx(len(coarse), rel=0.3)  # cells at the edges


def test_what_was_hardly_segmented_has_no_points():
    structures = tuple(box(3, 3, 3) if index == 5 else box(9, 9, 9) for index in range(14))
    _, structure = points_of(structures, 1.0)
    assert set(structure) == set(range(14)) - {5}


def test_the_atlas_names_what_another_atlas_names():
    pos_mm, structure = from_atlas(AS_IT_IS)
    for side, sign in (("left", 1), ("right", -1)):
        for name, centre_mm in AAL_LEFT_MM.items():
            own = pos_mm[structure == DEEP_NAMES.index(f"{side} {name}")].mean(0)
            assert np.linalg.norm(own - np.multiply(centre_mm, (sign, 1, 1))) < 6.5, (side, name)
    assert set(structure) == set(range(14))


def segmentation(tmp_path, sign=1):
    """A coarse, turned image with a ball for each structure, the left ones at negative x."""
    affine = np.array([[0, 0, -2.0, 80], [2, 0, 0, -90], [0, -2, 0, 70], [0, 0, 0, 1]])
    data = np.zeros((80, 80, 80), np.int32)
    at_mm = apply_trans(affine, np.argwhere(data == 0))
    centres = {}
    for index, label in enumerate(ASEG_LABELS):
        side = -1 if index < 7 else 1
        centres[index] = np.array([sign * side * 25.0, -60 + 18 * (index % 7), 4.0 * (index % 7)])
        inside = np.linalg.norm(at_mm - centres[index], axis=1) < 8
        data.ravel()[inside] = label
    file = tmp_path / "mri" / "aseg.mgz"
    file.parent.mkdir(exist_ok=True)
    nib.save(nib.MGHImage(data, affine), file)
    return file, centres


def test_freesurfers_numbers_are_read_where_the_image_has_them(tmp_path):
    file, centres = segmentation(tmp_path)
    pos_mm, structure = from_aseg(file)
    for index, centre in centres.items():
        own = pos_mm[structure == index]
        assert np.linalg.norm(own.mean(0) - centre) < 2, DEEP_NAMES[index]
        assert np.linalg.norm(own - centre, axis=1).max() < 8
    # As FreeSurferColorLUT.txt has them.
    named = dict(zip(DEEP_NAMES, ASEG_LABELS, strict=True))
    assert named["left hippocampus"] == 17 and named["right hippocampus"] == 53
    assert named["left amygdala"] == 18 and named["right thalamus"] == 49
    pos_mm, _, origin, warnings = find_points(tmp_path, AS_IT_IS, "nothing")
    assert origin == "FreeSurfer's segmentation of the T1w (aseg.mgz)" and not warnings


@pytest.mark.parametrize("fault", ["exchanged", "corrupt", "empty"])
def test_a_segmentation_that_cannot_be_used_is_told_and_the_atlas_taken(tmp_path, fault):
    file, _ = segmentation(tmp_path, sign=-1)
    told = "has the left hippocampus on the right"
    if fault == "corrupt":
        file.write_bytes(b"no image")
        told = "is corrupt"
    if fault == "empty":
        nib.save(nib.MGHImage(np.zeros((9, 9, 9), np.int32), np.eye(4)), file)
        told = "holds no deep structure"
    with pytest.raises(InvalidInput, match=told):
        from_aseg(file)
    _, structure, origin, (warning,) = find_points(tmp_path, AS_IT_IS, "hand")
    assert told in warning and origin == "an atlas of the average brain, carried by hand"
    assert set(structure) == set(range(14))


def test_directions_are_the_t1ws_and_a_radial_dipole_is_silent():
    """In a sphere: moments along the radius have no field, others what Biot and Savart leave of it."""
    info = mne.channels.read_meg_canonical_info("ctf151")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False))
    head_to_mri = np.eye(4)
    head_to_mri[:3, :3] = rotation(0.4, -0.7, 1.1)[:3, :3]
    head_to_mri[:3, 3] = (0.02, -0.03, 0.05)
    centre_head_m = np.array([0.0, 0.0, 0.04])
    with info._unlock():
        info["dev_head_t"] = mne.Transform("meg", "head", np.eye(4))
    pos_head_m = centre_head_m + np.array([[0.03, 0.01, 0.02], [-0.02, 0.03, 0.01]])
    pos_mri_mm = 1000 * apply_trans(head_to_mri, pos_head_m)
    trans = mne.Transform("head", "mri", head_to_mri)
    field = free_leadfield(info, trans, sphere(centre_head_m), pos_mri_mm)
    assert field.shape == (len(info.ch_names), 2, 3)
    for point in range(2):
        radial_head = (pos_head_m[point] - centre_head_m) / np.linalg.norm(
            pos_head_m[point] - centre_head_m
        )
        along_head = np.cross(radial_head, [0.0, 0.0, 1.0])
        along_head /= np.linalg.norm(along_head)
        radial, along = (head_to_mri[:3, :3] @ each for each in (radial_head, along_head))
        silent, seen = field[:, point] @ radial, field[:, point] @ along
        assert np.abs(silent).max() < 1e-6 * np.abs(seen).max()
        # mne's own dipole of that direction, in its own frame.
        dipole = mne.Dipole([0], pos_head_m[[point]], [1.0], along_head[None], [100])
        forward, _ = mne.make_forward_dipole(dipole, sphere(centre_head_m), info, verbose="error")
        assert seen == pytest.approx(forward["sol"]["data"][:, 0], rel=1e-4)


def test_the_record_comes_back_in_the_order_of_the_channels_asked_for(tmp_path):
    info = mne.create_info(["A", "B", "C"], 100.0, "mag")
    deep = DeepSources(
        np.arange(6.0).reshape(2, 3), np.array([0, 8]), np.arange(18.0).reshape(3, 2, 3)
    )
    paths = PatientPaths(tmp_path, "01")
    with pytest.raises(InvalidInput, match="no points in deep structures"):
        read_deep(paths, ["A"])
    write_deep(paths, deep, info)
    found = read_deep(paths, ["C", "A"])
    assert found.leadfield[0, 0].tolist() == [12, 13, 14]
    assert found.leadfield[1, 1].tolist() == [3, 4, 5]
    assert found.of(DEEP_NAMES[8]).tolist() == [False, True]
    with pytest.raises(InvalidInput, match="lacks 1 channels"):
        read_deep(paths, ["A", "D"])
