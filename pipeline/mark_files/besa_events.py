"""BESA's events (``.evt``): text with the columns Tmu, Tms or Tsec, Code, TriNo and Comnt.

Times count from the start of the data file (BESA, "Event File Format"). A row of code 41 holds the
date and time of a segment instead of a comment, and is no mark.
"""

import re
from pathlib import Path

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.mark_files._format import MarkFormat, Marks, Reading, from_first_sample

_TIMES_S = {"tmu": 1e-6, "tms": 1e-3, "tsec": 1.0}
_NO_MARKS = {"41", "42"}


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    return path.suffix.lower() == ".evt"


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    lines = [line for line in path.read_text("latin-1").splitlines() if line.strip()]
    header = re.split(r"[,\s]+", lines[0].strip().lower()) if lines else []
    time = next((name for name in header if name in _TIMES_S), None)
    if time is None or "code" not in header:
        raise InvalidInput(
            "the file has no header with Tmu, Tms or Tsec and Code, as BESA writes it",
            file=path,
            hint="export the events from BESA again; text of mne is named .eve",
        )
    onset, name = [], []
    for line in lines[1:]:
        # The comment is the rest of the line: it may hold blanks.
        cells = dict(zip(header, _cells(line, len(header)), strict=False))
        code = cells.get("code", "")
        if code in _NO_MARKS:
            continue
        onset.append(float(cells[time]) * _TIMES_S[time])
        trigger = cells.get("trino", "")
        name.append(cells.get("comnt", "").strip() or (trigger if trigger.strip("0") else code))
    notes: list[str] = []
    onset_s = from_first_sample(
        np.array(onset), raw, path, reading.count_from or "first-sample", notes
    )
    return Marks(onset_s, np.zeros(len(onset)), tuple(name), tuple(notes))


def _cells(line: str, n: int) -> list[str]:
    split = line.split("\t") if "\t" in line else re.split(r"[,\s]+", line.strip(), maxsplit=n - 1)
    return [cell.strip() for cell in split]


FORMAT = MarkFormat("BESA events (.evt)", fits, read)
