"""A patient's head: its regions and surfaces, and the field of the regions in the sensors."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
from scipy.spatial import cKDTree

from pipeline.errors import InvalidInput
from pipeline.files import read_npz, write_json, write_npz
from pipeline.head_position import HeadPositions
from pipeline.leadfield import region_leadfield, vertex_leadfield, weighted_sensors
from pipeline.modality import modality_of, sensor_types
from pipeline.paths import PatientPaths
from pipeline.records.spike import Spike
from pipeline.template import SUBLOBAR_NAMES
from pipeline.template.cortex import vertex_areas_mm2, vertex_normals

CORTEX = ("white", "midthickness", "pial", "inflated")
SCALP, INNER_SKULL, SCALP_SHELL = "scalp", "inner_skull", "scalp_shell"
LAYERS = ("white", "midthickness", "pial")


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed mesh.

    Attributes
    ----------
    pos_mm : ndarray, (n_vertices, 3)
        Scanner RAS of the T1w; an inflated cortex lies nowhere.
    faces : ndarray of int, (n_faces, 3)
    """

    pos_mm: np.ndarray
    faces: np.ndarray


@dataclass(frozen=True, eq=False)
class Head:
    """One patient's head, lengths in mm, positions in scanner RAS of the T1w.

    Attributes
    ----------
    region_pos_mri_mm : ndarray, (n_regions, 3)
    region_area_mm2 : ndarray, (n_regions,)
    region_label : ndarray of str, (n_regions,)
        Side and gyrus.
    region_sublobar : ndarray of int, (n_regions,)
        Among `SUBLOBAR_NAMES`.
    vertex_region : ndarray of int, (n_vertices,)
        -1 on the medial wall.
    surfaces : mapping of str to Surface
        `CORTEX`, left hemisphere first; `SCALP` and `INNER_SKULL`; of EEG `SCALP_SHELL`.
    """

    region_pos_mri_mm: np.ndarray
    region_area_mm2: np.ndarray
    region_label: np.ndarray
    region_sublobar: np.ndarray
    vertex_region: np.ndarray
    surfaces: Mapping[str, Surface]

    def nearest_region(self, pos_mri_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The region (n,) of the midthickness vertex nearest to each point (n, 3), and how far it is."""
        vertices, tree = self._cortex
        distance_mm, nearest = tree.query(pos_mri_mm)
        return self.vertex_region[vertices[nearest]], distance_mm

    def sublobar(self, region: int) -> str:
        """Name of the sublobar region that holds a region."""
        return SUBLOBAR_NAMES[self.region_sublobar[region]]

    def surface(self, name: str) -> Surface | None:
        """A surface, None where the head model left none."""
        return self.surfaces[name] if name in self.surfaces else None

    @property
    def layers_mri_mm(self) -> np.ndarray:
        """White, midthickness and pial surface (3, n_vertices, 3)."""
        return np.array([self.surfaces[name].pos_mm for name in LAYERS])

    @cached_property
    def vertex_area_mm2(self) -> np.ndarray:
        """Area (n_vertices,) of each vertex of the midthickness surface."""
        middle = self.surfaces["midthickness"]
        return vertex_areas_mm2(middle.pos_mm, middle.faces)

    @cached_property
    def _cortex(self) -> tuple[np.ndarray, cKDTree]:
        vertices = np.flatnonzero(self.vertex_region >= 0)
        return vertices, cKDTree(self.surfaces["midthickness"].pos_mm[vertices])


@dataclass(frozen=True, eq=False)
class MeasuredHead(Head):
    """A head under the channels of a recording.

    Attributes
    ----------
    leadfield : ndarray, (n_channels, n_regions)
        Field in the channels that the head was read for, in their order, without projectors; per A·m.
        Where the head lay in several positions, the mean over the averaged spikes.
    trans : mne.Transform
        Head to MRI.
    """

    leadfield: np.ndarray
    trans: mne.Transform

    @property
    def region_pos_head_m(self) -> np.ndarray:
        """Positions (n_regions, 3) in head coordinates, in metres."""
        mri_to_head = mne.transforms.invert_transform(self.trans)
        return mne.transforms.apply_trans(mri_to_head, self.region_pos_mri_mm / 1000)


class _SurfaceFiles(Mapping[str, Surface]):
    """Surfaces that are read when they are first asked for: each stage needs others."""

    def __init__(self, paths: PatientPaths):
        self._files = {name: [paths.surface(hemi, name) for hemi in "LR"] for name in CORTEX}
        self._files |= {
            SCALP: [paths.scalp],
            INNER_SKULL: [paths.inner_skull],
            SCALP_SHELL: [paths.scalp_shell],
        }
        self._read: dict[str, Surface] = {}

    def __getitem__(self, name: str) -> Surface:
        if name not in self._read:
            parts = [nib.GiftiImage.from_filename(file).agg_data() for file in self._files[name]]
            first = np.cumsum([0, *(len(pos_mm) for pos_mm, _ in parts)])
            self._read[name] = Surface(
                np.vstack([pos_mm for pos_mm, _ in parts]).astype(float),
                np.vstack([f.astype(int) + n for (_, f), n in zip(parts, first, strict=False)]),
            )
        return self._read[name]

    def __contains__(self, name: object) -> bool:
        return all(file.exists() for file in self._files[name]) if name in self._files else False

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._files if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def read_head(paths: PatientPaths) -> Head:
    """Read the head that its model's stage wrote."""
    return Head(**read_npz(paths.regions), surfaces=_SurfaceFiles(paths))


def read_measured_head(paths: PatientPaths, ch_names: list[str]) -> MeasuredHead:
    """Read the head with the transform, and the leadfield of the channels that are named.

    Raises
    ------
    InvalidInput
        The leadfield lacks some of the channels.
    """
    return MeasuredHead(
        **read_npz(paths.regions),
        surfaces=_SurfaceFiles(paths),
        leadfield=_read_leadfield(paths, ch_names),
        trans=mne.read_trans(paths.trans),
    )


def read_head_of(paths: PatientPaths, spike: Spike) -> MeasuredHead:
    """Read the head under the channels of a spike, where it lay at the averaged spikes."""
    head = read_measured_head(paths, spike.ch_names)
    if spike.positions is None:
        return head
    return at_positions(head, spike.sensors, spike.positions)


def moved_files(paths: PatientPaths) -> list[Path]:
    """What `read_head_of` reads beside the leadfield where the head moved; nothing where it did not."""
    if not paths.head_positions.exists():
        return []
    middle = [paths.surface(hemi, "midthickness") for hemi in "LR"]
    return [paths.head_positions, paths.inner_skull, *middle]


def at_positions(head: MeasuredHead, info: mne.Info, positions: HeadPositions) -> MeasuredHead:
    """The head with the mean of the leadfields at the positions that it had at the averaged spikes.

    Parameters
    ----------
    head : MeasuredHead
    info : mne.Info
        The channels of its leadfield, with the references of compensated ones.
    positions : HeadPositions
    """
    middle = head.surfaces["midthickness"]
    conductor = conductor_of(head, info)
    normals = vertex_normals(middle.pos_mm, middle.faces)
    field = np.zeros((1, 1))
    for weight, sensors in weighted_sensors(info, positions):
        own = vertex_leadfield(sensors, head.trans, conductor, middle.pos_mm, normals)
        field = field + weight * own
    return replace(head, leadfield=region_leadfield(field, head.vertex_region))


def conductor_of(head: Head, info: mne.Info) -> mne.bem.ConductorModel:
    """What conducts in a head, wherever it lies under the sensors; it takes seconds, and is kept."""
    modality = modality_of(info)
    scalp = head.surface(SCALP_SHELL) if modality.uses_scalp else None
    return _conductor(modality.conductor, head.surfaces[INNER_SKULL], scalp)


@lru_cache(maxsize=1)
def _conductor(
    made_of: Callable[..., mne.bem.ConductorModel], skull: Surface, scalp: Surface | None
) -> mne.bem.ConductorModel:
    return made_of(skull.pos_mm, skull.faces, None if scalp is None else scalp.pos_mm)


def write_regions(
    paths: PatientPaths,
    *,
    region_pos_mri_mm: np.ndarray,
    region_area_mm2: np.ndarray,
    vertex_region: np.ndarray,
    region_sublobar: np.ndarray,
    region_label: np.ndarray,
) -> None:
    """Write the regions' geometry and anatomy; see `Head`."""
    write_npz(
        paths.regions,
        region_pos_mri_mm=region_pos_mri_mm,
        region_area_mm2=region_area_mm2,
        vertex_region=vertex_region,
        region_sublobar=region_sublobar,
        region_label=region_label,
    )


def write_leadfield(paths: PatientPaths, leadfield: np.ndarray, info: mne.Info) -> None:
    """Write the leadfield (n_channels, 994) with its channels, and the sidecar with its units."""
    types = info.get_channel_types()
    write_npz(
        paths.leadfield,
        leadfield=leadfield,
        ch_names=np.array(info["ch_names"]),
        ch_types=np.array(types),
    )
    sidecar = {
        "Description": "Field of one unit of dipole moment on each vertex of a region, along the cortex's "
        "outward normals, summed over the region's vertices",
        "Rows": "Sensors of the first recording, bad ones too (ch_names, ch_types)",
        "Columns": "994 regions, in the order of the regions' label files",
        "Units": {kind: sensor_types()[kind].leadfield_unit for kind in sorted(set(types))},
    }
    write_json(paths.leadfield.with_suffix(".json"), sidecar)


def _read_leadfield(paths: PatientPaths, ch_names: list[str]) -> np.ndarray:
    stored = read_npz(paths.leadfield)
    row = {str(name): index for index, name in enumerate(stored["ch_names"])}
    missing = [name for name in ch_names if name not in row]
    if missing:
        raise InvalidInput(
            f"{len(missing)} channels of the averaged spike, such as {missing[0]}, "
            "are not in the leadfield",
            file=paths.leadfield,
            hint="all recordings of a participant must come from the same sensor array",
        )
    return stored["leadfield"][[row[name] for name in ch_names]]
