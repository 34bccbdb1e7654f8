"""The equivalent current dipole: one point that explains the spike best."""

import mne
import numpy as np

from pipeline.headmodel.leadfield import single_shell_bem, star_shaped_remesh

# A dipole is fitted in seconds on 642 vertices and in minutes on 2,562, 0.3 mm apart.
_SHELL_VERTICES = 642
_M3_TO_CM3 = 1e6


def fit_dipole(
    average: mne.Evoked,
    noise_cov: mne.Covariance,
    trans: mne.Transform,
    inner_skull_mri_mm: np.ndarray,
    window_s: float,
    step_s: float,
) -> dict:
    """Fit one dipole to each of several instants around the peak and keep the best-fitting one.

    Parameters
    ----------
    trans : mne.Transform
        Head to MRI.
    inner_skull_mri_mm : ndarray, (n, 3)
        Vertices of the inner skull.
    window_s : float
        Width of the window around t = 0.
    step_s : float
        Time between two fits.

    Returns
    -------
    fit : dict
        pos_mri_mm, direction_mri, moment_am, gof_percent, confidence_volume_cm3 (of the 95 %
        ellipsoid), time_s.
    """
    shell_mri_mm, faces = star_shaped_remesh(inner_skull_mri_mm, _SHELL_VERTICES)
    every = max(1, round(step_s * average.info["sfreq"]))
    n_each_side = int(np.floor(window_s / 2 * average.info["sfreq"] / every + 1e-6))
    half_s = n_each_side * every / average.info["sfreq"]
    instants = average.copy().crop(-half_s - 1e-6, half_s + 1e-6)
    instants = instants.decimate(every, verbose="error")
    dipoles, _ = mne.fit_dipole(
        instants, noise_cov, single_shell_bem(shell_mri_mm, faces), trans, verbose="error"
    )
    best = int(dipoles.gof.argmax())
    return {
        "pos_mri_mm": mne.transforms.apply_trans(trans, dipoles.pos[best]) * 1000,
        "direction_mri": mne.transforms.apply_trans(trans, dipoles.ori[best], move=False),
        "moment_am": float(dipoles.amplitude[best]),
        "gof_percent": float(dipoles.gof[best]),
        "confidence_volume_cm3": float(dipoles.conf["vol"][best] * _M3_TO_CM3),
        "time_s": float(dipoles.times[best]),
    }
