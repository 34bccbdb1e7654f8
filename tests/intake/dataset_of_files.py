"""Datasets of files that are empty or nearly so, for finding which file is what."""

from pathlib import Path

import mne
import numpy as np

from bids_app.dataset import Query, find_patient

HEAD_POINT_M = {"nasion": [0, 0.1, 0], "lpa": [-0.08, 0, 0], "rpa": [0.08, 0, 0]}
SPIKES = "onset\tduration\ttrial_type\n1.0\t0\tspike\n"


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def write_recording(
    path: Path,
    day: int | None = 1000,
    seconds: float = 12.0,
    seed: int = 0,
    noise: float = 0.0,
    has_head: bool = True,
    shielded: bool = False,
    second: float = 0.0,
) -> Path:
    """A FIF of one channel that is drawn from `seed`, with other noise of the share `noise` on it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n_times = round(100 * seconds)
    data = np.random.default_rng(seed).standard_normal((1, n_times))
    data += noise * np.random.default_rng(seed + 99).standard_normal((1, n_times))
    info = mne.create_info(["MEG0111"], 100.0, "mag")
    raw = mne.io.RawArray(1e-12 * data, info, verbose="error")
    raw.set_meas_date(None if day is None else 86400.0 * day + second)
    if has_head:
        raw.set_montage(mne.channels.make_dig_montage(**HEAD_POINT_M, coord_frame="head"))
        with raw.info._unlock():
            raw.info["dev_head_t"] = mne.Transform("meg", "head", np.diag([1.0, 1, 1, 1]))
    if shielded:
        with raw.info._unlock():
            raw.info["maxshield"] = True
    raw.save(path, overwrite=True, verbose="error")
    return path


def find(root: Path, follow_links: bool = False, derivatives=None, subjects_dir=None, **query):
    return find_patient(
        root, "01", Query(**query), derivatives or {}, subjects_dir, True, follow_links
    )


def names(paths) -> list[str]:
    return [path.name for path in paths]
