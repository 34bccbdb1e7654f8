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
    against_average : bool
        Whether its channels tell differences alone, so that their mean is taken out.
    """

    label: str
    leadfield_unit: str
    leadfield_key: str
    largest_ptp: float
    noise: float
    shown_unit: str
    shown_scale: float
    against_average: bool = False


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One way to record the brain's field.

    Attributes
    ----------
    label : str
        What people call it.
    datatype : str
        What BIDS calls recordings that hold it.
    precedence : int
        Of several in one recording the lowest is imaged, unless the recording's user says which.
    types : mapping of str to SensorType
        By mne's names, in the order in which they are shown.
    min_channels : int
        Fewest that are imaged.
    plausible_std : tuple of float
        Between these lies the median standard deviation of its channels, in the unit of the data.
    unit, unit_name : str
        Of the data, as in "1e-3 T" and "in tesla".
    on_head : bool
        Whether sensors sit on the head and move with it, without a direction in which they measure.
    uses_scalp : bool
        Whether skull and scalp are part of its conductor.
    calibrated : bool
        Whether the networks' certainty was measured on it.
    plausible_leadfield : tuple of float
        Between these lies the median of the regions' largest values, in SI units per A·m.
    sensor_picks, reference_picks : callable
        From `mne.Info` to indices: of the channels that see the brain, bad ones too; of those that
        served to remove interference from them.
    conductor : callable
        From the inner skull's vertices (n, 3), mm, and faces, and the scalp's vertices (m, 3), mm, or
        None, to the `mne.bem.ConductorModel` in which fields are computed.
    sphere : callable
        From the centre of a spherical head (3,), m, to its conductor model.
    forward : callable
        From `mne.Info`, the head-to-MRI transform, a source space and a conductor model to an
        `mne.Forward`; what compensation did to the sensors is left out with ``ignore_ref=True``.
    moved : callable
        From `mne.Info` and a motion (4, 4) in the head frame, m, to the `mne.Info` of sensors that are
        moved by it.
    array : callable
        From `mne.Info` to the names of the devices that its sensors can be part of; none where that
        is not known.
    labels : callable
        From `mne.Info` to what people call each type of its sensors, where the array decides it.
    network_mm, sloreta_mm : float, or None
        What a network that learned from MEG found → true, and sLORETA, on `benchmarks/results/eeg.csv`'s 60 discs of 5
        to 12 cm² with errors of the head model; None of what it learned from.
    together : tuple of Modality
        Those that it joins; none of one that stands alone.
    """

    label: str
    datatype: str
    precedence: int
    types: Mapping[str, SensorType]
    min_channels: int
    plausible_std: tuple[float, float]
    unit: str
    unit_name: str
    on_head: bool
    uses_scalp: bool
    calibrated: bool
    plausible_leadfield: tuple[float, float]
    sensor_picks: Callable[[mne.Info], np.ndarray]
    reference_picks: Callable[[mne.Info], np.ndarray]
    conductor: Callable[[np.ndarray, np.ndarray, np.ndarray | None], mne.bem.ConductorModel]
    sphere: Callable[[np.ndarray], mne.bem.ConductorModel]
    forward: Callable[..., mne.Forward]
    moved: Callable[[mne.Info, np.ndarray], mne.Info]
    array: Callable[[mne.Info], list[str]]
    labels: Callable[[mne.Info], dict[str, str]]
    network_mm: float | None = None
    sloreta_mm: float | None = None
    together: tuple["Modality", ...] = ()

    @property
    def parts(self) -> tuple["Modality", ...]:
        """Those that it joins, or itself: each has one unit, and is checked by itself."""
        return self.together or (self,)

    @property
    def average_reference(self) -> bool:
        """Whether some of its channels tell differences alone."""
        return any(kind.against_average for kind in self.types.values())
