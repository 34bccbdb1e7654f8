"""The noise of a recording whose spikes nobody has marked."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d

from pipeline.detection.statistic import make_detector, statistic
from pipeline.whitening import whitener

# Noise alone reaches this several times a minute; see `pipeline.detection.stream.LEAST_HEIGHT`.
QUIET_HEIGHT, AROUND_PEAK_S, N_PASSES = 14.0, 0.3, 4


def quiet_covariance(
    bands: Sequence[np.ndarray], leadfield: np.ndarray, sfreq_hz: float
) -> np.ndarray:
    """Covariance (n_channels, n_channels) of what is left without moments that a patch explains well.

    A covariance that holds spikes is large along their field, so that whitening takes it away, and what is
    left of a patch's field, which is never quite the true one, is hardly reached (a beamformer's
    cancellation of its own signal: Cox, J. Acoust. Soc. Am. 54, 1973): the stronger and the more frequent the
    spikes, the less they stand out. So moments that stand out of one covariance are left out of the next one, but never
    more than half of all.

    Parameters
    ----------
    bands : sequence of ndarray, (n_channels, n_times)
        Stretches of the recording in the pass band.
    leadfield : ndarray, (n_channels, n_patches)
    sfreq_hz : float
        Of the stretches.
    """
    quiet = [np.ones(band.shape[1], bool) for band in bands]
    covariance = _covariance(bands, quiet)
    for _ in range(N_PASSES):
        detector = make_detector(whitener(covariance), leadfield, sfreq_hz)
        reach = 2 * round(AROUND_PEAK_S * sfreq_hz) + 1
        highest = [
            maximum_filter1d(statistic(detector.whiten @ band, detector), reach) for band in bands
        ]
        limit = max(QUIET_HEIGHT, float(np.median(np.concatenate(highest))))
        quiet = [each <= limit for each in highest]
        covariance = _covariance(bands, quiet)
    return covariance


def _covariance(bands: Sequence[np.ndarray], quiet: Sequence[np.ndarray]) -> np.ndarray:
    total = sum(
        band[:, at].astype(float) @ band[:, at].T.astype(float)
        for band, at in zip(bands, quiet, strict=True)
    )
    return np.asarray(total) / sum(int(at.sum()) for at in quiet)
