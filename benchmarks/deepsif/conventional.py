"""Conventional methods on one synthetic recording, from arrays alone.

Everything runs on whitened data with unit noise, as magnetometers of a made-up array: where the
sensors lie plays no part once the leadfield is given.
"""

from collections.abc import Callable

import mne
import numpy as np
from scipy.spatial import cKDTree

from pipeline.image.cmem import cmem
from pipeline.image.conventional import region_forward
from pipeline.projection import whitener

# The image stage's settings.
SNR = 3.0
LCMV_REG = 0.05
# The most sources that a recording of the benchmark has.
RAP_MUSIC_DIPOLES = 3
SENSOR_RADIUS_M = 0.12
MINIMUM_NORM = {"sloreta": "sLORETA", "dspm": "dSPM", "eloreta": "eLORETA"}
METHODS = (*MINIMUM_NORM, "lcmv", "rap_music", "gamma_map", "cmem")


class ConventionalMethods:
    """All methods for one head; what does not depend on the recording is computed once.

    Parameters
    ----------
    leadfield : ndarray, (n_channels, n_regions)
        One fixed dipole per region.
    noise_cov : ndarray, (n_channels, n_channels)
        Up to a factor, which comes from each recording's baseline. The identity, and a whitened
        leadfield, where the recordings are whitened already.
    region_pos_mm : ndarray, (n_regions, 3)
    adjacency : ndarray of bool, (n_regions, n_regions)
        Neighbouring regions, for cMEM.
    sfreq_hz : float
    """

    def __init__(
        self,
        leadfield: np.ndarray,
        noise_cov: np.ndarray,
        region_pos_mm: np.ndarray,
        adjacency: np.ndarray,
        sfreq_hz: float,
    ):
        self.whiten = whitener(noise_cov)
        self.leadfield = self.whiten @ leadfield
        self.adjacency = adjacency
        self.info = _made_up_magnetometers(len(self.leadfield), sfreq_hz)
        # A sphere's forward solution wants its sources inside, around the origin.
        centred_mm = region_pos_mm - region_pos_mm.mean(0)
        head_to_mri = mne.transforms.Transform("head", "mri")
        self.forward = region_forward(self.info, head_to_mri, self.leadfield, centred_mm)
        self.noise_cov = mne.make_ad_hoc_cov(self.info, {"mag": 1.0}, verbose="error")
        self.inverse = mne.minimum_norm.make_inverse_operator(
            self.info, self.forward, self.noise_cov, fixed=True, depth=None, verbose="error"
        )

    def __call__(self, method: str, recording: np.ndarray, baseline: np.ndarray) -> np.ndarray:
        """Activity (n_regions, n_times) by one of `METHODS`, in a unit of its own.

        Parameters
        ----------
        recording : ndarray, (n_channels, n_times)
        baseline : ndarray, (n_channels, n)
            The same head's noise without a spike: its mean whitened variance becomes one. The
            beamformer's data covariance is taken over recording and baseline.
        """
        whitened = self.whiten @ baseline
        noise = np.sqrt(whitened.var(axis=1).mean())
        baseline, recording = whitened / noise, self.whiten @ recording / noise
        if method == "cmem":
            return cmem(recording, self.leadfield, baseline, self.adjacency, SNR)
        evoked = mne.EvokedArray(recording, self.info, verbose="error")
        if method in MINIMUM_NORM:
            return mne.minimum_norm.apply_inverse(
                evoked, self.inverse, 1 / SNR**2, method=MINIMUM_NORM[method], verbose="error"
            ).data
        if method == "lcmv":
            return self._lcmv(evoked, np.hstack([recording, baseline]))
        solve: dict[str, Callable] = {"rap_music": self._rap_music, "gamma_map": self._gamma_map}
        return solve[method](evoked)

    def _lcmv(self, evoked: mne.Evoked, samples: np.ndarray) -> np.ndarray:
        names = self.info["ch_names"]
        data_cov = mne.Covariance(np.cov(samples), names, [], [], samples.shape[1] - 1)
        filters = mne.beamformer.make_lcmv(
            self.info,
            self.forward,
            data_cov,
            reg=LCMV_REG,
            noise_cov=self.noise_cov,
            pick_ori=None,
            weight_norm="unit-noise-gain",
            rank={"mag": len(names)},
            depth=None,
            verbose="error",
        )
        return mne.beamformer.apply_lcmv(evoked, filters, verbose="error").data

    def _rap_music(self, evoked: mne.Evoked) -> np.ndarray:
        """The dipoles' amplitudes at the regions that they lie in, A·m."""
        dipoles = mne.beamformer.rap_music(
            evoked, self.forward, self.noise_cov, RAP_MUSIC_DIPOLES, verbose="error"
        )
        activity = np.zeros((self.forward["nsource"], evoked.data.shape[1]))
        tree = cKDTree(self.forward["source_rr"])
        for dipole in dipoles:
            region = tree.query(dipole.pos[0])[1]
            sign = np.sign(dipole.ori[0] @ self.forward["source_nn"][region])
            activity[region] += sign * dipole.amplitude
        return activity

    def _gamma_map(self, evoked: mne.Evoked) -> np.ndarray:
        """Wipf & Nagarajan 2009; the noise variance is 1. A·m; zero in the regions left out."""
        sparse = mne.inverse_sparse.gamma_map(
            evoked,
            self.forward,
            self.noise_cov,
            alpha=1.0,
            loose=0,
            depth=None,
            verbose="error",
        )
        activity = np.zeros((self.forward["nsource"], evoked.data.shape[1]))
        activity[np.concatenate(sparse.vertices)] = sparse.data
        return activity


def _made_up_magnetometers(n_channels: int, sfreq_hz: float) -> mne.Info:
    """Channels on a sphere around the head, in head coordinates."""
    names = [f"M{number:04d}" for number in range(n_channels)]
    info = mne.create_info(names, sfreq_hz, "mag", verbose="error")
    direction = np.random.default_rng(0).normal(size=(n_channels, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    for channel, outward in zip(info["chs"], direction, strict=True):
        channel["loc"][:3] = SENSOR_RADIUS_M * outward
        channel["loc"][3:] = np.eye(3).ravel()
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head")
    return info
