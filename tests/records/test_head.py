"""The record of a head: what is written is read, and what follows from it by hand."""

from types import SimpleNamespace

import mne
import nibabel as nib
import numpy as np
import pytest

from pipeline.errors import InvalidInput
from pipeline.head_position import HeadPositions
from pipeline.paths import PatientPaths
from pipeline.records import head as records
from pipeline.records.head import (
    INNER_SKULL,
    Head,
    MeasuredHead,
    Surface,
    at_positions,
    read_head,
    read_measured_head,
    write_leadfield,
    write_regions,
)
from pipeline.template import SUBLOBAR_NAMES

POS_MM = np.array([[0.0, 0, 0], [4, 0, 0], [0, 3, 0], [4, 3, 0]])
FACES = np.array([[0, 1, 2], [1, 3, 2]])
REGIONS = {
    "region_pos_mri_mm": POS_MM[:2] + 1000,
    "region_area_mm2": np.array([5.0, 7.0]),
    "region_label": np.array(["left a", "right b"]),
    "region_sublobar": np.array([1, 3]),
    "vertex_region": np.array([0, 1, -1, 1]),
}


def head(kind=Head, **more):
    surfaces = {name: Surface(POS_MM + shift, FACES) for name, shift in LAYERS.items()}
    return kind(**REGIONS, surfaces=surfaces, **more)


LAYERS = {"white": -1.0, "midthickness": 0.0, "pial": 1.0}


def test_the_nearest_region_is_that_of_the_nearest_vertex_with_one():
    # The third vertex is nearest to the first point and lies on the medial wall.
    region, distance_mm = head().nearest_region(np.array([[0.0, 3, 0], [4, 3, 2]]))
    assert region.tolist() == [0, 1]
    assert distance_mm == pytest.approx([3, 2])


def test_areas_layers_and_names():
    made = head()
    assert made.vertex_area_mm2 == pytest.approx([2, 4, 4, 2])
    assert made.layers_mri_mm[:, 0, 0].tolist() == [-1, 0, 1]
    assert made.sublobar(1) == SUBLOBAR_NAMES[3]
    assert made.surface("scalp") is None and made.surface("pial") is made.surfaces["pial"]


def test_positions_in_the_head_frame_are_in_metres():
    motion = np.eye(4)
    motion[:3, 3] = 0.5, 0, 0
    measured = head(
        MeasuredHead, leadfield=np.zeros((1, 2)), trans=mne.Transform("head", "mri", motion)
    )
    assert measured.region_pos_head_m == pytest.approx(np.array([[0.5, 1, 1], [0.504, 1, 1]]))


@pytest.fixture
def paths(tmp_path):
    paths = PatientPaths(tmp_path, "01")
    write_regions(paths, **REGIONS)
    info = mne.create_info(["MEG 1", "MEG 2", "MEG 3"], 100.0, "mag")
    write_leadfield(paths, np.arange(6.0).reshape(3, 2), info)
    trans = mne.Transform("head", "mri", np.eye(4))
    mne.write_trans(paths.trans, trans, verbose="error")
    for hemi, shift in (("L", 0.0), ("R", 10.0)):
        file = paths.surface(hemi, "pial")
        file.parent.mkdir(parents=True, exist_ok=True)
        arrays = [
            nib.gifti.GiftiDataArray((POS_MM + shift).astype(np.float32), "NIFTI_INTENT_POINTSET"),
            nib.gifti.GiftiDataArray(FACES.astype(np.int32), "NIFTI_INTENT_TRIANGLE"),
        ]
        nib.save(nib.GiftiImage(darrays=arrays), file)
    return paths


def test_what_is_written_is_read(paths):
    read = read_head(paths)
    for name, value in REGIONS.items():
        assert getattr(read, name).tolist() == value.tolist()
    assert list(read.surfaces) == ["pial"] and len(read.surfaces) == 1
    assert "white" not in read.surfaces and "anything" not in read.surfaces
    pial = read.surfaces["pial"]
    assert pial.pos_mm[4:].tolist() == (POS_MM + 10).tolist()
    assert pial.faces.tolist() == [*FACES.tolist(), *(FACES + 4).tolist()]


def test_a_leadfield_comes_in_the_order_asked_for(paths):
    measured = read_measured_head(paths, ["MEG 3", "MEG 1"])
    assert measured.leadfield.tolist() == [[4, 5], [0, 1]]
    assert measured.trans["trans"].tolist() == np.eye(4).tolist()
    with pytest.raises(InvalidInput, match=r"MEG 9|1 "):
        read_measured_head(paths, ["MEG 1", "MEG 9"])


def test_a_head_that_moved_has_the_mean_of_its_leadfields(monkeypatch):
    """Each position by the share of the spikes that it has, and each region the sum of its vertices."""
    trans = mne.Transform("head", "mri", np.eye(4))
    still = head(MeasuredHead, leadfield=np.zeros((3, 2)), trans=trans)
    still.surfaces[INNER_SKULL] = Surface(2 * POS_MM, FACES)
    info = mne.create_info(3, 100.0, "mag")
    with info._unlock():
        info["dev_head_t"] = mne.Transform("meg", "head", np.eye(4))
    places = np.array([np.eye(4), mne.transforms.translation(0.01, 0, 0)])

    def field(sensors, given_trans, conductor, pos_mm, normals):
        assert given_trans is trans and conductor == "inner skull"
        assert pos_mm.tolist() == POS_MM.tolist()
        assert np.abs(normals).tolist() == [[0, 0, 1]] * 4
        x_m = sensors["dev_head_t"]["trans"][0, 3]
        return np.array([[1.0, 2, 3, 4], [5, 6, 7, 8], [0, 0, 0, 1]]) * (1 + 100 * x_m)

    monkeypatch.setattr(records, "vertex_leadfield", field)
    modality = SimpleNamespace(
        conductor=lambda pos_mm, faces, scalp: "inner skull", uses_scalp=False
    )
    monkeypatch.setattr(records, "modality_of", lambda info: modality)
    moved = at_positions(still, info, HeadPositions(places, np.array([0, 1, 1, 1])))
    # Vertices 1 and 3 are the second region's; a quarter is once, three quarters are twice the field.
    assert moved.leadfield == pytest.approx(1.75 * np.array([[1.0, 6], [5, 14], [0, 1]]))
    assert moved.region_label is still.region_label
