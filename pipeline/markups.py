"""Named points in a patient, and the file in which 3D Slicer and other planning software reads them.

Markups JSON (schema 1.0.3 of 3D Slicer) states its frame and unit itself: LPS, mm, here those of
the scanner frame of the pre-operative T1w.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb

_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/"
    "Schema/markups-schema-v1.0.3.json#"
)
_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class NamedPoint:
    """A place.

    Attributes
    ----------
    name, description : str
    pos_mri_mm : ndarray, (3,)
        Scanner RAS of the T1w.
    """

    name: str
    description: str
    pos_mri_mm: np.ndarray

    @property
    def pos_lps_mm(self) -> list[float]:
        """The same place as DICOM counts, to micrometres."""
        return np.round(self.pos_mri_mm * _RAS_TO_LPS, 3).tolist()


@dataclass(frozen=True, eq=False)
class Group:
    """Points of one kind.

    Attributes
    ----------
    name : str
    colour : str
        Matplotlib's.
    points : tuple of NamedPoint
    """

    name: str
    colour: str
    points: tuple[NamedPoint, ...]

    @property
    def rgb(self) -> tuple[float, float, float]:
        """Its colour, each part between 0 and 1."""
        return to_rgb(self.colour)


def lps_direction(direction_ras: np.ndarray) -> np.ndarray:
    """A direction (3,) along DICOM's axes."""
    return direction_ras * _RAS_TO_LPS


def markups(groups: Sequence[Group]) -> dict[str, Any]:
    """The content of a ``.mrk.json`` file: one list of points per group that has any."""
    return {"@schema": _SCHEMA, "markups": [_list(group) for group in groups if group.points]}


def _list(group: Group) -> dict[str, Any]:
    return {
        "type": "Fiducial",
        "name": group.name,
        "coordinateSystem": "LPS",
        "coordinateUnits": "mm",
        "locked": True,
        "labelFormat": "%N-%d",
        "controlPoints": [
            {
                "id": str(number),
                "label": point.name,
                "description": point.description,
                "position": point.pos_lps_mm,
                "selected": True,
                "locked": True,
                "visibility": True,
                "positionStatus": "defined",
            }
            for number, point in enumerate(group.points, 1)
        ],
        "display": {"color": list(group.rgb), "selectedColor": list(group.rgb)},
    }
