"""What could not have been seen: the smallest source that this recording would have shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import mne
import numpy as np
from mne.proj import make_projector

from pipeline.paths import PatientPaths
from pipeline.records.head import read_measured_head
from pipeline.records.spikes_qc import SpikesQC
from pipeline.sight import ABOVE_LIMIT_DB, SEEN_SNR_DB, smallest_moments_am

# Of which the map tells where no two spikes were averaged.
ASSUMED_SPIKES = 10


@dataclass(frozen=True)
class Sight:
    """The smallest source of each region that would have been shown.

    Attributes
    ----------
    moment_nam : ndarray, (994,)
        Of the whole region.
    n_spikes : int
        Averaged.
    assumed : bool
        Whether that number is `ASSUMED_SPIKES`.
    snr_db : float
        Of the average of such a source.
    """

    moment_nam: np.ndarray
    n_spikes: int
    assumed: bool
    snr_db: float


def read_sight(paths: PatientPaths, qc: SpikesQC, limits_db: Sequence[float]) -> Sight | None:
    """From noise, leadfield and the number of spikes of the type with most marks.

    None where no leadfield or noise is there. `limits_db` are those which an average must exceed to be imaged.
    """
    if not (paths.noise_cov.exists() and paths.leadfield.exists()):
        return None
    noise = mne.read_cov(paths.noise_cov, verbose="error")
    head = read_measured_head(paths, noise.ch_names)
    projector = make_projector(noise["projs"], noise.ch_names)[0]
    covariance = noise.data if noise.data.ndim == 2 else np.diag(noise.data)
    n_used = qc.types[0].n_used if qc.types else 0
    n_spikes = n_used if n_used > 1 else ASSUMED_SPIKES
    snr_db = max([SEEN_SNR_DB, *(limit_db + ABOVE_LIMIT_DB for limit_db in limits_db)])
    # A region's leadfield is the sum over its vertices: one A·m is shared among them.
    n_vertices = np.bincount(head.vertex_region[head.vertex_region >= 0])
    field = projector @ head.leadfield / n_vertices
    moment_am = smallest_moments_am(field, covariance, n_spikes, snr_db)
    return Sight(1e9 * moment_am, n_spikes, n_used < 2, float(snr_db))
