"""Source patches: neighbouring regions that are active together."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from pipeline.template import SourceCortex, load_template
from pipeline.template.cortex import region_adjacency, region_means, vertex_areas_mm2

MAX_REGIONS = 70
MAX_RINGS = 3
# Distance from the centre at which the activity has fallen to one half (Sun et al. 2022).
HALF_MAGNITUDE_MM = (40.0, 60.0)
DICTIONARY_PER_REGION = 9
DICTIONARY_SEED = 9999


@dataclass(frozen=True, eq=False)
class RegionGraph:
    """What patch growing needs to know about the template's regions.

    Attributes
    ----------
    adjacency : ndarray of bool, (994, 994)
    inflated_mm : ndarray, (994, 3)
        Centres on the inflated surface, where directions along the cortex are straight.
    distance_mm : ndarray float32, (994, 994)
        Between centres on the template's cortex.
    """

    adjacency: np.ndarray
    inflated_mm: np.ndarray
    distance_mm: np.ndarray


def region_graph(cortex: SourceCortex) -> RegionGraph:
    """The graph of a cortex's regions; neighbours share an edge of the mesh."""
    weights = vertex_areas_mm2(cortex.pos_mm, cortex.faces)
    centre_mm = region_means(cortex.pos_mm, weights, cortex.vertex_region)
    return RegionGraph(
        adjacency=region_adjacency(cortex.vertex_region, cortex.faces),
        inflated_mm=region_means(cortex.inflated_mm, weights, cortex.vertex_region),
        distance_mm=np.linalg.norm(centre_mm[:, None] - centre_mm[None], axis=2).astype(np.float32),
    )


@cache
def template_graph() -> RegionGraph:
    return region_graph(load_template().source_cortex)


def grow_patch(graph: RegionGraph, centre: int, n_rings: int, rng) -> np.ndarray:
    """Regions of one patch as bool (n_regions,), grown as in Sun et al. 2022.

    The centre and all its neighbours; then up to `n_rings` - 1 more rings of neighbours, each
    drawn with a probability that follows its alignment with a random direction of growth.
    Holes are filled, what is not connected to the centre is dropped.
    """
    adjacency = graph.adjacency
    patch = adjacency[centre].copy()
    patch[centre] = True
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    for _ in range(n_rings - 1):
        ring = np.flatnonzero(adjacency[patch].any(0) & ~patch)
        offset = graph.inflated_mm[ring] - graph.inflated_mm[centre]
        alignment = np.abs(offset @ direction) / np.linalg.norm(offset, axis=1)
        patch[ring[rng.random(len(ring)) < alignment][: MAX_REGIONS - patch.sum()]] = True
    patch |= (adjacency & ~patch).sum(1) == 0
    members = np.flatnonzero(patch)
    _, component = connected_components(csr_matrix(adjacency[np.ix_(members, members)]))
    patch[members[component != component[members == centre]]] = False
    return patch


def patch_bank(graph: RegionGraph, n_per_region: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches around every region, each with one, two or three rings in turn.

    Returns
    -------
    patches : ndarray of bool, (n_regions * n_per_region, n_regions)
    centres : ndarray of int, (n_regions * n_per_region,)
    """
    rng = np.random.default_rng(seed)
    centres = np.tile(np.arange(len(graph.adjacency)), n_per_region)
    rings = np.repeat(1 + np.arange(n_per_region) % MAX_RINGS, len(graph.adjacency))
    patches = [grow_patch(graph, c, r, rng) for c, r in zip(centres, rings, strict=True)]
    return np.array(patches), centres


@cache
def patch_dictionary(graph: RegionGraph) -> torch.Tensor:
    """Sources that a network compares a map with: magnitudes float32 (n_patches, n_regions).

    Patches of one to three rings around every region, with the published fall-off, of a seed that
    no synthetic recording uses.
    """
    patches, centres = patch_bank(graph, DICTIONARY_PER_REGION, DICTIONARY_SEED)
    half_mm = np.mean(HALF_MAGNITUDE_MM)
    fall_off = np.exp(-np.log(2) * (graph.distance_mm[centres] / half_mm) ** 2)
    return torch.as_tensor(fall_off * patches, dtype=torch.float32)


def template_dictionary() -> torch.Tensor:
    return patch_dictionary(template_graph())
