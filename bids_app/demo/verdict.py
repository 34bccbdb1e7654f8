"""How far the pipeline's finding lies from a virtual patient's truth."""

from pathlib import Path

import numpy as np

from pipeline.files import read_json, read_npz
from pipeline.localisation import localisation_error_mm
from pipeline.paths import PatientPaths


def distances_mm(
    peak_map: np.ndarray,
    extent: np.ndarray,
    region_pos_mri_mm: np.ndarray,
    centres_mri_mm: np.ndarray,
    patch_pos_mri_mm: np.ndarray,
) -> dict[str, float]:
    """Distances between a source map and the true patches.

    Parameters
    ----------
    peak_map : ndarray, (n_regions,)
    extent : ndarray of bool, (n_regions,)
        Regions found active.
    region_pos_mri_mm : ndarray, (n_regions, 3)
    centres_mri_mm : ndarray, (n_foci, 3)
    patch_pos_mri_mm : ndarray, (n_vertices, 3)
        Vertices of all true patches.

    Returns
    -------
    distances : dict
        ``maximum_to_centre``, of the nearest focus; ``found_to_true``, the paper's localisation
        error (mean over found regions of the distance to the nearest point of a patch);
        ``true_to_found``, its converse, which grows where a focus is missed.
    """
    maximum = region_pos_mri_mm[np.argmax(peak_map)]
    _, true_to_found, found_to_true = localisation_error_mm(
        patch_pos_mri_mm, region_pos_mri_mm[extent]
    )
    return {
        "maximum_to_centre": float(np.linalg.norm(centres_mri_mm - maximum, axis=1).min()),
        "found_to_true": found_to_true,
        "true_to_found": true_to_found,
    }


def compare_with_truth(paths: PatientPaths, truth_dir: Path, method: str) -> dict[str, float]:
    """`distances_mm` of one method for one virtual patient with foci, from the files."""
    sources = read_npz(paths.sources(method))
    truth = read_json(truth_dir / f"{paths.sub}_truth.json")
    patch_pos_mri_mm = read_npz(truth_dir / f"{paths.sub}_truth.npz")["patch_mri_mm"]
    return distances_mm(
        sources["peak_map"],
        sources["extent"],
        read_npz(paths.regions)["region_pos_mri_mm"],
        np.array([focus["patch_centre_mri_mm"] for focus in truth["foci"]]),
        patch_pos_mri_mm,
    )


def print_verdict(paths: PatientPaths, truth_dir: Path) -> None:
    """Print the report's place, the main finding and its distance to the truth."""
    print(f"{paths.sub} report:  {paths.report_pdf}")
    imaged = paths.sources("personalized").exists()
    if imaged:
        regions = read_npz(paths.regions)
        maximum = np.argmax(read_npz(paths.sources("personalized"))["peak_map"])
        print(f"{paths.sub} finding: spikes peak in the {regions['region_label'][maximum]} region")
    foci = read_json(truth_dir / f"{paths.sub}_truth.json")["foci"]
    for focus in foci:
        print(f"{paths.sub} truth:   {_described(focus)}")
    if not foci:
        print(f"{paths.sub} truth:   nothing discharges under the marks")
    elif imaged:
        distance = compare_with_truth(paths, truth_dir, "personalized")
        print(
            f"{paths.sub} error:   the map's maximum lies {distance['maximum_to_centre']:.1f} mm from "
            f"the nearest patch's centre, the found regions {distance['found_to_true']:.1f} mm from "
            f"the nearest patch on average, the patches {distance['true_to_found']:.1f} mm from the "
            "nearest found region"
        )


def _described(focus: dict) -> str:
    when = f"{focus['n_spikes']} spikes"
    if focus["follows_focus"]:
        when += f" {1000 * focus['lag_s']:.0f} ms after focus {focus['follows_focus']}"
    return f"focus {focus['focus']} in the {focus['region_label']} region, {when}"
