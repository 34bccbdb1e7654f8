"""Patches of training and validation, on a grid where it can be said by hand what they must be."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.synthesis import patch_rules
from pipeline.synthesis.patch_rules import (
    PATCH_RULES,
    drawn_sizes,
    eden_patches,
    elliptic_patches,
)
from pipeline.synthesis.patches import RegionGraph, template_graph

SIDE = 15


@pytest.fixture(scope="module")
def grid() -> RegionGraph:
    """Regions 7 mm apart in a square, each with four neighbours."""
    place = np.array([(i, j, 0) for i in range(SIDE) for j in range(SIDE)], float)
    distance = np.linalg.norm(place[:, None] - place, axis=2)
    return RegionGraph(distance == 1, 7 * place, (7 * distance).astype(np.float32))


def of_size(monkeypatch, n: int) -> None:
    monkeypatch.setattr(patch_rules, "N_REGIONS_RANGE", (n, n))


def n_parts(adjacency, patch) -> int:
    inside = np.flatnonzero(patch)
    return connected_components(csr_matrix(adjacency[np.ix_(inside, inside)]))[0]


def rim_length(adjacency, patch) -> int:
    return int(adjacency[patch][:, ~patch].sum())


def test_sizes_are_as_often_between_one_and_ten_as_between_ten_and_a_hundred():
    sizes = drawn_sizes(20_000, np.random.default_rng(0))
    assert sizes.min() == 1 and sizes.max() == 100
    assert np.mean(sizes <= 10) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("rule", [eden_patches, elliptic_patches])
def test_patches_hold_their_centre_and_depend_on_the_seed(rule, grid):
    patches, centres = rule(grid, 2, 3)
    assert patches.shape == (2 * SIDE**2, SIDE**2)
    assert centres.tolist() == 2 * list(range(SIDE**2))
    assert patches[np.arange(len(centres)), centres].all()
    assert (rule(grid, 2, 3)[0] == patches).all() and (rule(grid, 2, 4)[0] != patches).any()


@pytest.mark.parametrize("n", [1, 2, 12])
def test_eden_patches_have_the_drawn_number_of_regions_in_one_part(grid, monkeypatch, n):
    of_size(monkeypatch, n)
    monkeypatch.setattr(patch_rules, "GAPPED_SHARE", 0.0)
    patches, _ = eden_patches(grid, 1, 0)
    assert (patches.sum(1) == n).all()
    assert all(n_parts(grid.adjacency, patch) == 1 for patch in patches)


def test_eden_patches_branch_or_round_with_their_compactness(grid, monkeypatch):
    of_size(monkeypatch, 16)
    monkeypatch.setattr(patch_rules, "GAPPED_SHARE", 0.0)
    lengths = {}
    for compactness in (-6.0, 0.0, 12.0):
        monkeypatch.setattr(patch_rules, "COMPACTNESS", (compactness, compactness))
        patches, _ = eden_patches(grid, 1, 0)
        lengths[compactness] = np.mean([rim_length(grid.adjacency, p) for p in patches])
    assert lengths[-6.0] > 1.15 * lengths[0.0] > 1.3 * lengths[12.0]


def test_gaps_are_in_the_rim_and_never_the_centre(grid, monkeypatch):
    of_size(monkeypatch, 25)
    monkeypatch.setattr(patch_rules, "COMPACTNESS", (12.0, 12.0))
    whole = {}
    for share in (0.0, 1.0):
        monkeypatch.setattr(patch_rules, "GAPPED_SHARE", share)
        whole[share], centres = eden_patches(grid, 1, 0)
    lost = whole[0.0] & ~whole[1.0]
    assert not (whole[1.0] & ~whole[0.0]).any()
    inner = whole[0.0] & ((whole[0.0] @ grid.adjacency.astype(int)) == grid.adjacency.sum(1))
    assert lost.any() and not (lost & inner).any()
    assert whole[1.0][np.arange(len(centres)), centres].all()
    # Up to half of the rim, a quarter on average.
    assert lost.sum() / (whole[0.0] & ~inner).sum() == pytest.approx(0.25, abs=0.05)


def test_ellipses_are_discs_without_elongation_and_longer_with_it(grid, monkeypatch):
    of_size(monkeypatch, 21)
    middle = (SIDE // 2) * SIDE + SIDE // 2
    spans = {}
    for ratio in (1.0, 3.0):
        monkeypatch.setattr(patch_rules, "ELONGATION", (ratio, ratio))
        patches, _ = elliptic_patches(grid, 20, 0)
        own = patches.reshape(20, SIDE**2, -1)[:, middle]
        away_mm = np.where(own, grid.distance_mm[middle], 0).max(1)
        spans[ratio] = away_mm
    # The 21 regions within two and a half steps.
    assert spans[1.0] == pytest.approx(np.full(20, 7 * np.sqrt(5)), rel=1e-5)
    assert spans[3.0].mean() > 1.15 * spans[1.0].mean()


def test_no_rule_is_another_splits():
    assert len(set(PATCH_RULES.values())) == len(PATCH_RULES) == 3
    graph = template_graph()
    banks = {split: rule(graph, 1, 1)[0] for split, rule in PATCH_RULES.items()}
    # Whoever tests draws no patch below a centre with all its neighbours; the others do.
    assert banks["test"].sum(1).min() > 2
    assert all((banks[split].sum(1) == 1).any() for split in ("train", "validation"))
