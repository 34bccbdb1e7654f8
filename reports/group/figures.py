"""Box plots with every patient as a dot, the published mean beside each box."""

import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from pipeline.metrics._metric import Published
from reports.figures import style

FEW_BOXES = 2
BOX_FROM = 5  # below so many values a box says less than the dots themselves
_BOX_WIDTH, _SPREAD = 0.5, 0.34
_FACE = "#dfe6ee"
_PUBLISHED_OFFSET = 0.39


@dataclass(frozen=True)
class Group:
    """One box.

    Attributes
    ----------
    name : str
    values : ndarray, (n_patients,)
        NaN where not assessable; the same patients in every group of a paired panel.
    filled : ndarray of bool, (n_patients,)
        Dots to fill; the others are rings.
    published : Published or None
    """

    name: str
    values: np.ndarray
    filled: np.ndarray
    published: Published | None = None


@dataclass(frozen=True)
class Panel:
    """One metric; `fraction` fixes the axis to 0 to 1."""

    title: str
    unit: str
    groups: list[Group]
    fraction: bool


def boxes(panels: list[Panel], paired: bool, rings_mean: str, dots_mean: str) -> Figure:
    """Panels side by side: four in a row where they hold few boxes, else two.

    As in the published figures: solid line the mean, dashed line the median, box the 25th to 75th
    and whiskers the 10th to 90th percentile.

    Parameters
    ----------
    paired : bool
        Join the dots of one patient.
    rings_mean, dots_mean : str
        What rings and filled dots stand for, for the key.
    """
    narrow = max(len(panel.groups) for panel in panels) <= FEW_BOXES
    n_columns = 4 if narrow else 2
    n_rows = -(-len(panels) // n_columns)
    with style.house_style():
        height = 2.2 * n_rows + 0.3
        figure = Figure(figsize=(style.FULL_WIDTH_IN, height))
        grid = figure.subplots(n_rows, n_columns, squeeze=False)
        figure.subplots_adjust(
            left=0.05,
            right=0.99,
            top=1 - (0.36 if narrow else 0.22) / height,
            bottom=0.78 / height,
            hspace=0.48,
            wspace=0.32 if narrow else 0.17,
        )
        for axes, panel in zip(grid.flat, panels, strict=False):
            title = panel.title + (f", {panel.unit}" if panel.unit else "")
            axes.set_title(textwrap.fill(title, 22) if narrow else title)
            _panel(axes, panel, paired)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        figure.legend(
            handles=_key(panels, rings_mean, dots_mean, paired),
            loc="lower center",
            ncols=4,
            columnspacing=1.4,
            handlelength=1.8,
            borderaxespad=0.1,
        )
    return figure


def shares(rows: list[tuple[str, int, int, float | None]]) -> Figure:
    """Horizontal bars of counts out of patients, with the published share as a diamond.

    Parameters
    ----------
    rows : list of (name, n_yes, n, published share or None)
    """
    with style.house_style():
        height = 0.75 + 0.23 * len(rows)
        figure = Figure(figsize=(style.FULL_WIDTH_IN, height))
        bottom = 0.4 / height
        axes = figure.add_axes((0.2, bottom, 0.56, 1 - bottom - 0.08 / height))
        for place, (_name, n_yes, n, published) in enumerate(rows):
            share = 100 * n_yes / n if n else 0.0
            axes.barh(place, share, height=0.62, color=_FACE, edgecolor=style.INK, lw=0.7)
            text = f"{n_yes} of {n} ({share:.0f} %)" if n else "not assessable"
            axes.text(104, place, text, va="center", fontsize=7)
            if published is not None:
                axes.plot(100 * published, place, **_diamond(), clip_on=False)
        axes.set_yticks(range(len(rows)), [row[0] for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set_xlabel("patients, %")
        axes.tick_params(axis="y", length=0)
        if any(row[3] is not None for row in rows):
            handle = Line2D([], [], **_diamond(), label="published share")
            figure.legend(handles=[handle], loc="lower right", borderaxespad=0.3)
    return figure


def _panel(axes: Axes, panel: Panel, paired: bool) -> None:
    places = np.arange(len(panel.groups))
    if paired and len(panel.groups) > 1:
        stacked = np.stack([group.values for group in panel.groups])
        shift = _shifts(stacked.shape[1])
        axes.plot(places[:, None] + shift, stacked, color=style.RULE, lw=0.5, zorder=1)
    for place, group in zip(places, panel.groups, strict=True):
        _box(axes, place, group.values[np.isfinite(group.values)])
        shift = _shifts(len(group.values))
        for chosen, face in ((group.filled, style.INK), (~group.filled, "white")):
            axes.plot(
                place + shift[chosen],
                group.values[chosen],
                ls="none",
                marker="o",
                ms=3,
                mfc=face,
                mec=style.INK,
                mew=0.6,
                zorder=4,
                clip_on=False,
            )
        if not np.isfinite(group.values).any():
            axes.text(
                place,
                0.5,
                "not\nassessable",
                transform=axes.get_xaxis_transform(),
                ha="center",
                va="center",
                color=style.QUIET,
                fontsize=6.5,
            )
        if group.published is not None:
            axes.errorbar(
                place + _PUBLISHED_OFFSET,
                group.published.mean,
                group.published.sd,
                elinewidth=0.8,
                ecolor=style.PEAK_VERMILION,
                zorder=5,
                **_diamond(),
            )
    n_values = [int(np.isfinite(group.values).sum()) for group in panel.groups]
    names = [textwrap.fill(group.name, 13) for group in panel.groups]
    axes.set_xticks(places, [f"{m}\nn = {n}" for m, n in zip(names, n_values, strict=True)])
    axes.tick_params(axis="x", length=0, labelsize=6.3)
    axes.set_xlim(-0.6, len(panel.groups) - 0.35)
    # A little room at both ends, so that dots there stand clear of axis and title.
    top = 1.0 if panel.fraction else max(axes.get_ylim()[1], 1.0)
    axes.set_ylim(-0.04 * top, 1.04 * top)


def _box(axes: Axes, place: float, values: np.ndarray) -> None:
    if len(values) < BOX_FROM:
        return
    low, first, median, third, high = np.percentile(values, [10, 25, 50, 75, 90])
    stats = {"whislo": low, "q1": first, "med": median, "q3": third, "whishi": high}
    axes.bxp(
        [stats | {"mean": values.mean(), "fliers": []}],
        positions=[place],
        widths=_BOX_WIDTH,
        showmeans=True,
        meanline=True,
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": _FACE, "edgecolor": style.INK, "lw": 0.7},
        medianprops={"color": style.INK, "lw": 1.0, "ls": (0, (2, 1.5))},
        meanprops={"color": style.INK, "lw": 1.4, "ls": "solid"},
        whiskerprops={"color": style.INK, "lw": 0.7},
        capprops={"color": style.INK, "lw": 0.7},
        zorder=2,
    )


def _shifts(n: int) -> np.ndarray:
    """Sideways places (n,) of dots: one for each patient, the same in every box."""
    if n < 2:
        return np.zeros(n)
    golden = (np.arange(n) * 0.6180339887) % 1
    return (golden - 0.5) * _SPREAD


def _diamond() -> dict:
    return {
        "marker": "D",
        "ms": 4,
        "mfc": "white",
        "mec": style.PEAK_VERMILION,
        "mew": 1.0,
        "ls": "none",
    }


def _key(panels: list[Panel], rings_mean: str, dots_mean: str, paired: bool) -> list[Line2D]:
    groups = [group for panel in panels for group in panel.groups]
    dot = {"ls": "none", "marker": "o", "ms": 3, "mec": style.INK, "mew": 0.6}
    handles = [Line2D([], [], mfc=style.INK, **dot, label=dots_mean)]
    if any(np.isfinite(group.values[~group.filled]).any() for group in groups):
        handles.append(Line2D([], [], mfc="white", **dot, label=rings_mean))
    if paired:
        handles.append(Line2D([], [], color=style.RULE, lw=0.8, label="the same patient"))
    if any(np.isfinite(group.values).sum() >= BOX_FROM for group in groups):
        handles += [
            Line2D([], [], color=style.INK, lw=1.4, label="mean"),
            Line2D([], [], color=style.INK, lw=1.0, ls=(0, (2, 1.5)), label="median"),
            Line2D([], [], color=_FACE, lw=6, label="25 to 75 % (whiskers 10 to 90 %)"),
        ]
    if any(group.published for group in groups):
        handles.append(Line2D([], [], **_diamond(), label="published mean ± SD"))
    return handles
