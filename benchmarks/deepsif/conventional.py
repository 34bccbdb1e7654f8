"""The product's conventional methods on one synthetic recording, from arrays alone.

Everything runs on whitened data with unit noise, as magnetometers of a fake array: where the
sensors lie plays no part once the leadfield is given.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import mne
import numpy as np

from pipeline.methods import METHODS as PRODUCT
from pipeline.methods._method import MapMethod
from pipeline.methods._model import Model, Problem
from pipeline.records.head import MeasuredHead
from pipeline.records.spike import Spike
from pipeline.whitening import whitener

SENSOR_RADIUS_M = 0.12


class _Recording(Spike):
    """A synthetic recording, with noise of its own that is no part of its average."""

    def __init__(self, average: mne.Evoked, noise_cov: mne.Covariance, baseline: np.ndarray):
        super().__init__(average, average.info, noise_cov)
        object.__setattr__(self, "baseline", baseline)

    def whitened(self, whiten: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return whiten @ self.average.data, whiten @ self.baseline

    def covariance(self, window_s: tuple[float, float]) -> mne.Covariance:
        """Of recording and baseline, whatever the window."""
        samples = np.hstack([self.average.data, self.baseline])
        return mne.Covariance(np.cov(samples), self.ch_names, [], [], samples.shape[1] - 1)


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
        white = self.whiten @ leadfield
        info = _fake_magnetometers(len(white), sfreq_hz)
        n_regions = white.shape[1]
        head = MeasuredHead(
            # A sphere's forward solution wants its sources inside, around the origin.
            region_pos_mri_mm=region_pos_mm - region_pos_mm.mean(0),
            region_area_mm2=np.ones(n_regions),
            region_label=np.full(n_regions, ""),
            region_sublobar=np.zeros(n_regions, int),
            vertex_region=np.arange(n_regions),
            surfaces={},
            leadfield=white,
            trans=mne.transforms.Transform("head", "mri"),
        )
        noise = mne.make_ad_hoc_cov(info, {"mag": 1.0}, verbose="error")
        self.model = Model(head, info, noise, adjacency)

    def __call__(
        self, method: str, recording: np.ndarray, baseline: np.ndarray, **options: Any
    ) -> np.ndarray:
        """Activity (n_regions, n_times) by one of `METHODS`, in a unit of its own.

        Parameters
        ----------
        recording : ndarray, (n_channels, n_times)
        baseline : ndarray, (n_channels, n)
            The same head's noise without a spike: its mean whitened variance becomes one. The
            beamformer's data covariance is taken over recording and baseline.
        **options
            Of the method; the product's own where there are none.
        """
        whitened = self.whiten @ baseline
        noise = np.sqrt(whitened.var(axis=1).mean())
        baseline, recording = whitened / noise, self.whiten @ recording / noise
        evoked = mne.EvokedArray(recording, self.model.info, verbose="error")
        spike = _Recording(evoked, self.model.noise_cov, baseline)
        return METHODS[method](Problem(self.model, spike, 0.0), **options)


def _of_product(name: str, problem: Problem, **options: Any) -> np.ndarray:
    """A method of the product with its default options, but for those that are given."""
    part = PRODUCT[name]
    return part.activity(problem, part.options(**options))[0]


METHODS: dict[str, Callable[..., np.ndarray]] = {
    name: partial(_of_product, name) for name in PRODUCT if isinstance(PRODUCT[name], MapMethod)
}


def _fake_magnetometers(n_channels: int, sfreq_hz: float) -> mne.Info:
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
