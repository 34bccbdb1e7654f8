"""The patient's cortex on the mesh of fsaverage5, with its regions."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from pipeline.template import N_REGIONS, load_template
from pipeline.template.build_regions import sublobar_of_regions
from pipeline.template.cortex import region_means, vertex_areas_mm2, vertex_normals


@dataclass(frozen=True)
class Cortex:
    """Surfaces in scanner RAS (mm) at the vertices of fsaverage5, left hemisphere first.

    Attributes
    ----------
    white_mri_mm, pial_mri_mm : ndarray, (20484, 3)
    region_label : ndarray of str, (994,)
    region_sublobar : ndarray of int, (994,)
    """

    white_mri_mm: np.ndarray
    pial_mri_mm: np.ndarray
    region_label: np.ndarray
    region_sublobar: np.ndarray

    @property
    def midthickness_mri_mm(self) -> np.ndarray:
        return (self.white_mri_mm + self.pial_mri_mm) / 2

    @property
    def midthickness_normals(self) -> np.ndarray:
        """Unit, outward (20484, 3)."""
        return vertex_normals(self.midthickness_mri_mm, load_template().faces)


def region_geometry(midthickness_mri_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Position and area of each region.

    Parameters
    ----------
    midthickness_mri_mm : ndarray, (20484, 3)

    Returns
    -------
    region_pos_mri_mm : ndarray, (994, 3)
        The region's vertex nearest to its area-weighted mean, so that it lies on the cortex.
    region_area_mm2 : ndarray, (994,)
    """
    template = load_template()
    area_mm2 = vertex_areas_mm2(midthickness_mri_mm, template.faces)
    mean_mm = region_means(midthickness_mri_mm, area_mm2, template.vertex_region)
    pos_mm = np.empty_like(mean_mm)
    for region in range(N_REGIONS):
        members = midthickness_mri_mm[template.vertex_region == region]
        pos_mm[region] = members[cKDTree(members).query(mean_mm[region])[1]]
    inside = template.vertex_region >= 0
    region_area_mm2 = np.bincount(template.vertex_region[inside], area_mm2[inside], N_REGIONS)
    return pos_mm, region_area_mm2


def labels_from_aparc(aparc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Name each region after the patient's own label that covers most of it.

    Parameters
    ----------
    aparc : ndarray of str, (20484,)
        Desikan-Killiany label with its side, "" where there is none.

    Returns
    -------
    region_label : ndarray of str, (994,)
        The template's where the patient's annotation covers none of a region.
    region_sublobar : ndarray of int, (994,)
        Index into `SUBLOBAR_NAMES`, by these labels.
    """
    template = load_template()
    area_mm2 = vertex_areas_mm2(template.midthickness_mni305_mm, template.faces)
    known, label = np.unique(aparc, return_inverse=True)
    inside = template.vertex_region >= 0
    covered_mm2 = np.zeros((N_REGIONS, len(known)))
    np.add.at(covered_mm2, (template.vertex_region[inside], label[inside]), area_mm2[inside])
    covered_mm2[:, known == ""] = 0
    named = covered_mm2.max(1) > 0
    region_label = np.where(named, known[np.argmax(covered_mm2, axis=1)], template.region_label)
    pos_mni305_mm = region_means(template.midthickness_mni305_mm, area_mm2, template.vertex_region)
    pos_sphere_mm = region_means(template.sphere_mm, area_mm2, template.vertex_region)
    return region_label, sublobar_of_regions(region_label, pos_mni305_mm, pos_sphere_mm)


def sublobar_of_vertices(region_sublobar: np.ndarray) -> np.ndarray:
    """Index into `SUBLOBAR_NAMES` of each vertex (20484,), -1 on the medial wall."""
    vertex_region = load_template().vertex_region
    sublobar = np.where(vertex_region >= 0, region_sublobar[vertex_region], -1)
    return sublobar
