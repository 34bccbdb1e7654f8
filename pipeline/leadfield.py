"""From a head's geometry to the field of its 994 regions."""

from collections.abc import Iterator

import mne
import numpy as np
from scipy.spatial import ConvexHull, cKDTree

from pipeline.compensation import check_references
from pipeline.errors import InvalidInput
from pipeline.head_position import HeadPositions
from pipeline.modality import modality_of, re_referenced
from pipeline.template import load_template


def icosphere(n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions (n_vertices, 3) spread evenly, and the outward-facing triangles between them."""
    sphere = load_template().sphere_mm[:n_vertices]
    direction = sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    faces = ConvexHull(direction).simplices
    a, b, c = direction[faces[:, 0]], direction[faces[:, 1]], direction[faces[:, 2]]
    inward = np.einsum("ij,ij->i", np.cross(b, c), a) < 0
    faces[inward] = faces[inward][:, ::-1]
    return direction, faces


def star_shaped_remesh(pos_mm: np.ndarray, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Resample a closed surface that is star-shaped about its centre to an icosphere's directions.

    Parameters
    ----------
    pos_mm : ndarray, (n, 3)
        Dense vertices of the surface.
    n_vertices : int
        642, 2562 or 10242: the subdivisions of the icosahedron that fsaverage5's sphere nests.

    Returns
    -------
    pos_mm : ndarray, (n_vertices, 3)
    faces : ndarray of int, (2 n_vertices - 4, 3)
        Outward-facing.
    """
    direction, faces = icosphere(n_vertices)
    centre = (pos_mm.max(0) + pos_mm.min(0)) / 2
    radius = np.linalg.norm(pos_mm - centre, axis=1)
    distance, nearest = cKDTree((pos_mm - centre) / radius[:, None]).query(direction, k=4)
    weight = 1 / np.maximum(distance, 1e-6)
    resampled = (weight * radius[nearest]).sum(1) / weight.sum(1)
    return centre + direction * resampled[:, None], faces


def vertex_leadfield(
    info, trans, bem, pos_mri_mm: np.ndarray, normal_mri: np.ndarray
) -> np.ndarray:
    """Field of a unit dipole along the normal of each vertex.

    Parameters
    ----------
    info : mne.Info
        Sensors, and the references of compensated ones; its device-to-head transform places
        the helmet.
    trans : mne.transforms.Transform
        Head to MRI.
    bem : mne.bem.ConductorModel
    pos_mri_mm, normal_mri : ndarray, (n_vertices, 3)

    Returns
    -------
    leadfield : ndarray, (n_channels, n_vertices)
        T/(A·m) for magnetometers and axial gradiometers, T/m/(A·m) for planar ones, V/(A·m) for
        electrodes against their average.
    """
    check_references(info)
    src = mne.setup_volume_source_space(
        pos={"rr": pos_mri_mm / 1000, "nn": normal_mri}, verbose="error"
    )
    fwd = modality_of(info).forward(info, trans, src, bem)
    if fwd["nsource"] != len(pos_mri_mm):
        n_outside = len(pos_mri_mm) - fwd["nsource"]
        raise InvalidInput(
            f"{n_outside} of {len(pos_mri_mm)} cortex vertices lie outside the inner skull",
            hint="check the brain extraction and the surfaces of this head",
        )
    fixed = mne.convert_forward_solution(fwd, force_fixed=True, use_cps=False, verbose="error")
    return re_referenced(fixed["sol"]["data"], info)


def region_leadfield(leadfield: np.ndarray, vertex_region: np.ndarray) -> np.ndarray:
    """Sum the vertices of each region: (n_channels, n_vertices) to (n_channels, n_regions).

    A region's activity is thus the dipole moment of each of its vertices, as in the
    reference implementation of DeepSIF (Sun et al. 2022).
    """
    n_regions = vertex_region.max() + 1
    inside = vertex_region >= 0
    member = np.zeros((len(vertex_region), n_regions))
    member[np.flatnonzero(inside), vertex_region[inside]] = 1
    return leadfield @ member


def sensors_at(info: mne.Info, dev_head_t: np.ndarray) -> mne.Info:
    """The sensors around a head that lies elsewhere in the helmet, by its transform (4, 4)."""
    moved = info.copy()
    with moved._unlock():
        moved["dev_head_t"] = mne.transforms.Transform("meg", "head", dev_head_t)
    return moved


def weighted_sensors(
    info: mne.Info, positions: HeadPositions | None
) -> Iterator[tuple[float, mne.Info]]:
    """The sensors at each position of the head, and the position's part of the spikes.

    The average of spikes has the field that is the weighted mean of what these see. Without
    positions the sensors are where `info` has them.
    """
    if positions is None:
        yield 1.0, info
        return
    for weight, place in zip(positions.weight, positions.dev_head_t, strict=True):
        yield float(weight), sensors_at(info, place)
