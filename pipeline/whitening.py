"""Sensors whose noise is white."""

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
