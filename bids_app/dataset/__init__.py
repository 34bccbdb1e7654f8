"""Find one participant's files in a BIDS dataset, one module per question."""

from bids_app.dataset.participants import (
    InvalidDataset,
    check_dataset,
    is_label,
    participant_labels,
    unusable_participants,
)
from bids_app.dataset.patient import PatientFiles, find_patient
from bids_app.dataset.query import Query

__all__ = [
    "InvalidDataset",
    "PatientFiles",
    "Query",
    "check_dataset",
    "find_patient",
    "is_label",
    "participant_labels",
    "unusable_participants",
]
