"""Cut fsaverage5 into 994 contiguous regions of nearly equal area: ``python -m pipeline.template.build_regions``.

Each Desikan-Killiany label gets regions in proportion to its area (largest remainder).
Within a label, seeds compete for vertices by geodesic distance plus an offset that grows
with a region's surplus area (an additively weighted Voronoi diagram, whose cells are
connected by construction); seeds then move to the centres of their cells. The medial
wall belongs to no region.
"""

from pathlib import Path

import numpy as np
from scipy.sparse.csgraph import connected_components, dijkstra

from pipeline.files import write_npz
from pipeline.template.cortex import (
    N_REGIONS,
    N_VERTICES_HEMI,
    SUBLOBAR_NAMES,
    mesh_graph,
    read_desikan_killiany,
    read_fsaverage5,
    region_means,
    vertex_areas_mm2,
)

# Borders in MNI305 y where one Desikan-Killiany label spans two sublobar regions. The first
# lies about 35 mm behind the temporal pole (the reach of an anterior temporal resection),
# the second at the vertical anterior-commissure line (SMA behind it, pre-SMA and prefrontal ahead).
ANTERIOR_TEMPORAL_Y_MM = -15.0
PREMOTOR_Y_MM = 0.0

_SUBLOBAR_OF_LABEL = {
    "temporalpole": "anterior temporal",
    "entorhinal": "anterior temporal",
    "bankssts": "lateral posterior temporal",
    "transversetemporal": "lateral posterior temporal",
    "parahippocampal": "medial posterior temporal",
    "lateralorbitofrontal": "orbitofrontal",
    "medialorbitofrontal": "orbitofrontal",
    "parsorbitalis": "orbitofrontal",
    "parsopercularis": "prefrontal",
    "parstriangularis": "prefrontal",
    "rostralmiddlefrontal": "prefrontal",
    "frontalpole": "prefrontal",
    "rostralanteriorcingulate": "prefrontal",
    "caudalanteriorcingulate": "prefrontal",
    "caudalmiddlefrontal": "premotor",
    "precentral": "central",
    "postcentral": "central",
    "paracentral": "central",
    "superiorparietal": "superior parietal",
    "precuneus": "superior parietal",
    "posteriorcingulate": "superior parietal",
    "isthmuscingulate": "superior parietal",
    "inferiorparietal": "inferior parietal",
    "supramarginal": "inferior parietal",
    "lateraloccipital": "occipital",
    "lingual": "occipital",
    "cuneus": "occipital",
    "pericalcarine": "occipital",
}
_POSTERIOR_OF_SPLIT_LABEL = {
    "superiortemporal": "lateral posterior temporal",
    "middletemporal": "lateral posterior temporal",
    "inferiortemporal": "lateral posterior temporal",
    "fusiform": "medial posterior temporal",
}


def split_equal_area(distance_mm: np.ndarray, area_mm2: np.ndarray, k: int, n_rounds: int = 60):
    """Cut a connected patch into `k` connected parts of nearly equal area.

    Parameters
    ----------
    distance_mm : ndarray, (n, n)
        Geodesic distances within the patch.
    area_mm2 : ndarray, (n,)
        Area of each vertex.

    Returns
    -------
    part : ndarray of int, (n,)
        The best-balanced partition met.
    """
    farthest = [int(np.argmax(distance_mm.sum(0)))]
    while len(farthest) < k:  # farthest-point start: deterministic and spread out
        farthest.append(int(np.argmax(distance_mm[farthest].min(0))))
    seeds = np.array(farthest)
    target = area_mm2.sum() / k
    offset = np.zeros(k)
    best, best_spread = None, np.inf
    for _ in range(n_rounds):
        for _ in range(20):
            part = np.argmin(distance_mm[seeds] + offset[:, None], axis=0)
            part[seeds] = np.arange(k)
            surplus = np.bincount(part, area_mm2, minlength=k) / target - 1
            if np.std(surplus) < best_spread:
                best, best_spread = part.copy(), np.std(surplus)
            # An offset must stay below the distance to the next seed, or a cell would vanish.
            offset = np.clip(
                offset + 0.1 * np.sqrt(target) * surplus,
                -0.45 * np.sqrt(target),
                0.45 * np.sqrt(target),
            )
        for j in range(k):
            cell = np.flatnonzero(part == j)
            seeds[j] = cell[
                np.argmin((distance_mm[np.ix_(cell, cell)] ** 2 * area_mm2[cell]).sum(1))
            ]
    return best


def merge_islands(
    label: np.ndarray, graph, area_mm2: np.ndarray, smallest_mm2: float
) -> np.ndarray:
    """Give each piece of a label smaller than `smallest_mm2` to the label it touches most."""
    label = label.copy()
    for name in np.unique(label):
        inside = np.flatnonzero(label == name)
        _, piece = connected_components(graph[inside][:, inside])
        for p in np.unique(piece):
            island = inside[piece == p]
            if area_mm2[island].sum() < smallest_mm2:
                around = np.setdiff1d(graph[island].nonzero()[1], island)
                names, counts = np.unique(label[around], return_counts=True)
                label[island] = names[np.argmax(counts)]
    return label


def build_regions() -> dict[str, np.ndarray]:
    """Compute vertex_region (20484,), region_label (994,) and region_sublobar (994,)."""
    surfaces, faces = read_fsaverage5()
    mid_mm = (surfaces["white"] + surfaces["pial"]) / 2
    graph, area_mm2 = mesh_graph(mid_mm, faces), vertex_areas_mm2(mid_mm, faces)
    side = np.where(np.arange(len(mid_mm)) < N_VERTICES_HEMI, "left ", "right ")
    label = np.char.add(side, read_desikan_killiany())
    medial_wall = np.char.endswith(label, "unknown")
    region_mm2 = area_mm2[~medial_wall].sum() / N_REGIONS
    label = merge_islands(label, graph, area_mm2, 0.6 * region_mm2)

    pieces = []
    for name in np.unique(label[~np.char.endswith(label, "unknown")]):
        inside = np.flatnonzero(label == name)
        n_pieces, piece = connected_components(graph[inside][:, inside])
        pieces += [(name, inside[piece == p]) for p in range(n_pieces)]
    piece_mm2 = np.array([area_mm2[vertices].sum() for _, vertices in pieces])
    share = piece_mm2 / piece_mm2.sum() * N_REGIONS
    count = np.maximum(1, np.floor(share)).astype(int)
    for i in np.argsort(count - share)[: N_REGIONS - count.sum()]:
        count[i] += 1

    vertex_region = np.full(len(mid_mm), -1)
    names: list[str] = []
    for (name, vertices), k in zip(pieces, count, strict=True):
        distance_mm = dijkstra(graph[vertices][:, vertices])
        part = split_equal_area(distance_mm, area_mm2[vertices], k)
        vertex_region[vertices] = part + len(names)
        names += [name] * k
    region_label = np.array(names)
    pos_mni305_mm = region_means(mid_mm, area_mm2, vertex_region)
    pos_sphere_mm = region_means(surfaces["sphere"], area_mm2, vertex_region)
    return {
        "vertex_region": vertex_region.astype(np.int16),
        "region_label": region_label,
        "region_sublobar": sublobar_of_regions(region_label, pos_mni305_mm, pos_sphere_mm),
    }


def sublobar_of_regions(region_label, pos_mni305_mm, pos_sphere_mm) -> np.ndarray:
    """Index into `SUBLOBAR_NAMES` for each region.

    The 20 sublobar regions (Sun et al. 2022) have no insula: its regions take the
    sublobar region of the nearest other region on the sphere.
    """
    sublobar = np.full(len(region_label), -1, np.int8)
    for i, name in enumerate(region_label):
        side, label = name.split(" ")
        y_mm = pos_mni305_mm[i, 1]
        if label == "superiorfrontal":
            lobe = "prefrontal" if y_mm > PREMOTOR_Y_MM else "premotor"
        elif label in _POSTERIOR_OF_SPLIT_LABEL:
            anterior = y_mm > ANTERIOR_TEMPORAL_Y_MM
            lobe = "anterior temporal" if anterior else _POSTERIOR_OF_SPLIT_LABEL[label]
        elif label == "insula":
            continue
        else:
            lobe = _SUBLOBAR_OF_LABEL[label]
        sublobar[i] = SUBLOBAR_NAMES.index(f"{side} {lobe}")
    right = np.char.startswith(region_label, "right")
    for i in np.flatnonzero(sublobar < 0):
        candidates = np.flatnonzero((sublobar >= 0) & (right == right[i]))
        nearest = np.argmin(np.linalg.norm(pos_sphere_mm[candidates] - pos_sphere_mm[i], axis=1))
        sublobar[i] = sublobar[candidates[nearest]]
    return sublobar


if __name__ == "__main__":
    write_npz(Path(__file__).with_name("regions_fsaverage5.npz"), **build_regions())
