"""The head from outside: co-registration, and where the methods place the maximum."""

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.methods import METHODS
from pipeline.template.cortex import vertex_normals
from reports.figures import style
from reports.figures.keys import draw_contacts, soz_handle
from reports.figures.surface import Raster, rasterise

_FAR_MM = 10.0


def coregistration(
    scalp_mm: np.ndarray,
    faces: np.ndarray,
    head_points_mm: np.ndarray,
    distance_mm: np.ndarray,
    fiducials_mm: dict[str, np.ndarray],
    sensors_mm: np.ndarray,
) -> Figure:
    """Digitised points on the scalp from the left, the front and the right.

    Parameters
    ----------
    scalp_mm, faces : ndarray
        Scalp mesh, scanner RAS.
    head_points_mm : ndarray, (n, 3)
        Carried to the MRI by the co-registration.
    distance_mm : ndarray, (n,)
        Of each point from the scalp; it colours the point.
    fiducials_mm : dict
        Nasion, LPA and RPA by name.
    sensors_mm : ndarray, (n_sensors, 3)
    """
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 2.55))
        everything = np.vstack([scalp_mm, sensors_mm])
        for i, view in enumerate(("left", "anterior", "right")):
            axes = figure.add_axes((0.295 * i, 0.0, 0.29, 0.93))
            raster = rasterise(scalp_mm, faces, vertex_normals(scalp_mm, faces), view, 0.6)
            axes.imshow(_skin(raster), origin="lower", extent=raster.extent_mm)
            _points(axes, raster, sensors_mm, "s", 1.4, style.RULE, behind=True)
            _head_points(axes, raster, head_points_mm, distance_mm)
            for name, pos_mm in fiducials_mm.items():
                _fiducial(axes, raster, name, pos_mm)
            seen = everything @ raster.axes.T
            axes.set_xlim(seen[:, 0].min() - 5, seen[:, 0].max() + 5)
            axes.set_ylim(seen[:, 1].min() - 5, seen[:, 1].max() + 5)
            axes.set_aspect("equal")
            axes.set_axis_off()
            title = {"left": "From the left", "right": "From the right"}.get(view)
            axes.set_title(
                title or "From the front (R | L)",
                fontsize=7,
                fontweight="normal",
                loc="center",
                pad=2,
            )
        bar_axes = figure.add_axes((0.91, 0.42, 0.014, 0.48))
        bar = figure.colorbar(
            ScalarMappable(Normalize(0, _FAR_MM), "viridis"), cax=bar_axes, extend="max"
        )
        bar.outline.set_linewidth(0.4)
        bar_axes.tick_params(labelsize=6.5, length=2)
        bar_axes.set_ylabel("head point to scalp, mm", fontsize=6.5)
        figure.legend(
            handles=[
                Line2D(
                    [], [], ls="none", marker="D", mfc="white", mec="black", ms=4, label="landmark"
                ),
                Line2D([], [], ls="none", marker="s", color=style.RULE, ms=3, label="sensor"),
            ],
            loc="lower right",
            bbox_to_anchor=(1.0, 0.08),
            handlelength=1,
        )
    return figure


_LONGEST_LEGEND, _LEGEND_COLUMNS = 11, 4


def method_maxima(
    pial_mm: np.ndarray,
    faces: np.ndarray,
    maxima_mm: dict[str, np.ndarray],
    names: dict[str, str],
    soz_mm: np.ndarray,
    side: str,
) -> Figure:
    """Where each method has its maximum, on the brain's outline from three sides.

    `side` is "left" or "right": from where the lateral view is taken.
    """
    handles = [
        Line2D(
            [],
            [],
            ls="none",
            marker=METHODS[m].marker,
            ms=5,
            mec=METHODS[m].colour,
            mfc="none" if METHODS[m].fine_tuned else METHODS[m].colour,
            label=names[m],
        )
        for m in maxima_mm
    ]
    if len(soz_mm):
        handles.append(soz_handle())
    # Beside the brains, or below them where it is too long for that.
    n_rows = -(-len(handles) // _LEGEND_COLUMNS) if len(handles) > _LONGEST_LEGEND else 0
    below_in = 0.17 * n_rows
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 1.85 + below_in))
        bottom, height = below_in / (1.85 + below_in), 1.67 / (1.85 + below_in)
        for i, (view, title) in enumerate(
            ((side, f"From the {side}"), ("anterior", "From the front"), ("dorsal", "From above"))
        ):
            axes = figure.add_axes((0.26 * i, bottom, 0.25, height))
            raster = brain_outline(axes, pial_mm, faces, view)
            right, up, _ = raster.project(soz_mm).T
            draw_contacts(axes, right, up, style.SOZ_BLUE, 3.2)
            for method, pos_mm in maxima_mm.items():
                about = METHODS[method]
                right, up, _ = raster.project(pos_mm[None])[0]
                axes.plot(
                    right,
                    up,
                    marker=about.marker,
                    ms=9 if about.fine_tuned else 5.5,
                    mfc="none" if about.fine_tuned else about.colour,
                    mec=about.colour,
                    mew=1.4 if about.fine_tuned else 0.5,
                    ls="none",
                )
            axes.set_title(title, fontsize=7, fontweight="normal", loc="center", pad=2)
        if n_rows:
            figure.legend(handles=handles, loc="lower left", ncols=_LEGEND_COLUMNS)
        else:
            figure.legend(handles=handles, loc="center left", bbox_to_anchor=(0.785, 0.5))
    return figure


def brain_outline(axes: Axes, pial_mm: np.ndarray, faces: np.ndarray, view: str) -> Raster:
    """The brain's outline from one side with the letters of the sides; returns what it is drawn in."""
    raster = rasterise(pial_mm, faces, np.zeros((len(pial_mm), 1)), view, 0.6)
    covered = raster.covered.astype(float)
    axes.contourf(*_grid(raster), covered, [0.5, 1.5], colors=["#f0f2f4"])
    axes.contour(*_grid(raster), covered, [0.5], colors=style.QUIET, linewidths=0.6)
    _mark_left_right(axes, raster, view)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return raster


def _skin(raster: Raster) -> np.ndarray:
    light = raster.axes.T @ np.array([-0.35, 0.45, 0.82])
    with np.errstate(invalid="ignore"):
        lambert = np.clip(raster.values @ light / np.linalg.norm(raster.values, axis=-1), 0, 1)
    grey = np.where(raster.covered, np.nan_to_num(0.55 + 0.35 * lambert), 1.0)
    return np.repeat(grey[..., None], 3, axis=-1)


def _points(axes: Axes, raster: Raster, pos_mm, marker, size, colour, behind=False) -> None:
    right, up, _ = raster.project(pos_mm).T
    axes.plot(
        right, up, marker, ms=size, mfc=colour, mec="none", ls="none", zorder=0.5 if behind else 2
    )


def _head_points(axes: Axes, raster: Raster, pos_mm: np.ndarray, distance_mm: np.ndarray) -> None:
    visible = raster.depth_below_surface_mm(pos_mm) < 25
    right, up, _ = raster.project(pos_mm[visible]).T
    axes.scatter(
        right,
        up,
        c=distance_mm[visible],
        cmap="viridis",
        vmin=0,
        vmax=_FAR_MM,
        s=9,
        edgecolors="black",
        linewidths=0.3,
        zorder=3,
    )


def _fiducial(axes: Axes, raster: Raster, name: str, pos_mm: np.ndarray) -> None:
    if raster.depth_below_surface_mm(pos_mm[None])[0] > 40:
        return
    right, up, _ = raster.project(pos_mm[None])[0]
    axes.plot(right, up, "D", ms=4, mfc="white", mec="black", mew=0.8, zorder=4)
    axes.annotate(
        name,
        (right, up),
        xytext=(0, -4),
        textcoords="offset points",
        ha="center",
        va="top",
        fontsize=6.5,
        path_effects=[effects.withStroke(linewidth=2, foreground="white")],
        zorder=5,
    )


def _grid(raster: Raster) -> tuple[np.ndarray, np.ndarray]:
    height, width = raster.depth_mm.shape
    left, right, bottom, top = raster.extent_mm
    x = left + (np.arange(width) + 0.5) / width * (right - left)
    y = bottom + (np.arange(height) + 0.5) / height * (top - bottom)
    return x, y


def _mark_left_right(axes: Axes, raster: Raster, view: str) -> None:
    left, right, _, top = raster.extent_mm
    letters = {
        "left": ("A", "P"),
        "right": ("P", "A"),
        "anterior": ("R", "L"),
        "dorsal": ("L", "R"),
    }[view]
    for letter, x, align in zip(letters, (left, right), ("left", "right"), strict=True):
        axes.text(x, top, letter, ha=align, va="top", fontsize=7.5, fontweight="bold")
