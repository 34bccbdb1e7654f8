"""Opening recordings of all makers, and refusing what is not one."""

from pathlib import Path
from typing import TYPE_CHECKING

import mne
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.fif import check_complete
from pipeline.modality import modality_of, put_aside, sensor_names
from pipeline.modality.eeg import unplaced_names
from pipeline.names import channel_key, match
from pipeline.readers import called, companions, imaged_modality, open_raw
from pipeline.spikes.events import listed

if TYPE_CHECKING:
    from pipeline.modality._modality import Modality

MIN_DURATION_S = 10.0
MAX_DURATION_S = 24 * 3600.0
MIN_SFREQ_HZ, MAX_SFREQ_HZ = 120.0, 50_000.0
# Of a channel's place, the direction in which it measures: a unit vector.
_NORMAL = slice(9, 12)
UNIT_TOLERANCE = 0.1
AUXILIARY_TYPES = {"ECG": "ecg", "EOG": "eog", "VEOG": "eog", "HEOG": "eog"}


def open_recording(path: Path, modality: str = "") -> mne.io.BaseRaw:
    """Open a recording without loading its data, sensors that are not imaged put aside.

    Parameters
    ----------
    path : Path
        Of a format that `pipeline.readers` knows.
    modality : str
        What is imaged, by `pipeline.modality`; without it, what the recording's name promises.

    Raises
    ------
    InvalidInput
        Missing, truncated, corrupt, without sensors, or of an absurd size.
    """
    path = Path(path)
    if not path.exists():
        raise InvalidInput(
            f"the {called(path)} recording is missing",
            file=path,
            hint="restore it or remove it from BIDS",
        )
    fif = path.suffix.lower() == ".fif"
    parts = [file for file in [path, *companions(path)] if fif and file.suffix.lower() == ".fif"]
    for part in parts:
        check_complete(part)
    try:
        raw = open_raw(path)
        if len(raw.filenames) < len(parts):
            raise InvalidInput(
                f"only {len(raw.filenames)} of the {len(parts)} parts of the split recording "
                "follow from each other",
                file=path,
                hint="copy all parts again from the original, or remove those of another recording",
            )
        imaged = imaged_modality(path, modality)
        put_aside(raw.info, imaged)
        _check_plausible(raw, path, imaged)
    except InvalidInput:
        raise
    except Exception as error:  # a corrupt file makes the makers' parsers raise anything
        raise _unreadable(path, error) from error
    return raw


def rename_like(raw: mne.io.BaseRaw, names: list[str]) -> tuple[str, ...]:
    """Give the sensors the names and the order that another recording of the device has.

    Returns
    -------
    lost : tuple of str
        Those of `names` that no channel, or several, could have.
    """
    joined = match(names, sensor_names(raw.info), channel_key)
    raw.rename_channels({own: name for name, own in joined.found.items() if own != name})
    if [name for name in raw.ch_names if name in joined.found] != list(joined.found):
        others = [name for name in raw.ch_names if name not in joined.found]
        raw.reorder_channels([*joined.found, *others])
    return joined.lost


def set_auxiliary_types(raw: mne.io.BaseRaw, bids_types: dict[str, str]) -> None:
    """Make known the heart and eye channels that only ``channels.tsv`` names as such."""
    types = {
        name: AUXILIARY_TYPES[kind] for name, kind in bids_types.items() if kind in AUXILIARY_TYPES
    }
    raw.set_channel_types(types, on_unit_change="ignore")


def read_block(raw: mne.io.BaseRaw, path: Path, picks, start: int, stop: int) -> np.ndarray:
    """Read samples (n_picks, stop - start); a damaged block becomes an `InvalidInput`.

    Programs write NaN where they took something out: what is no number stays NaN.
    """
    try:
        data = raw.get_data(picks, start, stop)
    except Exception as error:
        raise _unreadable(path, error) from error
    data[~np.isfinite(data)] = np.nan
    return data


def _check_plausible(raw: mne.io.BaseRaw, path: Path, modality: "Modality") -> None:
    sfreq, n_times = raw.info["sfreq"], raw.n_times
    for part in modality.parts:
        if len(part.sensor_picks(raw.info)) < part.min_channels:
            raise _too_few(raw.info, part, path, modality)
        _check_places(raw.info, part, path)
    _check_head_position(raw.info, path)
    if not MIN_SFREQ_HZ <= sfreq <= MAX_SFREQ_HZ:
        raise InvalidInput(
            f"the recording's sampling rate is {sfreq:g} Hz",
            file=path,
            hint=f"give a recording of {MIN_SFREQ_HZ:g} to {MAX_SFREQ_HZ:g} Hz",
        )
    duration = n_times / sfreq
    if not MIN_DURATION_S <= duration <= MAX_DURATION_S:
        raise InvalidInput(
            f"the recording lasts {duration:.1f} s",
            file=path,
            hint=f"give a recording of {MIN_DURATION_S:g} s to {MAX_DURATION_S / 3600:g} h",
        )


def _too_few(info: mne.Info, modality: "Modality", path: Path, asked: "Modality") -> InvalidInput:
    n = len(modality.sensor_picks(info))
    unplaced = unplaced_names(info) if modality.average_reference else []
    if unplaced and n + len(unplaced) >= modality.min_channels:
        where = (
            "add electrodes.tsv and coordsystem.json with measured places and nasion, LPA and RPA"
        )
        if called(path) != modality.label:
            where = (
                "write the electrodes' measured places into the recording, since tables beside a recording "
                f"of {called(path)} are not read for them"
            )
        return InvalidInput(
            f"{len(unplaced)} of {n + len(unplaced)} {modality.label} channels have no electrode whose "
            f"place is known ({listed(unplaced)})",
            file=path,
            hint=f"{where}; places of the 10-20 system's template are not put in their stead",
        )
    hint = (
        f"give a whole-head {modality.label} recording (at least {modality.min_channels} channels)"
    )
    if asked is not modality:
        hint += f", or leave {asked.label} by --modality out"
    return InvalidInput(f"the recording has {n} {modality.label} channels", file=path, hint=hint)


def _check_places(info: mne.Info, modality: "Modality", path: Path) -> None:
    """Refuse sensors without a place or direction."""
    places = np.array([info["chs"][pick]["loc"] for pick in modality.sensor_picks(info)])
    places = places[:, :3] if modality.on_head else places
    size = np.linalg.norm(places[:, _NORMAL], axis=1)
    if (
        not np.isfinite(places).all()
        or len(np.unique(places[:, :3], axis=0)) < modality.min_channels / 3
        or (not modality.on_head and (np.abs(size - 1) > UNIT_TOLERANCE).any())
    ):
        raise InvalidInput(
            "the recording does not say where its sensors lie and how they are turned",
            file=path,
            hint="export it again with the sensors' positions",
        )


def _check_head_position(info: mne.Info, path: Path) -> None:
    """Refuse a head position that is no motion of a head."""
    if info["dev_head_t"] is None:
        return
    motion = np.asarray(info["dev_head_t"]["trans"], float)
    turn = motion[:3, :3]
    is_turn = np.isfinite(motion).all() and np.allclose(turn @ turn.T, np.eye(3), atol=1e-3)
    if not is_turn or np.linalg.det(turn) < 0:
        kind = "mirrors the head" if is_turn else "is no rigid motion"
        raise InvalidInput(
            f"the head position that the recording states {kind}",
            file=path,
            hint="export it again from the acquisition",
        )


def check_unit(raw: mne.io.BaseRaw, path: Path) -> None:
    """Refuse data that are no fields in tesla or volts, by a second in the middle.

    Raises
    ------
    InvalidInput
        Channels vary by what no sensor of a head can show, as where a program wrote fT for T.
    """
    start = raw.n_times // 2
    stop = min(raw.n_times, start + round(raw.info["sfreq"]))
    for part in modality_of(raw.info).parts:
        block = read_block(raw, path, part.sensor_picks(raw.info), start, stop)
        spread = block.std(axis=1)
        spread = spread[np.isfinite(spread) & (spread > 0)]
        low, high = part.plausible_std
        if len(spread) and not low <= np.median(spread) <= high:
            raise InvalidInput(
                f"the {part.label} channels vary by {np.median(spread):.1g} {part.unit} in the "
                "median, which no head and no sensor does",
                file=path,
                hint=f"export the recording again with its data in {part.unit_name}",
            )


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    # The parser's own words may quote header fields, the patient's name among them.
    if isinstance(error, ValueError) and "split" in str(error).lower():
        beside = [part for part in companions(path) if part.suffix.lower() == ".fif"]
        if beside:
            return InvalidInput(
                "a part of the split recording is missing or was renamed: each names the next, and "
                f"{len(beside)} others are there",
                file=path,
                hint="restore the missing part; where parts were renamed, give them back their names, or "
                "copy the recording with mne-bids, which writes the names into the parts",
            )
        return InvalidInput(
            "a part of the split recording is missing", file=path, hint="restore the missing part"
        )
    return InvalidInput(
        f"the {called(path)} recording is corrupt or not {called(path)} ({type(error).__name__})",
        file=path,
        hint="copy it again from the original or export it again",
    )
