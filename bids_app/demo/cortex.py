"""The patient's true cortex, denser than the one that the pipeline works on, and the patch on it."""

from dataclasses import dataclass

import numpy as np
from mne.transforms import apply_trans
from scipy.sparse.csgraph import dijkstra

from bids_app.demo.deformation import Deformation
from bids_app.demo.folding import fold, sphere_directions
from bids_app.demo.phantom import MNI305_TO_MNI152, Phantom
from pipeline.template import load_template
from pipeline.template.cortex import (
    N_VERTICES,
    N_VERTICES_HEMI,
    mesh_graph,
    vertex_areas_mm2,
    vertex_normals,
)

# Activity falls to half this far out, relative to the patch's radius.
TAPER_HALF = 0.85


@dataclass(frozen=True)
class TrueCortex:
    """Mid-thickness surface, folded in its own way; the first 20,484 vertices are fsaverage5's.

    Attributes
    ----------
    pos_mri_mm, normal_mri : ndarray, (n_vertices, 3)
        Scanner RAS of the T1w.
    area_mm2 : ndarray, (n_vertices,)
    template_vertex : ndarray of int, (n_vertices,)
        An fsaverage5 vertex at, or at one end of the edge under, each vertex.
    faces : ndarray of int
    """

    pos_mri_mm: np.ndarray
    normal_mri: np.ndarray
    area_mm2: np.ndarray
    template_vertex: np.ndarray
    faces: np.ndarray

    @property
    def n_cortical(self) -> int:
        """Vertices of the mesh; what a scenario puts behind them is no cortex."""
        return int(self.faces.max()) + 1


@dataclass(frozen=True)
class Patch:
    """Vertices of the true cortex that discharge together, with their share of the strength.

    Attributes
    ----------
    vertices : ndarray of int, (n,)
    weight : ndarray, (n,)
        1 at the centre, tapering outward.
    distance_mm : ndarray, (n,)
        Along the cortex from the centre.
    centre : int
    """

    vertices: np.ndarray
    weight: np.ndarray
    distance_mm: np.ndarray
    centre: int


def smooth_midthickness_mm(deformation: Deformation) -> np.ndarray:
    """fsaverage5's mid-thickness in the patient as the T1w would have it: (20484, 3), mm."""
    return deformation.to_patient(_average_mni152_mm())


def true_cortex(rng: np.random.Generator, phantom: Phantom, deformation: Deformation) -> TrueCortex:
    """Split each triangle of fsaverage5 into four, fold them and carry them to the patient."""
    template = load_template()
    edges = np.sort(np.vstack([template.faces[:, [i, (i + 1) % 3]] for i in range(3)]), axis=1)
    edges, edge_of_side = np.unique(edges, axis=0, return_inverse=True)
    ab, bc, ca = N_VERTICES + edge_of_side.reshape(3, -1)
    a, b, c = template.faces.T
    faces = np.vstack(
        [np.column_stack(t) for t in ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))]
    )
    template_vertex = np.concatenate([np.arange(N_VERTICES), edges[:, 0]])
    direction = sphere_directions()
    direction = np.vstack([direction, direction[edges].sum(1)])
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    folded_mm = fold(
        rng, phantom, _average_mni152_mm(), direction, template_vertex >= N_VERTICES_HEMI
    )
    pos_mm = deformation.to_patient(folded_mm)
    return TrueCortex(
        pos_mri_mm=pos_mm,
        normal_mri=vertex_normals(pos_mm, faces),
        area_mm2=vertex_areas_mm2(pos_mm, faces),
        template_vertex=template_vertex,
        faces=faces,
    )


def _average_mni152_mm():
    return apply_trans(MNI305_TO_MNI152, load_template().midthickness_mni305_mm)


def grow_patches(
    rng: np.random.Generator,
    cortex: TrueCortex,
    centres: np.ndarray,
    area_cm2: tuple[float, float],
    n_candidates: int,
) -> list[Patch]:
    """Grow contiguous candidate patches of one drawn area around some of the vertices `centres`."""
    template = load_template()
    target_mm2 = 100 * rng.uniform(*area_cm2)
    graph = mesh_graph(cortex.pos_mri_mm, cortex.faces)
    on_wall = template.vertex_region[cortex.template_vertex] < 0
    patches = []
    for centre in rng.choice(centres, min(n_candidates, len(centres)), replace=False):
        distance = dijkstra(graph, indices=centre, limit=80.0)
        distance[on_wall] = np.inf
        order = np.argsort(distance, kind="stable")
        n_members = np.searchsorted(np.cumsum(cortex.area_mm2[order]), target_mm2) + 1
        members = order[:n_members]
        reach = distance[members] / distance[members[-1]]
        weight = 0.5 ** ((reach / TAPER_HALF) ** 2)
        patches.append(Patch(members, weight, distance[members], int(centre)))
    return patches
