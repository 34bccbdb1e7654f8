"""The report's pictures: what is drawn from one patient's results, with caption and alternative text.

`PICTURES` names them for the specification of the report; a function gives None where its picture
cannot be drawn for this patient.
"""

from collections.abc import Callable

from reports.pictures import clinical, dipoles, quality, sight, source, spikes, traces
from reports.pictures.studio import Picture, Studio

__all__ = ["PICTURES", "Picture", "Studio", "draw"]

PICTURES: dict[str, Callable[[Studio], Picture | None]] = {
    "summary": source.summary,
    "average": spikes.average,
    "single": spikes.single_spikes,
    "traces": traces.traces,
    "cortex": source.cortex,
    "slices": source.mri_slices,
    "neighbours": source.neighbours,
    "onset": source.onset_and_peak,
    "timecourses": source.time_courses,
    "stability": source.stability,
    "dipoles": dipoles.dipoles,
    "sublobar": clinical.sublobar,
    "methods": clinical.methods,
    "maxima": clinical.maxima,
    "sight": sight.sight,
    "coregistration": quality.coregistration,
    "surfaces": quality.surfaces,
    "training": quality.training,
}
# What can be drawn where there is no map, and of these what needs an average.
_WITHOUT_MAP = (
    "average",
    "single",
    "traces",
    "dipoles",
    "sight",
    "coregistration",
    "surfaces",
    "training",
)
_OF_AVERAGE = ("average", "single", "traces", "dipoles", "coregistration")


def draw(name: str, studio: Studio) -> Picture | None:
    """The picture `name`; None where the patient has not what it shows."""
    patient = studio.patient
    if not patient.imaged and name not in _WITHOUT_MAP:
        return None
    if patient.average is None and name in _OF_AVERAGE:
        return None
    return PICTURES[name](studio)
