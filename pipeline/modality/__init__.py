"""Modalities, one file each: it defines ``MODALITY``, a `Modality` (see `_modality`).

That is which channels see the brain, in which units, how their field is computed and how large it
can be, and what people call them. Nothing else names a type of channel.
"""

import sys
from typing import TYPE_CHECKING

import mne
import numpy as np

from pipeline.registry import Registry

if TYPE_CHECKING:
    from pipeline.modality._modality import Modality, SensorType

MODALITIES: "Registry[Modality]" = Registry(sys.modules[__name__], "MODALITY")


def modality_of(info: mne.Info) -> "Modality":
    """The modality whose sensors a recording holds; `ValueError` where it holds none."""
    for name in MODALITIES:
        if len(MODALITIES[name].sensor_picks(info)):
            return MODALITIES[name]
    raise ValueError("the recording has no sensors of any modality")


def sensor_picks(info: mne.Info) -> np.ndarray:
    """Indices of the channels that see the brain, bad ones too, without references."""
    picks = [MODALITIES[name].sensor_picks(info) for name in MODALITIES]
    return np.sort(np.concatenate(picks)).astype(int)


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
