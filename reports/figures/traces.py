"""Single spikes as they were recorded: traces of every region of the helmet, for a reader's judgement."""

from collections.abc import Sequence
from dataclasses import dataclass

import mne
import numpy as np
from matplotlib.figure import Figure

from pipeline.head_position import sphere_centre
from reports.figures import style
from reports.figures.sensors import channel_types, shown_unit

SHOWN_S = (-0.35, 0.35)
SPIKES_ON_SHEET = 5
_ROWS_OF_REGION = 4
_TIME_BAR_S = 0.1
# The largest deflections reach this many rows: more would hide neighbours, less what is small.
_REACH_ROWS = 1.25
_LOUDEST_PERCENT = 99.0
# Mean directions, from the middle of a helmet, of the sensors that CTF calls by these names: x to
# the side, y forward, z up in the head's frame.
_DIRECTIONS = {
    "frontal": (0.51, 0.85, 0.13),
    "central": (0.47, 0.35, 0.81),
    "temporal": (0.99, -0.17, -0.03),
    "parietal": (0.47, -0.34, 0.82),
    "occipital": (0.41, -0.88, 0.23),
}
REGIONS = tuple(f"{side} {region}" for side in ("left", "right") for region in _DIRECTIONS)


@dataclass(frozen=True, eq=False)
class SpikeTraces:
    """One spike in the channels of a montage.

    Attributes
    ----------
    title : str
        Which one it is, in a few short lines.
    data : ndarray, (n_rows, n_times)
        In T or T/m, in the rows' order.
    mark_s : float
        Of the mark, relative to the peak.
    """

    title: str
    data: np.ndarray
    mark_s: float


@dataclass(frozen=True)
class Row:
    """One trace of a montage: its region, channel, and the sensor type."""

    region: str
    channel: str
    kind: str


def sensor_regions(info: mne.Info) -> list[str]:
    """The region over which each channel of `info` lies, by its place alone.

    A sensor belongs to the region whose mean direction is nearest to its own, seen from the middle
    of the sphere that fits the helmet best, in the head's frame (the device's where that is unknown).
    """
    pos_m = np.array([channel["loc"][:3] for channel in info["chs"]])
    if info["dev_head_t"] is not None:
        pos_m = mne.transforms.apply_trans(info["dev_head_t"], pos_m)
    direction = pos_m - sphere_centre(pos_m)
    folded = np.column_stack([np.abs(direction[:, 0]), direction[:, 1:]])
    means = np.array(list(_DIRECTIONS.values()))
    nearest = (folded @ (means / np.linalg.norm(means, axis=1, keepdims=True)).T).argmax(axis=1)
    names = list(_DIRECTIONS)
    return [
        f"{'left' if x < 0 else 'right'} {names[region]}"
        for x, region in zip(direction[:, 0], nearest, strict=True)
    ]


def montage(average: mne.Evoked) -> list[Row]:
    """Of each region the channels in which the average is largest at its peak, each sensor type alike."""
    kinds = channel_types(average)
    n_each = _ROWS_OF_REGION // len(kinds)
    size = np.abs(average.data[:, np.abs(average.times).argmin()])
    kind_of = np.array(average.get_channel_types())
    region_of = np.array(sensor_regions(average.info))
    rows = []
    for region in REGIONS:
        for kind in kinds:
            own = np.flatnonzero((region_of == region) & (kind_of == kind))
            largest = own[np.argsort(-size[own], kind="stable")][:n_each]
            rows += [Row(region, average.ch_names[channel], kind) for channel in largest]
    return rows


def per_row(kind_data: np.ndarray) -> float:
    """What the distance between two rows stands for: 1, 2 or 5 times a power of ten of the shown unit."""
    largest = np.percentile(np.abs(kind_data), _LOUDEST_PERCENT) / _REACH_ROWS
    if not largest > 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(largest))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= largest))


def trace_sheet(
    spikes: Sequence[SpikeTraces],
    times_s: np.ndarray,
    rows: Sequence[Row],
    scales: dict[str, float],
) -> Figure:
    """Up to `SPIKES_ON_SHEET` spikes beside each other, all in the same channels and scales.

    Parameters
    ----------
    spikes : sequence of SpikeTraces
    times_s : ndarray, (n_times,)
        From the peak.
    rows : sequence of Row
    scales : dict
        By sensor type, what the distance between two rows stands for, in the shown unit.
    """
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 8.4))
        left, bottom, height = 0.125, 0.055, 0.88
        width = (0.995 - left) / SPIKES_ON_SHEET
        offset = _offsets(rows)
        for i, spike in enumerate(spikes):
            axes = figure.add_axes((left + i * width, bottom, 0.96 * width, height))
            _draw_spike(axes, spike, times_s, rows, offset, scales)
            if i == 0:
                _name_regions(axes, rows, offset)
        _draw_bars(figure, axes, rows, scales, offset)
    return figure


def _offsets(rows: Sequence[Row]) -> np.ndarray:
    """Place of each row from above, a little apart between regions."""
    new_region = [a.region != b.region for a, b in zip(rows[1:], rows, strict=False)]
    return -np.r_[0, np.cumsum(1 + 0.5 * np.array(new_region))]


def _limits(offset: np.ndarray) -> tuple[float, float]:
    return offset[-1] - 1.5, offset[0] + 1.5


def _draw_spike(axes, spike, times_s, rows, offset, scales) -> None:
    shown = (times_s >= SHOWN_S[0]) & (times_s <= SHOWN_S[1])
    for row, place, course in zip(rows, offset, spike.data, strict=True):
        first = next(iter(scales))
        axes.plot(
            times_s[shown] * 1000,
            place + course[shown] * shown_unit(row.kind)[1] / scales[row.kind],
            color=style.INK if row.kind == first else style.QUIET,
            lw=0.55,
        )
    # Behind the traces, whose sharpness at the peak is what is judged.
    axes.axvline(0, color=style.PEAK_VERMILION, lw=0.5, alpha=0.6, zorder=0)
    axes.axvline(1000 * spike.mark_s, color=style.ONSET_BLUE, lw=0.5, ls="dashed", zorder=0)
    axes.set_xlim(1000 * SHOWN_S[0], 1000 * SHOWN_S[1])
    axes.set_ylim(*_limits(offset))
    axes.set_title(spike.title, fontsize=6.2, fontweight="normal", linespacing=1.25, pad=3)
    axes.set_yticks([])
    axes.set_xticks([-200, 0, 200])
    axes.tick_params(labelsize=6, length=2)
    axes.spines["left"].set_visible(False)


def _name_regions(axes, rows, offset) -> None:
    """Region and channel in front of the first spike's traces."""
    name = {
        "transform": axes.get_yaxis_transform(),
        "ha": "right",
        "va": "center",
        "clip_on": False,
    }
    for region in dict.fromkeys(row.region for row in rows):
        own = [i for i, row in enumerate(rows) if row.region == region]
        side, place = region.split(" ")
        axes.text(
            -0.33,
            offset[own].mean(),
            f"{side}\n{place}",
            fontsize=6.4,
            fontweight="bold",
            **name,
        )
    for row, place in zip(rows, offset, strict=True):
        axes.text(-0.03, place, row.channel.split("-")[0], fontsize=4.6, color=style.QUIET, **name)


def _draw_bars(figure, axes, rows, scales, offset) -> None:
    """Time bar and one amplitude bar for each sensor type, as large as they are in the traces."""
    low, high = _limits(offset)
    box = axes.get_position()
    row_height = box.height / (high - low)
    bars = figure.add_axes((0.0, 0.0, 1.0, 1.0), frameon=False)
    bars.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[])
    x = 0.16
    for kind, scale in scales.items():
        colour = style.INK if kind == next(iter(scales)) else style.QUIET
        bars.plot([x, x], [0.006, 0.006 + 1.5 * row_height], color=colour, lw=1.2)
        text = f"{1.5 * scale:g} {shown_unit(kind)[0]}"
        bars.text(x + 0.008, 0.006 + 0.75 * row_height, text, fontsize=6.4, va="center")
        x += 0.13
    length = box.width * _TIME_BAR_S / (SHOWN_S[1] - SHOWN_S[0])
    bars.plot([x, x + length], [0.012, 0.012], color=style.INK, lw=1.2)
    bars.text(x + length + 0.008, 0.012, f"{1000 * _TIME_BAR_S:.0f} ms", fontsize=6.4, va="center")
    bars.text(0.995, 0.012, "time from the spike's peak, ms", fontsize=6.4, va="center", ha="right")
