"""What could not have been seen: the weakest source whose average would have stood out.

The average of n spikes has a noise of 1/n in whitened data, so that its SNR of a given size needs a
whitened field of a given length, whatever the place; how strong a source must be to make it follows
from the leadfield. How rightly this says what is detected is measured by
``python -m benchmarks.certainty nothing``.
"""

import numpy as np


def smallest_field(snr_db: float, n_spikes: int, n_components: int) -> float:
    """Length of the whitened field at a spike's peak at which the average reaches an SNR.

    The SNR as the spikes stage defines it: power of the average, noise included, over the noise's.
    """
    return float(np.sqrt(n_components * (10 ** (snr_db / 10) - 1) / n_spikes))


def smallest_moment_nam(
    white_leadfield: np.ndarray, n_vertices: np.ndarray, snr_db: float, n_spikes: int
) -> np.ndarray:
    """Moment (n_regions,) in nAm of the weakest source of a region's size that reaches an SNR.

    Parameters
    ----------
    white_leadfield : ndarray, (n_components, n_regions)
        Whitened field of 1 Am on each vertex of a region.
    n_vertices : ndarray of int, (n_regions,)
        Of each region: its moment is the sum of theirs.
    snr_db : float
        That the average must reach to be imaged.
    n_spikes : int
        Averaged.
    """
    needed = smallest_field(snr_db, n_spikes, len(white_leadfield))
    return 1e9 * needed * n_vertices / np.linalg.norm(white_leadfield, axis=0)
