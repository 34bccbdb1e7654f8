"""The patient's true head model, helmet position and digitised points."""

from dataclasses import dataclass

import mne
import numpy as np
from mne.io.constants import FIFF
from mne.transforms import Transform, apply_trans, rotation
from scipy.optimize import minimize
from scipy.spatial import cKDTree

from bids_app.demo.cortex import TrueCortex
from bids_app.demo.deformation import Deformation
from bids_app.demo.phantom import Phantom, shell
from pipeline.leadfield import vertex_leadfield

# Brain, skull, scalp: not the values that anything in the pipeline assumes.
CONDUCTIVITY_S_PER_M = (0.33, 0.0066, 0.43)
N_HEAD_POINTS = 140
HEAD_POINT_NOISE_MM = 2.0
FIDUCIAL_ERROR_MM = 1.2
# Head-position coils: forehead and mastoids.
HPI_SITES_MNI152_MM = ((-45, 75, 15), (45, 75, 15), (-78, -40, -20), (78, -40, -20))
# Coils stand back from the helmet's inner wall by some 17 mm; hair and cap take a little more.
SCALP_TO_COIL_MM = 18.0


@dataclass(frozen=True)
class Digitisation:
    """What the digitiser recorded, head frame (m), and where the head frame truly lies."""

    montage: mne.channels.DigMontage
    head_mri_t: Transform


def true_bem(
    phantom: Phantom,
    deformation: Deformation,
    n_inner: int,
    conductivity: tuple[float, float, float] = CONDUCTIVITY_S_PER_M,
) -> mne.bem.ConductorModel:
    """Three-shell boundary-element model from the phantom's shells, carried to the patient.

    Parameters
    ----------
    n_inner : int
        Vertices of the inner skull; outer skull and scalp have a third of it.
    conductivity : tuple of float
        Of brain, skull and scalp, S/m.
    """
    layers = (
        (phantom.head_mm, n_inner // 3, FIFF.FIFFV_BEM_SURF_ID_HEAD, conductivity[2]),
        (
            phantom.outer_skull_mm,
            n_inner // 3,
            FIFF.FIFFV_BEM_SURF_ID_SKULL,
            conductivity[1],
        ),
        (phantom.inner_skull_mm, n_inner, FIFF.FIFFV_BEM_SURF_ID_BRAIN, conductivity[0]),
    )
    surfaces = []
    for field_mm, n_vertices, surface_id, sigma in layers:
        vertices_mm, faces = shell(phantom, field_mm, n_vertices)
        surface = {
            "rr": deformation.to_patient(vertices_mm) / 1000,
            "tris": faces,
            "ntri": len(faces),
            "np": n_vertices,
            "id": surface_id,
            "coord_frame": FIFF.FIFFV_COORD_MRI,
            "sigma": sigma,
        }
        surfaces.append(mne.surface.complete_surface_info(surface, copy=False, verbose="error"))
    return mne.make_bem_solution(surfaces, verbose="error")


def digitise(rng: np.random.Generator, phantom: Phantom, deformation: Deformation) -> Digitisation:
    """Touch the fiducials, place HPI coils and sweep the head with a noisy digitiser."""
    true_mm = np.stack([phantom.fiducials_mm[name] for name in ("lpa", "nasion", "rpa")])
    touched_mm = deformation.to_patient(true_mm) + rng.normal(
        0, FIDUCIAL_ERROR_MM / np.sqrt(3), (3, 3)
    )
    mri_to_head = mne.transforms.get_ras_to_neuromag_trans(
        touched_mm[1] / 1000, touched_mm[0] / 1000, touched_mm[2] / 1000
    )
    head_mri_t = Transform("head", "mri", np.linalg.inv(mri_to_head))
    scalp_mm = phantom.head_vertices_mm
    coils_mm = scalp_mm[cKDTree(scalp_mm).query(HPI_SITES_MNI152_MM)[1]]
    points_mm = np.vstack([coils_mm, _scalp_points(rng, phantom, N_HEAD_POINTS)])
    points_mm = deformation.to_patient(points_mm)
    noise = rng.normal(0, HEAD_POINT_NOISE_MM / np.sqrt(3), points_mm.shape)
    points_m = apply_trans(mri_to_head, (points_mm + noise) / 1000)
    lpa, nasion, rpa = apply_trans(mri_to_head, touched_mm / 1000)
    montage = mne.channels.make_dig_montage(
        nasion=nasion, lpa=lpa, rpa=rpa, hpi=points_m[:4], hsp=points_m[4:], coord_frame="head"
    )
    return Digitisation(montage, head_mri_t)


def _scalp_points(rng, phantom, n_points):
    """Points spread over the scalp above the ears and down the nose, in MNI152 mm."""
    vertices, faces = phantom.head_vertices_mm, phantom.head_faces
    corner = vertices[faces]
    area = np.linalg.norm(
        np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1
    )
    barycentric = rng.dirichlet(np.ones(3), 20000)
    drawn = rng.choice(len(faces), 20000, p=area / area.sum())
    dense = np.einsum("nk,nkd->nd", barycentric, corner[drawn])
    x, y, z = dense.T
    on_head = (z > -25) | ((y > 60) & (z > -80) & (abs(x) < 35))
    dense = dense[on_head & ~((z < 0) & (y < -60))]
    # Farthest-point sampling spreads them as an attentive operator would.
    chosen = [0]
    gap = np.linalg.norm(dense - dense[0], axis=1)
    for _ in range(n_points - 1):
        chosen.append(int(np.argmax(gap)))
        gap = np.minimum(gap, np.linalg.norm(dense - dense[chosen[-1]], axis=1))
    return rng.permutation(dense[chosen])


def place_helmet(rng: np.random.Generator, info: mne.Info, scalp_head_m: np.ndarray) -> Transform:
    """Seat the head in the helmet: tilted, off-centre, not quite touching the top.

    Parameters
    ----------
    info : mne.Info
        Coil positions in device coordinates.
    scalp_head_m : ndarray, (n, 3)
        Scalp in head coordinates.

    Returns
    -------
    dev_head_t : Transform
    """
    coils_m = np.unique([ch["loc"][:3] for ch in info["chs"]], axis=0)
    tilt = rotation(*np.deg2rad(rng.normal([-4.0, 0.0, 0.0], [4.0, 3.0, 3.0])))[:3, :3]
    turned = scalp_head_m @ tilt.T

    def clearance(shift_m):
        return cKDTree(turned + shift_m).query(coils_m)[0]

    def cost(shift_mm):
        distance_mm = clearance(shift_mm / 1000) * 1000
        crowding = np.maximum(0, SCALP_TO_COIL_MM - distance_mm)
        return distance_mm.mean() + 2.0 * (crowding**2).sum()

    upper = turned[turned[:, 2] > turned[:, 2].max() - 0.11]
    start = ((coils_m.max(0) + coils_m.min(0)) - (upper.max(0) + upper.min(0))) * 500
    start[2] = (coils_m[:, 2].max() - turned[:, 2].max()) * 1000 - SCALP_TO_COIL_MM - 5
    options = {
        "xatol": 0.1,
        "fatol": 0.01,
        "initial_simplex": start + np.vstack([np.zeros(3), 8 * np.eye(3)]),
    }
    centred_mm = minimize(cost, start, method="Nelder-Mead", options=options).x
    shift_mm = centred_mm + rng.uniform([-4, -4, -8], [4, 2, -2])
    # A helmet opens downward, so that lowering the head always frees it in the end.
    while clearance(shift_mm / 1000).min() < (SCALP_TO_COIL_MM - 2) / 1000:
        shift_mm = shift_mm + [0.1, 0.1, 0.0] * (centred_mm - shift_mm) - [0, 0, 0.5]
    head_dev = np.eye(4)
    head_dev[:3, :3] = tilt
    head_dev[:3, 3] = shift_mm / 1000
    return Transform("meg", "head", np.linalg.inv(head_dev))


def field_of(
    info: mne.Info,
    head_mri_t: Transform,
    bem: mne.bem.ConductorModel,
    cortex: TrueCortex,
    vertices: np.ndarray,
) -> np.ndarray:
    """Field of unit dipoles along the normals of the given vertices: (n_channels, n)."""
    return vertex_leadfield(
        info, head_mri_t, bem, cortex.pos_mri_mm[vertices], cortex.normal_mri[vertices]
    )
