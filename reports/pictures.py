"""Draw the report's pictures from one patient's results and save them beside the derivatives."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from pipeline.paths import PatientPaths
from reports.derivatives import Patient
from reports.figures import curves, head, sensors, style
from reports.figures.consistency import consistency
from reports.figures.cortex import cortex_views, onset_beside_peak
from reports.figures.slices import Outline, SliceData, slices_through
from reports.figures.summary import summary_picture
from reports.findings import method_maxima_mm
from reports.scenes import (
    cortex_data,
    dense_points,
    digitised_points_mm,
    sensors_mm,
    slice_data,
)
from reports.wording import METHOD_NAMES, coordinates, count, gyrus, listing, number

N_COURSES = 5
PROPAGATED_MM = 15.0
_BESIDE_MIDLINE_MM = (18.0, 0.0, 0.0)


@dataclass(frozen=True)
class Picture:
    """A saved figure with what is read under it, and what is read aloud instead of it."""

    file: Path
    caption: str
    alt: str


class Artist:
    """Draws each picture once; data that several of them share are worked out here."""

    def __init__(
        self,
        patient: Patient,
        paths: PatientPaths,
        onset_s: float | None,
        sensor_names: dict[str, str],
    ):
        self.patient = patient
        self.paths = paths
        self.onset_s = onset_s
        self.sensor_names = sensor_names
        self.name = METHOD_NAMES[patient.finding_method]
        self.cortex = cortex_data(patient)
        self.slices = slice_data(patient)

    def draw(self, name: str) -> Picture | None:
        """Draw the picture that the sections' specification calls `name`; None if it cannot be.

        Raises
        ------
        KeyError
            There is no such picture.
        """
        return {
            "summary": self.summary,
            "average": self.average,
            "cortex": self.cortex_views,
            "slices": self.mri_slices,
            "timecourses": self.time_courses,
            "single": self.single_spikes,
            "onset": self.onset_and_peak,
            "maxima": self.maxima,
            "coregistration": self.coregistration,
            "surfaces": self.surfaces,
            "training": self.training,
        }[name]()

    def _save(self, figure, name: str, ending: str, caption: str, alt: str) -> Picture:
        file = self.paths.figures / f"{self.paths.sub}_desc-{name}_figure.{ending}"
        style.save(figure, file)
        return Picture(file, caption, alt)

    def _where(self) -> str:
        label = self.patient.regions["region_label"][self.patient.finding.max_region]
        return f"{gyrus(label)} at {coordinates(self.patient.max_mm)} mm"

    def summary(self) -> Picture:
        return self._save(
            summary_picture(self.cortex, self.slices),
            "summary",
            "png",
            f"{self.name}: cortex from the side on which the source is seen best, and MRI "
            "slices through the maximum. Slices in radiological convention: the patient’s right "
            "is on the left of the picture.",
            f"Source map on the cortex and on axial and coronal MRI slices; maximum in the "
            f"{self._where()}.",
        )

    def average(self) -> Picture:
        onset = f"at onset ({number(self.onset_s * 1000, 'ms', 0)}) and " if self.onset_s else ""
        return self._save(
            sensors.butterfly_and_topography(self.patient.average, self.onset_s, self.sensor_names),
            "average",
            "png",
            "Averaged spike. Left: all channels (thin) and global field power (GFP, root mean square "
            f"over channels, thick). Right: field {onset}at the peak, seen from above, nose up; of "
            "planar gradiometers the root mean square of each pair.",
            f"Averaged spike over time for each sensor type, and topographies {onset}at the peak.",
        )

    def single_spikes(self) -> Picture | None:
        spikes = self.patient.single_spikes
        if spikes is None or not {"correlation", "amplitude_ratio"} <= set(spikes.table):
            return None
        figure = consistency(
            spikes.times_s,
            spikes.course,
            spikes.table["correlation"].to_numpy(float),
            spikes.table["amplitude_ratio"].to_numpy(float),
            spikes.accepted,
        )
        return self._save(
            figure,
            "single",
            "png",
            "Consistency. Left: each accepted spike, one row each, seen through the average’s own "
            "field at the peak (1: as large as the average). Right: how each marked spike resembles "
            "the average of the others, and its size.",
            f"Heat map of {count(len(spikes.course), 'accepted spike')} and scatter of correlation "
            "with the average against relative amplitude.",
        )

    def onset_and_peak(self) -> Picture | None:
        found = self.patient.finding
        if self.onset_s is None:
            return None
        window = np.abs(found.times_s - self.onset_s) <= self.patient.window_s / 2 + 1e-6
        if not window.any():
            return None
        early = np.abs(found.activity[:, window]).mean(axis=1)
        vertex_region = self.patient.regions["vertex_region"]
        at_onset = np.where(vertex_region >= 0, (early / early.max())[vertex_region], 0)
        early_mm = self.patient.regions["region_pos_mri_mm"][early.argmax()]
        apart = np.linalg.norm(early_mm - self.patient.max_mm)
        label = gyrus(self.patient.regions["region_label"][early.argmax()])
        figure = onset_beside_peak(self.cortex, at_onset)
        return self._save(
            figure,
            "onset",
            "png",
            f"{self.name} at onset (half rise, {number(self.onset_s * 1000, 'ms', 0)}) and "
            f"at the peak, each relative to its own maximum. The maximum at onset lies in the "
            f"{label}, {number(apart, 'mm', 0)} from that at the peak: "
            + (
                "the map at the peak may show where the spike went, not where it began."
                if apart > PROPAGATED_MM
                else "no sign of propagation between the two."
            ),
            f"Source map at onset, maximum in the {label}, beside the map at the peak, maximum in "
            f"the {self._where()}.",
        )

    def cortex_views(self) -> Picture:
        return self._save(
            cortex_views(self.cortex),
            "cortex",
            "png",
            f"{self.name}: mean absolute activity over {self.patient.window} around the peak on the "
            f"patient’s cortex; below {100 * style.SHOWN_FROM:.0f} % of the maximum nothing is "
            "coloured. Contacts are drawn at their own positions; rings lie more than 6 mm "
            "below the surface seen. Mind the letters L and R.",
            f"Eight views of the cortex with the source map; maximum in the {self._where()}.",
        )

    def mri_slices(self) -> Picture:
        contacts = ", contacts within 5 mm of the slice" if len(self.patient.contacts) else ""
        return self._save(
            slices_through(self.slices),
            "slices",
            "png",
            f"T1w slices through the maximum of the map ({self.name}){contacts}. Radiological "
            "convention: the patient’s right (R) is on the left of the picture. Coordinates: scanner "
            "RAS of the T1w.",
            f"Axial, coronal and sagittal MRI slices through the {self._where()} with the source.",
        )

    def time_courses(self) -> Picture:
        patient, found = self.patient, self.patient.finding
        strongest = np.argsort(-found.peak_map, kind="stable")[:N_COURSES]
        kind = sensors.channel_types(patient.average)[0]
        power = sensors.global_field_power(patient.average, kind)
        names = [
            f"{rank}. {gyrus(patient.regions['region_label'][region])}"
            for rank, region in enumerate(strongest, 1)
        ]
        figure = curves.region_time_courses(
            found.times_s,
            found.activity[strongest] / np.abs(found.activity).max(),
            [_shortened(name, 34) for name in names],
            patient.average.times,
            power / power.max(),
            patient.window_s,
            self.onset_s,
        )
        return self._save(
            figure,
            "timecourses",
            "svg",
            f"Activity of the {N_COURSES} strongest regions ({self.name}, relative to the "
            "largest value of the map); lines at the peak and, dashed, at the onset of the spike; "
            "the shaded band is the window of the map.",
            f"Time courses of the {N_COURSES} strongest regions.",
        )

    def maxima(self) -> Picture:
        maxima = method_maxima_mm(self.patient)
        figure = head.method_maxima(
            self.cortex.pial_mm, self.cortex.faces, maxima, METHOD_NAMES, self.patient.soz_mm
        )
        return self._save(
            figure,
            "maxima",
            "svg",
            "Maximum of each method’s map (dipole: its position) on the outline of the brain.",
            "Positions of the maxima of "
            + listing([f"{METHOD_NAMES[m]} ({coordinates(p)} mm)" for m, p in maxima.items()]),
        )

    def coregistration(self) -> Picture | None:
        patient = self.patient
        info = patient.average.info
        if patient.scalp is None or info["dig"] is None:
            return None
        points_mm, fiducials_mm = digitised_points_mm(info, patient.trans)
        distance_mm, _ = cKDTree(dense_points(patient.scalp)).query(points_mm)
        figure = head.coregistration(
            patient.scalp.pos_mm,
            patient.scalp.faces,
            points_mm,
            distance_mm,
            fiducials_mm,
            sensors_mm(info, patient.trans),
        )
        return self._save(
            figure,
            "coregistration",
            "png",
            f"Co-registration: {count(len(points_mm), 'digitised head point')} and the landmarks on "
            "the scalp of the MRI, sensors behind.",
            "Digitised head points on the scalp from the left, the front and the right.",
        )

    def surfaces(self) -> Picture:
        patient = self.patient
        surfaces = (
            ("scalp", patient.scalp, "#b8b8b8"),
            ("inner skull", patient.inner_skull, "#ff8f6b"),
            ("pial surface", patient.cortex["pial"], "#56b4e9"),
            ("white surface", patient.cortex["white"], "#f0e442"),
        )
        middle = SliceData(
            self.slices.t1w,
            self.slices.low_mm - 12,
            self.slices.high_mm + 12,
            patient.cortex["pial"].pos_mm.mean(axis=0) + np.array(_BESIDE_MIDLINE_MM),
            outlines=tuple(
                Outline(name, surface.pos_mm, surface.faces, colour)
                for name, surface, colour in surfaces
                if surface is not None
            ),
        )
        return self._save(
            slices_through(middle, key=False),
            "surfaces",
            "png",
            "Surfaces of the head model on the T1w, through the middle of the brain "
            "(radiological convention).",
            "MRI slices with the outlines of scalp, inner skull and cortex.",
        )

    def training(self) -> Picture | None:
        curve = self.patient.training_curve
        if curve is None or curve.empty:
            return None
        figure = curves.training_curve(
            curve["step"].to_numpy(float),
            {
                "training": curve["training_loss"].to_numpy(float),
                "validation": curve["validation_loss"].to_numpy(float),
            },
            {
                "found to true": curve["found_to_true_mm"].to_numpy(float),
                "true to found": curve["true_to_found_mm"].to_numpy(float),
                "maximum to centre": curve["maximum_to_centre_mm"].to_numpy(float),
            },
        )
        return self._save(
            figure,
            "training",
            "svg",
            "Fine-tuning to this head. Left: error of training and on validation recordings. Right: "
            "distances on the validation recordings (means).",
            "Curves of training and validation error and of three distances over the steps.",
        )


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
