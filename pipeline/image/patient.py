"""What every imaging method starts from: the spike, the head and the noise, in one channel order."""

from dataclasses import dataclass

import mne
import nibabel as nib
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.files import read_npz
from pipeline.paths import PatientPaths
from pipeline.spikes.outputs import read_average
from pipeline.template import SUBLOBAR_NAMES


@dataclass(frozen=True)
class Patient:
    """One patient's results up to here.

    Attributes
    ----------
    average : mne.Evoked
        The averaged spike, peak at t = 0; MEG channels.
    sensors : mne.Info
        These channels, and the references that they were compensated with.
    epochs : mne.Epochs
        The single spikes, same channels.
    noise_cov : mne.Covariance
    trans : mne.Transform
        Head to MRI.
    leadfield : ndarray, (n_channels, 994)
        In the average's channel order, without the projectors.
    region_pos_mri_mm : ndarray, (994, 3)
    region_area_mm2 : ndarray, (994,)
    region_label, region_sublobar : list of str
    vertex_region : ndarray of int, (20484,)
    layers_mri_mm : ndarray, (3, 20484, 3)
        White, midthickness, pial.
    inner_skull_mri_mm : ndarray, (n, 3)
    """

    average: mne.Evoked
    sensors: mne.Info
    epochs: mne.Epochs
    noise_cov: mne.Covariance
    trans: mne.Transform
    leadfield: np.ndarray
    region_pos_mri_mm: np.ndarray
    region_area_mm2: np.ndarray
    region_label: list[str]
    region_sublobar: list[str]
    vertex_region: np.ndarray
    layers_mri_mm: np.ndarray
    inner_skull_mri_mm: np.ndarray


def read_patient(paths: PatientPaths) -> Patient:
    """Read and align; raises InvalidInput where the files don't belong together."""
    average, sensors = read_average(paths)
    regions = read_npz(paths.regions)
    layers = [
        np.vstack([nib.load(paths.surface(hemi, name)).agg_data("pointset") for hemi in "LR"])
        for name in ("white", "midthickness", "pial")
    ]
    return Patient(
        average=average,
        sensors=sensors,
        epochs=mne.read_epochs(paths.epochs, verbose="error"),
        noise_cov=mne.read_cov(paths.noise_cov, verbose="error"),
        trans=mne.read_trans(paths.trans),
        leadfield=leadfield_of(average.ch_names, paths),
        region_pos_mri_mm=regions["region_pos_mri_mm"],
        region_area_mm2=regions["region_area_mm2"],
        region_label=[str(label) for label in regions["region_label"]],
        region_sublobar=[SUBLOBAR_NAMES[index] for index in regions["region_sublobar"]],
        vertex_region=regions["vertex_region"],
        layers_mri_mm=np.array(layers, float),
        inner_skull_mri_mm=np.asarray(nib.load(paths.inner_skull).agg_data("pointset"), float),
    )


def leadfield_of(ch_names: list[str], paths: PatientPaths) -> np.ndarray:
    """Rows (n_channels, 994) of the leadfield in the order of `ch_names`."""
    stored = read_npz(paths.leadfield)
    row = {str(name): index for index, name in enumerate(stored["ch_names"])}
    missing = [name for name in ch_names if name not in row]
    if missing:
        raise InvalidInput(
            f"{len(missing)} channels of the averaged spike, such as {missing[0]}, "
            "are not in the leadfield",
            file=paths.leadfield,
            hint="all recordings of a participant must come from the same sensor array",
        )
    return stored["leadfield"][[row[name] for name in ch_names]]
