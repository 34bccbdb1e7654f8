"""How far the pipeline's finding lies from a virtual patient's truth."""

from pathlib import Path

import numpy as np

from bids_app.demo.likeness import estimate_likeness
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


def area_overlap(
    extent: np.ndarray, active_share: np.ndarray, region_area_mm2: np.ndarray
) -> dict[str, float]:
    """How much of the patches was found, and of what was found how much is a patch, by area.

    Regions are compared with themselves, not by distance: a patch's vertices lie some millimetres
    from the regions' positions even where every region is right.

    Parameters
    ----------
    extent : ndarray of bool, (n_regions,)
        Regions found active.
    active_share : ndarray, (n_regions,)
        Share of each region's true area that belongs to a patch.
    region_area_mm2 : ndarray, (n_regions,)
        On the true cortex.

    Returns
    -------
    overlap : dict
        ``area_recall`` and ``area_precision``, 0 to 1.
    """
    return {
        "area_recall": float(np.average(extent, weights=active_share * region_area_mm2)),
        "area_precision": float(np.average(active_share, weights=extent * region_area_mm2)),
    }


def compare_with_truth(paths: PatientPaths, truth_dir: Path, method: str) -> dict[str, float]:
    """`distances_mm` and `area_overlap` (of foci in cortex) of one method, from the files."""
    sources = read_npz(paths.sources(method))
    truth = read_json(truth_dir / f"{paths.sub}_truth.json")
    arrays = read_npz(truth_dir / f"{paths.sub}_truth.npz")
    distances = distances_mm(
        sources["peak_map"],
        sources["extent"],
        read_npz(paths.regions)["region_pos_mri_mm"],
        np.array([focus["patch_centre_mri_mm"] for focus in truth["foci"]]),
        arrays["patch_mri_mm"],
    )
    active_share = np.minimum(1, arrays["region_active_share"].sum(0))
    if not active_share.any():
        return distances
    return distances | area_overlap(sources["extent"], active_share, arrays["region_area_mm2"])


def print_verdict(paths: PatientPaths, truth_dir: Path) -> None:
    """Print the report's place, the main finding and its distance to the truth."""
    print(f"{paths.sub} report:  {paths.report_pdf}")
    imaged = paths.sources("personalized").exists()
    if imaged:
        regions = read_npz(paths.regions)
        maximum = np.argmax(read_npz(paths.sources("personalized"))["peak_map"])
        print(f"{paths.sub} finding: spikes peak in the {regions['region_label'][maximum]} region")
    if paths.leadfield.exists():
        fit = estimate_likeness(paths, truth_dir)
        print(
            f"{paths.sub} head:    leadfields of estimate and truth correlate "
            f"{fit['leadfield_correlation']:.2f} per region in the median, "
            f"{fit['leadfield_correlation_5']:.2f} at the 5th percentile; corresponding vertices lie "
            f"{fit['same_vertex_mm']:.1f} mm apart, the surfaces {fit['surface_mm']:.1f} mm (medians)"
        )
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
            f"nearest found region{_overlap(distance)}"
        )


def _overlap(distance: dict[str, float]) -> str:
    """What of the patches' area was found; nothing of foci that are no cortex."""
    if "area_recall" not in distance:
        return ""
    return (
        f"; {100 * distance['area_recall']:.0f} % of the patches' area were found, "
        f"{100 * distance['area_precision']:.0f} % of the found area are patch"
    )


def _described(focus: dict) -> str:
    when = f"{focus['n_spikes']} spikes"
    if focus["follows_focus"]:
        when += f" {1000 * focus['lag_s']:.0f} ms after focus {focus['follows_focus']}"
    where = focus["deep_structure"] or f"{focus['region_label']} region"
    return f"focus {focus['focus']} in the {where}, {when}"
