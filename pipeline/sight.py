"""How strong a source must be for an average of spikes to show it. Pure functions."""

import numpy as np

from pipeline.whitening import whitener

# Of the whole average, noise included, over its noise: what `benchmarks.certainty nothing` calls 5 dB.
SEEN_SNR_DB = 5.0
# From the limit below which nothing is imaged to where nearly all simulated sources were.
ABOVE_LIMIT_DB = 2.0


def smallest_field(snr_db: float, n_spikes: int, n_components: int) -> float:
    """Length of the whitened field at a spike's peak at which the average of n reaches an SNR.

    The SNR as the spikes stage defines it: power of the average, noise included, over the noise's. It
    is a mean over 40 ms, in which a spike is shorter, so that the true one is lower by about 1 dB.
    """
    return float(np.sqrt(n_components * (10 ** (snr_db / 10) - 1) / n_spikes))


def smallest_moments_am(
    field: np.ndarray, noise_cov: np.ndarray, n_spikes: int, snr_db: float
) -> np.ndarray:
    """Moment of a source in each place at which the average of n spikes reaches an SNR.

    Parameters
    ----------
    field : ndarray, (n_channels, n_places)
        Of a source of one A·m, behind the projectors of the noise.
    noise_cov : ndarray, (n_channels, n_channels)
        Of a single spike.
    n_spikes : int
    snr_db : float

    Returns
    -------
    moment_am : ndarray, (n_places,)
        Infinite where a source has no field.
    """
    whiten = whitener(noise_cov)
    length = np.linalg.norm(whiten @ field, axis=0)
    with np.errstate(divide="ignore"):
        return smallest_field(snr_db, n_spikes, len(whiten)) / length
