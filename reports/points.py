"""The places that planning software is given: contacts, maxima, dipoles; with what each is."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.markups import Group, NamedPoint, lps_direction
from pipeline.records.solution import Point
from reports.dipoles import placed
from reports.figures import style
from reports.patient import Patient
from reports.wording import gyrus, number

NOTICE = "Research use only"
_OTHER_CONTACTS, _OTHER_DIPOLES = "#ffffff", style.QUIET


def groups(patients: Sequence[Patient]) -> list[Group]:
    """Contacts once, and of every type of spikes the map's maximum and the dipoles.

    Single dipoles are those whose places the report tells (`reports.dipoles.placed`).
    """
    found = _contacts(patients[0])
    for patient in patients:
        of = f" ({patient.type_title})" if patient.type_title else ""
        found += [
            Group(f"Maximum of the source map{of}", style.PEAK_VERMILION, _maximum(patient)),
            Group(f"Dipole of the average{of}", style.ONSET_BLUE, _average_dipole(patient)),
            *_single_dipoles(patient, of),
        ]
    return [group for group in found if group.points]


def _contacts(patient: Patient) -> list[Group]:
    points = {True: [], False: []}
    for row in patient.contacts.to_dict("records"):
        told = f"{marks(row)}; nearest cortex: {gyrus(row['nearest_label'])}. {NOTICE}."
        place_mm = np.array([row["x"], row["y"], row["z"]], float)
        points[bool(row["soz"])].append(NamedPoint(str(row["name"]), told, place_mm))
    return [
        Group("Contacts, seizure-onset zone", style.SOZ_BLUE, tuple(points[True])),
        Group("Contacts, other", _OTHER_CONTACTS, tuple(points[False])),
    ]


def marks(row: dict | pd.Series) -> str:
    """How a contact is marked, in words."""
    names = {"soz": "SOZ", "resected": "resected", "edge": "edge of the resection"}
    told = [name for key, name in names.items() if str(row.get(key)).lower() in ("yes", "true")]
    return ", ".join(told) or "no mark"


def _maximum(patient: Patient) -> tuple[NamedPoint, ...]:
    if not patient.imaged:
        return ()
    where = gyrus(patient.head.region_label[patient.finding.max_region])
    told = f"{patient.finding_name}; {where}. {NOTICE}."
    return (NamedPoint(f"{patient.modality.label} maximum", told, patient.max_mm),)


def _average_dipole(patient: Patient) -> tuple[NamedPoint, ...]:
    return tuple(
        NamedPoint(
            "Dipole of average",
            _dipole(
                found.gof_percent,
                1e9 * found.moment_am,
                found.direction_mri,
                found.confidence_volume_cm3,
            ),
            found.pos_mri_mm,
        )
        for found in patient.solutions.values()
        if isinstance(found, Point)
    )


def _single_dipoles(patient: Patient, of: str) -> list[Group]:
    dipoles = patient.dipoles
    if dipoles is None:
        return []
    points: dict[bool, list[NamedPoint]] = {True: [], False: []}
    for i in np.flatnonzero(placed(patient)):
        told = _dipole(
            dipoles.gof_percent[i],
            dipoles.moment_nam[i],
            dipoles.direction_mri[i],
            dipoles.confidence_volume_cm3[i],
        )
        why = f"Does not count: {dipoles.reason[i]}. " if dipoles.reason[i] else ""
        point = NamedPoint(f"Spike {i + 1}", why + told, dipoles.pos_mri_mm[i])
        points[bool(dipoles.included[i])].append(point)
    return [
        Group(f"Dipoles of single spikes{of}", style.ONSET_BLUE, tuple(points[True])),
        Group(
            f"Dipoles of single spikes that do not count{of}", _OTHER_DIPOLES, tuple(points[False])
        ),
    ]


def _dipole(
    gof_percent: float,
    moment_nam: float,
    direction_mri: np.ndarray,
    volume_cm3: float | None,
) -> str:
    direction = ", ".join(f"{value:.3f}" for value in lps_direction(np.asarray(direction_mri)))
    return (
        f"goodness of fit {number(gof_percent, '%', 0)}, moment {number(moment_nam, 'nA·m', 0)} along "
        f"({direction}) in LPS, 95 % confidence volume {number(volume_cm3, 'cm³')} (noise alone). "
        f"{NOTICE}."
    )
