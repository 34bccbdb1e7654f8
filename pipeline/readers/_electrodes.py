"""What BIDS says of EEG beside the recording: types of channels, their reference, and where electrodes were.

Places that a maker's file holds are kept where ``electrodes.tsv`` is not there, as in FIF; without the
three landmarks no place is of use, and a template's places are never put in.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pandas as pd

from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.names import contact_key, entities_of, match
from pipeline.sidecars import applicable, dataset_root, nearest
from pipeline.stated_places import UNIT_IN_MM, stands_for_none, unit_of
from pipeline.tables import numbers, read_tsv

DATATYPE = "eeg"
_SPACE = "space"
# BIDS's types of channels to mne's; all others are kept as they are and not imaged.
_TYPES = {
    "EEG": "eeg",
    "EOG": "eog",
    "HEOG": "eog",
    "VEOG": "eog",
    "ECG": "ecg",
    "EKG": "ecg",
    "EMG": "emg",
    "TRIG": "stim",
}
# Of one electrode in two rows: nearer they are one place.
_SAME_PLACE_M = 1e-3
_LANDMARKS = {
    "nasion": ("nas", "nasion", "nz"),
    "lpa": ("lpa", "leftpreauricular"),
    "rpa": ("rpa", "rightpreauricular"),
}


def companions(path: Path) -> list[Path]:
    """The tables that are read with a recording of EEG; none of another one."""
    if not is_eeg(path):
        return []
    found = [_channels(path), *_electrode_files(path)]
    return [file for file in found if file is not None]


def is_eeg(path: Path) -> bool:
    """Whether a file is named as BIDS names recordings of EEG."""
    return path.stem.lower().endswith(f"_{DATATYPE}")


def _channels(path: Path) -> Path | None:
    return nearest(path, "channels", ".tsv", dataset_root(path))


def opener(open_alone: Callable[[Path], mne.io.BaseRaw]) -> Callable[[Path], mne.io.BaseRaw]:
    """A reader of a maker's files that heeds the tables beside them."""
    return lambda path: with_tables(open_alone(path), path)


def with_tables(raw: mne.io.BaseRaw, path: Path) -> mne.io.BaseRaw:
    """The recording with types, electrodes' places in the head frame, and no helmet.

    Raises
    ------
    InvalidInput
        A table cannot be read or contradicts itself, or channels have references of their own.
    """
    _set_types(raw, path)
    table, coordsystem = _electrode_files(path)
    if table is not None:
        raw.set_montage(
            _montage(raw, table, coordsystem),
            match_case=False,
            on_missing="ignore",
            verbose="error",
        )
    with raw.info._unlock():
        # Electrodes are known in the head frame: there is no other device to place.
        raw.info["dev_head_t"] = mne.transforms.Transform("meg", "head")
    for pick in mne.pick_types(raw.info, meg=False, eeg=True, exclude=()):
        # All channels share one electrode as reference, which the average takes out.
        raw.info["chs"][pick]["loc"][3:6] = 0
    return raw


def _set_types(raw: mne.io.BaseRaw, path: Path) -> None:
    file = _channels(path)
    if file is None:
        return
    try:
        table = read_tsv(file, ("name",), [])
    except InvalidInput:
        return  # an optional table: who reads the marks of bad channels from it says so
    own = match(list(table["name"]), raw.ch_names, contact_key).found
    if "type" in table:
        types = {
            own[name]: _TYPES.get(str(kind).strip().upper(), "misc")
            for name, kind in zip(table["name"], table["type"], strict=True)
            if name in own and str(kind).strip().lower() not in ("", "n/a", "nan")
        }
        raw.set_channel_types(types, on_unit_change="ignore", verbose="error")
    if "reference" not in table:
        return
    of_eeg = table[[own.get(name) in _eeg_names(raw) for name in table["name"]]]
    references = {str(each).strip().lower() for each in of_eeg["reference"]} - {"", "n/a", "nan"}
    if len(references) > 1:
        raise InvalidInput(
            f"the EEG channels have {len(references)} different references",
            file=file,
            hint="export the recording with one reference for all channels",
        )


def _eeg_names(raw: mne.io.BaseRaw) -> set[str]:
    return {
        raw.ch_names[pick] for pick in mne.pick_types(raw.info, meg=False, eeg=True, exclude=())
    }


def _montage(raw: mne.io.BaseRaw, table: Path, coordsystem: Path | None) -> mne.channels.DigMontage:
    """Electrodes by the recording's names, with the landmarks that make the head frame."""
    rows = read_tsv(table, ("name", "x", "y", "z"), [])
    said = {} if coordsystem is None else read_metadata(coordsystem)
    unit = unit_of(said.get("EEGCoordinateUnits"))
    if unit is None:
        raise InvalidInput(
            "the electrodes' places have no unit that is known",
            file=coordsystem or table,
            hint="state EEGCoordinateUnits (m, cm or mm) in coordsystem.json",
        )
    to_metres = UNIT_IN_MM[unit] / 1000
    places = _known_places_m(rows, to_metres)
    landmarks_m = _landmarks_m(said, to_metres, places, coordsystem or table)
    own = match(list(places), raw.ch_names, contact_key).found
    return mne.channels.make_dig_montage(
        {own[name]: place_m for name, place_m in places.items() if name in own},
        **landmarks_m,
        coord_frame="unknown",
    )


def _known_places_m(rows: pd.DataFrame, to_metres: float) -> dict[str, np.ndarray]:
    """Places (3,) by electrode, without what stands for none and what is at two places at once."""
    places = np.column_stack([numbers(rows[axis])[0] for axis in "xyz"])
    known = np.isfinite(places).all(1)
    known[known] = ~stands_for_none(places[known])
    found: dict[str, tuple[str, np.ndarray]] = {}
    twice = set()
    for name, place_m in zip(rows["name"][known], to_metres * places[known], strict=True):
        key = contact_key(name)
        _, first_m = found.setdefault(key, (name.strip(), place_m))
        if np.linalg.norm(first_m - place_m) > _SAME_PLACE_M:
            twice.add(key)
    return {name: place_m for key, (name, place_m) in found.items() if key not in twice}


def _landmarks_m(
    said: dict[str, Any], to_metres: float, places: dict[str, np.ndarray], file: Path
) -> dict[str, np.ndarray]:
    """Nasion, LPA and RPA, of ``coordsystem.json`` or among the electrodes."""
    stated = said.get("AnatomicalLandmarkCoordinates")
    stated = stated if isinstance(stated, dict) else {}
    systems = {
        said.get(f"{kind}CoordinateSystem")
        for kind in ("EEG", "AnatomicalLandmark")
        if said.get(f"{kind}CoordinateSystem")
    }
    stated_unit = said.get("AnatomicalLandmarkCoordinateUnits")
    unit = unit_of(stated_unit)
    if unit is None and stated_unit:
        raise InvalidInput(
            f"the landmarks beside the electrodes are in {str(stated_unit)[:20]!r}, not m, cm or mm",
            file=file,
            hint="correct AnatomicalLandmarkCoordinateUnits",
        )
    landmark_to_metres = to_metres if unit is None else UNIT_IN_MM[unit] / 1000
    by_key = {re.sub(r"[^a-z]", "", str(name).lower()): value for name, value in stated.items()}
    among = {re.sub(r"[^a-z]", "", name.lower()): place_m for name, place_m in places.items()}
    found = {}
    for name, words in _LANDMARKS.items():
        for word in words:
            if word in by_key and len(systems) < 2:
                found[name] = landmark_to_metres * _place(by_key[word])
            elif word in among:
                found[name] = among[word]
    if set(found) != set(_LANDMARKS) or not all(map(_is_place, found.values())):
        raise InvalidInput(
            "the electrodes come without nasion, LPA and RPA in their own coordinates",
            file=file,
            hint="add AnatomicalLandmarkCoordinates (NAS, LPA, RPA) as the digitiser measured them",
        )
    return found


def _is_place(place_m: np.ndarray) -> bool:
    return place_m.shape == (3,) and bool(np.isfinite(place_m).all())


def _place(stated: Any) -> np.ndarray:
    """The place (3,) that a JSON file states; not a number where it states none."""
    try:
        return np.array(stated, float)
    except (TypeError, ValueError):
        return np.full(3, np.nan)


def _electrode_files(path: Path) -> tuple[Path | None, Path | None]:
    """``electrodes.tsv`` of a recording, and the ``coordsystem.json`` of the same space.

    Of several spaces the first that has landmarks: without them no place comes into the head frame.
    """
    root = dataset_root(path)
    systems = applicable(path, "coordsystem", ".json", root, (_SPACE,))
    tables = applicable(path, "electrodes", ".tsv", root, (_SPACE,))
    if not tables:
        return None, None
    found = [(table, _system_of(table, systems)) for table in tables]
    with_landmarks = (each for each in found if each[1] is not None and _stated(each[1]))
    return next(with_landmarks, found[0])


def _system_of(table: Path, systems: list[Path]) -> Path | None:
    """The coordsystem.json of a table's space, else the one that names none, else the only one of a table that does not."""
    alike = [each for each in systems if _space(each) == _space(table)]
    general = [each for each in systems if _space(each) is None]
    only = systems if _space(table) is None and len(systems) == 1 else []
    return next(iter([*alike, *general, *only]), None)


def _space(file: Path) -> str | None:
    return entities_of(file.name).get(_SPACE)


def _stated(coordsystem: Path) -> Any:
    """Landmarks of a ``coordsystem.json``; an unreadable one is told where it is used."""
    try:
        return read_metadata(coordsystem).get("AnatomicalLandmarkCoordinates")
    except InvalidInput:
        return None
