"""Heads and patches for the benchmark of robustness, of rules that no training has.

A virtual patient's dense cortex, with a folding of its own, in three shells generates; one shell of
another mesh and the regions of the coarser cortex are what is known.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse.csgraph import dijkstra

from benchmarks.seated import seated
from bids_app.demo import activity
from bids_app.demo.cortex import true_cortex
from bids_app.demo.forward import field_of, true_bem
from bids_app.demo.phantom import shell
from bids_app.demo.recording import NOISE, ongoing_mixing
from pipeline.files import read_npz, write_npz
from pipeline.synthesis.population import (
    carried_geometry,
    geometry_leadfield,
    misplaced_helmet,
    smooth_displacement,
)
from pipeline.template import N_REGIONS, load_template
from pipeline.template.cortex import N_VERTICES, mesh_graph

SFREQ_HZ = 125.0
ARRAYS = ("neuromag", "ctf275")
BACKGROUND_S = 120.0
DIPOLES_PER_REGION = 8
N_BACKGROUND_DIPOLES = 300
POSTERIOR_MNI_MM = np.array([[0.0, -88.0, 8.0]])
# Errors of the head model where there are any: cortex, rms and length.
CORTEX_ERROR_MM = (2.0, 30.0)


@dataclass(frozen=True)
class Head:
    """A true head as sensors see it, and what is known of it.

    Attributes
    ----------
    dipole_field : ndarray, (n_channels, n_dipoles)
        Of some vertices of the dense cortex, each for its share of its region's area.
    dipole_vertex, dipole_region : ndarray of int, (n_dipoles,)
    graph_pos_mm : ndarray, (n_vertices, 3)
    area_mm2, region_area_mm2 : ndarray
        Of dense vertices, and of regions.
    background : ndarray, (n_channels, n_times)
        Ongoing activity, 1-40 Hz at 125 Hz.
    noise_std : ndarray, (n_channels,)
        Of sensor noise, relative.
    leadfield : ndarray, (2, n_channels, 994)
        Known rightly, and with errors.
    region_pos_mm : ndarray, (2, 994, 3)
    """

    dipole_field: np.ndarray
    dipole_vertex: np.ndarray
    dipole_region: np.ndarray
    graph_pos_mm: np.ndarray
    faces: np.ndarray
    area_mm2: np.ndarray
    region_area_mm2: np.ndarray
    background: np.ndarray
    noise_std: np.ndarray
    leadfield: np.ndarray
    region_pos_mm: np.ndarray

    @property
    def true_leadfield(self) -> np.ndarray:
        """(n_channels, 994): what the very dipoles that generate have in each region, in the mean."""
        field = self.dipole_field.reshape(len(self.dipole_field), N_REGIONS, DIPOLES_PER_REGION)
        return field.sum(2) / self.region_area_mm2


def make_head(seed: int) -> Head:
    """A virtual patient under an array, from one seed; takes a minute or two."""
    rng = np.random.default_rng(seed)
    array = ARRAYS[seed % len(ARRAYS)]
    head, template = seated(rng, array), load_template()
    info, phantom, deformation = head.info, head.phantom, head.deformation
    head_mri_t = head.head_mri_t
    cortex = true_cortex(rng, phantom, deformation)
    region = template.vertex_region[cortex.template_vertex]
    dipoles = np.concatenate(
        [rng.choice(np.flatnonzero(region == r), DIPOLES_PER_REGION) for r in range(N_REGIONS)]
    )
    region_area_mm2 = np.bincount(region[region >= 0], cortex.area_mm2[region >= 0], N_REGIONS)
    around = rng.choice(len(cortex.pos_mri_mm), N_BACKGROUND_DIPOLES, replace=False)
    used, where = np.unique(np.concatenate([dipoles, around]), return_inverse=True)
    lead = field_of(info, head_mri_t, true_bem(phantom, deformation, 1500), cortex, used)[:, where]
    share_mm2 = np.repeat(region_area_mm2, DIPOLES_PER_REGION) / DIPOLES_PER_REGION
    levels = NOISE["neuromag" if array == "neuromag" else "ctf275"]
    kinds = info.get_channel_types()
    std = np.array([levels.white[kind] for kind in kinds]) * np.exp(rng.normal(0, 0.1, len(kinds)))
    posterior_mm = deformation.to_patient(POSTERIOR_MNI_MM)
    background = ongoing_background(
        rng, lead[:, len(dipoles) :], cortex.pos_mri_mm[around], posterior_mm
    )
    device_to_mri = head_mri_t["trans"] @ info["dev_head_t"]["trans"]
    skull_mm, faces = shell(phantom, phantom.inner_skull_mm, 642)
    skull_mm = deformation.to_patient(skull_mm)
    # Out to where no dipole of the misplaced cortex lies outside.
    skull_mm = skull_mm.mean(0) + 1.05 * (skull_mm - skull_mm.mean(0))
    right_mm = cortex.pos_mri_mm[:N_VERTICES]
    wrong_mm = right_mm + smooth_displacement(right_mm, rng, *CORTEX_ERROR_MM)
    helmets = device_to_mri, misplaced_helmet(device_to_mri, skull_mm, rng)
    known = [
        carried_geometry(template.source_cortex, pos_mm, skull_mm, faces)
        for pos_mm in (right_mm, wrong_mm)
    ]
    return Head(
        dipole_field=lead[:, : len(dipoles)] * share_mm2,
        dipole_vertex=dipoles,
        dipole_region=np.repeat(np.arange(N_REGIONS), DIPOLES_PER_REGION),
        graph_pos_mm=cortex.pos_mri_mm,
        faces=cortex.faces,
        area_mm2=np.where(region >= 0, cortex.area_mm2, 0),
        region_area_mm2=region_area_mm2,
        background=background,
        noise_std=std,
        leadfield=np.array(
            [geometry_leadfield(info, h, g) for h, g in zip(helmets, known, strict=True)]
        ),
        region_pos_mm=np.array([known[0].region_pos_mm] * 2),
    )


def cached_head(cache: Path, seed: int) -> Head:
    path = cache / f"robustness_{seed}.npz"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_npz(path, **vars(make_head(seed)))
    return Head(**read_npz(path))


def ongoing_background(rng, lead, pos_mm, posterior_mm) -> np.ndarray:
    """Ongoing activity (n_channels, n_times): as much alpha over the back as activity everywhere."""
    n_times = int(BACKGROUND_S * SFREQ_HZ)
    total = np.zeros((len(lead), n_times))
    for matrix, spectrum in zip(
        ongoing_mixing(pos_mm, lead, posterior_mm),
        (activity.one_over_f, activity.alpha),
        strict=True,
    ):

        def below_40_hz(frequency, spectrum=spectrum):
            return spectrum(frequency) * ((frequency >= 1) & (frequency <= 40))

        course = activity.coloured_noise(rng, matrix.shape[1], n_times, SFREQ_HZ, below_40_hz)
        part = matrix @ course
        total += part / np.sqrt(np.mean(part**2, axis=1)).mean()
    return total


@dataclass(frozen=True)
class Patch:
    """What is truly active: `weight` (n_dipoles,) and regions bool (994,), with their area."""

    weight: np.ndarray
    regions: np.ndarray
    area_mm2: float


@dataclass
class Patches:
    """Draws patches on one head's cortex."""

    head: Head
    rng: np.random.Generator
    graph: object = field(init=False)

    def __post_init__(self):
        self.graph = mesh_graph(self.head.graph_pos_mm, self.head.faces)

    def draw(self, kind, centre: int | None = None) -> Patch:
        """A patch of `kind` (see `Condition`) around a dipole, drawn where `centre` is None."""
        head = self.head
        if centre is None:
            centre = int(self.rng.integers(len(head.dipole_vertex)))
        if kind == "region":
            return self._of_regions([head.dipole_region[centre]])
        distance_mm, before = dijkstra(
            self.graph, indices=head.dipole_vertex[centre], limit=80.0, return_predecessors=True
        )
        if kind == "branching":
            return self._of_regions(self._arms(distance_mm, before, centre))
        target_mm2 = 100 * self.rng.uniform(*kind)
        order = np.argsort(distance_mm, kind="stable")
        last = np.searchsorted(np.cumsum(head.area_mm2[order]), target_mm2)
        inside = distance_mm <= distance_mm[order[last]]
        weight = 0.5 ** ((distance_mm / distance_mm[order[last]]) ** 2) * inside
        weight = weight[head.dipole_vertex]
        share = np.bincount(head.dipole_region, weight > 0) / DIPOLES_PER_REGION
        regions = share >= 0.5
        regions[head.dipole_region[centre]] = True
        weight[centre] = 1.0
        return Patch(weight, regions, float(head.area_mm2[inside].sum()))

    def _arms(self, distance_mm, before, centre: int) -> list[int]:
        """The first 20 regions, from the centre outward, of five shortest paths to drawn places."""
        head = self.head
        ends = np.flatnonzero((distance_mm > 55) & (distance_mm < 79))
        vertex_region = np.full(len(distance_mm), -1)
        vertex_region[head.dipole_vertex] = head.dipole_region
        nearest_mm: dict[int, float] = {int(head.dipole_region[centre]): 0.0}
        used = head.dipole_vertex
        for end in self.rng.choice(ends, 5):
            at = end
            while at >= 0:
                to = used[
                    np.linalg.norm(head.graph_pos_mm[used] - head.graph_pos_mm[at], axis=1).argmin()
                ]
                region = int(vertex_region[to])
                nearest_mm[region] = min(nearest_mm.get(region, np.inf), distance_mm[at])
                at = before[at]
        return sorted(nearest_mm, key=lambda region: nearest_mm[region])[:20]

    def _of_regions(self, chosen) -> Patch:
        regions = np.isin(np.arange(N_REGIONS), chosen)
        weight = regions[self.head.dipole_region].astype(float)
        return Patch(weight, regions, float(self.head.region_area_mm2[regions].sum()))

    def sixty_mm_from(self, patch: Patch) -> int:
        """A dipole 50 to 70 mm from a patch's middle."""
        pos_mm = self.head.graph_pos_mm[self.head.dipole_vertex]
        middle_mm = pos_mm[patch.weight.argmax()]
        away_mm = np.linalg.norm(pos_mm - middle_mm, axis=1)
        return int(self.rng.choice(np.flatnonzero((away_mm > 50) & (away_mm < 70))))
