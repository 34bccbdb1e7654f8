"""How patches grow: one rule for training, one for validation, one for tests.

A network that is tested on patches of the rule that it learned from shows only that it learned the
rule. The dictionary's patches grow as the tests' do (Sun et al. 2022).
"""

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.synthesis.patches import RegionGraph, patch_bank

# Numbers of regions between which a patch's is drawn, uniformly in their logarithm.
N_REGIONS_RANGE = (1, 100)
# Exponent of the number of neighbours inside, by which a region beside a patch is drawn into it: below
# zero patches branch, above it they round.
COMPACTNESS = (-2.0, 5.0)
# Part of the patches whose rim has gaps, and how many of the rim's regions these leave out at most.
GAPPED_SHARE = 0.3
MOST_GAPS = 0.5
# Ratios between which an ellipse's axes lie.
ELONGATION = (1.0, 3.0)


def drawn_sizes(n: int, rng) -> np.ndarray:
    """Numbers of regions (n,) of as many patches."""
    low, high = np.log(N_REGIONS_RANGE)
    return np.rint(np.exp(rng.uniform(low, high, n))).astype(int)


def eden_patches(graph: RegionGraph, n_per_region: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches that grow region by region, each drawn from those beside (Eden 1961), with gaps in some rims.

    Returns
    -------
    patches : ndarray of bool, (n_per_region * n_regions, n_regions)
    centres : ndarray of int, (n_per_region * n_regions,)
        Where they began.
    """
    rng = np.random.default_rng(seed)
    grown = [_grown(graph.adjacency, rng) for _ in range(n_per_region)]
    return np.concatenate(grown), np.tile(np.arange(len(graph.adjacency)), n_per_region)


def _grown(adjacency: np.ndarray, rng) -> np.ndarray:
    """One patch (n_regions, n_regions) around every region."""
    edges = csr_matrix(adjacency, dtype=np.float32)
    n = len(adjacency)
    size = drawn_sizes(n, rng)
    compactness = rng.uniform(*COMPACTNESS, n)
    patch = np.eye(n, dtype=bool)
    n_inside = adjacency.astype(np.float32)
    for so_far in range(1, size.max()):
        growing = np.flatnonzero(size > so_far)
        beside = (n_inside[growing] > 0) & ~patch[growing]
        growing, beside = growing[beside.any(1)], beside[beside.any(1)]
        # The largest of Gumbel numbers about the log weights is a draw by the weights.
        weight = compactness[growing, None] * np.log(np.maximum(n_inside[growing], 1))
        weight = np.where(beside, weight + rng.gumbel(size=beside.shape), -np.inf)
        chosen = weight.argmax(1)
        patch[growing, chosen] = True
        n_inside[growing] += adjacency[chosen]
    gaps = rng.uniform(0, MOST_GAPS, n) * (rng.random(n) < GAPPED_SHARE)
    rim = patch & ((edges @ patch.T).T < adjacency.sum(1))
    patch &= ~(rim & (rng.random(rim.shape) < gaps[:, None]))
    patch[np.diag_indices(n)] = True
    return patch


def elliptic_patches(
    graph: RegionGraph, n_per_region: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The regions within an ellipsoid about each region on the inflated cortex, as far as they touch it.

    Returns
    -------
    patches : ndarray of bool, (n_per_region * n_regions, n_regions)
    centres : ndarray of int, (n_per_region * n_regions,)
    """
    rng = np.random.default_rng(seed)
    n = len(graph.adjacency)
    patches = np.zeros((n_per_region * n, n), bool)
    centres = np.tile(np.arange(n), n_per_region)
    for row, centre in enumerate(centres):
        axis = rng.normal(size=3)
        offset_mm = graph.inflated_mm - graph.inflated_mm[centre]
        along_mm = offset_mm @ axis / np.linalg.norm(axis)
        square = (offset_mm**2).sum(1) + (rng.uniform(*ELONGATION) ** -2 - 1) * along_mm**2
        inside = np.argsort(square, kind="stable")[: drawn_sizes(1, rng)[0]]
        _, part = connected_components(csr_matrix(graph.adjacency[np.ix_(inside, inside)]))
        patches[row, inside[part == part[np.flatnonzero(inside == centre)[0]]]] = True
    return patches, centres


PATCH_RULES = {"train": eden_patches, "validation": elliptic_patches, "test": patch_bank}
