"""Source patches: neighbouring regions that are active together.

``python -m pipeline.synthesis.patches`` makes the file of the template's dictionary anew.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from scipy.sparse import csr_matrix

from pipeline.files import read_npz, write_npz
from pipeline.template import SourceCortex, load_template
from pipeline.template.cortex import region_adjacency, region_means, vertex_areas_mm2

MAX_REGIONS = 70
MAX_RINGS = 3
# Distance from the centre at which the activity has fallen to one half (Sun et al. 2022).
HALF_MAGNITUDE_MM = (40.0, 60.0)
DICTIONARY_PER_REGION = 81
DICTIONARY_SEED = 9999
# Shares of a centre's neighbours that its small patches take in.
SMALL_SHARES = (0.25, 0.5, 0.75)
DICTIONARY_FILE = Path(str(files("pipeline.synthesis") / "patch_dictionary.npz"))


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


def grow_patches(graph: RegionGraph, n_rings: int, rng) -> np.ndarray:
    """One patch around every region, grown as in Sun et al. 2022.

    The centre and all its neighbours; then up to `n_rings` - 1 more rings of neighbours, each
    drawn with a probability that follows its alignment with a random direction of growth.
    Holes are filled, what is not connected to the centre is dropped.

    Returns
    -------
    patches : ndarray of bool, (n_regions, n_regions)
        Row: the centre.
    """
    edges = csr_matrix(graph.adjacency, dtype=np.float32)
    centre = np.eye(len(graph.adjacency), dtype=bool)

    def n_neighbours(regions: np.ndarray) -> np.ndarray:
        """How many neighbours of each region are among each row's `regions`."""
        return (edges @ regions.T.astype(np.float32)).T

    offset = graph.inflated_mm[None] - graph.inflated_mm[:, None]
    distance = np.linalg.norm(offset, axis=2) + centre
    direction = rng.normal(size=(len(centre), 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    alignment = np.abs(np.einsum("cri,ci->cr", offset, direction)) / distance
    patch = graph.adjacency | centre
    for _ in range(n_rings - 1):
        ring = (n_neighbours(patch) > 0) & ~patch
        drawn = ring & (rng.random(ring.shape) < alignment)
        room = MAX_REGIONS - patch.sum(1, keepdims=True)
        patch |= drawn & (drawn.cumsum(1) <= room)
    patch |= n_neighbours(patch) == graph.adjacency.sum(1)
    reached, grown = None, patch & (graph.adjacency | centre)
    while reached is None or (grown != reached).any():
        reached = grown
        grown = reached | (n_neighbours(reached) > 0) & patch
    return reached


def patch_bank(graph: RegionGraph, n_per_region: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches around every region, each with one, two or three rings in turn.

    Returns
    -------
    patches : ndarray of bool, (n_per_region * n_regions, n_regions)
    centres : ndarray of int, (n_per_region * n_regions,)
    """
    rng = np.random.default_rng(seed)
    rings = [1 + i % MAX_RINGS for i in range(n_per_region)]
    patches = np.concatenate([grow_patches(graph, n_rings, rng) for n_rings in rings])
    return patches, np.tile(np.arange(len(graph.adjacency)), n_per_region)


@dataclass(frozen=True, eq=False)
class PatchDictionary:
    """Sources that a network compares a map with.

    Attributes
    ----------
    patches : Tensor float16, (n_patches, n_regions)
        Magnitudes. Any part from the beginning holds as many around each region.
    neighbours : Tensor float32, (n_regions, n_regions)
        1 where two regions share an edge, else 0.
    """

    patches: torch.Tensor
    neighbours: torch.Tensor


@cache
def patch_dictionary(graph: RegionGraph) -> PatchDictionary:
    """Patches of one to three rings around every region and smaller ones, with the published fall-off.

    Of a seed that no synthetic recording uses. One ring is the same every time: but for the first,
    parts of it stand in its place, and the single region.
    """
    patches, _ = patch_bank(graph, DICTIONARY_PER_REGION, DICTIONARY_SEED)
    patches = patches.reshape(-1, *graph.adjacency.shape)
    rng = np.random.default_rng(DICTIONARY_SEED)
    centre = np.eye(len(graph.adjacency), dtype=bool)
    for number, at in enumerate(range(MAX_RINGS, DICTIONARY_PER_REGION, MAX_RINGS)):
        share = SMALL_SHARES[number % len(SMALL_SHARES)] if number else 0.0
        patches[at] = centre | (graph.adjacency & (rng.random(centre.shape) < share))
    return _with_fall_off(patches, graph)


@cache
def template_dictionary() -> PatchDictionary:
    """`patch_dictionary` of the template, whose patches are read: growing them takes seconds."""
    graph = template_graph()
    packed = read_npz(DICTIONARY_FILE)["patches"]
    patches = np.unpackbits(packed, axis=2, count=DICTIONARY_PER_REGION).view(bool)
    return _with_fall_off(np.ascontiguousarray(patches.transpose(2, 0, 1)), graph)


def write_template_dictionary(path: Path) -> None:
    """Write which patches around each centre hold each region, a bit each: these repeat most."""
    patches = patch_dictionary(template_graph()).patches.numpy() > 0
    patches = patches.reshape(DICTIONARY_PER_REGION, *template_graph().adjacency.shape)
    write_npz(path, patches=np.packbits(patches.transpose(1, 2, 0), axis=2))


def _with_fall_off(patches: np.ndarray, graph: RegionGraph) -> PatchDictionary:
    """The dictionary of bool patches (n_per_region, n_centres, n_regions)."""
    half_mm = np.mean(HALF_MAGNITUDE_MM)
    fall_off = torch.as_tensor(np.exp(-np.log(2) * (graph.distance_mm / half_mm) ** 2)).half()
    magnitudes = torch.as_tensor(patches) * fall_off
    return PatchDictionary(
        patches=magnitudes.flatten(0, 1), neighbours=torch.as_tensor(graph.adjacency).float()
    )


if __name__ == "__main__":
    write_template_dictionary(DICTIONARY_FILE)
