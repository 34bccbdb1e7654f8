"""BrainVision's markers (``.vmrk``) of the EEG that was recorded with the MEG.

Their positions count from 1, the first sample of the EEG, which must be as long as the MEG; its
``.vhdr`` must lie beside the markers.
"""

from pathlib import Path

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.mark_files._eeg import check_length
from pipeline.mark_files._format import MarkFormat, Marks, Reading, from_first_sample

_SUFFIXES = (".vmrk", ".vhdr")


def fits(path: Path, start: bytes, is_own: bool) -> bool:
    return path.suffix.lower() in _SUFFIXES


def read(path: Path, raw: mne.io.BaseRaw, reading: Reading) -> Marks:
    header, markers = (path.with_suffix(suffix) for suffix in (".vhdr", ".vmrk"))
    for file in (header, markers):
        if not file.exists():
            raise InvalidInput(
                f"the BrainVision recording lacks its {file.suffix} file",
                file=path,
                hint="put header, markers and data beside each other",
            )
    try:
        eeg = mne.io.read_raw_brainvision(header, preload=False, verbose="error")
        check_length(eeg.n_times / eeg.info["sfreq"], raw, path)
    except FileNotFoundError as error:
        raise InvalidInput(
            "the BrainVision recording lacks its data, so that its length is not known",
            file=header,
            hint="put header, markers and data beside each other",
        ) from error
    found = mne.read_annotations(markers, ignore_marker_types=True)
    notes: list[str] = []
    onset_s = from_first_sample(
        np.asarray(found.onset), raw, path, reading.count_from or "first-sample", notes
    )
    return Marks(onset_s, np.asarray(found.duration), tuple(found.description), tuple(notes))


FORMAT = MarkFormat("BrainVision markers (.vmrk)", fits, read)
