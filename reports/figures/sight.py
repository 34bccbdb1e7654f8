"""The smallest source strength that a recording would have shown, on the cortex."""

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from pipeline.template.cortex import vertex_normals
from reports.figures import style
from reports.figures.cortex import CortexData, mark_sides, shaded
from reports.figures.surface import rasterise

# Another scale than the source map's, which nobody should take it for: light is seen easily.
SIGHT_MAP = matplotlib.colormaps["viridis_r"]
_VIEWS = (
    ("Left, lateral", "L", "left"),
    ("Left, medial", "L", "right"),
    ("From below", "LR", "ventral"),
    ("From above", "LR", "dorsal"),
    ("Right, medial", "R", "left"),
    ("Right, lateral", "R", "right"),
)


def sight_views(cortex: CortexData, moment_nam: np.ndarray, on_cortex: np.ndarray) -> Figure:
    """Six views of the pial cortex.

    Parameters
    ----------
    cortex : CortexData
        Of which the surfaces alone are drawn.
    moment_nam : ndarray, (20484,)
        Finite; the scale runs from the 2nd to the 98th percentile.
    on_cortex : ndarray of bool, (20484,)
        False on the medial wall, which stays grey.
    """
    low, high = np.percentile(moment_nam[on_cortex], (2, 98))
    scale = LogNorm(low, max(high, 1.01 * low), clip=True)
    values = np.column_stack(
        [
            vertex_normals(cortex.pial_mm, cortex.faces),
            np.clip(cortex.sulcal_depth, -1, 1),
            np.log(moment_nam),
            on_cortex,
        ]
    )
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 1.95))
        grid = figure.add_gridspec(1, 6, left=0, right=1, top=0.9, bottom=0.25, wspace=0.02)
        for cell, (title, hemispheres, view) in zip(grid, _VIEWS, strict=True):
            axes = figure.add_subplot(cell)
            faces = cortex.hemisphere_faces(hemispheres)
            raster = rasterise(cortex.pial_mm, faces, values, view, mm_per_pixel=0.6, closed=True)
            rgb = SIGHT_MAP(scale(np.exp(np.nan_to_num(raster.values[..., 4]))))[..., :3]
            alpha = 0.95 * (np.nan_to_num(raster.values[..., 5]) > 0.5)
            axes.imshow(shaded(raster, rgb, alpha), origin="lower", extent=raster.extent_mm)
            axes.set_aspect("equal")
            axes.set_axis_off()
            axes.set_title(title, fontsize=7, fontweight="normal", loc="center", pad=1)
            mark_sides(axes, raster, hemispheres)
        box = figure.add_axes((0.3, 0.17, 0.4, 0.045))
        bar = figure.colorbar(
            ScalarMappable(scale, SIGHT_MAP), cax=box, orientation="horizontal", extend="both"
        )
        bar.outline.set_linewidth(0.4)
        ticks = [tick for tick in _ROUND if low <= tick <= high]
        bar.minorticks_off()
        bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
        box.tick_params(length=2, pad=1, labelsize=6.5)
        box.set_xlabel("smallest moment that would have been shown, nA·m", fontsize=6.5, labelpad=1)
    return figure


_ROUND = [step * 10.0**power for power in range(-2, 5) for step in (1, 2, 5)]
