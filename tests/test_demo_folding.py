"""The virtual patient's own folding: as far from what the pipeline can know as a real head's."""

import numpy as np
import pytest
from mne.transforms import apply_trans
from scipy.spatial import cKDTree

from bids_app.demo import folding
from bids_app.demo.likeness import correlation_summary
from bids_app.demo.phantom import MNI305_TO_MNI152, load_phantom
from bids_app.demo.verdict import area_overlap, distances_mm
from pipeline.template import load_template
from pipeline.template.cortex import N_VERTICES, N_VERTICES_HEMI, vertex_normals


def folded(average_mm: np.ndarray) -> np.ndarray:
    is_right = np.arange(N_VERTICES) >= N_VERTICES_HEMI
    directions = folding.sphere_directions()
    return folding.fold(np.random.default_rng(3), load_phantom(), average_mm, directions, is_right)


def test_folding_differs_from_the_average_as_a_real_head_s_does():
    template, phantom = load_template(), load_phantom()
    average_mm = apply_trans(MNI305_TO_MNI152, template.midthickness_mni305_mm)
    own_mm = folded(average_mm)
    cortex = template.vertex_region >= 0
    # benchmarks/results/real_head.csv: 3.8 (white) to 4.2 mm (pial), and 1.0 to 1.3 mm.
    same_vertex_mm = np.linalg.norm(own_mm - average_mm, axis=1)[cortex]
    assert 3.5 < np.median(same_vertex_mm) < 5.0
    dense_mm = np.vstack([average_mm, average_mm[template.faces].mean(1)])
    assert 0.9 < np.median(cKDTree(dense_mm).query(own_mm[cortex])[0]) < 1.5
    normals = [vertex_normals(pos_mm, template.faces) for pos_mm in (average_mm, own_mm)]
    turned = np.degrees(np.arccos(np.clip(np.sum(normals[0] * normals[1], axis=1), -1, 1)))
    assert 15 < np.median(turned[cortex]) < 35
    depth_mm = -phantom.sample(phantom.inner_skull_mm, own_mm)
    assert depth_mm.min() >= folding.SKULL_CLEARANCE_MM - 1e-6


def test_without_fields_the_average_stays_where_it_is(monkeypatch):
    monkeypatch.setattr(folding, "SLIDE_MM", 0.0)
    monkeypatch.setattr(folding, "SHIFT_MM", 0.0)
    average_mm = apply_trans(MNI305_TO_MNI152, load_template().midthickness_mni305_mm)
    np.testing.assert_allclose(folded(average_mm), average_mm, atol=1e-3)


def test_sliding_turns_no_triangle_over():
    faces = load_template().faces
    left = faces[faces.max(1) < N_VERTICES_HEMI]
    start = folding.sphere_directions()[:N_VERTICES_HEMI]
    end = folding.slide(np.random.default_rng(0), start)
    a, b, c = (end[left[:, corner]] for corner in range(3))
    assert (np.einsum("ij,ij->i", np.cross(b - a, c - a), a) > 0).all()
    assert 3 < 100 * np.median(np.linalg.norm(end - start, axis=1)) < 9


def test_correlation_is_taken_over_channels_of_each_region():
    rng = np.random.default_rng(0)
    field = rng.standard_normal((50, 40))
    same = correlation_summary(field, 3 * field + 1)
    assert same == pytest.approx({"median": 1.0, "percentile_5": 1.0})
    turned = field * np.where(np.arange(40) < 4, -1, 1)
    mixed = correlation_summary(field, turned)
    assert mixed == pytest.approx({"median": 1.0, "percentile_5": -1.0})


def test_area_overlap_counts_shares_of_regions_by_their_area():
    found = np.array([True, True, False, False])
    overlap = area_overlap(found, np.array([1.0, 0.5, 0.5, 0]), np.array([1.0, 4.0, 2.0, 9.0]))
    assert overlap == pytest.approx({"area_recall": 3 / 4, "area_precision": 3 / 5})


def test_distance_to_several_foci_is_that_to_the_nearest_and_a_missed_one_costs():
    pos_mm = np.array([[0.0, 0, 0], [50.0, 0, 0]])
    one, both = np.array([True, False]), np.array([True, True])
    centres_mm = np.array([[3.0, 0, 0], [50.0, 4, 0]])
    missed = distances_mm(np.array([2.0, 1.0]), one, pos_mm, centres_mm, centres_mm)
    assert missed["maximum_to_centre"] == 3 and missed["found_to_true"] == 3
    assert missed["true_to_found"] == pytest.approx((3 + np.hypot(50, 4)) / 2)
    found = distances_mm(np.array([1.0, 2.0]), both, pos_mm, centres_mm, centres_mm)
    assert found["maximum_to_centre"] == 4 and found["true_to_found"] == 3.5
