"""What the estimates are compared with: the contacts, and the cortex nearest to each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.compare.config import Inputs
from pipeline.compare.contacts import resolve_contacts
from pipeline.compare.labels import read_contact_labels
from pipeline.compare.spaces import Spaces
from pipeline.doubts import Doubt
from pipeline.files import write_json, write_text
from pipeline.metrics._case import SozReference
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.compare_qc import ContactCountsQC, ContactsQC
from pipeline.records.head import SCALP, Head
from pipeline.tables import to_tsv
from pipeline.template import SUBLOBAR_NAMES


@dataclass(frozen=True)
class SozAccount:
    """The contacts if there are any, what they came to, and what the reader must know of them."""

    reference: SozReference | None
    qc: ContactsQC
    warnings: tuple[str, ...]
    doubts: tuple[Doubt, ...]


def soz_reference(
    inputs: Inputs, paths: PatientPaths, head: Head, progress: Progress
) -> SozAccount:
    """Read and place the contacts, and write those that there are."""
    found = resolve_contacts(
        inputs.electrodes,
        inputs.channels,
        inputs.coordsystem,
        inputs.t1w,
        inputs.images,
        read_contact_labels(inputs.contact_labels, paths.sub),
        Spaces(inputs.t1w, paths, progress).carry,
        head.surfaces[SCALP].pos_mm,
        inputs.tables_json,
        inputs.no_contacts,
        inputs.unread_marks,
    )
    reason, reference, to_cortex_median_mm = found.reason, None, None
    if found.contacts is not None:
        region, to_cortex_mm = head.nearest_region(found.contacts.pos_mri_mm)
        sublobar = head.region_sublobar[region]
        reference = SozReference(found.contacts, region, sublobar, to_cortex_mm)
        to_cortex_median_mm = float(np.median(to_cortex_mm))
        write_contacts(paths, reference, head)
        reason = found.no_soz
    qc = ContactsQC(
        contact_rules=found.rules,
        contact_counts=ContactCountsQC(**found.counts),
        contact_transforms=tuple(found.transforms),
        contact_to_cortex_median_mm=to_cortex_median_mm,
        soz_assessable=reason is None,
        soz_reason=reason,
    )
    return SozAccount(reference, qc, tuple(found.warnings), tuple(found.doubts))


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
