"""A trigger channel of the recording itself: BTi's, KIT's, or that of any other maker.

mne counts its events from the acquisition's begin.
"""

from pathlib import Path

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.errors import InvalidInput
from pipeline.mark_files._format import MarkFormat, Marks, Reading, first_time
from pipeline.mark_files.fif_annotations import holds_block, is_fif


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    """The recording, unless it is one of FIF with annotations, or of CTF, which has markers."""
    if not is_own or path.suffix.lower() == ".ds":
        return False
    return not (is_fif(path) and holds_block(path, FIFF.FIFFB_MNE_ANNOTATIONS))


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    channel = reading.channel or _only_channel(raw, path)
    if channel not in raw.ch_names:
        raise InvalidInput(
            f"the recording has no channel {channel[:30]!r}",
            file=path,
            hint="name a trigger channel with --channel",
        )
    # A single sample may be a bit that switched late, but the makers' pulses are often that short.
    events = mne.find_events(raw, channel, shortest_event=1, initial_event=False, verbose="error")
    onset_s = events[:, 0] / raw.info["sfreq"] - first_time(raw)
    return Marks(onset_s, np.zeros(len(onset_s)), tuple(str(code) for code in events[:, 2]))


def _only_channel(raw: mne.io.BaseRaw, path: Path) -> str:
    found = [raw.ch_names[i] for i in mne.pick_types(raw.info, meg=False, stim=True)]
    for usual in ("STI101", "STI 101", "STI 014", "STI014"):
        if usual in found:
            return usual
    if len(found) == 1:
        return found[0]
    listed = ", ".join(found[:8]) or "none"
    raise InvalidInput(
        f"which channel holds the marks is not certain (trigger channels: {listed})",
        file=path,
        hint="name one with --channel",
    )


FORMAT = MarkFormat("trigger channel of the recording", fits, read)
