"""Picture of what could not have been seen."""

import numpy as np

from reports.figures.sight import sight_views
from reports.pictures.studio import Picture, Studio
from reports.scenes import bare_cortex
from reports.wording import count


def sight(studio: Studio) -> Picture | None:
    found = studio.patient.sight
    if found is None or not np.isfinite(found.moment_nam).all():
        return None
    region = studio.patient.head.vertex_region
    figure = sight_views(bare_cortex(studio.patient), found.moment_nam[region], region >= 0)
    return studio.save(
        figure,
        "sight",
        "png",
        "Smallest moment (nA·m) of a source in each region that this recording would have shown with "
        f"{count(found.n_spikes, 'averaged spike')}: light, a weak source is shown; dark, only a "
        "strong one. Mind the letters L and R.",
        "Six views of the cortex with the smallest moment that would have been shown in each region.",
    )
