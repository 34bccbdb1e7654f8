"""What marks in a file of EEG share: the EEG must have been recorded with the MEG."""

from pathlib import Path

import mne

from pipeline.mark_files._format import duration_of, of_another_recording

_SAME_LENGTH_S = 1.0


def check_length(eeg_s: float, raw: mne.io.BaseRaw, path: Path) -> None:
    """Refuse EEG of another length: nothing else tells that both began with the same sample.

    Clocks of two machines differ by seconds, and a spike lasts a tenth of one.
    """
    meg_s = duration_of(raw)
    if abs(eeg_s - meg_s) > _SAME_LENGTH_S:
        raise of_another_recording(
            f"the EEG that holds them lasts {eeg_s:.1f} s and the MEG {meg_s:.1f} s",
            path,
            "cut the EEG to the MEG by their common trigger, or give its marks as a table with onsets "
            "from the first MEG sample",
        )
