"""Modalities, one file each: it defines ``MODALITY``, a `Modality` (see `_modality`).

That is which channels see the brain, in which units, how their field is computed and how large it
can be, and what people call them. Nothing else names a type of channel.
"""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import mne
import numpy as np
from mne.io.constants import FIFF

from pipeline.registry import Registry

if TYPE_CHECKING:
    from pipeline.modality._modality import Modality, SensorType

MODALITIES: "Registry[Modality]" = Registry(sys.modules[__name__], "MODALITY")


def datatypes() -> tuple[str, ...]:
    """What BIDS calls the folders that recordings lie in, which are names of modalities."""
    return tuple(name for name in MODALITIES if MODALITIES[name].datatype == name)


def modality_of(info: mne.Info) -> "Modality":
    """The modality that is imaged of those whose sensors a recording holds; `ValueError` without any."""
    found = _imaged(info)
    if found is None:
        raise ValueError("the recording has no sensors of any modality")
    return found


def _imaged(info: mne.Info) -> "Modality | None":
    known = [MODALITIES[name] for name in MODALITIES]
    there = [modality for modality in known if len(modality.sensor_picks(info))]
    return min(there, key=lambda modality: modality.precedence, default=None)


def modality_of_types(types: Iterable[str]) -> "Modality":
    """The modality that has all of these types of sensors, by mne's names, and the fewest others."""
    known = sorted((MODALITIES[name] for name in MODALITIES), key=lambda each: len(each.types))
    return next(modality for modality in known if set(types) <= set(modality.types))


def put_aside(info: mne.Info, modality: "Modality") -> None:
    """Make sensors of what is not imaged channels of no account, which keep their coils' names.

    Without, a recording is taken for one of all that it holds.
    """
    own = set(modality.types) | ({"ref_meg"} if len(modality.reference_picks(info)) else set())
    others = (set(sensor_types()) | {"ref_meg"}) - own
    for channel, kind in zip(info["chs"], info.get_channel_types(), strict=True):
        if kind in others:
            channel["kind"] = FIFF.FIFFV_MISC_CH
    names = {channel["ch_name"] for channel in info["chs"] if channel["kind"] != FIFF.FIFFV_MISC_CH}
    with info._unlock():
        if "ref_meg" in others:
            info["comps"] = []
        info["projs"] = [
            each for each in info["projs"] if each["active"] or names & {*each["data"]["col_names"]}
        ]


def sensor_picks(info: mne.Info) -> np.ndarray:
    """Indices of the channels that see the brain, bad ones too, without references.

    Of a recording with several modalities, those of the one that is imaged.
    """
    modality = _imaged(info)
    return np.empty(0, int) if modality is None else np.sort(modality.sensor_picks(info))


def not_imaged(info: mne.Info) -> dict[str, int]:
    """How many sensors a recording has that were `put_aside`, by what their modality is called."""
    restored = info.copy()
    for channel in restored["chs"]:
        if channel["kind"] == FIFF.FIFFV_MISC_CH and channel["coil_type"] != FIFF.FIFFV_COIL_NONE:
            is_electrode = channel["coil_type"] == FIFF.FIFFV_COIL_EEG
            channel["kind"] = FIFF.FIFFV_EEG_CH if is_electrode else FIFF.FIFFV_MEG_CH
        else:
            channel["kind"] = FIFF.FIFFV_MISC_CH
    alone = (MODALITIES[name] for name in datatypes())
    counts = {each.label: len(each.sensor_picks(restored)) for each in alone}
    return {label: n for label, n in counts.items() if n}


def own_projectors(info: mne.Info) -> tuple[list[mne.Projection], list[mne.Projection]]:
    """Those of a recording that are to be judged, and those that are applied whatever they do.

    The latter are those that were applied already, and the average reference of channels that tell
    differences alone, which is made anew: it is that of the good channels.
    """
    kept = [p for p in info["projs"] if p["kind"] != FIFF.FIFFV_PROJ_ITEM_EEG_AVREF]
    applied = [p for p in kept if p["active"]]
    if modality_of(info).average_reference:
        applied.append(mne.proj.make_eeg_average_ref_proj(info, activate=False, verbose="error"))
    return [p for p in kept if not p["active"]], applied


def re_referenced(data: np.ndarray, info: mne.Info, axis: int = 0) -> np.ndarray:
    """Data of all channels of `info`, along `axis`, without the mean of those that tell differences alone."""
    rows = picks_against_average(info)
    if not len(rows):
        return data
    moved = np.moveaxis(np.array(data), axis, 0)
    moved[rows] -= moved[rows].mean(axis=0)
    return np.moveaxis(moved, 0, axis)


def picks_against_average(info: mne.Info) -> np.ndarray:
    """Indices of the imaged channels that tell differences alone."""
    modality, picks = _imaged(info), sensor_picks(info)
    wanted = (
        [kind for kind, own in modality.types.items() if own.against_average] if modality else []
    )
    return picks[np.isin(np.array(info.get_channel_types(picks)), wanted)]


def reference_picks(info: mne.Info) -> np.ndarray:
    """Indices of the channels that served to remove interference from those."""
    picks = [MODALITIES[name].reference_picks(info) for name in datatypes()]
    return np.sort(np.concatenate(picks)).astype(int)


def field_picks(info: mne.Info) -> np.ndarray:
    """Indices of what a source's field is computed in: sensors, and what they are compensated with."""
    references = reference_picks(info) if info["comps"] else np.empty(0, int)
    return np.union1d(sensor_picks(info), references).astype(int)


def recording_picks(info: mne.Info, references: bool) -> np.ndarray:
    """Indices of what is worth keeping of a recording: sensors, EOG and ECG, references on demand."""
    picks = [sensor_picks(info), mne.pick_types(info, meg=False, eog=True, ecg=True, exclude=())]
    if references:
        picks.append(reference_picks(info))
    return np.sort(np.concatenate(picks)).astype(int)


def sensor_names(info: mne.Info) -> list[str]:
    """Names of the channels that see the brain, bad ones too, without references."""
    return [info["ch_names"][pick] for pick in sensor_picks(info)]


def sensor_pos_head_m(info: mne.Info, picks: np.ndarray | None = None) -> np.ndarray:
    """Places (n, 3) of the sensors, or of some of them, in the head frame, m.

    Those of a device that states no place of the head in it, in the device's.
    """
    places = []
    for pick in sensor_picks(info) if picks is None else picks:
        channel = info["chs"][pick]
        moves = channel["coord_frame"] == FIFF.FIFFV_COORD_DEVICE and info["dev_head_t"] is not None
        place = channel["loc"][:3]
        places.append(mne.transforms.apply_trans(info["dev_head_t"], place) if moves else place)
    return np.array(places).reshape(-1, 3)


def sensor_types() -> "dict[str, SensorType]":
    """All types of sensors by mne's names, in the order in which they are shown."""
    return {kind: found for name in MODALITIES for kind, found in MODALITIES[name].types.items()}


def picks_of_type(info: mne.Info, kind: str) -> np.ndarray:
    """Indices of the channels of one type, bad ones too."""
    return np.flatnonzero(np.array(info.get_channel_types()) == kind)


def plausible_leadfields() -> list[tuple[float, float]]:
    """Between which the median of the regions' largest values lies, for each modality."""
    return [MODALITIES[name].plausible_leadfield for name in MODALITIES]
