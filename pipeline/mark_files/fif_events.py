"""Events in FIF (``-eve.fif``), as mne and MEGIN's programs write them.

Their samples count from the acquisition's begin.
"""

from pathlib import Path

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.mark_files._format import MarkFormat, Marks, Reading, from_first_sample
from pipeline.mark_files.fif_annotations import holds_block, is_fif


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    """A FIF file of events alone: a recording's own may hold those of its trigger channel."""
    return (
        is_fif(path)
        and not is_own
        and holds_block(path, FIFF.FIFFB_MNE_EVENTS)
        and not holds_block(path, FIFF.FIFFB_MNE_ANNOTATIONS)
    )


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    events = mne.read_events(path, verbose="error")
    notes: list[str] = []
    onset_s = from_first_sample(
        events[:, 0] / raw.info["sfreq"], raw, path, reading.count_from or "acquisition", notes
    )
    names = tuple(str(code) for code in events[:, 2])
    return Marks(onset_s, np.zeros(len(onset_s)), names, tuple(notes))


FORMAT = MarkFormat("events in FIF (-eve.fif)", fits, read)
