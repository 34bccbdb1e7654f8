"""What the pictures share: the patient, the drawn surfaces and where files go."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from matplotlib.figure import Figure

from pipeline.paths import PatientPaths
from reports.figures import style
from reports.figures.cortex import CortexData
from reports.figures.slices import SliceData
from reports.patient import Patient
from reports.scenes import cortex_data, slice_data
from reports.wording import coordinates, gyrus


@dataclass(frozen=True)
class Picture:
    """A saved figure with what is read under it, and what is read aloud instead of it.

    Attributes
    ----------
    file : Path
    caption, alt : str
    further : tuple of Picture
        Sheets that follow, where one does not hold it all.
    """

    file: Path
    caption: str
    alt: str
    further: tuple["Picture", ...] = ()

    @property
    def sheets(self) -> tuple["Picture", ...]:
        return (self, *self.further)


@dataclass(frozen=True)
class Studio:
    """One patient's results, ready to be drawn; shared data are worked out once.

    Attributes
    ----------
    onset_s : float or None
        Half rise of the averaged spike, relative to its peak.
    sensor_names : dict
        How the report calls the sensor types of this array.
    """

    patient: Patient
    paths: PatientPaths
    onset_s: float | None
    sensor_names: dict[str, str]

    @property
    def name(self) -> str:
        """What made the map that the report is about."""
        return self.patient.finding_name

    @property
    def where(self) -> str:
        """The maximum in words."""
        label = self.patient.head.region_label[self.patient.finding.max_region]
        return f"{gyrus(label)} at {coordinates(self.patient.max_mm)}"

    @cached_property
    def cortex(self) -> CortexData:
        return cortex_data(self.patient, self.patient.finding)

    @cached_property
    def slices(self) -> SliceData:
        return slice_data(self.patient)

    def save(self, figure: Figure, name: str, ending: str, caption: str, alt: str) -> Picture:
        """Save `figure` among the patient's figures as PNG or SVG, by `ending`."""
        file = self.paths.figure(name, ending)
        style.save(figure, file)
        return Picture(file, caption, alt)
