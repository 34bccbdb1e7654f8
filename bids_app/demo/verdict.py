"""How far the pipeline's finding lies from a virtual patient's truth."""

from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from pipeline.files import read_json, read_npz
from pipeline.paths import PatientPaths


def distances_mm(
    peak_map: np.ndarray,
    extent: np.ndarray,
    region_pos_mri_mm: np.ndarray,
    patch_centre_mri_mm: np.ndarray,
    patch_pos_mri_mm: np.ndarray,
) -> dict[str, float]:
    """Distances between a source map and the true patch.

    Parameters
    ----------
    peak_map : ndarray, (n_regions,)
    extent : ndarray of bool, (n_regions,)
        Regions found active.
    region_pos_mri_mm : ndarray, (n_regions, 3)
    patch_centre_mri_mm : ndarray, (3,)
    patch_pos_mri_mm : ndarray, (n_vertices, 3)
        Vertices of the true patch.

    Returns
    -------
    distances : dict
        ``maximum_to_centre``; ``found_to_true``, the paper's localisation error (mean over found
        regions of the distance to the nearest point of the patch); ``true_to_found``, its converse.
    """
    maximum = region_pos_mri_mm[np.argmax(peak_map)]
    found = region_pos_mri_mm[extent]
    return {
        "maximum_to_centre": float(np.linalg.norm(maximum - patch_centre_mri_mm)),
        "found_to_true": float(cKDTree(patch_pos_mri_mm).query(found)[0].mean()),
        "true_to_found": float(cKDTree(found).query(patch_pos_mri_mm)[0].mean()),
    }


def compare_with_truth(paths: PatientPaths, truth_dir: Path, method: str) -> dict[str, float]:
    """`distances_mm` of one method for one virtual patient, from the files."""
    sources = read_npz(paths.sources(method))
    truth = read_json(truth_dir / f"{paths.sub}_truth.json")
    patch_pos_mri_mm = read_npz(truth_dir / f"{paths.sub}_truth.npz")["patch_mri_mm"]
    return distances_mm(
        sources["peak_map"],
        sources["extent"],
        read_npz(paths.regions)["region_pos_mri_mm"],
        np.array(truth["patch_centre_mri_mm"]),
        patch_pos_mri_mm,
    )


def print_verdict(paths: PatientPaths, truth_dir: Path) -> None:
    """Print the report's place, the main finding and its distance to the truth."""
    regions = read_npz(paths.regions)
    maximum = np.argmax(read_npz(paths.sources("personalized"))["peak_map"])
    distance = compare_with_truth(paths, truth_dir, "personalized")
    truth = read_json(truth_dir / f"{paths.sub}_truth.json")
    print(f"{paths.sub} report:  {paths.report_pdf}")
    print(f"{paths.sub} finding: spikes peak in the {regions['region_label'][maximum]} region")
    print(
        f"{paths.sub} truth:   patch in the {truth['region_label']} region; the map's maximum lies "
        f"{distance['maximum_to_centre']:.1f} mm from the patch's centre, the found regions "
        f"{distance['found_to_true']:.1f} mm from the patch on average"
    )
