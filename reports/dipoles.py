"""The single spikes' dipoles and the average's, in sentences and rows."""

import numpy as np

from pipeline.records.dipoles import DipoleCluster, DipolesQC
from pipeline.records.solution import Point
from reports.patient import Patient
from reports.wording import NOT_ASSESSABLE, coordinates, gyrus, listing, number, sentence

N_SHOWN = 12


def average_sentence(patient: Patient) -> str:
    """The dipole of the average, as it stands on page one beside the map."""
    points = [found for found in patient.solutions.values() if isinstance(found, Point)]
    if not points:
        return f"Single dipole of the average: {NOT_ASSESSABLE}."
    (dipole,) = points
    apart_mm = float(np.linalg.norm(dipole.pos_mri_mm - patient.max_mm))
    return (
        f"Single dipole of the average: {coordinates(dipole.pos_mri_mm)}, nearest to the "
        f"{gyrus(dipole.nearest_label)}, {number(apart_mm, 'mm', 0)} from the map’s maximum; "
        f"goodness of fit {number(dipole.gof_percent, '%', 0)}, 95\u00a0% confidence volume "
        f"{number(dipole.confidence_volume_cm3, 'cm³')} (noise alone). {_of_single(patient)}"
    ).strip()


def without_map_sentence(patient: Patient) -> str:
    """What the single spikes' dipoles of a type without a map come to; empty where none were fitted."""
    found = patient.dipoles_qc
    if found is None:
        return ""
    return (
        f"{patient.type_title or 'These spikes'}, not imaged: {found.n_included} of {found.n_fitted} "
        "single spikes’ dipoles meet the criteria (section “Findings: dipoles of single spikes”)."
    )


def _of_single(patient: Patient) -> str:
    found = patient.dipoles_qc
    if found is None:
        return ""
    told = f"{found.n_included} of {found.n_fitted} single spikes’ dipoles meet the criteria"
    if found.cluster is None:
        return f"{told}: too few for a cluster."
    apart_mm = float(np.linalg.norm(np.array(found.cluster.centre_mri_mm) - patient.max_mm))
    return f"{told}; their centre lies {number(apart_mm, 'mm', 0)} from the map’s maximum."


def criteria_sentence(found: DipolesQC) -> str:
    """Which single dipoles count."""
    low, high = found.moment_nam
    return (
        f"A dipole counts where its goodness of fit is at least "
        f"{number(found.least_gof_percent, '%')}, its 95\u00a0% confidence volume at most "
        f"{number(found.most_volume_cm3, 'cm³')} and its moment between {number(low)} and "
        f"{number(high, 'nA·m')}: {found.n_included} of {found.n_fitted} do."
    )


def cluster_rows(found: DipolesQC) -> list[tuple[str, str, str]]:
    """What the cluster of those that count is like, and that of all beside it."""
    chosen, everyone = found.cluster, found.cluster_of_all
    rows = [("Dipoles", str(found.n_included), str(found.n_fitted))]
    for name, told in (
        ("Centre (mean)", lambda c: coordinates(c.centre_mri_mm)),
        ("Half axes of the 95 % ellipsoid", _axes),
        ("Volume of the ellipsoid", lambda c: number(c.volume_cm3, "cm³")),
        ("Spread of orientation", lambda c: number(c.direction_spread_deg, "°", 0)),
    ):
        rows.append((name, *(NOT_ASSESSABLE if c is None else told(c) for c in (chosen, everyone))))
    return rows


def _axes(cluster: DipoleCluster) -> str:
    return " × ".join(number(axis, digits=0) for axis in cluster.semi_axes_mm) + "\u00a0mm"


def reason_sentence(found: DipolesQC) -> str:
    return "" if found.reason is None else sentence(f"no cluster: {found.reason}")


def placed(patient: Patient) -> np.ndarray:
    """Of each single dipole, whether its place is told: bool (n_spikes,).

    Of a type without a map only those that count: noise has a best-fitting dipole too.
    """
    dipoles = patient.dipoles
    assert dipoles is not None  # asked only where there are some
    return dipoles.included | patient.imaged


def single_rows(patient: Patient) -> list[dict]:
    """The best-fitting single dipoles whose place is told, `N_SHOWN` at most, best first."""
    dipoles = patient.dipoles
    assert dipoles is not None
    order = np.argsort(-dipoles.gof_percent, kind="stable")
    order = order[placed(patient)[order]][:N_SHOWN]
    regions, _ = patient.head.nearest_region(dipoles.pos_mri_mm[order])
    return [
        {
            "spike": str(spike + 1),
            "pos": coordinates(dipoles.pos_mri_mm[spike]),
            "label": gyrus(patient.head.region_label[region]),
            "latency": number(1000 * dipoles.latency_s[spike], digits=0),
            "moment": number(dipoles.moment_nam[spike], digits=0),
            "gof": number(dipoles.gof_percent[spike], digits=0),
            "volume": number(dipoles.confidence_volume_cm3[spike], digits=2),
            "counts": "yes" if not dipoles.reason[spike] else f"no: {dipoles.reason[spike]}",
        }
        for spike, region in zip(order, regions, strict=True)
    ]


def summary_of_picture(patient: Patient) -> str:
    """What the picture of the dipoles shows, for those who cannot see it."""
    dipoles = patient.dipoles
    assert dipoles is not None
    regions, _ = patient.head.nearest_region(dipoles.pos_mri_mm)
    names, counts = np.unique(patient.head.region_label[regions], return_counts=True)
    leading = np.argsort(-counts, kind="stable")[:3]
    return listing([f"{counts[i]} nearest to the {gyrus(names[i])}" for i in leading])
