"""Sensors whose noise is white, and how an average stands out of it."""

import numpy as np

from pipeline.errors import InvalidInput

# Directions with less than this part of the largest variance were projected out (SSP, SSS).
RANK_TOLERANCE = 1e-8


def whitener(noise_cov: np.ndarray, loading: float = 0.0) -> np.ndarray:
    """Matrix (rank, n_channels) that makes the noise white, of unit variance in every direction.

    Channels are scaled to unit variance first, so that magnetometers and gradiometers, whose
    units differ by a factor of a hundred, count alike in the rank and in the loading.

    Parameters
    ----------
    noise_cov : ndarray, (n_channels, n_channels)
    loading : float
        Share of the mean eigenvalue that is added to all. With any, directions of less noise come
        out below unit variance (of 302 directions of a patient, 0.04 to 1.0 at 0.05): only the
        networks, which were trained so, are given such data.
    """
    variance = np.diag(noise_cov)
    if not np.isfinite(noise_cov).all() or np.any(variance <= 0):
        raise InvalidInput(
            "the noise covariance has channels without variance or with NaN",
            hint="mark these channels as bad and run the spikes stage again",
        )
    scale = 1 / np.sqrt(variance)
    value, vector = np.linalg.eigh(noise_cov * scale[:, None] * scale[None])
    kept = value > RANK_TOLERANCE * value[-1]
    loaded = value[kept] + loading * value[kept].mean()
    return (vector[:, kept] / np.sqrt(loaded)).T * scale


def powers(whitened: np.ndarray) -> tuple[float, float]:
    """Mean power of the average of (n_spikes, n_components, n_times), and that of its noise."""
    even = len(whitened) // 2 * 2
    sign = np.where(np.arange(even) % 2, 1.0, -1.0)
    alternating = np.einsum("n,nct->ct", sign, whitened[:even]) / even
    return float(np.mean(whitened.mean(axis=0) ** 2)), float(np.mean(alternating**2))


def snr_db(whitened: np.ndarray) -> float:
    """SNR of an average of whitened epochs (n_spikes, n_components, n_times): `powers`' ratio, dB."""
    power, noise = powers(whitened)
    return float(10 * np.log10(power / noise))
