"""The averaged spike at the sensors: all channels, global field power, topographies."""

import matplotlib.patheffects as effects
import mne
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.modality import sensor_types
from reports.figures import style

_SHOWN_S = (-0.25, 0.35)


def channel_types(evoked: mne.Evoked) -> list[str]:
    """Sensor types of the average, in the order in which they are shown."""
    present = set(evoked.get_channel_types())
    return [kind for kind in sensor_types() if kind in present]


def shown_unit(kind: str) -> tuple[str, float]:
    """Unit in which a sensor type is shown, and what data are multiplied with."""
    found = sensor_types()[kind]
    return found.shown_unit, found.shown_scale


def paired_types(evoked: mne.Evoked) -> list[str]:
    """Sensor types of which several channels share a place, whose maps show their root mean square."""
    return [
        kind for kind in channel_types(evoked) if _is_paired(_sites(evoked.copy().pick(kind).info))
    ]


def _is_paired(site: np.ndarray) -> bool:
    return bool(site.max() + 1 < len(site))


def global_field_power(evoked: mne.Evoked, kind: str) -> np.ndarray:
    """Root mean square over the channels of one type (n_times,), in T or T/m."""
    return np.sqrt((evoked.get_data(picks=kind) ** 2).mean(axis=0))


def butterfly_and_topography(
    evoked: mne.Evoked, onset_s: float | None, type_names: dict[str, str]
) -> Figure:
    """Every channel of each sensor type over time, and the field at onset and peak.

    Parameters
    ----------
    evoked : mne.Evoked
        Peak at t = 0.
    onset_s : float or None
        Time of half rise; None where the average has none.
    type_names : dict
        How the report calls the sensor types of this array.
    """
    kinds = channel_types(evoked)
    times = [0.0] if onset_s is None else [onset_s, 0.0]
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 0.35 + 1.5 * len(kinds)))
        grid = figure.add_gridspec(
            len(kinds),
            5,
            width_ratios=(4.6, 0.25, 1.7, 1.7, 0.1),
            left=0.085,
            right=0.93,
            top=1 - 0.22 / figure.get_figheight(),
            bottom=0.42 / figure.get_figheight(),
            hspace=0.22,
            wspace=0.06,
        )
        for row, kind in enumerate(kinds):
            axes = figure.add_subplot(grid[row, 0])
            _draw_butterfly(axes, evoked, kind, onset_s, type_names[kind])
            if row == 0:
                figure.legend(
                    *axes.get_legend_handles_labels(),
                    loc="lower right",
                    bbox_to_anchor=(0.97, 0.0),
                    ncols=3,
                    handlelength=1.4,
                    columnspacing=1.0,
                    borderaxespad=0.1,
                )
            if row == len(kinds) - 1:
                axes.set_xlabel("time from the spike's peak, ms")
            else:
                axes.set_xticklabels([])
            maps = [figure.add_subplot(grid[row, 4 - len(times) + i]) for i in range(len(times))]
            _draw_topographies(evoked, kind, times, maps, figure.add_subplot(grid[row, 4]))
    return figure


def _draw_butterfly(
    axes: Axes, evoked: mne.Evoked, kind: str, onset_s: float | None, name: str
) -> None:
    unit, scale = shown_unit(kind)
    shown = (evoked.times >= _SHOWN_S[0]) & (evoked.times <= _SHOWN_S[1])
    times_ms = evoked.times[shown] * 1000
    data = evoked.get_data(picks=kind)[:, shown] * scale
    axes.plot(times_ms, data.T, color=style.QUIET, lw=0.3, alpha=0.6)
    gfp = global_field_power(evoked, kind)[shown] * scale
    axes.plot(times_ms, gfp, color=style.INK, lw=1.3, label="GFP (RMS)")
    axes.axvline(0, color=style.PEAK_VERMILION, lw=0.9, label="peak")
    if onset_s is not None:
        axes.axvline(
            onset_s * 1000, color=style.ONSET_BLUE, lw=0.9, ls="dashed", label="onset (half rise)"
        )
    axes.set_xlim(times_ms[0], times_ms[-1])
    limit = np.abs(data).max()
    axes.set_ylim(-1.08 * limit, 1.08 * limit)
    axes.yaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    axes.set_ylabel(unit)
    axes.set_title(f"{name} ({len(data)})")


def _draw_topographies(
    evoked: mne.Evoked, kind: str, times: list[float], maps: list[Axes], bar: Axes
) -> None:
    unit, scale = shown_unit(kind)
    picked = evoked.copy().pick(kind)
    at_times = picked.data[:, [np.abs(picked.times - time).argmin() for time in times]] * scale
    site = _sites(picked.info)
    paired = _is_paired(site)
    if paired:
        # Two orthogonal planar gradiometers per site: their signs depend on how the chip is
        # turned, so only the length of the gradient makes a map.
        count = np.bincount(site)
        at_times = np.stack(
            [np.sqrt(np.bincount(site, column**2) / count) for column in at_times.T], axis=1
        )
    info = _as_magnetometers(picked.info, np.unique(site, return_index=True)[1])
    # One circle around the sensors' equator instead of a head that the helmet dwarfs.
    distance_m = np.linalg.norm([channel["loc"][:3] for channel in info["chs"]], axis=1)
    limit = np.abs(at_times).max()
    names = ["peak"] if len(times) == 1 else ["onset", "peak"]
    for axes, field, time, name in zip(maps, at_times.T, times, names, strict=True):
        image, _ = mne.viz.plot_topomap(
            field,
            info,
            axes=axes,
            show=False,
            contours=6,
            sensors="k.",
            sphere=(0, 0, 0, float(np.median(distance_m))),
            cmap="viridis" if paired else style.FIELD_MAP,
            vlim=(0 if paired else -limit, limit),
        )
        for drawn in axes.lines:
            drawn.set_markersize(0.9)
        if not paired:
            _mark_polarity(axes, field)
        title = f"{name}, {time * 1000:.0f} ms".replace("-", "\u2212")
        axes.set_title(title, fontsize=7, fontweight="normal", loc="center", pad=2)
    colour_bar = bar.figure.colorbar(image, cax=bar)
    colour_bar.outline.set_linewidth(0.4)
    bar.yaxis.set_major_locator(MaxNLocator(5))
    bar.tick_params(labelsize=6.5, length=2)
    bar.set_title(unit, fontsize=6.5, fontweight="normal", loc="center", pad=3)


def _mark_polarity(axes: Axes, field: np.ndarray) -> None:
    """A plus and a minus at the strongest outgoing and ingoing field, for prints without colour."""
    # mne draws the sensors as one line of dots, in the order of the channels.
    sites = next(line.get_xydata() for line in axes.lines if len(line.get_xdata()) == len(field))
    for text, channel in (("+", np.argmax(field)), ("\u2212", np.argmin(field))):
        axes.text(
            *sites[channel],
            text,
            ha="center",
            va="center",
            fontsize=9,
            fontweight="bold",
            path_effects=[effects.withStroke(linewidth=1.6, foreground="white")],
        )


def _sites(info: mne.Info) -> np.ndarray:
    """Number of the place at which each channel sits (n_channels,); planar pairs share one."""
    pos_mm = np.round([channel["loc"][:3] * 1000 for channel in info["chs"]], 1)
    _, first, site = np.unique(pos_mm, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))
    return order[site.ravel()]


def _as_magnetometers(info: mne.Info, picks: np.ndarray) -> mne.Info:
    """The chosen places alone: mne would look for planar pairs in any gradiometers."""
    places = mne.create_info([info["ch_names"][pick] for pick in picks], info["sfreq"], "mag")
    for channel, pick in zip(places["chs"], picks, strict=True):
        channel["loc"] = info["chs"][pick]["loc"].copy()
    return places
