"""Conventional distributed solutions on the 994 regions: sLORETA, dSPM and the LCMV beamformer."""

import mne
import numpy as np

# One fixed dipole per region; no depth weighting, as sLORETA and dSPM were published.
_FIXED = {"fixed": True, "depth": None}
_SPHERE_ORIGIN_HEAD_M = (0.0, 0.0, 0.04)


def region_forward(
    info: mne.Info, trans: mne.Transform, leadfield: np.ndarray, region_pos_mri_mm: np.ndarray
) -> mne.Forward:
    """An mne forward solution of 994 fixed sources whose field is the regions' leadfield.

    mne has no constructor for a leadfield that comes from elsewhere. The sources' orientations and
    the sphere that they are solved in serve only to have mne build the structure; the field is then
    replaced. Never save it: mne writes such an object to FIF wrongly.

    Parameters
    ----------
    info : mne.Info
        MEG channels only.
    trans : mne.Transform
        Head to MRI.
    leadfield : ndarray, (n_channels, 994)
        In the order of `info`.
    region_pos_mri_mm : ndarray, (994, 3)
    """
    outward = region_pos_mri_mm - region_pos_mri_mm.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    src = mne.setup_volume_source_space(
        pos={"rr": region_pos_mri_mm / 1000, "nn": outward}, verbose="error"
    )
    sphere = mne.make_sphere_model(_SPHERE_ORIGIN_HEAD_M, head_radius=None, verbose="error")
    forward = mne.make_forward_solution(
        info, trans, src, sphere, meg=True, eeg=False, mindist=0.0, ignore_ref=True, verbose="error"
    )
    forward = mne.convert_forward_solution(
        forward, force_fixed=True, use_cps=False, verbose="error"
    )
    if forward["sol"]["row_names"] != info["ch_names"]:
        raise ValueError("mne reordered the channels of the forward solution")
    forward["sol"]["data"] = np.array(leadfield, float)
    return forward


def minimum_norm(
    average: mne.Evoked, forward: mne.Forward, noise_cov: mne.Covariance, method: str, snr: float
) -> np.ndarray:
    """Minimum-norm solution in units of its own noise (994, n_times).

    Parameters
    ----------
    method : str
        "sloreta" (Pascual-Marqui 2002: standardised by the resolution matrix's diagonal) or
        "dspm" (Dale et al. 2000: by the projected noise).
    snr : float
        Amplitude signal-to-noise ratio; the regularisation is 1 / snr².
    """
    operator = mne.minimum_norm.make_inverse_operator(
        average.info, forward, noise_cov, **_FIXED, verbose="error"
    )
    name = {"sloreta": "sLORETA", "dspm": "dSPM"}[method]
    return mne.minimum_norm.apply_inverse(
        average, operator, lambda2=1 / snr**2, method=name, verbose="error"
    ).data


def lcmv(
    average: mne.Evoked,
    epochs: mne.Epochs,
    forward: mne.Forward,
    noise_cov: mne.Covariance,
    reg: float,
    window_s: tuple[float, float],
) -> np.ndarray:
    """Unit-noise-gain beamformer (994, n_times) of the average.

    The data covariance comes from the single spikes in `window_s`: that of the average holds no
    more than the spike itself, which the beamformer would cancel (van Veen et al. 1997).

    Parameters
    ----------
    reg : float
        Share of the mean whitened sensor power that is added to the covariance's diagonal.
    """
    data_cov = mne.compute_covariance(
        epochs, tmin=window_s[0], tmax=window_s[1], method="empirical", verbose="error"
    )
    ranks = [
        mne.compute_rank(cov, info=average.info, verbose="error") for cov in (data_cov, noise_cov)
    ]
    rank = {kind: min(each[kind] for each in ranks) for kind in ranks[0]}
    filters = mne.beamformer.make_lcmv(
        average.info,
        forward,
        data_cov,
        reg=reg,
        noise_cov=noise_cov,
        pick_ori=None,
        weight_norm="unit-noise-gain",
        rank=rank,
        depth=None,
        verbose="error",
    )
    return mne.beamformer.apply_lcmv(average, filters, verbose="error").data
