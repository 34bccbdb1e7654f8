"""The single spikes: how alike they are."""

import numpy as np
from matplotlib.figure import Figure

from reports.figures import style

_SHOWN_S = (-0.25, 0.35)


def consistency(
    times_s: np.ndarray,
    course: np.ndarray,
    correlation: np.ndarray,
    amplitude_ratio: np.ndarray,
    accepted: np.ndarray,
) -> Figure:
    """Every accepted spike as a row of a heat map, and how all marked spikes fit the average.

    Parameters
    ----------
    times_s : ndarray, (n_times,)
    course : ndarray, (n_accepted, n_times)
        Relative to the average's peak.
    correlation, amplitude_ratio : ndarray, (n_marked,)
        NaN where a spike could not be compared.
    accepted : ndarray of bool, (n_marked,)
    """
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 2.0))
        axes = figure.add_axes((0.075, 0.2, 0.42, 0.67))
        shown = (times_s >= _SHOWN_S[0]) & (times_s <= _SHOWN_S[1])
        image = axes.imshow(
            course[:, shown],
            aspect="auto",
            cmap=style.FIELD_MAP,
            vmin=-1.5,
            vmax=1.5,
            interpolation="nearest",
            extent=(_SHOWN_S[0] * 1000, _SHOWN_S[1] * 1000, len(course) + 0.5, 0.5),
        )
        axes.set_xlabel("time from the spike's peak, ms")
        axes.set_ylabel("spike")
        axes.set_title("Accepted spikes")
        bar = figure.colorbar(image, cax=figure.add_axes((0.505, 0.2, 0.012, 0.67)), extend="both")
        bar.outline.set_linewidth(0.4)
        bar.ax.tick_params(labelsize=6.5, length=2)
        bar.ax.set_title("rel.", fontsize=6.5, fontweight="normal", loc="center", pad=3)

        axes = figure.add_axes((0.645, 0.2, 0.345, 0.67))
        axes.plot(
            correlation[accepted],
            amplitude_ratio[accepted],
            "o",
            ms=3.2,
            mfc="none",
            mec=style.ONSET_BLUE,
            mew=0.8,
            label=f"accepted ({accepted.sum()})",
        )
        axes.plot(
            correlation[~accepted],
            amplitude_ratio[~accepted],
            "x",
            ms=4,
            mew=1,
            color=style.PEAK_VERMILION,
            label=f"rejected ({(~accepted).sum()})",
        )
        axes.set_xlabel("correlation with the others' average")
        axes.set_ylabel("amplitude, relative to it")
        axes.set_xlim(right=1.02)
        axes.set_ylim(bottom=min(0, np.nanmin(amplitude_ratio, initial=0)))
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.02, 0.99),
            ncols=2,
            borderaxespad=0,
            handletextpad=0.2,
            columnspacing=1,
        )
    return figure
