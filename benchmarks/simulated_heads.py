"""Heads with the errors of a head model, made in a minute or two, for the benchmark of certainty.

The truth is the virtual patients' (dense cortex with a folding that the estimate does not know,
three shells, ongoing activity with alpha). The estimate is what the pipeline has: the template's
regions on a cortex that is off (path "template") or nearly right (path "freesurfer"), one shell, a
co-registration that is off by some millimetres and degrees, the noise covariance of some of the
recording. Heads for calibration and for testing differ in seed, mesh of the conductor, array, patch
rule and spike waves.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mne.transforms import apply_trans
from scipy.spatial import cKDTree

from benchmarks.seated import seated
from benchmarks.simulated_marks import (
    N_BACKGROUND_DIPOLES,
    POSTERIOR_MNI_MM,
    SFREQ_HZ,
    background_of,
)
from bids_app.demo.cortex import TrueCortex, grow_patches, smooth_midthickness_mm, true_cortex
from bids_app.demo.forward import field_of, true_bem
from bids_app.demo.likeness import correlation_summary
from bids_app.demo.phantom import shell
from pipeline.files import read_npz, write_npz
from pipeline.leadfield import region_leadfield
from pipeline.sampling import NETWORK_SFREQ_HZ
from pipeline.synthesis.population import (
    Geometry,
    carried_geometry,
    geometry_leadfield,
    misplaced_helmet,
    smooth_displacement,
)
from pipeline.template import load_template
from pipeline.template.cortex import N_REGIONS, N_VERTICES, vertex_areas_mm2

BACKGROUND_S = 160.0
PATHS = ("template", "freesurfer")
# Root mean square, and the length over which it varies, of what the cortex is off beside its folding.
PATH_ERROR_MM = {"template": (1.5, 30.0), "freesurfer": (0.7, 15.0)}
COMPARED = np.arange(0, N_REGIONS, 12)
N_PATCHES = 24


@dataclass(frozen=True)
class Rule:
    """What calibration and test heads do not share."""

    arrays: tuple[str, ...]
    area_cm2: tuple[float, float]
    tapered: bool
    n_inner: int


RULES = {
    "calibration": Rule(("neuromag", "ctf275", "ctf151"), (3.0, 15.0), False, 700),
    "test": Rule(("neuromag", "ctf275"), (4.0, 13.0), True, 900),
}


@dataclass(frozen=True)
class ImagedHead:
    """Patches of a true head as sensors see them, and what the pipeline would know of the head.

    Attributes
    ----------
    array : str
    field : ndarray float32, (n_patches, rank)
        Whitened by the estimated noise.
    centre_mri_mm : ndarray, (n_patches, 3)
    area_cm2 : ndarray, (n_patches,)
    depth_mm : ndarray, (n_patches,)
        From the patch's centre to the nearest sensor.
    background : ndarray float16, (rank, n_times)
        Whitened, at the networks' rate.
    colour : ndarray, (n_channels, rank)
        From whitened data to channels.
    leadfield : ndarray float32, (2, n_channels, 994)
        Estimated, by `PATHS`.
    region_pos_mri_mm : ndarray, (2, 994, 3)
    region_area_mm2 : ndarray, (2, 994)
    correlation : ndarray, (2, 2)
        Of the true with each estimated leadfield, per region: median and 5th percentile.
    """

    array: str
    field: np.ndarray
    centre_mri_mm: np.ndarray
    area_cm2: np.ndarray
    depth_mm: np.ndarray
    background: np.ndarray
    colour: np.ndarray
    leadfield: np.ndarray
    region_pos_mri_mm: np.ndarray
    region_area_mm2: np.ndarray
    correlation: np.ndarray


def imaged_head(cache: Path, kind: str, seed: int) -> ImagedHead:
    """A head of kind "calibration" or "test", made once and kept in `cache`."""
    path = cache / f"imaged_{kind}_{seed}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_npz(path, **vars(_make(RULES[kind], seed)))
    stored = read_npz(path)
    return ImagedHead(**(stored | {"array": str(stored["array"])}))


def _make(rule: Rule, seed: int) -> ImagedHead:
    rng = np.random.default_rng(seed)
    array = rule.arrays[seed % len(rule.arrays)]
    head = seated(rng, array)
    info, phantom, deformation = head.info, head.phantom, head.deformation
    head_mri_t = head.head_mri_t
    cortex, template = true_cortex(rng, phantom, deformation), load_template()
    off_wall = np.flatnonzero(template.vertex_region[cortex.template_vertex] >= 0)
    patches = [
        patch
        for _ in range(N_PATCHES // 4)
        for patch in grow_patches(rng, cortex, off_wall, rule.area_cm2, 4)
    ]
    around = rng.choice(len(cortex.pos_mri_mm), N_BACKGROUND_DIPOLES, replace=False)
    compared = np.flatnonzero(np.isin(template.vertex_region, COMPARED))
    vertices = np.concatenate([around, compared, *(patch.vertices for patch in patches)])
    used, where = np.unique(vertices, return_inverse=True)
    bem = true_bem(phantom, deformation, rule.n_inner)
    lead = field_of(info, head_mri_t, bem, cortex, used)[:, where]
    parts = np.split(lead, np.cumsum([len(around), len(compared), *map(_size, patches)])[:-1], 1)
    background, whiten = background_of(
        rng,
        info,
        parts[0],
        cortex.pos_mri_mm[around],
        deformation.to_patient(POSTERIOR_MNI_MM),
        array,
        BACKGROUND_S,
    )
    field = [
        part @ (cortex.area_mm2[patch.vertices] * (patch.weight if rule.tapered else 1))
        for part, patch in zip(parts[2:], patches, strict=True)
    ]
    device_to_mri = head_mri_t["trans"] @ info["dev_head_t"]["trans"]
    known = [
        _estimate(rng, info, cortex, phantom, deformation, device_to_mri, path) for path in PATHS
    ]
    true = region_leadfield(parts[1], template.vertex_region[compared])[:, COMPARED]
    axial = np.array(info.get_channel_types()) == "mag"
    likeness = [
        correlation_summary(true[axial], leadfield[axial][:, COMPARED]) for leadfield, _, _ in known
    ]
    centre_mm = cortex.pos_mri_mm[[patch.centre for patch in patches]]
    sensors_mm = 1000 * apply_trans(device_to_mri, np.array([ch["loc"][:3] for ch in info["chs"]]))
    return ImagedHead(
        array=array,
        field=(whiten @ np.array(field).T).T.astype(np.float32),
        centre_mri_mm=centre_mm,
        area_cm2=np.array([cortex.area_mm2[patch.vertices].sum() / 100 for patch in patches]),
        depth_mm=cKDTree(sensors_mm).query(centre_mm)[0],
        background=background[:, :: round(SFREQ_HZ / NETWORK_SFREQ_HZ)].astype(np.float16),
        colour=np.linalg.pinv(whiten),
        leadfield=np.array([leadfield for leadfield, _, _ in known], np.float32),
        region_pos_mri_mm=np.array([pos_mm for _, pos_mm, _ in known]),
        region_area_mm2=np.array([area_mm2 for _, _, area_mm2 in known]),
        correlation=np.array([[each["median"], each["percentile_5"]] for each in likeness]),
    )


def _size(patch) -> int:
    return len(patch.vertices)


def estimated_geometry(
    rng: np.random.Generator, phantom, deformation, pos_mm: np.ndarray, path: str
) -> tuple[Geometry, np.ndarray]:
    """The head that a head-model stage finds along a path, and its vertices (n, 3), mm.

    Parameters
    ----------
    pos_mm : ndarray, (n, 3)
        The vertices before they are misplaced.
    path : str
        One of `PATHS`.
    """
    rms_mm, scale_mm = PATH_ERROR_MM[path]
    known_mm = pos_mm + smooth_displacement(pos_mm, rng, rms_mm, scale_mm)
    skull_mm, faces = shell(phantom, phantom.inner_skull_mm, 642)
    skull_mm = deformation.to_patient(skull_mm)
    # Out to where no dipole of the misplaced cortex lies too near.
    skull_mm = skull_mm.mean(0) + 1.02 * (skull_mm - skull_mm.mean(0))
    cortex = load_template().source_cortex
    return carried_geometry(cortex, known_mm, skull_mm, faces), known_mm


def _estimate(rng, info, cortex: TrueCortex, phantom, deformation, device_to_mri, path: str):
    """Leadfield, places and areas of the regions as a head-model stage would have found them."""
    template = load_template()
    known_mm = (
        smooth_midthickness_mm(deformation)
        if path == "template"
        else cortex.pos_mri_mm[:N_VERTICES]
    )
    geometry, known_mm = estimated_geometry(rng, phantom, deformation, known_mm, path)
    device_to_known = misplaced_helmet(device_to_mri, geometry.skull_mm, rng)
    leadfield = geometry_leadfield(info, device_to_known, geometry)
    area_mm2 = np.bincount(
        template.vertex_region[template.vertex_region >= 0],
        vertex_areas_mm2(known_mm, template.faces)[template.vertex_region >= 0],
        N_REGIONS,
    )
    return leadfield, geometry.region_pos_mm, area_mm2
