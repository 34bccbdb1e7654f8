"""Pictures of the head model and of personalization."""

import numpy as np

from pipeline.records.head import INNER_SKULL, SCALP
from reports.figures import curves, head
from reports.figures.slices import Outline, SliceData, slices_through
from reports.pictures.studio import Picture, Studio
from reports.scenes import landmarks_mm, sensors_mm
from reports.wording import count

_BESIDE_MIDLINE_MM = (18.0, 0.0, 0.0)


def coregistration(studio: Studio) -> Picture | None:
    patient = studio.patient
    info = patient.evoked.info
    if SCALP not in patient.head.surfaces or info["dig"] is None:
        return None
    points = patient.head_points
    points_mm = points.reindex(columns=["x", "y", "z"]).to_numpy(float)
    figure = head.coregistration(
        patient.head.surfaces[SCALP].pos_mm,
        patient.head.surfaces[SCALP].faces,
        points_mm,
        points.reindex(columns=["distance_mm"]).to_numpy(float)[:, 0],
        landmarks_mm(info, patient.trans),
        sensors_mm(info, patient.trans),
    )
    cut_off = "" if patient.shows_face else " Face and ears, and the points there, are cut off."
    return studio.save(
        figure,
        "coregistration",
        "png",
        f"Co-registration: {count(len(points_mm), 'digitised head point')} and the landmarks on "
        f"the scalp of the MRI, sensors behind.{cut_off}",
        "Digitised head points on the scalp from the left, the front and the right.",
    )


def surfaces(studio: Studio) -> Picture:
    patient = studio.patient
    surfaces = (
        ("scalp", patient.head.surface(SCALP), "#b8b8b8"),
        ("inner skull", patient.head.surface(INNER_SKULL), "#ff8f6b"),
        ("pial surface", patient.head.surfaces["pial"], "#56b4e9"),
        ("white surface", patient.head.surfaces["white"], "#f0e442"),
    )
    middle = SliceData(
        studio.slices.t1w,
        studio.slices.low_mm - 12,
        studio.slices.high_mm + 12,
        patient.head.surfaces["pial"].pos_mm.mean(axis=0) + np.array(_BESIDE_MIDLINE_MM),
        outlines=tuple(
            Outline(name, surface.pos_mm, surface.faces, colour)
            for name, surface, colour in surfaces
            if surface is not None
        ),
    )
    return studio.save(
        slices_through(middle, key=False),
        "surfaces",
        "png",
        "Surfaces of the head model on the T1w, through the middle of the brain "
        "(radiological convention).",
        "MRI slices with the outlines of scalp, inner skull and cortex.",
    )


def training(studio: Studio) -> Picture | None:
    curve = studio.patient.training_curve
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
    return studio.save(
        figure,
        "training",
        "svg",
        "Fine-tuning to this head. Left: error of training and on validation recordings. Right: "
        "distances on the validation recordings (means).",
        "Curves of training and validation error and of three distances over the steps.",
    )
