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
    """The modality that a type of sensor, by mne's name, belongs to."""
    return next(MODALITIES[name] for name in MODALITIES if set(types) & set(MODALITIES[name].types))


def sensor_picks(info: mne.Info) -> np.ndarray:
    """Indices of the channels that see the brain, bad ones too, without references.

    Of a recording with several modalities, those of the one that is imaged.
    """
    modality = _imaged(info)
    return np.empty(0, int) if modality is None else np.sort(modality.sensor_picks(info))


def not_imaged(info: mne.Info) -> dict[str, int]:
    """How many sensors a recording has of modalities that are not imaged, by what these are called."""
    modality = _imaged(info)
    others = (MODALITIES[name] for name in MODALITIES if MODALITIES[name] is not modality)
    counts = {other.label: len(other.sensor_picks(info)) for other in others}
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
    """Data of sensors, channels along `axis`, without the mean of such channels; else unchanged."""
    if not modality_of(info).average_reference:
        return data
    return data - data.mean(axis=axis, keepdims=True)


def reference_picks(info: mne.Info) -> np.ndarray:
    """Indices of the channels that served to remove interference from those."""
    picks = [MODALITIES[name].reference_picks(info) for name in MODALITIES]
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


def sensor_pos_device_m(info: mne.Info) -> np.ndarray:
    """Places (n, 3) of the sensors in the device's coordinates, m."""
    places = [info["chs"][pick]["loc"][:3] for pick in sensor_picks(info)]
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
