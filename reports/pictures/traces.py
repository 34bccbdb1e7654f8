"""Picture of single spikes as they were recorded, on as many sheets as it takes."""

from dataclasses import replace

import numpy as np

from reports.figures.sensors import shown_unit
from reports.figures.traces import (
    SHOWN_S,
    SPIKES_ON_SHEET,
    Row,
    SpikeTraces,
    montage,
    per_row,
    trace_sheet,
)
from reports.patient import SingleSpikes
from reports.pictures.studio import Picture, Studio
from reports.wording import count, listing, number

MOST_UNREVIEWED = 8 * SPIKES_ON_SHEET
"""Shown where no person has reviewed the marks; of reviewed ones a sheet is enough."""
# Of a file's name what every recording of a patient has.
_OF_EVERY_NAME = ("sub-", "meg.", "eeg.")


def traces(studio: Studio) -> Picture | None:
    spikes = studio.patient.single_spikes
    if spikes is None or not len(spikes.epochs):
        return None
    rows = montage(studio.patient.evoked)
    table = spikes.table[spikes.accepted]
    most = MOST_UNREVIEWED if studio.patient.qc.spikes.n_unreviewed else SPIKES_ON_SHEET
    chosen = chosen_spikes(table["correlation"].to_numpy(float), most)
    data = spikes.traces([row.channel for row in rows], chosen)
    recordings = list(dict.fromkeys(spikes.table["file"].astype(str)))
    drawn = [
        SpikeTraces(_title(row, recordings), of_spike, _mark_s(row))
        for row, of_spike in zip(table.iloc[chosen].to_dict("records"), data, strict=True)
    ]
    scales = _scales(rows, data, spikes.times_s)
    sheets = []
    for start in range(0, len(drawn), SPIKES_ON_SHEET):
        part = drawn[start : start + SPIKES_ON_SHEET]
        titles = "; ".join(spike.title.replace("\n", ", ") for spike in part)
        sheets.append(
            studio.save(
                trace_sheet(part, spikes.times_s, rows, scales),
                f"traces{start // SPIKES_ON_SHEET + 1}" if start else "traces",
                "png",
                "Continued." if start else _caption(studio, spikes, len(drawn), recordings),
                f"Traces of {count(len(part), 'single spike')} in {len(rows)} channels: {titles}.",
            )
        )
    return replace(sheets[0], further=tuple(sheets[1:]))


def chosen_spikes(correlation: np.ndarray, most: int) -> np.ndarray:
    """Which accepted spikes are shown, in the order of time.

    All where they are few; else `most` from the one that resembles the average of the others
    best to the one that does so least, in even steps.
    """
    if len(correlation) <= most:
        return np.arange(len(correlation))
    order = np.argsort(-correlation, kind="stable")
    return np.sort(order[np.round(np.linspace(0, len(order) - 1, most)).astype(int)])


def _scales(rows: list[Row], data: np.ndarray, times_s: np.ndarray) -> dict[str, float]:
    shown = (times_s >= SHOWN_S[0]) & (times_s <= SHOWN_S[1])
    scales = {}
    for kind in dict.fromkeys(row.kind for row in rows):
        own = [row.kind == kind for row in rows]
        scales[kind] = per_row(data[:, own][:, :, shown] * shown_unit(kind)[1])
    return scales


def _title(row: dict, recordings: list[str]) -> str:
    return (
        f"recording {recordings.index(str(row['file'])) + 1}\n"
        f"mark {number(row['onset'], 's', 2)}\n"
        f"peak {number(row['peak'], 's', 2)}\n"
        f"correlation {number(row['correlation'], digits=2)}"
    )


def _mark_s(row: dict) -> float:
    return float(row["onset"]) - float(row["peak"])


def _caption(studio: Studio, spikes: SingleSpikes, n_shown: int, recordings: list[str]) -> str:
    band = studio.patient.qc.spikes.filter
    n_all = int(spikes.accepted.sum())
    which = (
        "all, in the order of time"
        if n_shown == n_all
        else f"{n_shown} of {n_all}, in even steps from the most to the least like the average of the "
        "others, in the order of time"
    )
    names = listing(
        [f"{i} {_short(name)}" for i, name in enumerate(recordings, 1)],
    )
    where = "head" if studio.patient.modality.on_head else "helmet"
    kinds = listing([name.lower() for name in studio.sensor_names.values()])
    return (
        f"Single accepted spikes, not averaged ({which}), as they were analysed: filtered "
        f"{number(band.highpass_hz)} to {number(band.lowpass_hz, 'Hz')}, without bad channels, behind "
        f"the projectors of section “Quality”. Of each region of the {where}, by the sensors’ places, "
        f"the channels ({kinds}) in which the average is largest; positive upwards. Solid "
        f"line: peak; dashed: mark; times from the recording’s start. Correlation: with the average "
        f"of the others, in leading components. Recordings: {names}."
    )


def _short(name: str) -> str:
    return "_".join(part for part in name.split("_") if not part.startswith(_OF_EVERY_NAME)) or name
