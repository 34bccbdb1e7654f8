"""Hippocampi of a virtual patient, as vertices beside those of the cortex.

No step of the pipeline has these points: they are drawn anywhere in the average brain's hippocampi,
which lie in this patient as no template knows.
"""

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from bids_app.demo.cortex import Patch, TrueCortex
from bids_app.demo.deformation import Deformation
from pipeline.template import load_template
from pipeline.template.cortex import N_VERTICES_HEMI
from pipeline.template.deep import DEEP_NAMES, deep_atlas_mni152_mm

N_POINTS = 800
# Individual displacement in each direction: of the whole, as no template knows it.
SHIFT_MM = 1.5
# The folded sheet has some 20 cm²; most of its currents look at one another and cancel.
EFFECTIVE_MM2 = 500.0
SCATTER = 0.4
RADIUS_MM = (10.0, 16.0)


def with_hippocampi(
    rng: np.random.Generator, cortex: TrueCortex, deformation: Deformation
) -> TrueCortex:
    """The cortex with vertices of both hippocampi behind its own; no face holds them.

    Each of their normals is about perpendicular to the structure's long axis. Their template vertex
    is the nearest of cortex, which tells side and surroundings.
    """
    template = load_template()
    labelled = np.flatnonzero(template.vertex_region >= 0)
    pos, normals, vertices = [cortex.pos_mri_mm], [cortex.normal_mri], [cortex.template_vertex]
    for side in ("left", "right"):
        voxels = deep_atlas_mni152_mm()[DEEP_NAMES.index(f"{side} hippocampus")]
        drawn = voxels[rng.integers(len(voxels), size=N_POINTS)] + rng.uniform(
            -0.5, 0.5, (N_POINTS, 3)
        )
        own = deformation.to_patient(drawn + rng.normal(0, SHIFT_MM, 3))
        along = np.linalg.svd(own - own.mean(0), full_matrices=False)[2][0]
        across = np.cross(along, rng.normal(size=3))
        across = across / np.linalg.norm(across) + SCATTER * rng.normal(size=own.shape)
        half = labelled[(labelled >= N_VERTICES_HEMI) == (side == "right")]
        pos.append(own)
        normals.append(across / np.linalg.norm(across, axis=1, keepdims=True))
        vertices.append(half[cKDTree(cortex.pos_mri_mm[half]).query(own)[1]])
    area_mm2 = np.full(2 * N_POINTS, EFFECTIVE_MM2 / N_POINTS)
    return replace(
        cortex,
        pos_mri_mm=np.vstack(pos),
        normal_mri=np.vstack(normals),
        area_mm2=np.concatenate([cortex.area_mm2, area_mm2]),
        template_vertex=np.concatenate(vertices),
    )


def hippocampal_patches(
    rng: np.random.Generator, cortex: TrueCortex, side: str, n_candidates: int
) -> list[Patch]:
    """Parts of a side's hippocampus, round and of one drawn radius, about drawn points."""
    first = cortex.n_cortical + (side == "right") * N_POINTS
    own = np.arange(first, first + N_POINTS)
    radius_mm = rng.uniform(*RADIUS_MM)
    patches = []
    for centre in rng.choice(own, n_candidates, replace=False):
        distance_mm = np.linalg.norm(cortex.pos_mri_mm[own] - cortex.pos_mri_mm[centre], axis=1)
        inside = distance_mm <= radius_mm
        patches.append(Patch(own[inside], np.ones(inside.sum()), distance_mm[inside], int(centre)))
    return patches
