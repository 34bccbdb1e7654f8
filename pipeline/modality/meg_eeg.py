"""MEG and EEG of one recording together: one average, one noise covariance, one field of a source in both."""

from functools import partial

import mne
import numpy as np

from pipeline.modality._forward import compute_forward
from pipeline.modality._modality import Modality
from pipeline.modality.eeg import MODALITY as EEG
from pipeline.modality.meg import MODALITY as MEG


def sensor_picks(info: mne.Info) -> np.ndarray:
    """None where one of both is missing: the other is then imaged alone."""
    parts = [part.sensor_picks(info) for part in (MEG, EEG)]
    if not all(len(part) for part in parts):
        return np.empty(0, int)
    return np.sort(np.concatenate(parts))


def moved(info: mne.Info, motion: np.ndarray) -> mne.Info:
    """Helmet and electrodes together, as an error of the co-registration moves them."""
    return EEG.moved(MEG.moved(info, motion), motion)


def array(info: mne.Info) -> list[str]:
    return [*MEG.array(info), *EEG.array(info)]


def labels(info: mne.Info) -> dict[str, str]:
    return MEG.labels(info) | EEG.labels(info)


MODALITY = Modality(
    label="MEG and EEG",
    datatype=MEG.datatype,
    # A recording that has both is read as both, where nobody has put one of them aside.
    precedence=-1,
    types={**MEG.types, **EEG.types},
    min_channels=MEG.min_channels + EEG.min_channels,
    plausible_std=MEG.plausible_std,
    unit=f"{MEG.unit} or {EEG.unit}",
    unit_name=f"{MEG.unit_name} and {EEG.unit_name}",
    on_head=False,
    uses_scalp=True,
    calibrated=False,
    plausible_leadfield=EEG.plausible_leadfield,
    sensor_picks=sensor_picks,
    reference_picks=MEG.reference_picks,
    conductor=EEG.conductor,
    sphere=EEG.sphere,
    # A helmet that the co-registration moved into the scalp is a warning of the head model's.
    forward=partial(compute_forward, meg=True, eeg=True, on_inside="ignore"),
    moved=moved,
    array=array,
    labels=labels,
    network_mm=2.83,
    sloreta_mm=29.1,
    together=(MEG, EEG),
)
