"""Curves over time and over training steps."""

import numpy as np
from matplotlib.figure import Figure

from reports.figures import style

_SHOWN_S = (-0.25, 0.35)
# Thick to thin and dark to light, so that the order survives greyscale.
_SHADES = ("#1b1f24", "#0072b2", "#d55e00", "#009e73", "#9a6fb0")


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
        axes = figure.add_axes((0.075, 0.17, 0.60, 0.78))
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
    loss: np.ndarray,
    held_out_step: np.ndarray,
    held_out: np.ndarray,
    held_out_name: str,
) -> Figure:
    """Training error of each step and the error on held-out synthetic spikes of this head."""
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN * 0.5, 1.75))
        axes = figure.add_axes((0.15, 0.22, 0.69, 0.68))
        axes.plot(step, loss, color=style.QUIET, lw=0.7, label="training")
        axes.set_xlabel("training step")
        axes.set_ylabel("training error")
        axes.set_ylim(bottom=0)
        right = axes.twinx()
        right.spines["right"].set_visible(True)
        right.plot(
            held_out_step, held_out, "o-", color=style.ONSET_BLUE, ms=3, lw=1.2, label="held-out"
        )
        right.set_ylabel(held_out_name)
        right.set_ylim(bottom=0)
        lines = axes.get_lines() + right.get_lines()
        axes.legend(
            handles=lines, loc="lower right", bbox_to_anchor=(1, 0.98), ncols=2, borderaxespad=0
        )
    return figure
