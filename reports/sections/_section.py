"""What a section of the report is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.derivatives import Patient


def _nothing(patient: "Patient") -> dict[str, Any]:
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
    template : str
        Jinja.
    content : callable
        From the patient to the values that this template alone needs, by their names in it.
    """

    title: str
    order: int
    template: str
    figures: tuple[str, ...] = ()
    starts_page: bool = True
    content: Callable[["Patient"], dict[str, Any]] = _nothing
