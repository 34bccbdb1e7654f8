"""What page one says of surgery: before it what lies near the source, after it what was removed of it."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from reports.comparison import Metrics
from reports.patient import Patient
from reports.relation import resection_relation
from reports.wording import NOT_ASSESSABLE, count, gyrus, listing, number, sentence

ELOQUENT = ("precentral", "postcentral", "parsopercularis")
REACH_MM = 20.0
_CONTACTS_TOLD = 6
_REGIONS_TOLD = 4


@dataclass(frozen=True)
class Removed:
    """How much of the source's extent the resection took, in cm² of the midthickness surface.

    Attributes
    ----------
    gyrus : str
        With its side; empty for the whole extent.
    area_cm2 : float
        Of the extent.
    removed_cm2 : float
    """

    gyrus: str
    area_cm2: float
    removed_cm2: float

    @property
    def left_cm2(self) -> float:
        return self.area_cm2 - self.removed_cm2

    @property
    def share(self) -> float:
        return self.removed_cm2 / self.area_cm2


def surgery(patient: Patient, metrics: Metrics) -> tuple[str, list[str]]:
    """Heading and sentences, by whether a resection or an outcome is known."""
    outcome = None if patient.qc.compare is None else patient.qc.compare.outcome
    if patient.resection is None and not outcome:
        missing = resection_relation(patient, metrics)
        return "Before surgery", [
            *eloquent_sentences(patient),
            *contact_sentences(patient),
            *missing,
        ]
    told = resection_relation(patient, metrics)
    if patient.resection is not None:
        told[1:1] = removed_sentences(removed(patient))
    return "After surgery", told


def eloquent_distances_mm(patient: Patient) -> list[tuple[str, float, float]]:
    """Of the nearest eloquent gyri: name, mm from the maximum, mm from the extent (0: within it).

    Distances are straight lines to the midthickness surface, of either side the nearer one.
    """
    head = patient.head
    pos_mm = head.surfaces["midthickness"].pos_mm
    on_cortex = head.vertex_region >= 0
    label = np.where(on_cortex, head.region_label[head.vertex_region], "")
    extent_mm = pos_mm[on_cortex & patient.finding.extent[head.vertex_region]]
    told = []
    for name in ELOQUENT:
        sides = [f"{side} {name}" for side in ("left", "right") if f"{side} {name}" in label]
        found = []
        for each in sides:
            tree = cKDTree(pos_mm[label == each])
            from_extent_mm = tree.query(extent_mm)[0].min()
            found.append((each, float(tree.query(patient.max_mm)[0]), float(from_extent_mm)))
        if found:
            told.append(min(found, key=lambda each: each[1]))
    return told


def eloquent_sentences(patient: Patient) -> list[str]:
    told = [
        f"{gyrus(label)} {number(from_max, 'mm', 0)} from the maximum"
        + (" and within the extent" if near < 0.5 else f", {number(near, 'mm', 0)} from the extent")
        for label, from_max, near in eloquent_distances_mm(patient)
    ]
    if not told:
        return []
    return [
        sentence(
            f"eloquent cortex by its anatomy: {'; '.join(told)}. Function is not mapped here; the "
            "side of language is not known to this report"
        )
    ]


def contact_sentences(patient: Patient) -> list[str]:
    """Which contacts could sample the source, nearest first."""
    if patient.contacts.empty:
        return ["No intracranial contacts: none could sample the source yet."]
    pos_mm = patient.contacts[["x", "y", "z"]].to_numpy(float)
    away_mm = np.linalg.norm(pos_mm - patient.max_mm, axis=1)
    near = [i for i in np.argsort(away_mm, kind="stable") if away_mm[i] <= REACH_MM]
    if not near:
        return [
            f"No contact lies within {REACH_MM:.0f} mm of the maximum; the nearest is "
            f"{patient.contacts['name'].iloc[away_mm.argmin()]} ({number(away_mm.min(), 'mm', 0)})."
        ]
    names = [
        f"{patient.contacts['name'].iloc[i]} ({number(away_mm[i], 'mm', 0)})"
        for i in near[:_CONTACTS_TOLD]
    ]
    more = f" and {len(near) - len(names)} more" if len(near) > len(names) else ""
    return [
        f"{count(len(near), 'contact')} within {REACH_MM:.0f} mm of the maximum could sample it: "
        f"{listing(names) if not more else ', '.join(names)}{more}."
    ]


def removed(patient: Patient) -> list[Removed]:
    """The whole extent first, then its gyri, largest first."""
    head = patient.head
    assert patient.resection is not None  # asked only after surgery with a mask
    inside = patient.resection.sample(head.surfaces["midthickness"].pos_mm) > 0.5
    in_extent = (head.vertex_region >= 0) & patient.finding.extent[head.vertex_region]
    area_cm2 = np.where(in_extent, head.vertex_area_mm2, 0) / 100
    label = head.region_label[head.vertex_region]
    parts = [
        Removed(
            gyrus(name),
            float(area_cm2[label == name].sum()),
            float(area_cm2[inside & (label == name)].sum()),
        )
        for name in np.unique(label[in_extent])
    ]
    whole = Removed("", float(area_cm2.sum()), float(area_cm2[inside].sum()))
    return [whole, *sorted(parts, key=lambda part: -part.area_cm2)]


def removed_sentences(parts: list[Removed]) -> list[str]:
    """How much of the source was removed and left, and where."""
    whole, *gyri = parts
    if not whole.area_cm2:
        return [f"Removed share of the source: {NOT_ASSESSABLE}, its extent has no area."]
    each = [
        f"{part.gyrus} {100 * part.share:.0f}\u00a0% of {number(part.area_cm2, 'cm²', 1)}"
        for part in gyri[:_REGIONS_TOLD]
    ]
    more = (
        f"; {count(len(gyri) - len(each), 'more gyrus', 'more gyri')}" if gyri[len(each) :] else ""
    )
    return [
        f"Of the source’s extent ({number(whole.area_cm2, 'cm²', 1)}) "
        f"{number(whole.removed_cm2, 'cm²', 1)} were removed ({100 * whole.share:.0f}\u00a0%) and "
        f"{number(whole.left_cm2, 'cm²', 1)} left. Removed by gyrus: {'; '.join(each)}{more}."
    ]
