"""Arrangements of cortex views: the source, its onset beside its peak, all methods."""

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from reports.figures import style
from reports.figures.cortex import CortexData, draw_cortex, outer_and_inner, ranked_views
from reports.figures.keys import add_colour_bar, legend_handles

_NAMES = {"L": "left", "R": "right"}
_METHODS_PER_ROW = 6


def cortex_views(cortex: CortexData) -> Figure:
    """Four views each of the pial and the inflated cortex, and the other hemisphere below.

    The inflated cortex is that of the hemisphere with the maximum, so that what lies in a sulcus
    is seen.
    """
    side = cortex.side
    other = {"L": "R", "R": "L"}[side]
    outer, inner = outer_and_inner(side)
    far_outer, far_inner = outer_and_inner(other)
    name, far_name = _NAMES[side], _NAMES[other]
    rows = [
        [
            (f"Pial, {name}, lateral", side, outer, "pial"),
            (f"Pial, {name}, medial", side, inner, "pial"),
            ("Pial, ventral (from below)", "LR", "ventral", "pial"),
            ("Pial, dorsal (from above)", "LR", "dorsal", "pial"),
        ],
        [
            (f"Inflated, {name}, lateral", side, outer, "inflated"),
            (f"Inflated, {name}, medial", side, inner, "inflated"),
            (f"Inflated, {name}, ventral", side, "ventral", "inflated"),
            (f"Inflated, {name}, dorsal", side, "dorsal", "inflated"),
        ],
        [
            (f"Pial, {far_name}, lateral", other, far_outer, "pial"),
            (f"Pial, {far_name}, medial", other, far_inner, "pial"),
            (f"Inflated, {far_name}, lateral", other, far_outer, "inflated"),
            (f"Inflated, {far_name}, medial", other, far_inner, "inflated"),
        ],
    ]
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 5.0))
        grid = figure.add_gridspec(
            3,
            4,
            left=0,
            right=1,
            top=0.965,
            bottom=0.1,
            wspace=0.02,
            hspace=0.1,
            height_ratios=(1.35, 1.3, 1),
        )
        for i, row in enumerate(rows):
            for j, panel in enumerate(row):
                _panel(figure.add_subplot(grid[i, j]), cortex, *panel)
        _add_key(figure, cortex)
    return figure


def onset_beside_peak(cortex: CortexData, share_at_onset: np.ndarray) -> Figure:
    """The two best views of the source at the spike's onset, and the same at its peak.

    Parameters
    ----------
    share_at_onset : ndarray, (20484,)
        Map at onset as share of its own maximum.
    """
    onset = replace(
        without_clinic(cortex),
        share=share_at_onset,
        in_extent=np.zeros(len(share_at_onset), bool),
        max_vertex=int(np.argmax(share_at_onset)),
    )
    views = ranked_views(cortex)[:2]
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 2.15))
        grid = figure.add_gridspec(1, 4, left=0, right=1, top=0.91, bottom=0.185, wspace=0.02)
        panels = [
            (data, hemispheres, view, f"{when}: {title[0].lower()}{title[1:]}")
            for when, data in (("Onset", onset), ("Peak", without_clinic(cortex)))
            for hemispheres, view, title in views
        ]
        for cell, (data, hemispheres, view, title) in zip(grid, panels, strict=True):
            _panel(figure.add_subplot(cell), data, title, hemispheres, view, "pial")
        _add_low_key(figure)
    return figure


def stability_views(cortex: CortexData, stability: np.ndarray) -> Figure:
    """How often each place is in the extent when spikes are resampled, in the four pial views.

    Parameters
    ----------
    stability : ndarray, (20484,)
        Share of the resamples, 0 to 1.
    """
    shown = replace(without_clinic(cortex), share=stability)
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 2.15))
        grid = figure.add_gridspec(1, 4, left=0, right=1, top=0.91, bottom=0.185, wspace=0.02)
        for cell, (hemispheres, view, title) in zip(grid, ranked_views(cortex), strict=True):
            _panel(figure.add_subplot(cell), shown, title, hemispheres, view, "pial")
        _add_low_key(figure, label="resamples with it in the extent, %")
    return figure


def method_maps(maps: dict[str, CortexData]) -> Figure:
    """The maps of all methods from one side: that which shows the first one best.

    Parameters
    ----------
    maps : dict
        By the method's name, each with its own map, extent and maximum. Contacts are left out:
        in pictures of this size they would hide the maps.
    """
    hemispheres, view, _ = ranked_views(next(iter(maps.values())))[0]
    n_rows = -(-len(maps) // _METHODS_PER_ROW)
    n_columns = min(len(maps), _METHODS_PER_ROW)
    with style.house_style():
        height_in = 0.42 + (1.75 if hemispheres == "LR" else 1.15) * n_rows
        figure = Figure(figsize=(style.FULL_WIDTH_IN, height_in))
        grid = figure.add_gridspec(
            n_rows,
            n_columns,
            left=0,
            right=1,
            top=1 - 0.16 / height_in,
            bottom=0.42 / height_in,
            wspace=0.03,
            hspace=0.14,
        )
        for cell, (name, cortex) in zip(grid, maps.items(), strict=False):
            bare = replace(cortex, soz_mm=np.empty((0, 3)), other_contacts_mm=np.empty((0, 3)))
            _panel(figure.add_subplot(cell), bare, name, hemispheres, view, "pial")
        add_colour_bar(figure, (0.03, 0.3 / height_in, 0.2, 0.08 / height_in))
        first = next(iter(maps.values()))
        figure.legend(
            handles=legend_handles(False, False, first.in_resection is not None),
            loc="lower right",
            ncols=3,
            bbox_to_anchor=(1.0, 0.0),
            handlelength=1.4,
            columnspacing=1.0,
            borderaxespad=0.2,
        )
    return figure


def without_clinic(cortex: CortexData) -> CortexData:
    """The map alone, without contacts and resection."""
    nowhere = np.empty((0, 3))
    return replace(cortex, in_resection=None, soz_mm=nowhere, other_contacts_mm=nowhere)


def _panel(axes, cortex: CortexData, title: str, hemispheres: str, view: str, surface: str) -> None:
    draw_cortex(axes, cortex, hemispheres, view, surface)
    axes.set_title(title, fontsize=7, fontweight="normal", loc="center", pad=1)


def _add_low_key(figure: Figure, **label: str) -> None:
    """Below a single row of views without contacts and resection."""
    add_colour_bar(figure, (0.03, 0.14, 0.2, 0.04), **label)
    figure.legend(
        handles=legend_handles(False, False, False),
        loc="lower right",
        ncols=2,
        bbox_to_anchor=(1.0, 0.0),
        handlelength=1.6,
        borderaxespad=0.2,
    )


def _add_key(figure: Figure, cortex: CortexData) -> None:
    add_colour_bar(figure, (0.03, 0.055, 0.24, 0.018))
    figure.legend(
        handles=legend_handles(
            soz=len(cortex.soz_mm) > 0,
            others=len(cortex.other_contacts_mm) > 0,
            resection=cortex.in_resection is not None,
        ),
        loc="lower right",
        bbox_to_anchor=(1.0, -0.005),
        ncols=3,
        handlelength=1.6,
        columnspacing=1.2,
        borderaxespad=0.2,
        labelspacing=0.25,
    )
