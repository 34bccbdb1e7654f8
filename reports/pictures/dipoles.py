"""Picture of the single spikes' dipoles."""

from dataclasses import replace

import numpy as np

from reports.dipoles import placed, summary_of_picture
from reports.figures.dipoles import REACH_MM, DipoleData, dipoles_picture
from reports.pictures.studio import Picture, Studio


def dipoles(studio: Studio) -> Picture | None:
    found, quality = studio.patient.dipoles, studio.patient.dipoles_qc
    if found is None or quality is None or not placed(studio.patient).any():
        return None
    pial = studio.patient.head.surfaces["pial"]
    cluster = quality.cluster or quality.cluster_of_all
    middle_mm = np.median(found.pos_mri_mm, axis=0) if cluster is None else cluster.centre_mri_mm
    data = DipoleData(
        pos_mm=found.pos_mri_mm,
        direction=found.direction_mri,
        counts=found.included,
        ellipsoid=None
        if cluster is None
        else np.array(cluster.semi_axes_mm)[:, None] * np.array(cluster.axes_mri),
        of_all=quality.cluster is None,
        centre_mm=np.asarray(middle_mm),
    )
    no_contacts = np.empty((0, 3))
    plain = replace(
        studio.slices,
        share=None,
        threshold=None,
        at_mm=data.centre_mm,
        cross=False,
        soz_mm=no_contacts,
        other_contacts_mm=no_contacts,
    )
    figure = dipoles_picture(
        plain,
        pial.pos_mm,
        pial.faces,
        data,
        "right" if data.centre_mm[0] > pial.pos_mm[:, 0].mean() else "left",
    )
    return studio.save(
        figure,
        "dipoles",
        "png",
        f"Dipoles of single spikes within {REACH_MM:.0f} mm of each T1w slice, and all on the outline of "
        "the brain; tails point along the moment. Slices meet at the centre of the cluster (without "
        "a cluster: at the median of all), in radiological convention.",
        f"MRI slices and brain outline with {len(found.reason)} dipoles: "
        f"{summary_of_picture(studio.patient)}.",
    )
