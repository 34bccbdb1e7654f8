"""Writing one method's solution: time courses, maps on the cortex, volume on the T1w's grid."""

from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage

from pipeline.files import atomic_path, write_json, write_npz
from pipeline.image.maps import vertex_values
from pipeline.methods import METHODS
from pipeline.methods._method import PointMethod
from pipeline.paths import PatientPaths
from pipeline.records.document import document
from pipeline.records.head import Head
from pipeline.records.image_qc import BootstrapQC
from pipeline.records.solution import Point, Solution, sidecar, write_distributed, write_point
from pipeline.template.cortex import N_VERTICES_HEMI

_BOOTSTRAP_ARRAYS = {
    "peak_map": "Map of the peak of each resampled average (resamples x regions)",
    "extent": "Whether a region lies above Otsu's threshold of that map (resamples x regions)",
    "max_region": "Region of each resample's maximum",
    "stability": "Share of the resamples whose extent holds the region, 0 to 1",
}


def write_solution(
    paths: PatientPaths,
    method: str,
    solution: Solution,
    head: Head,
    t1w: SpatialImage,
    ribbon: tuple[np.ndarray, np.ndarray],
) -> None:
    """Write a point, or a map with its time courses, on the cortex and in the T1w's grid."""
    if isinstance(solution, Point):
        write_point(paths, method, solution)
        return
    write_distributed(paths, method, solution)
    values = vertex_values(solution.peak_map, head.vertex_region)
    write_cortex_maps(paths, method, values)
    write_volume(paths, method, t1w, values, ribbon, solution.unit)


def write_bootstrap(
    paths: PatientPaths,
    method: str,
    arrays: dict[str, np.ndarray],
    summary: BootstrapQC,
    vertex_region: np.ndarray,
) -> None:
    """Write what the resamples gave, and the stability as a cortex map."""
    write_npz(paths.bootstrap(method), **arrays)
    write_json(
        sidecar(paths.bootstrap(method)),
        {
            "Description": "Networks' maps of averages of spikes drawn with replacement. Their spread "
            "holds the choice of spikes alone: no errors that all spikes share (head model, "
            "co-registration, network), and nothing finer than a region",
            "Method": method,
            "Arrays": _BOOTSTRAP_ARRAYS,
            "Summary": document(summary),
        },
    )
    stability = vertex_values(arrays["stability"], vertex_region)
    _write_map({hemi: paths.stability_map(hemi, method) for hemi in "LR"}, stability)


def write_cortex_maps(paths: PatientPaths, method: str, vertex_value: np.ndarray) -> None:
    """Write one GIFTI per hemisphere with the map of the peak at every vertex."""
    _write_map({hemi: paths.cortex_map(hemi, method) for hemi in "LR"}, vertex_value)


def _write_map(files: dict[str, Path], vertex_value: np.ndarray) -> None:
    for h, (hemi, file) in enumerate(files.items()):
        half = vertex_value[h * N_VERTICES_HEMI : (h + 1) * N_VERTICES_HEMI]
        array = nib.gifti.GiftiDataArray(
            half.astype(np.float32), "NIFTI_INTENT_NONE", datatype="NIFTI_TYPE_FLOAT32"
        )
        structure = "CortexLeft" if hemi == "L" else "CortexRight"
        meta = nib.gifti.GiftiMetaData({"AnatomicalStructurePrimary": structure})
        with atomic_path(file) as tmp:
            nib.save(nib.GiftiImage(darrays=[array], meta=meta), tmp)


def write_volume(
    paths: PatientPaths,
    method: str,
    t1w: SpatialImage,
    vertex_value: np.ndarray,
    ribbon: tuple[np.ndarray, np.ndarray],
    unit: str,
) -> None:
    """Write the map on the T1w's own grid, 0 outside the cortex."""
    voxel, vertex = ribbon
    shape = t1w.shape[:3]
    volume = np.zeros(np.prod(shape), np.float32)
    volume[voxel] = vertex_value[vertex]
    image = nib.Nifti1Image(volume.reshape(shape), t1w.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(t1w.affine, 1)
    image.set_qform(t1w.affine, 1)
    with atomic_path(paths.volume(method)) as tmp:
        nib.save(image, tmp)
    write_json(
        sidecar(paths.volume(method)),
        {
            "Description": "Map of the spike's peak in the cortex, on the grid of the T1w",
            "Method": method,
            "Units": unit,
        },
    )


def method_files(paths: PatientPaths, method: str) -> list[Path]:
    """Every file that a method leaves when it succeeds."""
    if isinstance(METHODS[method], PointMethod):
        return [paths.point(method)]
    data = [paths.sources(method), paths.volume(method)]
    maps = [paths.cortex_map(hemi, method) for hemi in "LR"]
    return [*data, *(sidecar(file) for file in data), *maps]


def bootstrap_files(paths: PatientPaths, method: str) -> list[Path]:
    """What the bootstrap of a network leaves."""
    stored = paths.bootstrap(method)
    return [stored, sidecar(stored), *(paths.stability_map(hemi, method) for hemi in "LR")]
