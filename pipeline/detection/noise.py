"""The noise of a recording whose spikes nobody has marked."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import maximum_filter1d

from pipeline.detection.statistic import make_detector, statistic
from pipeline.whitening import whitener

# Noise alone reaches this several times a minute; see `pipeline.detection.stream.LEAST_HEIGHT`.
QUIET_HEIGHT, AROUND_PEAK_S, N_PASSES = 14.0, 0.3, 3
# Enough for each channel's usual size.
SIZE_STEP = 8


def quiet_covariance(
    bands: Sequence[np.ndarray], leadfield: np.ndarray, sfreq_hz: float
) -> np.ndarray:
    """Covariance (n_channels, n_channels) of what is left without moments that a patch explains well.

    A covariance that holds spikes is large along their field, so that whitening takes it away, and what is
    left of a patch's field, which is never quite the true one, is hardly reached (a beamformer's
    cancellation of its own signal: Cox, J. Acoust. Soc. Am. 54, 1973): the stronger and the more frequent the
    spikes, the less they stand out. So moments that stand out of one covariance are left out of the next one, but never
    more than half of all, and every moment counts alike, however strong its field (`sign_covariance`): what
    is left of strong spikes would otherwise go on to hide them.

    Parameters
    ----------
    bands : sequence of ndarray, (n_channels, n_times)
        Stretches of the recording in the pass band.
    leadfield : ndarray, (n_channels, n_patches)
    sfreq_hz : float
        Of the stretches.
    """
    quiet = [np.ones(band.shape[1], bool) for band in bands]
    covariance = sign_covariance(bands, quiet)
    for _ in range(N_PASSES):
        detector = make_detector(whitener(covariance), leadfield, sfreq_hz)
        reach = 2 * round(AROUND_PEAK_S * sfreq_hz) + 1
        highest = [
            maximum_filter1d(statistic(detector.whiten @ band, detector), reach) for band in bands
        ]
        limit = max(QUIET_HEIGHT, float(np.median(np.concatenate(highest))))
        quiet = [each <= limit for each in highest]
        covariance = sign_covariance(bands, quiet)
    return covariance


def sign_covariance(bands: Sequence[np.ndarray], kept: Sequence[np.ndarray]) -> np.ndarray:
    """Covariance (n_channels, n_channels) of the field's directions, each channel in its usual size.

    The spatial sign covariance (Visuri, Koivunen & Oja, J. Stat. Plan. Inference 91, 2000): bounded in
    what any moment adds, whatever its strength.

    Parameters
    ----------
    bands : sequence of ndarray, (n_channels, n_times)
    kept : sequence of ndarray of bool, (n_times,)
        The moments that count.
    """
    pairs = list(zip(bands, kept, strict=True))  # not copied at once: a recording is long
    some = np.concatenate([np.abs(band[:, at][:, ::SIZE_STEP]) for band, at in pairs], axis=1)
    usual = np.median(some, axis=1, keepdims=True) / 0.6745  # of a Gaussian's size
    usual = np.where(usual > 0, usual, 1.0)
    total = 0.0
    for band, at in pairs:
        # In double precision: single rounding fills the directions that MaxFilter has emptied.
        scaled = band[:, at].astype(float) / usual
        sign = scaled / np.maximum(np.linalg.norm(scaled, axis=0), 1e-30)
        total = total + sign @ sign.T
    n_kept = sum(int(at.sum()) for at in kept)
    return np.asarray(total) * (len(usual) / n_kept) * usual * usual.T
