"""What the estimates are compared with: this head's regions and its contacts."""

from dataclasses import dataclass
from functools import cached_property

import nibabel as nib
import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from pipeline.compare.config import Inputs
from pipeline.compare.contacts import Contacts, resolve_contacts
from pipeline.compare.labels import read_contact_labels
from pipeline.compare.spaces import Spaces
from pipeline.doubts import in_qc
from pipeline.files import read_npz, write_json, write_text
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.tables import to_tsv
from pipeline.template import SUBLOBAR_NAMES
from pipeline.template.cortex import vertex_areas_mm2


@dataclass(frozen=True)
class Head:
    """The patient's regions and surfaces, scanner RAS of the T1w in mm.

    Attributes
    ----------
    region_pos_mm : ndarray, (n_regions, 3)
    region_area_mm2, region_sublobar, region_label : ndarray, (n_regions,)
    vertex_region : ndarray of int, (n_vertices,)
        -1 on the medial wall.
    midthickness_mm : ndarray, (n_vertices, 3)
    vertex_area_mm2 : ndarray, (n_vertices,)
    scalp_mm : ndarray, (n, 3)
    """

    region_pos_mm: np.ndarray
    region_area_mm2: np.ndarray
    region_sublobar: np.ndarray
    region_label: np.ndarray
    vertex_region: np.ndarray
    midthickness_mm: np.ndarray
    vertex_area_mm2: np.ndarray
    scalp_mm: np.ndarray

    @cached_property
    def _cortex(self) -> tuple[np.ndarray, cKDTree]:
        vertices = np.flatnonzero(self.vertex_region >= 0)
        return vertices, cKDTree(self.midthickness_mm[vertices])

    def nearest_region(self, pos_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The region (n,) of the midthickness vertex nearest to each point (n, 3), and how far it is."""
        vertices, tree = self._cortex
        distance_mm, nearest = tree.query(pos_mm)
        return self.vertex_region[vertices[nearest]], distance_mm


@dataclass(frozen=True)
class SozReference:
    """The contacts, with the nearest cortex of each.

    Attributes
    ----------
    contacts : Contacts
    nearest_region, contact_sublobar : ndarray of int, (n,)
    to_cortex_mm : ndarray, (n,)
        Distance of each contact to that cortex: contacts in depth stay where they are.
    """

    contacts: Contacts
    nearest_region: np.ndarray
    contact_sublobar: np.ndarray
    to_cortex_mm: np.ndarray


def read_head(paths: PatientPaths) -> Head:
    regions = read_npz(paths.regions)
    surfaces = [nib.load(paths.surface(hemi, "midthickness")).agg_data() for hemi in "LR"]
    return Head(
        region_pos_mm=regions["region_pos_mri_mm"],
        region_area_mm2=regions["region_area_mm2"],
        region_sublobar=regions["region_sublobar"],
        region_label=regions["region_label"],
        vertex_region=regions["vertex_region"],
        midthickness_mm=np.vstack([pos_mm for pos_mm, _ in surfaces]).astype(float),
        vertex_area_mm2=np.concatenate(
            [vertex_areas_mm2(pos_mm.astype(float), faces) for pos_mm, faces in surfaces]
        ),
        scalp_mm=np.asarray(nib.load(paths.scalp).agg_data("pointset"), float),
    )


def soz_reference(
    inputs: Inputs, paths: PatientPaths, head: Head, qc: dict, progress: Progress
) -> tuple[SozReference | None, str | None]:
    """The contacts if there are any, and why they can't serve as SOZ if they can't."""
    found = resolve_contacts(
        inputs.electrodes,
        inputs.channels,
        inputs.coordsystem,
        inputs.t1w,
        inputs.images,
        read_contact_labels(inputs.contact_labels, paths.sub),
        Spaces(inputs.t1w, paths, progress).carry,
        head.scalp_mm,
        inputs.tables_json,
    )
    qc["warnings"] += found.warnings
    qc["doubts"] += in_qc(found.doubts)
    qc["contact_rules"], qc["contact_counts"] = found.rules, found.counts
    qc["contact_transforms"] = found.transforms
    reason, reference = found.reason, None
    if found.contacts is not None:
        region, to_cortex_mm = head.nearest_region(found.contacts.pos_mri_mm)
        sublobar = head.region_sublobar[region]
        reference = SozReference(found.contacts, region, sublobar, to_cortex_mm)
        qc["contact_to_cortex_median_mm"] = float(np.median(to_cortex_mm))
        write_contacts(paths, reference, head)
        reason = found.no_soz
    qc["soz_assessable"], qc["soz_reason"] = reason is None, reason
    return reference, reason


def write_contacts(paths: PatientPaths, soz: SozReference, head: Head) -> None:
    """Write the contacts with position, marks and anatomy."""
    contacts = soz.contacts
    columns = "name x y z soz resected edge nearest_region sublobar nearest_label to_cortex".split()
    rows = []
    for i, name in enumerate(contacts.name):
        x, y, z = contacts.pos_mri_mm[i]
        marks = (
            "yes" if mark[i] else "no" for mark in (contacts.soz, contacts.resected, contacts.edge)
        )
        region = soz.nearest_region[i]
        cells = [name, f"{x:.3f}", f"{y:.3f}", f"{z:.3f}", *marks, str(region)]
        cells += [SUBLOBAR_NAMES[soz.contact_sublobar[i]], str(head.region_label[region])]
        rows.append([*cells, f"{soz.to_cortex_mm[i]:.2f}"])
    write_text(paths.contacts, to_tsv(pd.DataFrame(rows, columns=columns)))
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
            "nearest_label": {"Description": "Gyrus of that cortical region (Desikan-Killiany)"},
            "to_cortex": {
                "Description": "Distance of the contact to the middle of that cortex",
                "Units": "mm",
            },
        },
    )
