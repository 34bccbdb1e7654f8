"""Heads for training and testing on DeepSIF's source geometry.

Training and validation draw on the population of random heads and canonical arrays and on the
published generic leadfield. Tests meet none of them: the published tilted helmet, random heads of
other seeds, and a real head, all of these under an array that training does not have. A *dense*
head's true field has a dipole on every vertex and a finer skull than what is known of it.
"""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
from mne.transforms import Transform

from benchmarks.deepsif.geometry import DeepSif
from pipeline.files import read_npz, write_npz
from pipeline.headmodel.freesurfer import read_reconstruction
from pipeline.headmodel.skull import shell_around_cortex
from pipeline.leadfield import (
    region_leadfield,
    vertex_leadfield,
)
from pipeline.modality.meg import single_shell_bem
from pipeline.synthesis import population
from pipeline.synthesis.population import Geometry, Member
from pipeline.template import SourceCortex
from pipeline.template.cortex import region_means, vertex_areas_mm2, vertex_normals

N_GENERIC_COPIES = 12
SENSOR_NOISE_T = 2e-14
TEST_SEEDS = (3001, 3002, 3003)
REAL_HEAD_SEED = 3100
DENSE_SKULL_VERTICES = 2562


@dataclass(frozen=True)
class TestHead:
    """A head to test on.

    Attributes
    ----------
    name : str
    leadfield : ndarray, (n_channels, 994)
        The one that generates the recordings.
    estimated_leadfield : ndarray, (n_channels, 994)
        What a head-model stage would know: with errors of co-registration and cortex.
    region_pos_mm : ndarray, (994, 3)
    area_mm2 : ndarray, (994,)
    """

    name: str
    leadfield: np.ndarray
    estimated_leadfield: np.ndarray
    region_pos_mm: np.ndarray
    area_mm2: np.ndarray

    @property
    def noise_cov(self) -> np.ndarray:
        """Equal noise in all channels."""
        return SENSOR_NOISE_T**2 * np.eye(len(self.leadfield))


def generic_members(deepsif: DeepSif, seed: int) -> list[Member]:
    """The published generic head under random noise, known without error."""
    rng = np.random.default_rng(seed)
    leadfield = deepsif.generic_leadfield
    kinds = ["mag"] * len(leadfield)
    pos_mm, _ = region_geometry(deepsif.cortex)
    return [
        Member(
            leadfield,
            leadfield,
            population.random_noise_cov(leadfield, kinds, deepsif.graph.adjacency, rng),
            pos_mm,
        )
        for _ in range(N_GENERIC_COPIES)
    ]


def region_geometry(cortex: SourceCortex) -> tuple[np.ndarray, np.ndarray]:
    """Centre (994, 3) in mm and area (994,) in mm2 of each region."""
    vertex_area_mm2 = vertex_areas_mm2(cortex.pos_mm, cortex.faces)
    inside = cortex.vertex_region >= 0
    area_mm2 = np.bincount(cortex.vertex_region[inside], vertex_area_mm2[inside])
    return region_means(cortex.pos_mm, vertex_area_mm2, cortex.vertex_region), area_mm2


def published_heads(deepsif: DeepSif) -> list[TestHead]:
    """ "no change" and "tilt helmet" of the paper; what is known of the tilt is the untilted helmet."""
    pos_mm, area_mm2 = region_geometry(deepsif.cortex)
    generic, tilted = deepsif.generic_leadfield, deepsif.tilted_leadfield
    return [
        TestHead("no change", generic, generic, pos_mm, area_mm2),
        TestHead("tilt helmet", tilted, generic, pos_mm, area_mm2),
    ]


def different_heads(deepsif: DeepSif, data: Path, cache: Path) -> list[TestHead]:
    """Three random heads and the real one, under the Magnes 3600 WH array of `data`."""
    info = _magnetometers(data / "arrays" / "magnes3600wh-info.fif")
    heads = []
    for seed in TEST_SEEDS:
        path = cache / f"test_head_{seed}.npz"
        if not path.exists():
            write_npz(path, **_random_test_head(deepsif.cortex, info, seed))
        heads.append(TestHead(name=f"random head {seed}", **read_npz(path)))
    path = cache / "test_head_real.npz"
    if not path.exists():
        folder = data / "real_head" / "freesurfer" / "sub-real01"
        write_npz(path, **_real_test_head(deepsif.cortex, info, folder))
    return [*heads, TestHead(name="real head", **read_npz(path))]


def _magnetometers(info_file: Path) -> mne.Info:
    info = mne.io.read_info(info_file, verbose="error")
    info = mne.pick_info(info, mne.pick_types(info, meg="mag", ref_meg=False, exclude=()))
    with info._unlock():
        info["projs"], info["comps"], info["bads"] = [], [], []
    return info


def _dense_leadfield(
    info: mne.Info, device_to_head: np.ndarray, cortex: SourceCortex, skull_mm, skull_faces
) -> np.ndarray:
    info = info.copy()
    with info._unlock():
        info["dev_head_t"] = Transform("meg", "head", device_to_head)
    by_vertex = vertex_leadfield(
        info,
        Transform("head", "mri"),
        single_shell_bem(skull_mm, skull_faces),
        cortex.pos_mm,
        vertex_normals(cortex.pos_mm, cortex.faces),
    )
    return region_leadfield(by_vertex, cortex.vertex_region)


def _moved(cortex: SourceCortex, pos_mm: np.ndarray) -> SourceCortex:
    return SourceCortex(pos_mm, cortex.inflated_mm, cortex.faces, cortex.vertex_region)


def _random_test_head(cortex: SourceCortex, info: mne.Info, seed: int) -> dict[str, np.ndarray]:
    head = population.random_head(info, np.random.default_rng(seed))
    true_cortex = _moved(cortex, head.deform(cortex.pos_mm))
    skull_mm, skull_faces = population.template_skull(DENSE_SKULL_VERTICES)
    estimated = population.geometry(cortex, head.estimated_deform)
    pos_mm, area_mm2 = region_geometry(true_cortex)
    return {
        "leadfield": _dense_leadfield(
            info, head.device_to_head, true_cortex, head.deform(skull_mm), skull_faces
        ),
        "estimated_leadfield": population.geometry_leadfield(
            info, head.estimated_device_to_head, estimated
        ),
        "region_pos_mm": pos_mm,
        "area_mm2": area_mm2,
    }


def _real_test_head(cortex: SourceCortex, info: mne.Info, folder: Path) -> dict[str, np.ndarray]:
    """FreeSurfer's pial surface and inner skull; known with the population's errors."""
    rng = np.random.default_rng(REAL_HEAD_SEED)
    reconstruction = read_reconstruction(folder)
    real = _moved(cortex, reconstruction.pial_mri_mm)
    shells = [
        shell_around_cortex(reconstruction.inner_skull_mri_mm, real.pos_mm, n, 3.0)[:2]
        for n in (DENSE_SKULL_VERTICES, population.INNER_SKULL_VERTICES)
    ]
    device_to_head = population.place_helmet(info, shells[1][0], rng)
    misplace = population.head_model_error(rng)
    estimated: Geometry = population.carried_geometry(cortex, misplace(real.pos_mm), *shells[1])
    pos_mm, area_mm2 = region_geometry(real)
    return {
        "leadfield": _dense_leadfield(info, device_to_head, real, *shells[0]),
        "estimated_leadfield": population.geometry_leadfield(
            info, population.misplaced_helmet(device_to_head, shells[1][0], rng), estimated
        ),
        "region_pos_mm": pos_mm,
        "area_mm2": area_mm2,
    }
