"""What the choice between recordings asks of their headers and of ``scans.tsv``."""

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.modality import field_picks
from pipeline.readers import open_raw, promised_modality
from pipeline.tables import read_tsv

SAMPLE_S = 5.0


@dataclass(frozen=True)
class Header:
    """A recording's header, and a stretch of its data.

    Attributes
    ----------
    measured : datetime or None
        When it was made, as far as it says; anonymised dates are dates, too.
    duration_s : float
    has_head : bool
        There are digitised points, or a head position other than none at all.
    is_shielded : bool
        Recorded with internal active shielding and not MaxFiltered: not to be used as it is.
    middle : ndarray, (n_times,)
        Some seconds from the middle of the first sensor.
    """

    measured: datetime | None
    duration_s: float
    has_head: bool
    is_shielded: bool
    middle: np.ndarray


def read_header(path: Path) -> Header | None:
    """The header of a recording; None where it cannot be read, which its stage will say."""
    try:
        stamp = path.stat()
        return _read(path, stamp.st_mtime_ns, stamp.st_size)
    except Exception:  # the makers' parsers raise anything
        return None


@lru_cache(maxsize=256)
def _read(path: Path, *_stamp: int) -> Header:
    with mne.use_log_level("error"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if path.suffix.lower() == ".fif" and not promised_modality(path).on_head:
            raw = mne.io.read_raw_fif(path, allow_maxshield="yes", on_split_missing="ignore")
        else:
            raw = open_raw(path)
        info, first = raw.info, field_picks(raw.info)[:1]
        start = raw.n_times // 2
        stop = min(raw.n_times, start + round(SAMPLE_S * info["sfreq"]))
        middle = raw.get_data(first, start, stop)[0]
    place = info["dev_head_t"]
    is_placed = place is not None and not np.allclose(place["trans"], np.eye(4))
    maxfiltered = any((step.get("max_info") or {}).get("sss_info") for step in info["proc_history"])
    return Header(
        measured=info["meas_date"],
        duration_s=raw.n_times / info["sfreq"],
        has_head=bool(info["dig"]) or is_placed,
        is_shielded=bool(info.get("maxshield")) and not maxfiltered,
        middle=middle,
    )


def acquired(path: Path, bids_dir: Path) -> datetime | None:
    """When a recording was made, by the ``scans.tsv`` of its session; None where that is silent."""
    for folder in path.parents:
        if not folder.is_relative_to(bids_dir):
            return None
        for table in sorted(folder.glob("sub-*_scans.tsv")):
            time = _time_in(table, path.relative_to(folder).as_posix())
            if time is not None:
                return time
    return None


def _time_in(table: Path, name: str) -> datetime | None:
    try:
        rows = read_tsv(table, ("filename", "acq_time"), [])
        named = rows["filename"].str.replace("\\", "/", regex=False).str.removeprefix("./")
        times = rows.loc[named == name, "acq_time"]
        return _without_zone(datetime.fromisoformat(times.iloc[0])) if len(times) else None
    except (InvalidInput, ValueError):
        return None  # an optional table, and an optional column of it


def _without_zone(time: datetime) -> datetime:
    """In UTC where the zone is stated, so that two zones do not make two times of one."""
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
