"""The product's conventional methods on whitened channels of white noise, for experiments of many recordings."""

from functools import lru_cache

import numpy as np
import torch

from benchmarks.deepsif.conventional import ConventionalMethods
from pipeline.systems._system import Examples, Field

N_BASELINE = 200
BASELINE_SEED = 77


def conventional(field: Field, sfreq_hz: float) -> ConventionalMethods:
    gain = field.gain.double().numpy()
    return ConventionalMethods(
        gain, np.eye(len(gain)), field.pos_mm.double().numpy(), field.neighbours.numpy(), sfreq_hz
    )


@lru_cache(maxsize=32)
def kernel(name: str, field: Field, snr: float) -> torch.Tensor:
    """Matrix (n_sources, n_channels) of a linear method at an amplitude SNR: its answer to each channel alone."""
    n_channels = len(field.gain)
    unit_noise = np.tile([1.0, -1.0], (n_channels, 1))
    solved = conventional(field, 100.0)(name, np.eye(n_channels), unit_noise, snr=snr)
    return torch.as_tensor(solved, dtype=torch.float32)


def one_by_one(name: str, field: Field, drawn: Examples, n: int, sfreq_hz: float) -> torch.Tensor:
    """Activity (n, n_sources, n_times) of the first `n` examples by a method that is told the noise's size alone."""
    methods, rng = conventional(field, sfreq_hz), np.random.default_rng(BASELINE_SEED)
    solved = []
    for data, clean in zip(drawn.data[:n].double(), drawn.clean[:n].double(), strict=True):
        noise_sd = float((data - clean).square().mean().sqrt())
        baseline = noise_sd * rng.standard_normal((len(data), N_BASELINE))
        solved.append(methods(name, data.numpy(), baseline))
    return torch.as_tensor(np.array(solved), dtype=torch.float32)
