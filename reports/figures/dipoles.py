"""Single spikes' dipoles on MRI slices and on the brain's outline, with their cluster."""

from dataclasses import dataclass

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures import style
from reports.figures.head import brain_outline
from reports.figures.slices import PLANES, SliceData, draw_slice

REACH_MM = 10.0
_TAIL_MM = 9.0
_CASING = [effects.withStroke(linewidth=1.5, foreground="black")]
_LIT, _DIM = "#ffd43b", "#adb5bd"


@dataclass(frozen=True)
class DipoleData:
    """What is drawn; scanner RAS of the T1w, mm.

    Attributes
    ----------
    pos_mm, direction : ndarray, (n, 3)
    counts : ndarray of bool, (n,)
        Whether a dipole meets the criteria.
    ellipsoid : ndarray, (3, 3) or None
        Rows: half axes, mm, of the cluster of those that count, or of all.
    of_all : bool
        Which of these it is.
    centre_mm : ndarray, (3,)
    """

    pos_mm: np.ndarray
    direction: np.ndarray
    counts: np.ndarray
    ellipsoid: np.ndarray | None
    of_all: bool
    centre_mm: np.ndarray


def dipoles_picture(
    slices: SliceData, pial_mm: np.ndarray, faces: np.ndarray, data: DipoleData, side: str
) -> Figure:
    """Three slices through the dipoles' middle, and the outline of the brain from `side`."""
    size_mm = slices.high_mm - slices.low_mm
    widths = [*(size_mm[PLANES[plane][1][0]] for plane in PLANES), size_mm[1]]
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 2.15))
        grid = figure.add_gridspec(
            1, 4, width_ratios=widths, left=0, right=1, top=0.92, bottom=0.13, wspace=0.02
        )
        for cell, plane in zip(grid, PLANES, strict=False):
            axes = figure.add_subplot(cell)
            draw_slice(axes, slices, plane)
            _on_slice(axes, data, slices.at_mm, plane)
        axes = figure.add_subplot(grid[3])
        raster = brain_outline(axes, pial_mm, faces, side)
        _draw(axes, data, raster.axes[0], raster.axes[1], np.full(len(data.pos_mm), True))
        axes.set_title(f"From the {side}", fontsize=7, fontweight="normal", loc="center", pad=2)
        figure.legend(handles=_key(data), loc="lower right", ncols=3, borderaxespad=0.2)
    return figure


def _on_slice(axes: Axes, data: DipoleData, at_mm: np.ndarray, plane: str) -> None:
    across, (right_axis, _), (up_axis, _), _ = PLANES[plane]
    near = np.abs(data.pos_mm[:, across] - at_mm[across]) <= REACH_MM
    _draw(axes, data, np.eye(3)[right_axis], np.eye(3)[up_axis], near)


def _draw(axes: Axes, data: DipoleData, right, up, shown: np.ndarray) -> None:
    """Discs with tails in their direction; `right` and `up` are the picture's axes in RAS."""
    plane = np.array([right, up]).T
    for which, colour, size in ((~data.counts, _DIM, 2.0), (data.counts, _LIT, 3.2)):
        start = (data.pos_mm @ plane)[which & shown]
        end = start + _TAIL_MM * (data.direction @ plane)[which & shown]
        for a, b in zip(start, end, strict=True):
            axes.plot(*np.array([a, b]).T, "-", color=colour, lw=0.8, path_effects=_CASING)
        axes.plot(*start.T, "o", ls="none", ms=size, mfc=colour, mec="black", mew=0.5)
    if data.ellipsoid is not None:
        # The shadow of an ellipsoid on a plane is an ellipse with these half axes.
        half = np.linalg.svd((data.ellipsoid @ plane).T, full_matrices=False)
        angle = np.linspace(0, 2 * np.pi, 90)
        ring = (
            data.centre_mm @ plane
            + np.stack([np.cos(angle), np.sin(angle)], 1) @ (half[0] * half[1]).T
        )
        axes.plot(*ring.T, color=style.SOZ_BLUE, lw=1.0, ls=_dashes(data))


def _key(data: DipoleData) -> list[Line2D]:
    made = [
        Line2D([], [], color=_LIT, marker="o", mec="black", ms=4, label="dipole that counts"),
        Line2D([], [], color=_DIM, marker="o", mec="black", ms=3, label="other dipole"),
    ]
    if data.ellipsoid is not None:
        label = f"95 % ellipsoid of {'all' if data.of_all else 'those that count'}"
        made.append(Line2D([], [], color=style.SOZ_BLUE, ls=_dashes(data), label=label))
    return made


def _dashes(data: DipoleData) -> str:
    return "dashed" if data.of_all else "solid"
