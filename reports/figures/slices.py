"""MRI slices in radiological convention, with the source, contacts, resection and surfaces."""

from dataclasses import dataclass, field, replace

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.ndimage import map_coordinates

from pipeline.text import along
from reports.figures import style
from reports.figures.keys import add_colour_bar, draw_contacts, legend_handles

# Name -> axis across the slice, image right and image up as (RAS axis, sign), edge letters.
# Radiological convention: the patient's right is on the left of axial and coronal slices.
PLANES = {
    "axial": (2, (0, -1), (1, 1), ("R", "L", "P", "A")),
    "coronal": (1, (0, -1), (2, 1), ("R", "L", "I", "S")),
    "sagittal": (0, (1, -1), (2, 1), ("A", "P", "I", "S")),
}
CONTACT_REACH_MM = 5.0
NEIGHBOUR_MM = 5.0
SCALE_BAR_MM = 20.0
_STEP_MM = 0.6
_MAP_OPACITY = 0.6  # the cortex below shows through
_TITLE_IN = 0.18
_SMALL_IN = 1.3
_LABEL = [effects.withStroke(linewidth=1.5, foreground="black")]


@dataclass(frozen=True)
class Volume:
    """A 3D image with its voxel-to-scanner-RAS affine (mm)."""

    data: np.ndarray
    affine: np.ndarray

    def sample(self, pos_mm: np.ndarray, order: int = 1) -> np.ndarray:
        """Values at positions (..., 3); 0 outside the image."""
        inverse = np.linalg.inv(self.affine)
        voxel = pos_mm @ inverse[:3, :3].T + inverse[:3, 3]
        return map_coordinates(self.data, np.moveaxis(voxel, -1, 0), order=order, cval=0.0)


@dataclass(frozen=True)
class Outline:
    """A surface whose section with the slice is drawn; positions in mm."""

    name: str
    pos_mm: np.ndarray
    faces: np.ndarray
    colour: str


@dataclass(frozen=True)
class SliceData:
    """What is drawn on the MRI; all positions in scanner RAS of the T1w, mm.

    Attributes
    ----------
    t1w, share, resection : Volume
        `share` is the source volume as share of its maximum; both overlays may be None.
    low_mm, high_mm : ndarray, (3,)
        Corners of what is shown.
    at_mm : ndarray, (3,)
        Where the three slices meet.
    cross : bool
        Whether that place is marked.
    """

    t1w: Volume
    low_mm: np.ndarray
    high_mm: np.ndarray
    at_mm: np.ndarray
    share: Volume | None = None
    threshold: float | None = None
    resection: Volume | None = None
    soz_mm: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    other_contacts_mm: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    outlines: tuple[Outline, ...] = ()
    cross: bool = True


def slices_through(data: SliceData, key: bool = True) -> Figure:
    """Axial, coronal and sagittal slices through `at_mm`, at one scale; below a map the same without.

    `key` adds the colour bar and the symbols of the source pictures; without it the names of
    the surface `outlines` are the key.
    """
    rows = [data] if data.share is None else [data, without_overlays(data)]
    band_in = 0.52 if key else 0.28
    panel_in = _panel_in(data, 1)
    height_in = len(rows) * (panel_in + _TITLE_IN) + band_in
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, height_in))
        grid = figure.add_gridspec(
            len(rows),
            3,
            width_ratios=_widths_mm(data),
            left=0,
            right=1,
            top=1 - _TITLE_IN / height_in,
            bottom=band_in / height_in,
            wspace=0.015,
            hspace=_TITLE_IN / panel_in,
        )
        for row, shown in enumerate(rows):
            for column, name in enumerate(PLANES):
                draw_slice(figure.add_subplot(grid[row, column]), shown, name)
        if key:
            add_colour_bar(figure, (0.03, 0.33 / height_in, 0.24, 0.09 / height_in))
            handles = legend_handles(
                len(data.soz_mm) > 0,
                len(data.other_contacts_mm) > 0,
                data.resection is not None,
                deep_as_rings=False,
            )
        else:
            handles = [
                Line2D([], [], color=outline.colour, lw=1.2, label=outline.name)
                for outline in data.outlines
            ]
        figure.legend(
            handles=handles,
            loc="lower right",
            bbox_to_anchor=(1.0, 0.0),
            ncols=len(handles),
            handlelength=1.4,
            columnspacing=1.0,
            borderaxespad=0.2,
        )
    return figure


def neighbouring_slices(data: SliceData) -> Figure:
    """Of each plane the slices `NEIGHBOUR_MM` before and behind `at_mm`, with the map."""
    panel_in = _panel_in(data, 2)
    height_in = panel_in + _TITLE_IN
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, height_in))
        grid = figure.add_gridspec(
            1,
            6,
            width_ratios=np.repeat(_widths_mm(data), 2),
            left=0,
            right=1,
            top=1 - _TITLE_IN / height_in,
            bottom=0,
            wspace=0.015,
        )
        for column, (name, step) in enumerate((name, step) for name in PLANES for step in (-1, 1)):
            moved = np.zeros(3)
            moved[PLANES[name][0]] = step * NEIGHBOUR_MM
            beside = replace(data, at_mm=data.at_mm + moved, cross=False)
            draw_slice(figure.add_subplot(grid[column]), beside, name)
    return figure


def without_overlays(data: SliceData) -> SliceData:
    """The same slices with nothing on them."""
    none = np.empty((0, 3))
    return SliceData(
        data.t1w,
        data.low_mm,
        data.high_mm,
        data.at_mm,
        soz_mm=none,
        other_contacts_mm=none,
        cross=False,
    )


def _widths_mm(data: SliceData) -> list[float]:
    size_mm = data.high_mm - data.low_mm
    return [float(size_mm[PLANES[name][1][0]]) for name in PLANES]


def _panel_in(data: SliceData, n_each: int) -> float:
    """Height of the highest panel of a row of all planes, `n_each` of each."""
    size_mm = data.high_mm - data.low_mm
    tallest_mm = max(size_mm[PLANES[name][2][0]] for name in PLANES)
    return float(tallest_mm / (n_each * sum(_widths_mm(data))) * style.FULL_WIDTH_IN * 0.985)


def draw_slice(axes: Axes, data: SliceData, plane: str) -> None:
    """One slice; edge letters give the sides, the title its coordinate."""
    across, (right_axis, right_sign), (up_axis, _), letters = PLANES[plane]
    right = np.arange(data.low_mm[right_axis], data.high_mm[right_axis], _STEP_MM)
    up = np.arange(data.low_mm[up_axis], data.high_mm[up_axis], _STEP_MM)
    pos_mm = np.empty((len(up), len(right), 3))
    pos_mm[..., across] = data.at_mm[across]
    pos_mm[..., right_axis] = right
    pos_mm[..., up_axis] = up[:, None]
    box = (right[0], right[-1], up[0], up[-1])

    anatomy = data.t1w.sample(pos_mm)
    white = np.percentile(data.t1w.data[data.t1w.data > 0], 99.0)
    axes.imshow(
        anatomy,
        cmap="gray",
        vmin=0,
        vmax=white * 1.05,
        origin="lower",
        extent=box,
        interpolation="bilinear",
    )
    if data.share is not None:
        # Nearest neighbour: regions have edges, and a smoothed map would look better resolved.
        share = data.share.sample(pos_mm, order=0)
        overlay = style.SOURCE_MAP(share)
        overlay[..., 3] = np.where(share >= style.SHOWN_FROM, _MAP_OPACITY, 0)
        axes.imshow(overlay, origin="lower", extent=box, interpolation="nearest")
        if data.threshold is not None:
            _contour(axes, right, up, share >= data.threshold, "black", "solid")
    if data.resection is not None:
        inside = data.resection.sample(pos_mm) > 0.5
        _contour(axes, right, up, inside, style.RESECTION_GREEN, "dashed")
    for outline in data.outlines:
        segments = plane_section(outline.pos_mm, outline.faces, across, data.at_mm[across])
        segments = segments[..., [right_axis, up_axis]]
        axes.add_collection(LineCollection(segments, colors=outline.colour, linewidths=0.7))
    _draw_contacts(axes, data, across, right_axis, up_axis)
    if data.cross and not data.outlines:
        axes.plot(
            data.at_mm[right_axis],
            data.at_mm[up_axis],
            "+",
            color="black",
            ms=7,
            mew=1.1,
            path_effects=[effects.withStroke(linewidth=2.4, foreground="white")],
        )
    axes.set_xlim(box[:2] if right_sign > 0 else box[1::-1])
    axes.set_ylim(box[2:])
    axes.set_aspect("equal", anchor="N")
    axes.set_axis_off()
    coordinate = f"{along(across, data.at_mm[across])} mm"
    axes.set_title(
        f"{plane.capitalize()}, {coordinate}", fontsize=7, fontweight="normal", loc="center", pad=2
    )
    _scale_bar(axes, right[-1] - right[0])
    # A sagittal slice shows one side: its letter stands in the corner.
    _mark_edges(axes, (*letters, coordinate[0] if plane == "sagittal" else ""))


def _mark_edges(axes: Axes, letters: tuple[str, ...]) -> None:
    """Letters at the left, right, lower and upper edge, and in the upper left corner."""
    width_in = axes.get_position().width * axes.get_figure().get_size_inches()[0]
    for letter, x, y, ha, va in zip(
        letters,
        (0.015, 0.985, 0.5, 0.5, 0.015),
        (0.5, 0.5, 0.01, 0.985, 0.985),
        ("left", "right", "center", "center", "left"),
        ("center", "center", "bottom", "top", "top"),
        strict=True,
    ):
        axes.text(
            x,
            y,
            letter,
            transform=axes.transAxes,
            ha=ha,
            va=va,
            color="white",
            fontsize=8 if width_in > _SMALL_IN else 5.5,
            fontweight="bold",
            path_effects=_LABEL,
        )


def _scale_bar(axes: Axes, width_mm: float) -> None:
    """A bar of `SCALE_BAR_MM` in the lower right corner of a slice that is so wide."""
    ends = (0.965 - SCALE_BAR_MM / width_mm, 0.965)
    for colour, width in (("black", 2.6), ("white", 1.4)):
        axes.plot(
            ends,
            (0.03, 0.03),
            color=colour,
            lw=width,
            transform=axes.transAxes,
            solid_capstyle="butt",
            scalex=False,
            scaley=False,
        )
    axes.text(
        ends[1],
        0.045,
        f"{SCALE_BAR_MM:.0f} mm",
        transform=axes.transAxes,
        ha="right",
        va="bottom",
        color="white",
        fontsize=5.5,
        path_effects=_LABEL,
    )


def plane_section(pos_mm: np.ndarray, faces: np.ndarray, axis: int, at_mm: float) -> np.ndarray:
    """Where a mesh crosses the plane ``pos[axis] == at_mm``: segments (n, 2, 3)."""
    corners = pos_mm[faces]
    above = corners[..., axis] > at_mm
    crossing = above.any(axis=1) & ~above.all(axis=1)
    corners, above = corners[crossing], above[crossing]
    # The corner that is alone on its side; both edges that leave it cross the plane.
    lone_is_above = above.sum(axis=1) == 1
    lone = np.argmax(above == lone_is_above[:, None], axis=1)
    rows = np.arange(len(corners))
    tip = corners[rows, lone]
    ends = []
    for step in (1, 2):
        other = corners[rows, (lone + step) % 3]
        share = (at_mm - tip[:, axis]) / (other[:, axis] - tip[:, axis])
        ends.append(tip + share[:, None] * (other - tip))
    return np.stack(ends, axis=1)


def _contour(axes: Axes, right, up, mask: np.ndarray, colour: str, dashes: str) -> None:
    if mask.any() and not mask.all():
        axes.contour(right, up, mask.astype(float), [0.5], colors="white", linewidths=1.7)
        axes.contour(
            right, up, mask.astype(float), [0.5], colors=colour, linewidths=0.9, linestyles=dashes
        )


def _draw_contacts(axes: Axes, data: SliceData, across: int, right_axis: int, up_axis: int) -> None:
    for pos_mm, colour, size in (
        (data.other_contacts_mm, "white", 2.2),
        (data.soz_mm, style.SOZ_BLUE, 4.0),
    ):
        near = pos_mm[np.abs(pos_mm[:, across] - data.at_mm[across]) <= CONTACT_REACH_MM]
        draw_contacts(axes, near[:, right_axis], near[:, up_axis], colour, size)
