"""CTF's ``ClassFile.cls``: which trials are of a class.

A class holds whole trials. Where the acquisition was cut around an event (``preTrigPts``), the trial's
time zero is the mark; other trials say no more than that a spike is somewhere in them.
"""

from pathlib import Path

import mne
import numpy as np

from pipeline.mark_files._ctf import check_dataset, entries, trials_of
from pipeline.mark_files._format import MarkFormat, Marks, Reading, of_another_recording

LONGEST_S = 1.0


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    return path.suffix.lower() == ".cls"


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    trials = trials_of(raw, path)
    check_dataset(path, trials.folder)
    onset, duration, names, notes = [], [], [], set()
    for name, rows in entries(path, "CLASSES", "TRIALS"):
        is_bad = name.lower().startswith("bad")
        for row in rows:
            number = int(row[0].lstrip("+"))
            if not 0 <= number < trials.n:
                raise of_another_recording(
                    f"they name the trial {number + 1}, and the recording has {trials.n}", path
                )
            start = number * trials.length_s
            if is_bad or (not trials.zero_s and trials.length_s <= LONGEST_S):
                onset.append(start)
                duration.append(trials.length_s)
            elif trials.zero_s:
                onset.append(start + trials.zero_s)
                duration.append(0.0)
            else:
                notes.add(
                    f"Trials of {path.name} last {trials.length_s:g} s and have no time zero, so that "
                    "when their spikes were is not known; their classes were passed over."
                )
                continue
            names.append(name)
    return Marks(np.array(onset), np.array(duration), tuple(names), tuple(sorted(notes)))


FORMAT = MarkFormat("CTF ClassFile.cls", fits, read)
