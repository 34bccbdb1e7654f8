"""The library of simulated spikes and background activity that ships with the package.

Built once from `neural_mass`, for the regions of the template by ``python -m
pipeline.synthesis.library OUT.npz`` (minutes), for others by `build_library`; training and
personalizing only read it. Its three splits come from different random seeds.
"""

import sys
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import mne.filter
import numpy as np
from scipy.signal import find_peaks

from pipeline.files import read_npz, write_npz
from pipeline.synthesis.neural_mass import (
    BACKGROUND_A_MV,
    SETTINGS,
    SFREQ_HZ,
    SOURCE_A_MV,
    Connectome,
    connectome,
    simulate,
)
from pipeline.template import load_template
from pipeline.template.cortex import region_means, vertex_areas_mm2

LIBRARY_SFREQ_HZ = 125.0
BAND_HZ = (1.0, 40.0)

# A spike exceeds 8 mV more than 0.2 s after the last one (Sun et al. 2022); its clip reaches
# from 0.4 s before the peak to 0.8 s after it and holds no other spike.
SPIKE_MV = 8.0
SPIKE_GAP_S = 0.2
BEFORE_PEAK_S, AFTER_PEAK_S = 0.4, 0.8

SPLITS = ("train", "validation", "test")
_SEED = {"train": 11, "validation": 22, "test": 33}
# Realisations per setting (the last one has no source) and seconds of each.
_SIZE = {"train": (4, 9.0), "validation": (2, 7.0), "test": (2, 7.0)}
_SOURCES_PER_REALISATION = 16
_EDGE_S = 1.0


@dataclass(frozen=True)
class Library:
    """One split.

    Attributes
    ----------
    spikes : ndarray float32, (n_spikes, 150)
        1-40 Hz, 125 Hz, peak (1.0) at sample 50, tapered to zero at both ends.
    background : ndarray float32, (n_regions, n_times)
        Activity of all regions without a source, 1-40 Hz, 125 Hz, unit variance on average.
        Segments of different simulations follow each other; `segment_length` samples each.
    segment_length : int
    """

    spikes: np.ndarray
    background: np.ndarray
    segment_length: int


@cache
def load_library(split: str, path: Path | None = None) -> Library:
    """Read the `split` "train", "validation" or "test" of the shipped library or that at `path`."""
    stored = read_npz(path or Path(str(files("pipeline.synthesis") / "spike_library.npz")))
    spikes = stored[f"{split}_spikes"].astype(np.float32) / 127
    background = stored[f"{split}_background"].astype(np.float32)
    return Library(spikes, background / background.std(), int(stored[f"{split}_segment_length"]))


def band_pass_and_decimate(potential_mv: np.ndarray) -> np.ndarray:
    """1-40 Hz at 500 Hz, as recordings are filtered, then 125 Hz; filter edges cut off."""
    filtered = mne.filter.filter_data(
        potential_mv.astype(float), SFREQ_HZ, *BAND_HZ, verbose="error"
    )
    edge = round(_EDGE_S * SFREQ_HZ)
    return filtered[..., edge : -edge : round(SFREQ_HZ / LIBRARY_SFREQ_HZ)]


def isolated_spikes(potential_mv: np.ndarray) -> np.ndarray:
    """Clips (n, 150) at 125 Hz of the spikes in one region's signal (n_times,) at 500 Hz."""
    peaks, _ = find_peaks(potential_mv, height=SPIKE_MV, distance=round(SPIKE_GAP_S * SFREQ_HZ))
    filtered = band_pass_and_decimate(potential_mv)
    before, after = (round(s * LIBRARY_SFREQ_HZ) for s in (BEFORE_PEAK_S, AFTER_PEAK_S))
    taper = np.ones(before + after)
    ramp = np.sin(np.linspace(0, np.pi / 2, 20)) ** 2
    taper[:20], taper[-20:] = ramp, ramp[::-1]
    clips = []
    for peak in peaks:
        others = np.delete(peaks, np.flatnonzero(peaks == peak))
        gap_s = (others - peak) / SFREQ_HZ
        if np.any((gap_s > -BEFORE_PEAK_S - SPIKE_GAP_S) & (gap_s < AFTER_PEAK_S)):
            continue
        at = round((peak / SFREQ_HZ - _EDGE_S) * LIBRARY_SFREQ_HZ)
        if at < before + 3 or at + 3 + after > len(filtered):
            continue
        at = at - 3 + int(np.argmax(filtered[at - 3 : at + 4]))
        clip = filtered[at - before : at + after] * taper
        # Another one less than 0.2 s away or just below 8 mV, which filtering leaves the higher.
        if clip.max() > clip[before]:
            continue
        clips.append(clip / clip[before])
    return np.array(clips).reshape(-1, before + after)


def build_split(split: str, network: Connectome) -> dict[str, np.ndarray]:
    """Simulate one split; arrays of the library's file under names that begin with its own."""
    rng = np.random.default_rng(_SEED[split])
    n_regions = len(network.weights)
    n_realisations, seconds = _SIZE[split]
    spikes, background = [], []
    for setting in SETTINGS:
        a_mv = np.full((n_realisations, n_regions), BACKGROUND_A_MV)
        sources = [
            rng.choice(n_regions, _SOURCES_PER_REALISATION, replace=False)
            for _ in range(n_realisations - 1)
        ]
        for gain, chosen in zip(a_mv, sources, strict=False):
            gain[chosen] = SOURCE_A_MV
        potential_mv = simulate(network, a_mv, setting, seconds, int(rng.integers(2**31)))
        for realisation, chosen in zip(potential_mv, sources, strict=False):
            spikes += [isolated_spikes(realisation[region]) for region in chosen]
        background.append(band_pass_and_decimate(potential_mv[-1]))
        background[-1] /= background[-1].std()
    joined = np.concatenate(background, axis=1)
    clips = np.concatenate(spikes)
    return {
        f"{split}_spikes": np.clip(np.round(127 * clips), -127, 127).astype(np.int8),
        f"{split}_background": np.clip(np.round(24 * joined), -127, 127).astype(np.int8),
        f"{split}_segment_length": np.array(background[0].shape[1]),
    }


def build_library(pos_mm: np.ndarray, path: Path) -> None:
    """Simulate the network of regions with centres (n_regions, 3) and write all splits to `path`."""
    network = connectome(pos_mm)
    arrays: dict[str, np.ndarray] = {}
    for split in SPLITS:
        arrays |= build_split(split, network)
    write_npz(path, **arrays)


def template_region_pos_mm() -> np.ndarray:
    """Centres (994, 3) of the template's regions, MNI305 RAS."""
    template = load_template()
    areas_mm2 = vertex_areas_mm2(template.midthickness_mni305_mm, template.faces)
    return region_means(template.midthickness_mni305_mm, areas_mm2, template.vertex_region)


if __name__ == "__main__":
    build_library(template_region_pos_mm(), Path(sys.argv[1]))
