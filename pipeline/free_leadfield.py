"""The field of dipoles of any direction at points of a head."""

import mne
import numpy as np

from pipeline.compensation import check_references
from pipeline.modality import modality_of, re_referenced


def free_leadfield(
    info: mne.Info,
    trans: mne.transforms.Transform,
    bem: mne.bem.ConductorModel,
    pos_mri_mm: np.ndarray,
) -> np.ndarray:
    """Field (n_channels, n, 3) of unit dipoles along the T1w's right, front and up, per A·m.

    NaN at points outside the conductor, where there is no field.

    Parameters
    ----------
    info : mne.Info
        Channels, with the references of compensated ones.
    trans : mne.transforms.Transform
        Head to MRI.
    bem : mne.bem.ConductorModel
    pos_mri_mm : ndarray, (n, 3)

    Raises
    ------
    InvalidInput
        The channels are compensated and the references are missing.
    """
    check_references(info)
    src = mne.setup_volume_source_space(
        pos={"rr": pos_mri_mm / 1000, "nn": np.tile([0.0, 0.0, 1.0], (len(pos_mri_mm), 1))},
        verbose="error",
    )
    forward = modality_of(info).forward(info, trans, src, bem)
    along_head = forward["sol"]["data"].reshape(-1, forward["nsource"], 3)
    field = np.full((len(along_head), len(pos_mri_mm), 3), np.nan)
    field[:, forward["src"][0]["vertno"]] = along_head @ trans["trans"][:3, :3].T
    return re_referenced(field, info)
