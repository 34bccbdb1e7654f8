"""What the estimates are compared with: this head's regions, its contacts and its resection."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from scipy.spatial import cKDTree

from pipeline.compare import resection
from pipeline.compare.config import Inputs
from pipeline.compare.contacts import Contacts, resolve_contacts
from pipeline.files import read_npz, write_json, write_text
from pipeline.paths import PatientPaths
from pipeline.template import SUBLOBAR_NAMES


@dataclass(frozen=True)
class Head:
    """The patient's regions and surfaces, scanner RAS of the T1w in mm."""

    region_pos_mm: np.ndarray
    region_area_mm2: np.ndarray
    region_sublobar: np.ndarray
    vertex_region: np.ndarray
    midthickness_mm: np.ndarray
    scalp_mm: np.ndarray


@dataclass(frozen=True)
class SozReference:
    """The contacts, with the sublobar region of each."""

    contacts: Contacts
    contact_sublobar: np.ndarray


def read_head(paths: PatientPaths) -> Head:
    regions = read_npz(paths.regions)
    return Head(
        region_pos_mm=regions["region_pos_mri_mm"],
        region_area_mm2=regions["region_area_mm2"],
        region_sublobar=regions["region_sublobar"],
        vertex_region=regions["vertex_region"],
        midthickness_mm=np.vstack(
            [nib.load(paths.surface(hemi, "midthickness")).agg_data("pointset") for hemi in "LR"]
        ).astype(float),
        scalp_mm=np.asarray(nib.load(paths.scalp).agg_data("pointset"), float),
    )


def nearest_region(pos_mm: np.ndarray, head: Head) -> np.ndarray:
    """The region (n,) of the midthickness vertex nearest to each point (n, 3)."""
    cortex = np.flatnonzero(head.vertex_region >= 0)
    return head.vertex_region[cortex[cKDTree(head.midthickness_mm[cortex]).query(pos_mm)[1]]]


def soz_reference(
    inputs: Inputs, paths: PatientPaths, head: Head, qc: dict
) -> tuple[SozReference | None, str | None]:
    """The contacts if there are any, and why they can't serve as SOZ if they can't."""
    found = resolve_contacts(
        inputs.electrodes, inputs.channels, inputs.coordsystem, inputs.t1w, head.scalp_mm
    )
    qc["warnings"] += found.warnings
    qc["contact_rules"], qc["contact_counts"] = found.rules, found.counts
    reason = found.reason
    reference = None
    if found.contacts is not None:
        region = nearest_region(found.contacts.pos_mri_mm, head)
        reference = SozReference(found.contacts, head.region_sublobar[region])
        write_contacts(paths, reference, region)
        if not found.contacts.soz.any():
            reason = "no contact is marked as seizure onset"
    qc["soz_assessable"], qc["soz_reason"] = reason is None, reason
    return reference, reason


def resection_reference(
    inputs: Inputs, paths: PatientPaths, head: Head, qc: dict
) -> tuple[resection.Resection | None, str | None]:
    found, reason = None, None
    if inputs.resection_mask is None:
        reason = "no resection mask is given"
    else:
        found = resection.read_resection(inputs.resection_mask)
        if not found.inside.any():
            found, reason = None, "the resection mask is empty"
    if found is not None:
        brain = resection.read_resection(paths.brain_mask)
        qc |= resection.check_in_head(found, head.scalp_mm, brain, inputs.resection_mask)
        true = resection.resected_regions(found, head.midthickness_mm, head.vertex_region)
        qc["resection_volume_cm3"], qc["n_resected_regions"] = found.volume_cm3, int(true.sum())
        qc["resected_sublobar"] = [
            SUBLOBAR_NAMES[index] for index in np.unique(head.region_sublobar[true])
        ]
        if not resection.same_grid(nib.load(inputs.resection_mask), nib.load(inputs.t1w)):
            qc["warnings"].append(
                "The resection mask is not on the T1w's grid; it was placed by its affine."
            )
    qc["resection_assessable"], qc["resection_reason"] = reason is None, reason
    return found, reason


def write_contacts(paths: PatientPaths, soz: SozReference, region: np.ndarray) -> None:
    """Write the contacts with position, marks and anatomy."""
    contacts = soz.contacts
    lines = ["name\tx\ty\tz\tsoz\tresected\tedge\tnearest_region\tsublobar"]
    for i, name in enumerate(contacts.name):
        x, y, z = contacts.pos_mri_mm[i]
        marks = (
            "yes" if mark[i] else "no" for mark in (contacts.soz, contacts.resected, contacts.edge)
        )
        cells = [name, f"{x:.3f}", f"{y:.3f}", f"{z:.3f}", *marks, str(region[i])]
        lines.append("\t".join([*cells, SUBLOBAR_NAMES[soz.contact_sublobar[i]]]))
    write_text(paths.contacts, "\n".join(lines) + "\n")
    position = {
        "Description": "Position in the scanner RAS of the pre-operative T1w",
        "Units": "mm",
    }
    write_json(
        paths.contacts.with_suffix(".json"),
        {
            "x": position,
            "y": position,
            "z": position,
            "soz": {"Description": "Marked as seizure-onset zone: yes or no"},
            "resected": {"Description": "Marked as resected: yes or no"},
            "edge": {"Description": "Marked as on the resection's edge: yes or no"},
            "nearest_region": {"Description": "Cortical region (0-993) nearest to the contact"},
            "sublobar": {"Description": "Sublobar region of that cortical region"},
        },
    )
