"""What a modality says of its sensors, and what is asked of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import mne
import numpy as np


@dataclass(frozen=True, kw_only=True)
class SensorType:
    """One type of channel.

    Attributes
    ----------
    label : str
        What people call several of them.
    leadfield_unit : str
        Of a region's field in them.
    leadfield_key : str
        How the names of quality figures end that are in this unit.
    largest_ptp : float
        Peak to peak, in the unit of the data: beyond what brain and eyes make.
    noise : float
        Standard deviation of one sensor in 1-40 Hz, in the unit of the data.
    shown_unit : str
        In figures and sentences.
    shown_scale : float
        From the unit of the data to that.
    """

    label: str
    leadfield_unit: str
    leadfield_key: str
    largest_ptp: float
    noise: float
    shown_unit: str
    shown_scale: float


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One way to record the brain's field.

    Attributes
    ----------
    types : mapping of str to SensorType
        By mne's names, in the order in which they are shown.
    plausible_leadfield : tuple of float
        Between these lies the median of the regions' largest values, in SI units per A·m.
    sensor_picks, reference_picks : callable
        From `mne.Info` to indices: of the channels that see the brain, bad ones too; of those that
        served to remove interference from them.
    conductor : callable
        From the inner skull's vertices (n, 3), mm, and faces to the `mne.bem.ConductorModel` in which
        fields are computed.
    sphere : callable
        From the centre of a spherical head (3,), m, to its conductor model.
    forward : callable
        From `mne.Info`, the head-to-MRI transform, a source space and a conductor model to an
        `mne.Forward`; what compensation did to the sensors is left out with ``ignore_ref=True``.
    array : callable
        From `mne.Info` to the names of the devices that its sensors can be part of; none where that
        is not known.
    labels : callable
        From `mne.Info` to what people call each type of its sensors, where the array decides it.
    """

    types: Mapping[str, SensorType]
    plausible_leadfield: tuple[float, float]
    sensor_picks: Callable[[mne.Info], np.ndarray]
    reference_picks: Callable[[mne.Info], np.ndarray]
    conductor: Callable[[np.ndarray, np.ndarray], mne.bem.ConductorModel]
    sphere: Callable[[np.ndarray], mne.bem.ConductorModel]
    forward: Callable[..., mne.Forward]
    array: Callable[[mne.Info], list[str]]
    labels: Callable[[mne.Info], dict[str, str]]
