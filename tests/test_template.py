"""The 994 regions of fsaverage5 keep what the rest of the product takes for granted."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from pipeline.template import N_REGIONS, SUBLOBAR_NAMES, load_template
from pipeline.template.build_regions import build_regions, merge_islands, split_equal_area
from pipeline.template.cortex import (
    N_VERTICES_HEMI,
    mesh_graph,
    region_adjacency,
    vertex_areas_mm2,
    vertex_normals,
)


@pytest.fixture(scope="module")
def template():
    return load_template()


@pytest.fixture(scope="module")
def area_mm2(template):
    return vertex_areas_mm2(template.midthickness_mni305_mm, template.faces)


def test_every_region_is_there_and_contiguous(template):
    graph = mesh_graph(template.midthickness_mni305_mm, template.faces)
    counts = np.bincount(template.vertex_region[template.vertex_region >= 0])
    assert len(counts) == N_REGIONS and counts.min() >= 3
    for region in range(N_REGIONS):
        members = np.flatnonzero(template.vertex_region == region)
        assert connected_components(graph[members][:, members])[0] == 1, region


def test_regions_keep_to_one_hemisphere(template):
    right = np.arange(len(template.vertex_region)) >= N_VERTICES_HEMI
    for region in range(N_REGIONS):
        assert len(set(right[template.vertex_region == region])) == 1
    first = np.array([np.flatnonzero(template.vertex_region == r)[0] for r in range(N_REGIONS)])
    assert (right[first] == np.char.startswith(template.region_label, "right")).all()
    assert (right[first] == template.region_is_right).all()


def test_areas_are_nearly_equal(template, area_mm2):
    inside = template.vertex_region >= 0
    region_mm2 = np.bincount(template.vertex_region[inside], area_mm2[inside])
    ratio = region_mm2 / region_mm2.mean()
    assert ratio.std() < 0.2
    assert 0.4 < ratio.min() and ratio.max() < 1.7


def test_medial_wall_has_no_region(template, area_mm2):
    """Only islands too small for a region may change sides."""
    wall = template.dk_label == "unknown"
    outside = template.vertex_region < 0
    assert wall.sum() > 1000
    assert area_mm2[wall != outside].sum() < 0.001 * area_mm2.sum()


def test_regions_are_nested_in_labels(template, area_mm2):
    inside = template.vertex_region >= 0
    side = np.where(np.arange(len(inside)) < N_VERTICES_HEMI, "left ", "right ")
    own = np.char.add(side, template.dk_label)[inside]
    of_region = template.region_label[template.vertex_region[inside]]
    assert area_mm2[inside][own != of_region].sum() < 0.005 * area_mm2[inside].sum()


def test_sublobar_regions_lie_where_their_names_say(template):
    y_mm, z_mm = (
        np.array(
            [
                template.midthickness_mni305_mm[template.vertex_region == r, axis].mean()
                for r in range(N_REGIONS)
            ]
        )
        for axis in (1, 2)
    )
    names = np.array(SUBLOBAR_NAMES)[template.region_sublobar]
    assert set(names) == set(SUBLOBAR_NAMES)
    for side in ("left", "right"):
        median_y = {n: np.median(y_mm[names == f"{side} {n}"]) for n in _lobes()}
        assert median_y["orbitofrontal"] > median_y["premotor"] > median_y["central"]
        assert median_y["central"] > median_y["inferior parietal"] > median_y["occipital"]
        assert median_y["anterior temporal"] > median_y["lateral posterior temporal"]
        height = {n: np.median(z_mm[names == f"{side} {n}"]) for n in _lobes()}
        assert height["superior parietal"] > height["medial posterior temporal"]


def test_sublobar_regions_match_their_labels(template):
    names = np.array(SUBLOBAR_NAMES)[template.region_sublobar]
    sides = np.char.partition(names, " ")[:, 0]
    assert (sides == np.char.partition(template.region_label, " ")[:, 0]).all()
    pole = np.char.endswith(template.region_label, "temporalpole")
    assert np.char.endswith(names[pole], "anterior temporal").all()


def test_shipped_regions_are_those_that_the_code_builds(template):
    built = build_regions()
    for name, values in built.items():
        np.testing.assert_array_equal(values, getattr(template, name), err_msg=name)


def test_neighbours_are_mutual_and_within_a_hemisphere(template):
    adjacent = region_adjacency(template.vertex_region, template.faces)
    assert (adjacent == adjacent.T).all() and not adjacent.diagonal().any()
    assert not adjacent[np.ix_(template.region_is_right, ~template.region_is_right)].any()
    assert adjacent.any(1).all()


def test_normals_point_outwards(template):
    mid = template.midthickness_mni305_mm
    normals = vertex_normals(mid, template.faces)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-9)
    outward = template.pial_mni305_mm - template.white_mni305_mm
    inside = template.vertex_region >= 0
    assert (np.einsum("ij,ij->i", normals, outward)[inside] > 0).mean() > 0.99


def test_split_halves_a_strip():
    pos_mm = np.arange(10.0)
    part = split_equal_area(np.abs(pos_mm[:, None] - pos_mm[None]), np.ones(10), 2)
    assert sorted(np.bincount(part)) == [5, 5]
    assert len(set(part[:5])) == 1 and len(set(part[5:])) == 1


def test_small_islands_join_what_surrounds_them(template):
    graph = mesh_graph(template.midthickness_mni305_mm, template.faces)
    label = np.array(["sea"] * graph.shape[0])
    label[[100]] = "isl"
    merged = merge_islands(label, graph, np.ones(graph.shape[0]), smallest_mm2=2.0)
    assert (merged == "sea").all()


def _lobes():
    return {name.split(" ", 1)[1] for name in SUBLOBAR_NAMES}
