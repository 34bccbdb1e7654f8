"""A population of heads under MEG helmets: what the generic model is trained on.

Each member is a random head under a randomly tilted and shifted helmet, twice: the *true*
geometry, which generates fields, and the *estimated* one, which a head-model stage would have
found with its co-registration and cortex errors and which the spatial filter is built from. A
network that has only seen the two alike trusts its input too much.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import mne.channels.montage
import mne.transforms
import numpy as np
from scipy.cluster.vq import kmeans2
from scipy.spatial import cKDTree

from pipeline.files import read_npz, write_npz
from pipeline.head_position import sphere_centre
from pipeline.leadfield import star_shaped_remesh, vertex_leadfield
from pipeline.modality import modality_of, sensor_types
from pipeline.template import N_REGIONS, SourceCortex
from pipeline.template.cortex import (
    region_adjacency,
    region_means,
    vertex_areas_mm2,
    vertex_normals,
)

ARRAYS = ("neuromag", "ctf275", "ctf151")
DIPOLES_PER_REGION = 5
INNER_SKULL_VERTICES = 642

# Room left between the cortex and the skull, so that no random warp drives a dipole through it.
SKULL_EXPANSION = 1.03
# The average of MNI305 is about a tenth longer than the heads that it was made of.
HEAD_SCALE, HEAD_SCALE_SD = 0.92, 0.035
# From the inner skull to the nearest sensor of a helmet that touches the head: thin bone and scalp,
# and the helmet's wall.
SKULL_TO_SENSOR_MM = 18.0
LIFT_MM = 4.0

# Errors of an automatic head model: rigid co-registration, and the warp between the carried
# template cortex and the true one at a long and a short wavelength (about 4 mm altogether).
COREGISTRATION_SHIFT_MM = 2.0
COREGISTRATION_ROTATION_DEG = 1.5
CORTEX_ERROR_MM = ((3.0, 35.0), (1.5, 12.0))


@dataclass(frozen=True)
class Geometry:
    """Head of one geometry; the frame is MNI305 before deformation, in mm.

    Attributes
    ----------
    dipole_pos_mm, dipole_moment : ndarray, (n_dipoles, 3)
        Moment: sum of the unit normals of the vertices that the dipole stands for.
    skull_mm : ndarray, (642, 3)
    skull_faces : ndarray of int
    region_pos_mm : ndarray, (994, 3)
    """

    dipole_pos_mm: np.ndarray
    dipole_moment: np.ndarray
    skull_mm: np.ndarray
    skull_faces: np.ndarray
    region_pos_mm: np.ndarray


@dataclass(frozen=True)
class Member:
    """One head under one array.

    Attributes
    ----------
    true_leadfield, estimated_leadfield : ndarray, (n_channels, 994)
    noise_cov : ndarray, (n_channels, n_channels)
        Of the noise that there is.
    region_pos_mm : ndarray, (994, 3)
    partly_known_noise_cov : ndarray, (n_channels, n_channels), or None
        What is known of it where that is not all.
    """

    true_leadfield: np.ndarray
    estimated_leadfield: np.ndarray
    noise_cov: np.ndarray
    region_pos_mm: np.ndarray
    partly_known_noise_cov: np.ndarray | None = None

    @property
    def known_noise_cov(self) -> np.ndarray:
        """What is known of the noise: (n_channels, n_channels)."""
        known = self.partly_known_noise_cov
        return self.noise_cov if known is None else known


def smooth_displacement(pos_mm, rng, rms_mm: float, scale_mm: float) -> np.ndarray:
    """Function of space: a random Gaussian vector field at `pos_mm` (n, 3), in mm.

    A sum of random plane waves (Rahimi & Recht 2007), so that one draw of `rng` can be
    evaluated on any set of points: call with a generator of the same state.
    """
    n_waves = 64
    wave_vector = rng.normal(size=(3, n_waves)) / scale_mm
    phase = rng.uniform(0, 2 * np.pi, n_waves)
    amplitude = rng.normal(size=(n_waves, 3)) * rms_mm * np.sqrt(2 / n_waves / 3)
    return np.cos(pos_mm @ wave_vector + phase) @ amplitude


def rotation(rng, degrees: float) -> np.ndarray:
    """Rotation matrix (3, 3) about a random axis by a normally distributed angle."""
    x, y, z = np.deg2rad(degrees) * rng.normal(size=3)
    return mne.transforms.rotation(x, y, z)[:3, :3]


def random_deformation(rng):
    """A smooth random map of space: another person's head. Points (n, 3) to points, mm."""
    linear = np.diag(rng.normal(HEAD_SCALE, HEAD_SCALE_SD, 3)) + rng.normal(0, 0.015, (3, 3))
    seeds = rng.integers(2**32, size=2)

    def deform(pos_mm):
        moved = pos_mm @ linear.T
        for seed, (rms_mm, scale_mm) in zip(seeds, ((4.0, 50.0), (2.0, 20.0)), strict=True):
            moved = moved + smooth_displacement(
                pos_mm, np.random.default_rng(seed), rms_mm, scale_mm
            )
        return moved

    return deform


def head_model_error(rng):
    """The smooth map from the true cortex to the one that a head-model stage estimates."""
    seeds = rng.integers(2**32, size=len(CORTEX_ERROR_MM))

    def misplace(pos_mm):
        moved = pos_mm
        for seed, (rms_mm, scale_mm) in zip(seeds, CORTEX_ERROR_MM, strict=True):
            moved = moved + smooth_displacement(
                pos_mm, np.random.default_rng(seed), rms_mm, scale_mm
            )
        return moved

    return misplace


@cache
def template_skull(n_vertices: int = INNER_SKULL_VERTICES) -> tuple[np.ndarray, np.ndarray]:
    """fsaverage's inner skull in MNI305, a little expanded: (n_vertices, 3) in mm, and faces."""
    surface = mne.read_bem_surfaces(
        str(files("mne") / "data" / "fsaverage" / "fsaverage-inner_skull-bem.fif"), verbose="error"
    )[0]
    pos_mm, faces = star_shaped_remesh(surface["rr"] * 1000, n_vertices)
    centre = pos_mm.mean(0)
    return centre + SKULL_EXPANSION * (pos_mm - centre), faces


@cache
def _vertex_dipole(cortex: SourceCortex) -> np.ndarray:
    """Dipole (0 .. 994 * 5 - 1) that stands for each vertex, -1 outside all regions.

    Close vertices of one region are summed into one dipole: a quarter of the time of a dipole
    on each vertex.
    """
    dipole = np.full(len(cortex.vertex_region), -1)
    for region in range(N_REGIONS):
        vertices = np.flatnonzero(cortex.vertex_region == region)
        n_dipoles = min(DIPOLES_PER_REGION, len(vertices))
        _, cluster = kmeans2(cortex.pos_mm[vertices], n_dipoles, minit="++", rng=region)
        dipole[vertices] = region * DIPOLES_PER_REGION + cluster
    return dipole


def geometry(cortex: SourceCortex, deform) -> Geometry:
    """A cortex in MNI305 and the template's inner skull, carried by `deform`.

    Parameters
    ----------
    cortex : SourceCortex
        Of 994 regions.
    deform : callable
        Points (n, 3) in mm to points.
    """
    skull_mm, faces = template_skull()
    return carried_geometry(cortex, deform(cortex.pos_mm), deform(skull_mm), faces)


def carried_geometry(
    cortex: SourceCortex, pos_mm: np.ndarray, skull_mm: np.ndarray, skull_faces: np.ndarray
) -> Geometry:
    """A cortex whose vertices now lie at `pos_mm`, inside of the given inner skull."""
    normals = vertex_normals(pos_mm, cortex.faces)
    dipole = _vertex_dipole(cortex)
    inside = dipole >= 0
    n_dipoles = N_REGIONS * DIPOLES_PER_REGION
    size = np.bincount(dipole[inside], minlength=n_dipoles)
    summed = [
        np.stack([np.bincount(dipole[inside], column, n_dipoles) for column in values[inside].T], 1)
        for values in (pos_mm, normals)
    ]
    return Geometry(
        dipole_pos_mm=summed[0] / np.maximum(size, 1)[:, None],
        dipole_moment=summed[1],
        skull_mm=skull_mm,
        skull_faces=skull_faces,
        region_pos_mm=region_means(
            pos_mm, vertex_areas_mm2(pos_mm, cortex.faces), cortex.vertex_region
        ),
    )


def place_helmet(info: mne.Info, skull_mm: np.ndarray, rng) -> np.ndarray | None:
    """Device-to-head-model transform (4, 4; m): on top of the head, tilted and shifted.

    The helmet's sphere is put over the skull's, a little aside, and moved down until the nearest
    sensor is `SKULL_TO_SENSOR_MM` away; then it is lifted as patients sink in the scanner. None
    where the head is too wide for it.
    """
    sensors_mm = np.array([ch["loc"][:3] for ch in info["chs"]]) * 1000
    turn = rotation(rng, 5.0)
    centre = (skull_mm.max(0) + skull_mm.min(0)) / 2
    placed = (sensors_mm - sphere_centre(sensors_mm)) @ turn.T + centre
    placed[:, :2] += rng.normal(0, 4.0, 2)
    skull = cKDTree(skull_mm)
    height = 150.0
    while skull.query(placed + np.array([0, 0, height - 1]))[0].min() > SKULL_TO_SENSOR_MM:
        height -= 1
    if placed[:, 2].min() + height > centre[2]:
        return None
    height += rng.exponential(LIFT_MM)
    device_to_head = np.eye(4)
    device_to_head[:3, :3] = turn
    device_to_head[:3, 3] = (placed[0] + [0, 0, height] - sensors_mm[0] @ turn.T) / 1000
    return device_to_head


def geometry_leadfield(info: mne.Info, device_to_head: np.ndarray, head: Geometry) -> np.ndarray:
    """Region leadfield (n_channels, 994) of a geometry; the head frame is the geometry's."""
    info = info.copy()
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", device_to_head)
    strength = np.linalg.norm(head.dipole_moment, axis=1)
    used = strength > 1e-6
    bem = modality_of(info).conductor(head.skull_mm, head.skull_faces, None)
    field = vertex_leadfield(
        info,
        mne.transforms.Transform("head", "mri"),
        bem,
        head.dipole_pos_mm[used],
        head.dipole_moment[used] / strength[used, None],
    )
    region = np.repeat(np.arange(N_REGIONS), DIPOLES_PER_REGION)[used]
    member = np.zeros((used.sum(), N_REGIONS))
    member[np.arange(used.sum()), region] = strength[used]
    return field @ member


def random_noise_cov(leadfield: np.ndarray, ch_types, adjacency: np.ndarray, rng) -> np.ndarray:
    """Covariance (n_channels, n_channels) of sensor noise and ongoing brain activity.

    The brain's share in the mean power is drawn from 10 to 90 %; neighbouring regions are
    correlated, and the activity varies by region.
    """
    known = sensor_types()
    std = np.array([known[kind].noise for kind in ch_types])
    scale = {kind: rng.uniform(0.7, 1.4) for kind in sorted(set(ch_types))}
    std = std * [scale[kind] for kind in ch_types] * rng.uniform(0.8, 1.25, len(std))
    smooth = np.eye(len(adjacency)) + 0.5 * adjacency
    activity = rng.lognormal(0, 0.5, len(adjacency))
    brain = leadfield @ (smooth * activity)
    brain_cov = brain @ brain.T
    share = rng.uniform(0.1, 0.9)
    power_ratio = np.mean(np.diag(brain_cov) / std**2)
    return np.diag(std**2) + brain_cov * share / (1 - share) / power_ratio


@dataclass(frozen=True)
class RandomHead:
    """Where a random head and its helmet are, truly and as a head-model stage would estimate.

    Attributes
    ----------
    deform, estimated_deform : callable
        From MNI305 to the head, points (n, 3) in mm.
    device_to_head, estimated_device_to_head : ndarray, (4, 4)
        Metres.
    """

    deform: Callable[[np.ndarray], np.ndarray]
    estimated_deform: Callable[[np.ndarray], np.ndarray]
    device_to_head: np.ndarray
    estimated_device_to_head: np.ndarray


def random_head(info: mne.Info, rng) -> RandomHead:
    """Draw a head that fits the helmet, its place, and the errors with which both are known."""
    device_to_head = None
    while device_to_head is None:
        deform, misplace = random_deformation(rng), head_model_error(rng)
        skull_mm = deform(template_skull()[0])
        device_to_head = place_helmet(info, skull_mm, rng)
    return RandomHead(
        deform=deform,
        estimated_deform=lambda pos_mm: misplace(deform(pos_mm)),
        device_to_head=device_to_head,
        estimated_device_to_head=misplaced_helmet(device_to_head, skull_mm, rng),
    )


def misplaced_helmet(device_to_head: np.ndarray, skull_mm: np.ndarray, rng) -> np.ndarray:
    """Device-to-head transform with an error of co-registration about the skull's centre."""
    centre_m = skull_mm.mean(0) / 1000
    error = np.eye(4)
    error[:3, :3] = rotation(rng, COREGISTRATION_ROTATION_DEG)
    shift_m = rng.normal(0, COREGISTRATION_SHIFT_MM, 3) / 1000
    error[:3, 3] = centre_m - error[:3, :3] @ centre_m + shift_m
    return error @ device_to_head


def random_member(info: mne.Info, cortex: SourceCortex, seed: int) -> Member:
    """One head under one array with its true and its estimated leadfield, from one seed."""
    rng = np.random.default_rng(seed)
    head = random_head(info, rng)
    true, estimated = geometry(cortex, head.deform), geometry(cortex, head.estimated_deform)
    true_leadfield = geometry_leadfield(info, head.device_to_head, true)
    adjacency = region_adjacency(cortex.vertex_region, cortex.faces)
    return Member(
        true_leadfield=true_leadfield,
        estimated_leadfield=geometry_leadfield(info, head.estimated_device_to_head, estimated),
        noise_cov=random_noise_cov(true_leadfield, info.get_channel_types(), adjacency, rng),
        region_pos_mm=true.region_pos_mm,
    )


def cached_member(folder: Path, array: str, cortex: SourceCortex, seed: int) -> Member:
    """`random_member`, read from or kept in `folder`: a member takes ten seconds to compute."""
    path = folder / f"{array}_{seed}.npz"
    if not path.exists():
        info = mne.channels.montage.read_meg_canonical_info(array)
        made = asdict(random_member(info, cortex, seed))
        # What is known of the noise is drawn for each training.
        del made["partly_known_noise_cov"]
        write_npz(path, **made)
    return Member(**read_npz(path))


def population_seeds(split: str, n_heads: int, arrays=ARRAYS) -> list[tuple[str, int]]:
    """(array, seed) of the members of a split; splits never share a seed."""
    first = {"train": 1000, "validation": 2000, "test": 3000}[split]
    return [(arrays[i % len(arrays)], first + i) for i in range(n_heads)]
