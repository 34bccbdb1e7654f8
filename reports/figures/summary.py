"""The one picture of the first page."""

import numpy as np
from matplotlib.figure import Figure

from reports.figures import style
from reports.figures.cortex import CortexData, draw_cortex, ranked_views
from reports.figures.keys import add_colour_bar, legend_handles
from reports.figures.slices import PLANES, SliceData, draw_slice


def summary_picture(cortex: CortexData, slices: SliceData) -> Figure:
    """The cortex from where the source is seen best, and axial and coronal slices through it."""
    hemisphere, view, title = ranked_views(cortex)[0]
    size_mm = slices.high_mm - slices.low_mm
    planes = ("axial", "coronal")
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 2.55))
        grid = figure.add_gridspec(
            1,
            3,
            left=0,
            right=1,
            top=0.94,
            bottom=0.165,
            wspace=0.03,
            width_ratios=(1.45, *(size_mm[PLANES[p][1][0]] / size_mm.min() for p in planes)),
        )
        axes = figure.add_subplot(grid[0])
        draw_cortex(axes, cortex, hemisphere, view)
        axes.set_title(title, fontsize=7, fontweight="normal", loc="center", pad=2)
        for cell, plane in zip((grid[1], grid[2]), planes, strict=True):
            draw_slice(figure.add_subplot(cell), slices, plane)
        add_colour_bar(figure, (0.03, 0.115, 0.24, 0.028))
        handles = legend_handles(
            soz=len(slices.soz_mm) > 0,
            others=len(slices.other_contacts_mm) > 0,
            resection=slices.resection is not None or np.any(cortex.in_resection),
        )
        figure.legend(
            handles=handles,
            loc="lower right",
            bbox_to_anchor=(1.0, 0.0),
            ncols=3,
            handlelength=1.5,
            columnspacing=1.2,
            borderaxespad=0.2,
            labelspacing=0.3,
        )
    return figure
