"""Pictures of the source: cortex, slices, onset and peak, time courses."""

import numpy as np

from reports.figures import curves, sensors, style
from reports.figures.cortex import SURFACE_CONTACT_MM
from reports.figures.cortex_pages import cortex_views, onset_beside_peak, stability_views
from reports.figures.slices import NEIGHBOUR_MM, SCALE_BAR_MM, neighbouring_slices, slices_through
from reports.figures.summary import summary_picture
from reports.onset import propagation
from reports.pictures.studio import Picture, Studio
from reports.wording import gyrus, number

N_COURSES = 5
_LONGEST_NAME = 34


def summary(studio: Studio) -> Picture:
    return studio.save(
        summary_picture(studio.cortex, studio.slices),
        "summary",
        "png",
        f"{studio.name}: cortex from the side on which the source is seen best, and MRI "
        "slices through the maximum. Slices in radiological convention: the patient’s right "
        "is on the left of the picture.",
        f"Source map on the cortex and on axial and coronal MRI slices; maximum in the "
        f"{studio.where}.",
    )


def cortex(studio: Studio) -> Picture:
    return studio.save(
        cortex_views(studio.cortex),
        "cortex",
        "png",
        f"{studio.name}: mean absolute activity over {studio.patient.window} around the peak on the "
        f"patient’s cortex; below {100 * style.SHOWN_FROM:.0f} % of the maximum nothing is "
        "coloured. Contacts are drawn at their own positions on the pial cortex, at the nearest "
        f"cortex on the inflated one; rings lie more than {SURFACE_CONTACT_MM:.0f} mm below the "
        "surface. Mind the letters L and R.",
        "Lateral, medial, ventral and dorsal views of the pial and the inflated cortex with the "
        f"source map, its extent, the contacts and the resection; maximum in the {studio.where}.",
    )


def mri_slices(studio: Studio) -> Picture:
    contacts = ", contacts within 5 mm of the slice" if len(studio.patient.contacts) else ""
    return studio.save(
        slices_through(studio.slices),
        "slices",
        "png",
        f"T1w slices through the maximum of the map ({studio.name}){contacts}. Radiological "
        "convention: the patient’s right (R) is on the left of the picture. Below: the same slices "
        f"without the map, whose colours are paler here than in their scale. Bars: {SCALE_BAR_MM:.0f} mm. Coordinates: scanner frame of the T1w.",
        f"Axial, coronal and sagittal MRI slices through the {studio.where} with the source.",
    )


def neighbours(studio: Studio) -> Picture:
    return studio.save(
        neighbouring_slices(studio.slices),
        "neighbours",
        "png",
        f"The T1w slices {NEIGHBOUR_MM:.0f} mm to either side of those above ({studio.name}), in the same "
        f"convention; bars: {SCALE_BAR_MM:.0f} mm. Colours, lines and contacts as above.",
        f"MRI slices {NEIGHBOUR_MM:.0f} mm beside the {studio.where} in each plane, with the source.",
    )


def onset_and_peak(studio: Studio) -> Picture | None:
    moved = propagation(studio.patient)
    if moved is None:
        return None
    vertex_region = studio.patient.head.vertex_region
    at_onset = np.where(vertex_region >= 0, moved.share[vertex_region], 0)
    figure = onset_beside_peak(studio.cortex, at_onset)
    return studio.save(
        figure,
        "onset",
        "png",
        f"{studio.name} at onset (half rise, {number(moved.onset_s * 1000, 'ms', 0)}) and "
        f"at the peak, each relative to its own maximum. The maximum at onset lies in the "
        f"{moved.gyrus}, {number(moved.apart_mm, 'mm', 0)} from that at the peak: "
        + (
            "the map at the peak may show where the spike went, not where it began."
            if moved.moved
            else "no sign of propagation between the two."
        ),
        f"Source map at onset, maximum in the {moved.gyrus}, beside the map at the peak, maximum in "
        f"the {studio.where}.",
    )


def time_courses(studio: Studio) -> Picture:
    patient, found = studio.patient, studio.patient.finding
    strongest = np.argsort(-found.peak_map, kind="stable")[:N_COURSES]
    kind = sensors.channel_types(patient.evoked)[0]
    power = sensors.global_field_power(patient.evoked, kind)
    names = [
        f"{rank}. {gyrus(patient.head.region_label[region])}"
        for rank, region in enumerate(strongest, 1)
    ]
    figure = curves.region_time_courses(
        found.times_s,
        found.activity[strongest] / np.abs(found.activity).max(),
        [_shortened(name, _LONGEST_NAME) for name in names],
        patient.evoked.times,
        power / power.max(),
        patient.window_s,
        studio.onset_s,
    )
    return studio.save(
        figure,
        "timecourses",
        "svg",
        f"Activity of the {N_COURSES} strongest regions ({studio.name}, relative to the "
        "largest value of the map); lines at the peak and, dashed, at the onset of the spike; "
        "the shaded band is the window of the map.",
        f"Time courses of the {N_COURSES} strongest regions.",
    )


def stability(studio: Studio) -> Picture | None:
    stability = studio.patient.stability.get(studio.patient.finding_method)
    if stability is None:
        return None
    vertex_region = studio.patient.head.vertex_region
    values = np.where(vertex_region >= 0, stability[vertex_region], 0)
    return studio.save(
        stability_views(studio.cortex, values),
        "stability",
        "png",
        f"Stability ({studio.name}): how often each place is in the extent of averages of resampled "
        f"spikes; below {100 * style.SHOWN_FROM:.0f} % nothing is coloured. Black line: extent of "
        "the average of all spikes.",
        "Four views of the cortex with the share of resampled averages whose extent holds each "
        f"place; maximum of the map in the {studio.where}.",
    )


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
