"""Bad channels and bad stretches, by robust comparison with the sensors around."""

import numpy as np
from scipy.spatial import cKDTree

from pipeline.modality import sensor_types
from pipeline.spikes.filtering import WindowStats

STUCK_FRACTION = 0.25
MOST_BAD_WINDOWS = 0.05
ALWAYS = 0.95
SHARED_BY = 0.5
N_NEIGHBOURS = 8
MIN_ROBUST_Z = 6.0
NOISE_RATIO = 2.5
QUIET_RATIO = 0.2
LARGEST_UNEXPLAINED = 0.9


def robust_z(values: np.ndarray) -> np.ndarray:
    """Distance from the median in units of the scaled median absolute deviation."""
    centred = values - np.median(values)
    spread = 1.4826 * np.median(np.abs(centred))
    return centred / max(spread, 1e-3)


def find_bad_channels(
    stats: WindowStats, types: np.ndarray, pos_m: np.ndarray, correlation: np.ndarray
) -> dict[int, str]:
    """Channels that are stuck, noisy, quiet or alone, with the reason in words.

    `stats` should be those of the windows that hold data, see `windows_with_data`: a pause of the
    acquisition is no channel's fault. Every measure is a median over windows, so that spikes, blinks and movements, which fill
    few windows, make no channel bad; the strength of brain signals varies over the helmet, so
    that in the pass band a channel is compared with its neighbours of the same type.

    Parameters
    ----------
    stats : WindowStats
    types : ndarray of str, (n_channels,)
        mne's names.
    pos_m : ndarray, (n_channels, 3)
    correlation : ndarray, (n_channels, n_channels)
        Between the channels in the pass band.

    Returns
    -------
    reasons : dict
        Channel index to reason.
    """
    reasons: dict[int, list[str]] = {}

    def blame(channel, text):
        reasons.setdefault(int(channel), []).append(text)

    stuck, stuck_at_limit = _stuck_windows(stats)
    for channel in np.flatnonzero(stuck.mean(axis=1) > MOST_BAD_WINDOWS):
        word = "saturated" if stuck_at_limit[channel].mean() > stuck[channel].mean() / 2 else "flat"
        blame(channel, f"{word} in {stuck[channel].mean():.0%} of the time")
    in_band = np.median(stats.in_band_std, axis=1)
    fast = np.median(stats.fast_std, axis=1)
    unexplained = unexplained_variance(correlation)
    for kind in np.unique(types):
        members = np.flatnonzero((types == kind) & (in_band > 0) & (fast > 0))
        if len(members) <= N_NEIGHBOURS:
            continue
        beside = in_band[members] / _over_neighbours(np.median, in_band[members], pos_m[members])
        noise = fast[members] / np.median(fast[members])
        for ratio, z, label in (
            (beside, robust_z(np.log(beside)), "its neighbours' in the pass band"),
            (noise, robust_z(np.log(noise)), "the usual at high frequencies"),
        ):
            for i in np.flatnonzero((z > MIN_ROBUST_Z) & (ratio > NOISE_RATIO)):
                blame(members[i], f"noisy: {ratio[i]:.1f} times {label}")
            for i in np.flatnonzero((z < -MIN_ROBUST_Z) & (ratio < QUIET_RATIO)):
                blame(members[i], f"flat: {ratio[i]:.2f} times {label}")
        alone = unexplained[members]
        for i in np.flatnonzero((alone > LARGEST_UNEXPLAINED) & (robust_z(alone) > MIN_ROBUST_Z)):
            blame(members[i], f"unrelated: {alone[i]:.0%} of its variance is in no other channel")
        limit = sensor_types()[str(kind)].largest_ptp
        extreme = (stats.in_band_ptp[members] > limit).mean(axis=1)
        # A movement makes neighbours extreme at once and is no fault of theirs.
        shared = _over_neighbours(np.max, extreme, pos_m[members])
        for i in np.flatnonzero(extreme - shared > MOST_BAD_WINDOWS):
            blame(members[i], f"beyond brain and eyes in {extreme[i]:.0%} of the time")
    return {channel: "; ".join(texts) for channel, texts in sorted(reasons.items())}


def marked_windows(n_windows: int, window_s: float, bad_s: np.ndarray) -> np.ndarray:
    """Which windows (n_windows,) touch one of the stretches `bad_s` (n, 2) that are marked bad."""
    start_s = np.arange(n_windows) * window_s
    marked = np.zeros(n_windows, bool)
    for start, stop in bad_s:
        marked |= (start_s < stop) & (start_s + window_s > start)
    return marked


def windows_with_data(stats: WindowStats, types: np.ndarray, bad_s: np.ndarray) -> np.ndarray:
    """Windows that are not marked bad and in which the device as a whole delivered data.

    A pause of the acquisition and MaxFilter's zeros, where it lost the head's position, leave all
    sensors of a type stuck at once. Channels that are stuck nearly always do not vote.

    Parameters
    ----------
    stats : WindowStats
    types : ndarray of str, (n_channels,)
    bad_s : ndarray, (n, 2)
        Stretches marked as bad.

    Returns
    -------
    holds_data : ndarray of bool, (n_windows,)
    """
    stuck = stats.stuck > STUCK_FRACTION
    marked = marked_windows(stuck.shape[1], stats.window_s, bad_s)
    lost = np.zeros_like(marked)
    alive = stuck.mean(axis=1) < ALWAYS
    if not alive.any():
        alive[:] = True
    for kind in np.unique(types):
        members = alive & (types == kind)
        if members.any():
            lost |= stuck[members].mean(axis=0) > SHARED_BY
    return ~marked & ~lost


def find_bad_stretches(
    stats: WindowStats, types: np.ndarray, good: np.ndarray
) -> list[tuple[float, float, str]]:
    """Windows in which a good channel is stuck or beyond brain and eyes, joined.

    Parameters
    ----------
    stats : WindowStats
    types : ndarray of str, (n_channels,)
    good : ndarray of bool, (n_channels,)

    Returns
    -------
    stretches : list of (start_s, end_s, reason)
    """
    stuck, stuck_at_limit = _stuck_windows(stats)
    known = sensor_types()
    limit = np.array([known[str(kind)].largest_ptp for kind in types])[:, np.newaxis]
    extreme = stats.in_band_ptp > limit
    found = []
    for mask, reason in (
        (stuck & ~stuck_at_limit, "flat"),
        (stuck_at_limit, "saturated"),
        (extreme, "beyond brain and eyes"),
    ):
        flags = np.concatenate([[False], mask[good].any(axis=0), [False]])
        edges = np.flatnonzero(np.diff(flags.astype(int)))
        found += [
            (start * stats.window_s, stop * stats.window_s, reason)
            for start, stop in zip(edges[::2], edges[1::2], strict=True)
        ]
    return sorted(found)


def unexplained_variance(correlation: np.ndarray, ridge: float = 0.01) -> np.ndarray:
    """Part of each channel's variance that a ridge regression on all others leaves over.

    Parameters
    ----------
    correlation : ndarray, (n_channels, n_channels)
        A dead channel's row may be zero.
    ridge : float
        Added to the diagonal.

    Returns
    -------
    unexplained : ndarray, (n_channels,)
        0 to 1.
    """
    regularised = correlation + ridge * np.eye(len(correlation))
    regularised[np.diag_indices_from(regularised)] = 1 + ridge
    return np.clip(1 / np.diag(np.linalg.inv(regularised)) - ridge, 0, 1)


def _stuck_windows(stats: WindowStats) -> tuple[np.ndarray, np.ndarray]:
    """Windows stuck at one value, and those of them where that value is the channel's limit."""
    stuck = stats.stuck > STUCK_FRACTION
    usual = np.median(stats.level, axis=1, keepdims=True)
    highest = stats.level.max(axis=1, keepdims=True)
    return stuck, stuck & (stats.level >= 0.95 * highest) & (stats.level > 2 * usual)


def _over_neighbours(statistic, values: np.ndarray, pos_m: np.ndarray) -> np.ndarray:
    """Statistic over each sensor's nearest others (planar pairs share a place)."""
    _, nearest = cKDTree(pos_m).query(pos_m, k=N_NEIGHBOURS + 1)
    # Of two sensors at one place either may come first, so the sensor itself is sought.
    others = [
        [other for other in row if other != channel][:N_NEIGHBOURS]
        for channel, row in enumerate(nearest)
    ]
    return statistic(values[np.array(others)], axis=1)
