"""CTF's ``MarkerFile.mrk``: for each marker the trials and the times in them.

A time counts from the trial's time zero, which lies ``preTrigPts`` samples behind its first sample;
mne puts the trials one behind the other.
"""

from pathlib import Path

import mne
import numpy as np

from pipeline.mark_files._ctf import check_dataset, entries, trials_of
from pipeline.mark_files._format import MarkFormat, Marks, Reading, of_another_recording


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    """By content: KIT's files of marker coils are named alike."""
    if path.suffix.lower() == ".ds":
        return is_own
    return path.suffix.lower() == ".mrk" and b"NUMBER OF MARKERS" in start


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    trials = trials_of(raw, path)
    file = path / "MarkerFile.mrk" if path.suffix.lower() == ".ds" else path
    check_dataset(file, trials.folder)
    onset, names = [], []
    for name, rows in entries(file, "MARKERS", "SAMPLES"):
        for row in rows:
            number, time_s = int(row[0].lstrip("+")), float(row[1])
            if not 0 <= number < trials.n:
                raise of_another_recording(
                    f"they name the trial {number + 1}, and the recording has {trials.n}", file
                )
            onset.append(number * trials.length_s + trials.zero_s + time_s)
            names.append(name)
    return Marks(np.array(onset), np.zeros(len(onset)), tuple(names))


FORMAT = MarkFormat("CTF MarkerFile.mrk", fits, read)
