"""Simulated spikes of the heads of `benchmarks.simulated_heads`, imaged as the image stage does."""

import numpy as np
import pandas as pd
import torch

from benchmarks.simulated_heads import PATHS, ImagedHead
from bids_app.demo import activity
from pipeline.image.bootstrap import draw_weights, resampled_peak_maps
from pipeline.image.region import (
    centre_mm,
    evidence_of,
    held_regions,
    near_peak,
    sloreta_map,
    volume_cm3,
)
from pipeline.localisation import PEAK_WINDOW_S
from pipeline.methods._network import Network
from pipeline.projection import project_head
from pipeline.sampling import NETWORK_SFREQ_HZ
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import template_dictionary
from pipeline.weights import SHIPPED, load_model
from pipeline.whitening import snr_db

N_TIMES = 125
PEAK = N_TIMES // 2
N_RESAMPLES = 8
SPIKES = (5, 60)
SNR_DB = (3.0, 20.0)
CASES_PER_PATCH = 2
# What a region's volume is counted within, mm.
RADII_MM = (0, 4, 8, 12, 16, 20, 25, 30, 40, 60, 90)


def cases_of(head: ImagedHead, kind: str, seed: int) -> pd.DataFrame:
    """One row for each case: what was true of it, what was seen of it, how far off it was imaged."""
    torch.set_num_threads(1)
    module, card = load_model(SHIPPED)
    rng = np.random.default_rng(seed)
    rows = []
    for path in range(len(PATHS)):
        noise_cov = head.colour @ head.colour.T
        whiten, projection = project_head(
            head.leadfield[path].astype(float), noise_cov, template_dictionary(), card["input"]
        )
        times_s = (np.arange(N_TIMES) - PEAK) / NETWORK_SFREQ_HZ
        network = Network(
            module, whiten @ head.colour, projection, 0, times_s, NETWORK_SFREQ_HZ, card["input"]
        )
        sensitivity = np.linalg.norm(whiten @ head.leadfield[path], axis=0)
        for patch in range(len(head.field)):
            for _ in range(CASES_PER_PATCH):
                spikes = _spikes(rng, head, patch, kind)
                about = {
                    "seed": seed,
                    "array": head.array,
                    "n_spikes": len(spikes),
                    "depth_mm": head.depth_mm[patch],
                    "area_cm2": head.area_cm2[patch],
                }
                seen = _imaged(rng, network, spikes, head, path, patch, sensitivity)
                rows.append(about | seen)
    return pd.DataFrame(rows).round(3)


def _spikes(rng, head: ImagedHead, patch: int, kind: str) -> np.ndarray:
    """Single spikes (n, rank, 125) amid the head's background, whitened."""
    n = int(np.exp(rng.uniform(*np.log(SPIKES))))
    field = head.field[patch] / np.linalg.norm(head.field[patch])
    strength = np.sqrt(len(field) * 10 ** (rng.uniform(*SNR_DB) / 10) / n)
    start = rng.integers(head.background.shape[1] - N_TIMES, size=n)
    noise = np.stack([head.background[:, s : s + N_TIMES] for s in start]).astype(np.float32)
    height = strength * np.exp(rng.normal(0, 0.25, n)) * rng.choice((-1, 1))
    return noise + height[:, None, None] * field[:, None] * _wave(rng, kind)


def _wave(rng, kind: str) -> np.ndarray:
    """A spike's course (125,), 1 at its peak."""
    if kind == "test":
        time_s = (np.arange(N_TIMES) - PEAK) / NETWORK_SFREQ_HZ
        stretch, slow = np.exp(rng.normal(0, 0.15)), rng.uniform(0.1, 0.6)
        return activity.spike_waveform(time_s, stretch, slow, rng.uniform(0.11, 0.17))
    waves = load_library("validation").spikes
    wave = waves[rng.integers(len(waves))].astype(float)
    first = int(wave.argmax()) - PEAK
    return np.pad(wave, (max(0, -first), N_TIMES))[max(0, first) :][:N_TIMES]


def _imaged(rng, network: Network, spikes, head, path: int, patch: int, sensitivity) -> dict:
    """What network and sLORETA see, and how far from the patch's centre."""
    n = len(spikes)
    weights = np.vstack([np.full(n, 1 / n), draw_weights(n, N_RESAMPLES, int(rng.integers(2**31)))])
    maps = resampled_peak_maps(network, spikes, weights, PEAK_WINDOW_S)
    white = near_peak(network, spikes)
    snr = snr_db(white)
    averages = np.einsum("bn,nkt->bkt", weights, white, optimize=True)
    plain = np.array([sloreta_map(network, each) for each in averages])
    pos_mm, area_mm2 = head.region_pos_mri_mm[path], head.region_area_mm2[path]
    found = {}
    for prefix, own, other in (("", maps, plain), ("sloreta_", plain, maps)):
        evidence = evidence_of(
            own[0], own[1:], other[0], sensitivity, snr, path == 0, pos_mm, area_mm2
        )
        place, _ = centre_mm(own[0], pos_mm, area_mm2)
        maximum = pos_mm[own[0].argmax()]
        found |= {prefix + name: value for name, value in vars(evidence).items()}
        for name, point in (("error_mm", place), ("maximum_error_mm", maximum)):
            found[prefix + name] = float(np.linalg.norm(point - head.centre_mri_mm[patch]))
        for radius in RADII_MM:
            held = held_regions(place, radius, pos_mm)
            found[f"{prefix}volume_{radius}"] = volume_cm3(held, area_mm2)
    return found
