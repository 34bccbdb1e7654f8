"""EDF+ and BDF+ annotations of the EEG that was recorded with the MEG.

Their onsets count from the file's first sample; the EEG must be as long as the MEG.
"""

from pathlib import Path

import mne
import numpy as np

from pipeline.mark_files._eeg import check_length
from pipeline.mark_files._format import MarkFormat, Marks, Reading, from_first_sample

_READERS = {".edf": mne.io.read_raw_edf, ".bdf": mne.io.read_raw_bdf}


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    return path.suffix.lower() in _READERS


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    # Its signals are not read: a file of annotations alone is one, too.
    eeg = _READERS[path.suffix.lower()](path, preload=False, verbose="error")
    if len(eeg.ch_names):
        check_length(eeg.n_times / eeg.info["sfreq"], raw, path)
    found = eeg.annotations
    notes: list[str] = []
    onset_s = from_first_sample(
        np.asarray(found.onset), raw, path, reading.count_from or "first-sample", notes
    )
    return Marks(onset_s, np.asarray(found.duration), tuple(found.description), tuple(notes))


FORMAT = MarkFormat("EDF+ or BDF+ annotations", fits, read)
