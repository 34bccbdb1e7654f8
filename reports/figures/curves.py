"""Curves over time and over training steps."""

import numpy as np
from matplotlib.figure import Figure

from reports.figures import style

_SHOWN_S = (-0.25, 0.35)
# Thick to thin and dark to light, so that the order survives greyscale.
_SHADES = ("#1b1f24", "#0072b2", "#d55e00", "#009e73", "#9a6fb0")
_MARKERS = "osd^v"


def region_time_courses(
    times_s: np.ndarray,
    activity: np.ndarray,
    names: list[str],
    gfp_times_s: np.ndarray,
    gfp: np.ndarray,
    window_s: float,
    onset_s: float | None,
) -> Figure:
    """Activity of the strongest regions, with the sensors' global field power behind it.

    Parameters
    ----------
    times_s : ndarray, (n_times,)
    activity : ndarray, (n_shown, n_times)
        Relative to the largest absolute value of the whole map.
    names : list of str
        One per row of `activity`, at most five.
    gfp_times_s, gfp : ndarray
        Global field power as share of its maximum.
    window_s : float
        Length of the window around the peak over which the map was averaged.
    """
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 2.3))
        axes = figure.add_axes((0.09, 0.17, 0.585, 0.78))
        axes.axvspan(-window_s * 500, window_s * 500, color="#eceff2", lw=0)
        axes.fill_between(gfp_times_s * 1000, 0, gfp, color="#dfe3e8", lw=0)
        axes.plot(
            gfp_times_s * 1000,
            gfp,
            color=style.QUIET,
            lw=0.6,
            ls="dotted",
            label="sensors' global field power",
        )
        for i, (row, name) in enumerate(zip(activity, names, strict=True)):
            axes.plot(times_s * 1000, row, color=_SHADES[i], lw=1.8 - 0.3 * i, label=name)
        axes.axvline(0, color=style.PEAK_VERMILION, lw=0.8)
        if onset_s is not None:
            axes.axvline(onset_s * 1000, color=style.ONSET_BLUE, lw=0.8, ls="dashed")
        axes.set_xlim(_SHOWN_S[0] * 1000, _SHOWN_S[1] * 1000)
        axes.set_xlabel("time from the spike's peak, ms")
        axes.set_ylabel("activity, relative")
        figure.legend(
            *axes.get_legend_handles_labels(),
            loc="upper left",
            bbox_to_anchor=(0.69, 0.98),
            labelspacing=0.45,
        )
    return figure


def training_curve(
    step: np.ndarray,
    losses: dict[str, np.ndarray],
    errors_mm: dict[str, np.ndarray],
) -> Figure:
    """Fine-tuning: the training's own error, and distances on recordings kept apart from it.

    Parameters
    ----------
    step : ndarray, (n_validations,)
    losses, errors_mm : dict of ndarray, (n_validations,)
        By name; errors in mm.
    """
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 1.9))
        for left, curves, label in (
            (0.075, losses, "relative error"),
            (0.57, errors_mm, "distance, mm"),
        ):
            axes = figure.add_axes((left, 0.21, 0.42, 0.64))
            for i, (name, values) in enumerate(curves.items()):
                axes.plot(
                    step,
                    values,
                    _MARKERS[i] + "-",
                    color=_SHADES[i],
                    ms=3,
                    lw=1.3,
                    mfc="white",
                    label=name,
                )
            axes.set_xlabel("fine-tuning step")
            axes.set_ylabel(label)
            axes.set_ylim(0, 1.1 * max(np.nanmax(values) for values in curves.values()))
            axes.legend(
                loc="lower left",
                bbox_to_anchor=(0, 1.02),
                ncols=len(curves),
                borderaxespad=0,
                columnspacing=0.8,
                handlelength=1.2,
            )
    return figure
