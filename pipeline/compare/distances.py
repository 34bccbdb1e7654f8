"""How far every contact lies from what every method has found: a row per contact, type and method."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipeline.files import write_json, write_text
from pipeline.localisation import nearest_distance_mm
from pipeline.metrics._case import Case, Contacts
from pipeline.paths import PatientPaths
from pipeline.tables import described, to_tsv

_COLUMNS = {
    "name": ("Contact, as in the table of contacts", None),
    "type": ("Type of the spikes that were imaged, as in the table of spikes", None),
    "method": ("Imaging method", None),
    "to_maximum": ("Distance to the map's maximum, or to the dipole", "mm"),
    "to_found": (
        "Distance to the centre of the nearest region of the extent, or to the dipole",
        "mm",
    ),
}


def distances_mm(case: Case, contacts: Contacts) -> tuple[np.ndarray, np.ndarray]:
    """Of each contact (n,), to the maximum and to the nearest found region."""
    to_maximum_mm = np.linalg.norm(contacts.pos_mri_mm - case.estimate.max_mm, axis=1)
    return to_maximum_mm, nearest_distance_mm(contacts.pos_mri_mm, case.found_mm)


def rows_of(case: Case, contacts: Contacts, method: str, spike_type: int) -> pd.DataFrame:
    """The rows of one method and type."""
    to_maximum_mm, to_found_mm = distances_mm(case, contacts)
    columns = (contacts.name, spike_type, method, to_maximum_mm, to_found_mm)
    return pd.DataFrame(dict(zip(_COLUMNS, columns, strict=True)))


def write_distances(paths: PatientPaths, parts: Sequence[pd.DataFrame]) -> None:
    """Write all rows with a sidecar; a table without rows where nothing was imaged."""
    none = pd.DataFrame(columns=list(_COLUMNS))
    table = pd.concat(parts, ignore_index=True) if parts else none
    write_text(paths.contact_distances, to_tsv(table, "%.2f"))
    write_json(paths.contact_distances.with_suffix(".json"), described(_COLUMNS))
