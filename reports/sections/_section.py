"""What a section of the report is."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any


class About(Enum):
    """What a section tells of, and so how often it stands in a report and whether it can."""

    PATIENT = "the patient: once"
    TYPES = "all types of spikes: once, where these are several or none is imaged"
    SPIKES = "the spikes of one type: for each type that has an average"
    SOURCE = "the source of one type: for each type that is imaged"


def _nothing(patient: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the report.

    Attributes
    ----------
    title : str
    order : int
        Sections stand in this order, unless a centre's specification has another.
    figures : tuple of str
        Names in `reports.pictures.PICTURES`. The template places those that it knows; others
        follow at its end. One that cannot be drawn for a patient is left out.
    starts_page : bool
        In the PDF.
    about : About
    template : str
        Jinja.
    content : callable
        From the patient to the values that this template alone needs, by their names in it; of a
        section about all types, from the patients that `reports.reading.read_patients` gives.
    """

    title: str
    order: int
    template: str
    about: About
    figures: tuple[str, ...] = ()
    starts_page: bool = True
    content: Callable[[Any], dict[str, Any]] = _nothing
