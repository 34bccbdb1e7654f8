"""The recording: what the sensors pick up from brain, body and surroundings."""

from dataclasses import dataclass

import mne
import numpy as np
from mne.channels.montage import read_meg_canonical_info
from scipy.signal import resample_poly
from scipy.spatial.distance import cdist

from bids_app.demo import activity
from bids_app.demo.electrodes import cap_names
from bids_app.demo.recipe import BOTH, CAP, HELMETS
from pipeline.modality import modality_of

SFREQ = 1000.0
# Ongoing activity holds next to nothing above 100 Hz: it is drawn at a quarter of the rate.
DECIMATION = 4
LINE_HZ = 50.0
CHANNELS_AT_ONCE = 32
# Without active shielding, relative to with it.
UNSHIELDED = 10.0


@dataclass(frozen=True)
class ArrayNoise:
    """Levels that fit a sensor array.

    Attributes
    ----------
    white : dict
        Sensor noise per type, T/sqrt(Hz), T/m/sqrt(Hz) or V/sqrt(Hz).
    ongoing_t, alpha_t : float
        Median over the `LEADING` sensors of the brain's ongoing activity, T; of electrodes, V.
    heart_t, blink_t : float
        Largest deflection on those sensors, T; of electrodes, V.
    """

    white: dict[str, float]
    ongoing_t: float
    alpha_t: float
    heart_t: float
    blink_t: float


NOISE = {
    "neuromag": ArrayNoise({"mag": 3.5e-15, "grad": 3.0e-13}, 300e-15, 200e-15, 900e-15, 2.5e-12),
    "ctf275": ArrayNoise({"mag": 6.0e-15}, 220e-15, 150e-15, 400e-15, 1.8e-12),
    CAP: ArrayNoise({"eeg": 1.2e-7}, 8e-6, 6e-6, 8e-6, 150e-6),
}
# Types of sensors by which levels are given: magnetometers or axial gradiometers, or electrodes where there are none.
LEADING = ("mag", "eeg")
# Of the reference electrode, in all channels alike, and of each electrode's own cable, V for 1 T of a room.
COMMON_V_PER_T, CABLE_V_PER_T = 2e7, 2e5
# Smallest step of the 16-bit recording.
RESOLUTION = {"mag": 2e-15, "grad": 5e-14, "eeg": 1e-7, "eog": 2e-8, "ecg": 1e-7}
AUXILIARY = {"EOG061": "eog", "ECG062": "ecg"}


def noise_of(array: str) -> list[ArrayNoise]:
    """Levels of the parts of an array, the leading one first: the brain's own is one for all of them."""
    return [NOISE[part] for part in _parts_of(array)]


def white_noise(array: str) -> dict[str, float]:
    """Sensor noise per type."""
    return {kind: level for noise in noise_of(array) for kind, level in noise.white.items()}


def is_leading(kinds: list[str]) -> np.ndarray:
    """Which channels (n,) levels are given by."""
    return np.array(kinds) == next(kind for kind in LEADING if kind in kinds)


def _parts_of(array: str) -> list[str]:
    return [HELMETS[0], CAP] if array == BOTH else [array]


def recording_info(array: str) -> mne.Info:
    """Info of the array's sensors with an EOG and an ECG channel after them, 1000 Hz.

    Electrodes have no place yet.
    """
    canonical = [
        mne.create_info(cap_names(), SFREQ, "eeg", verbose="error")
        if part == CAP
        else read_meg_canonical_info(part, verbose="error")
        for part in _parts_of(array)
    ]
    names = [name for part in canonical for name in part.ch_names]
    types = [kind for part in canonical for kind in part.get_channel_types()]
    info = mne.create_info(
        [*names, *AUXILIARY], SFREQ, [*types, *AUXILIARY.values()], verbose="error"
    )
    sensors = [channel for part in canonical for channel in part["chs"]]
    with info._unlock():
        for channel, source in zip(info["chs"], sensors, strict=False):
            channel.update(
                {key: source[key] for key in ("coil_type", "loc", "unit", "coord_frame")}
            )
        for channel, kind in zip(info["chs"], info.get_channel_types(), strict=True):
            channel["cal"], channel["range"] = 1.0, RESOLUTION[kind]
        info["line_freq"] = LINE_HZ
    return info


def room_patterns(rng: np.random.Generator, info: mne.Info) -> np.ndarray:
    """What a room's eight fields (1 T, 1 T/m) leave in sensors (8, n_channels), T, T/m or V.

    In electrodes it is what their cables and the reference pick up, by chance.
    """
    patterns = np.zeros((8, len(info["chs"])))
    for part in modality_of(info).parts:
        picks = part.sensor_picks(info)
        if part.on_head:
            common = rng.normal(0, COMMON_V_PER_T, (8, 1))
            patterns[:, picks] = common + rng.normal(0, CABLE_V_PER_T, (8, len(picks)))
        else:
            patterns[:, picks] = interference_fields(mne.pick_info(info, picks))
    return patterns


def potential_of(places_m: np.ndarray, sources_m: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Potential pattern (n_channels,) of like dipoles in an endless conductor, seen at places (n, 3)."""
    offset = places_m[:, None] - sources_m[None]
    return (offset @ moment / np.linalg.norm(offset, axis=2) ** 3).sum(1)


def room_field(info: mne.Info, field_at) -> np.ndarray:
    """Output of MEG channels in a field that is known everywhere.

    Parameters
    ----------
    info : mne.Info
        MEG channels only.
    field_at : callable
        Field (n, 3) in T at points (n, 3) in m, device coordinates.
    """
    loc = np.array([channel["loc"] for channel in info["chs"]])
    position, ex, ez = loc[:, :3], loc[:, 3:6], loc[:, 9:12]
    along = np.einsum("ij,ij->i", field_at(position), ez)
    coil = np.array([int(channel["coil_type"]) for channel in info["chs"]])
    half = 0.0084  # planar gradiometer: two loops 16.8 mm apart
    planar = np.einsum(
        "ij,ij->i", field_at(position + half * ex) - field_at(position - half * ex), ez
    )
    far = np.einsum("ij,ij->i", field_at(position + 0.05 * ez), ez)  # axial: 50 mm baseline
    return np.select([coil == 3012, coil == 5001], [planar / (2 * half), along - far], along)


def interference_fields(info: mne.Info) -> np.ndarray:
    """Outputs (8, n_channels) in the uniform fields (1 T) and the five gradients (1 T/m)."""
    fields = [
        room_field(info, lambda p, axis=axis: np.tile(np.eye(3)[axis], (len(p), 1)))
        for axis in range(3)
    ]
    for tensor in (
        np.diag([1.0, -1.0, 0.0]),
        np.diag([-0.5, -0.5, 1.0]),
        np.array([[0, 1.0, 0], [1.0, 0, 0], [0, 0, 0]]),
        np.array([[0, 0, 1.0], [0, 0, 0], [1.0, 0, 0]]),
        np.array([[0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]]),
    ):
        fields.append(room_field(info, lambda p, tensor=tensor: p @ tensor))
    return np.array(fields)


def heart_field(info: mne.Info, heart_dev_m: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Field pattern (n_channels,) of a current dipole far below, by the law of Biot and Savart."""

    def field_at(points):
        offset = points - heart_dev_m
        return np.cross(moment, offset) / np.linalg.norm(offset, axis=1, keepdims=True) ** 3

    return room_field(info, field_at)


def eye_field(info: mne.Info, eyes_head_m: np.ndarray, centre_head_m: np.ndarray) -> np.ndarray:
    """Field pattern (n_channels,) of vertical dipoles behind both eyes in a conducting sphere."""
    sphere = mne.make_sphere_model(centre_head_m, head_radius=None, verbose="error")
    up = np.tile([0.0, 0.0, 1.0], (len(eyes_head_m), 1))
    dipole = mne.Dipole(
        np.zeros(len(up)), eyes_head_m, np.full(len(up), 1e-9), up, np.full(len(up), 100.0)
    )
    forward, _ = mne.make_forward_dipole(dipole, sphere, info, verbose="error")
    return forward["sol"]["data"].sum(1)


def ongoing_mixing(
    positions_mm: np.ndarray, lead: np.ndarray, posterior_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Spread independent courses over neighbouring dipoles and, for alpha, over the back of the head.

    Returns
    -------
    broadband, alpha : ndarray, (n_channels, n_dipoles)
    """
    spread = np.exp(-0.5 * (cdist(positions_mm, positions_mm) / 15.0) ** 2)
    spread /= np.linalg.norm(spread, axis=1, keepdims=True)
    occipital = np.exp(-np.linalg.norm(positions_mm - posterior_mm, axis=1) / 30.0)
    return lead @ spread, lead @ (occipital[:, None] * spread)


def ongoing_activity(
    rng: np.random.Generator,
    mixing: tuple[np.ndarray, np.ndarray],
    axial: np.ndarray,
    noise: ArrayNoise,
    n_times: int,
    usual: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Ongoing brain activity at the sensors at the decimated rate: float32 (n_channels, n_times).

    Its level is that of the `usual` mixing, where the head lies elsewhere than usual.
    """
    total = np.zeros((), np.float32)
    spectra, levels = (activity.one_over_f, activity.alpha), (noise.ongoing_t, noise.alpha_t)
    for matrix, reference, spectrum, level in zip(
        mixing, usual or mixing, spectra, levels, strict=True
    ):
        scale = level / np.median(np.linalg.norm(reference[axial], axis=1))
        courses = activity.coloured_noise(
            rng, matrix.shape[1], n_times, SFREQ / DECIMATION, spectrum
        )
        total = total + (matrix * scale).astype(np.float32) @ courses
    return total


def surroundings(rng: np.random.Generator, n_times: int) -> np.ndarray:
    """Courses (8, n_times) in T and T/m of the room's fields: drift, traffic, mains and harmonics."""
    level = np.r_[np.full(3, 0.6e-12), np.full(5, 1.5e-12)]
    courses = activity.coloured_noise(rng, 8, n_times, SFREQ, activity.drift) * level[:, None]
    time_s = np.arange(n_times) / SFREQ
    for harmonic, strength in ((1, 0.6), (2, 0.12), (3, 0.25)):
        wave = np.sin(2 * np.pi * LINE_HZ * harmonic * time_s + rng.uniform(0, 2 * np.pi))
        courses += (strength * level * rng.normal(0, 1, 8))[:, None] * wave
    return courses.astype(np.float32)


def sensor_noise(
    rng: np.random.Generator, data: np.ndarray, kinds: list[str], white: dict[str, float]
) -> None:
    """Add each channel's own white noise, with a little 1/f below 2 Hz, in place."""
    for row, kind in zip(data, kinds, strict=True):
        density = white[kind] * np.exp(rng.normal(0, 0.08))
        row += density * np.sqrt(SFREQ / 2) * rng.standard_normal(len(row), np.float32)
        slow = activity.coloured_noise(rng, 1, len(row), SFREQ, activity.drift)[0]
        row += 2 * density * slow


def break_channel(rng: np.random.Generator, row: np.ndarray) -> None:
    """Turn a channel into a bad one: much noise and jumps of its flux-locked loop, in place."""
    spread = row.std()
    row += 12 * spread * rng.standard_normal(len(row), np.float32)
    for jump in rng.integers(0, len(row), max(3, len(row) // 40000)):
        row[jump:] += rng.normal(0, 40) * spread


def clip_to_range(data: np.ndarray, kinds: list[str]) -> None:
    """Saturate at what 16 bits hold, in place."""
    for row, kind in zip(data, kinds, strict=True):
        limit = 32000 * RESOLUTION[kind]
        np.clip(row, -limit, limit, out=row)


def ongoing_power(ongoing: np.ndarray, kinds: list[str], white: dict[str, float]) -> np.ndarray:
    """Power of ongoing activity and sensor noise in 1-40 Hz: (n_channels,)."""
    sample = ongoing[:, : int(60 * SFREQ / DECIMATION)].astype(float)
    band = mne.filter.filter_data(sample, SFREQ / DECIMATION, 1.0, 40.0, verbose="error")
    return band.var(1) + np.array([white[kind] ** 2 * 39.0 for kind in kinds])


def upsample_into(data: np.ndarray, slow: np.ndarray) -> None:
    """Write `slow` at the full rate into the rows of `data`."""
    for start in range(0, len(slow), CHANNELS_AT_ONCE):
        rows = slice(start, start + CHANNELS_AT_ONCE)
        data[rows] = resample_poly(slow[rows], DECIMATION, 1, axis=1)[:, : data.shape[1]]
