"""Sixty regions in a row under forty magnetometers."""

import mne
import numpy as np

from pipeline.methods._model import Model, Problem
from pipeline.records.head import MeasuredHead
from pipeline.records.spike import Spike

N_CHANNELS, N_REGIONS, N_SPIKES = 40, 60, 25


def line(n: int) -> np.ndarray:
    """Neighbours of `n` regions in a row."""
    index = np.arange(n)
    return np.abs(index[:, None] - index) == 1


def line_of_regions() -> Problem:
    """25 averaged spikes without a source, noise of unlike channels, one projector, a missing rank."""
    rng = np.random.default_rng(0)
    names = [f"M{i:02d}" for i in range(N_CHANNELS)]
    info = mne.create_info(names, 125.0, "mag", verbose="error")
    outward = rng.normal(size=(N_CHANNELS, 3))
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    for channel, direction in zip(info["chs"], outward, strict=True):
        channel["loc"][:3], channel["loc"][3:] = 0.12 * direction, np.eye(3).ravel()
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head")
    axis = np.zeros(N_CHANNELS)
    axis[:4] = 0.5
    projection = {
        "nrow": 1,
        "ncol": N_CHANNELS,
        "row_names": None,
        "col_names": names,
        "data": axis[None],
    }
    info["projs"].append(mne.Projection(data=projection, active=True, desc="axis"))
    projector = np.eye(N_CHANNELS) - np.outer(axis, axis)
    place = np.arange(N_REGIONS)
    smooth = np.exp(-(((place[:, None] - place) / 1.5) ** 2))
    leadfield = 1e-6 * rng.normal(size=(N_CHANNELS, N_REGIONS)) @ smooth
    deviation = 1e-13 * rng.uniform(0.5, 2, N_CHANNELS)
    covariance = projector @ np.diag(deviation**2) @ projector
    pos_mm = 40 * rng.normal(size=(N_REGIONS, 3))
    pos_mm /= np.maximum(np.linalg.norm(pos_mm, axis=1, keepdims=True) / 60, 1)
    head = MeasuredHead(
        region_pos_mri_mm=pos_mm,
        region_area_mm2=np.ones(N_REGIONS),
        region_label=np.full(N_REGIONS, ""),
        region_sublobar=np.zeros(N_REGIONS, int),
        vertex_region=np.arange(N_REGIONS),
        surfaces={},
        leadfield=leadfield,
        trans=mne.transforms.Transform("head", "mri"),
    )
    noise_cov = mne.Covariance(covariance, names, [], [], 1000)
    average = mne.EvokedArray(
        np.zeros((N_CHANNELS, 125)), info, tmin=-0.496, nave=N_SPIKES, verbose="error"
    )
    spike = Spike(average, average.info, noise_cov)
    return Problem(Model(head, average.info, noise_cov, line(N_REGIONS)), spike, 0.02)
