"""A small MEG recording with spikes whose every flaw is known, for the tests of the spikes stage."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from mne.channels.montage import read_meg_canonical_info
from scipy.signal import butter, lfilter

SPIKE_POS_HEAD_M, HEART_POS_HEAD_M, EYE_POS_HEAD_M = (
    (0.05, 0.02, 0.06),
    (-0.02, -0.05, -0.04),
    (0.0, 0.09, 0.01),
)
MOMENTS = ((0.3, 1.0, -0.2), (1.0, 0.5, 0.2), (1.0, 0.0, 0.3))
NOISY, FLAT = "MEG 1211", "MEG 0522"


@dataclass
class Recording:
    meg: Path
    events: Path
    channels: Path
    true_peak_s: np.ndarray
    wrong_s: np.ndarray
    topography: np.ndarray
    ch_names: list[str]


def spike_shape(times_s: np.ndarray) -> np.ndarray:
    """A sharp peak at 0 with a slow wave behind it."""
    return np.exp(-((times_s / 0.018) ** 2)) - 0.5 * np.exp(-(((times_s - 0.12) / 0.06) ** 2))


def dipole_fields(info: mne.Info, pos_head_m: np.ndarray, moment: np.ndarray) -> np.ndarray:
    """Fields of dipoles in a sphere, (n_meg, n_dipoles) in T or T/m per A m."""
    sphere = mne.make_sphere_model((0.0, 0.0, 0.04), head_radius=None, verbose="error")
    normal = moment / np.linalg.norm(moment, axis=1, keepdims=True)
    src = mne.setup_volume_source_space(pos={"rr": pos_head_m, "nn": normal}, verbose="error")
    fwd = mne.make_forward_solution(
        info, None, src, sphere, meg=True, eeg=False, mindist=0, verbose="error"
    )
    free = fwd["sol"]["data"].reshape(len(info.ch_names), len(normal), 3)
    return np.einsum("cdk,dk->cd", free, normal)


def simulate(
    folder: Path,
    *,
    n_spikes: int = 24,
    n_wrong: int = 4,
    duration_s: float = 100.0,
    sfreq: float = 1000.0,
    name: str = "sub-01_task-rest",
    seed: int = 0,
    moment_nam: float = 150.0,
    aux: bool = True,
    head_shift_m: float = 0.0,
) -> Recording:
    """Write a recording, its events and its channels table."""
    rng = np.random.default_rng(seed)
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False))
    head = np.eye(4)
    head[:3, 3] = [0.003 + head_shift_m, -0.004, 0.05]
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", head)
        info["sfreq"] = sfreq
    types = np.array(info.get_channel_types())
    n_times = int(duration_s * sfreq)
    white = {"mag": 3e-15, "grad": 3e-13}
    data = rng.normal(size=(len(types), n_times)) * np.array(
        [white[t] * np.sqrt(sfreq / 2) for t in types]
    ).reshape(-1, 1)
    times = np.arange(n_times) / sfreq

    direction = rng.normal(size=(30, 3))  # background: dipoles all over the brain, slow noise
    direction[:, 2] = np.abs(direction[:, 2])
    radial = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    pos = np.vstack(
        [[0, 0, 0.04] + 0.06 * radial, SPIKE_POS_HEAD_M, HEART_POS_HEAD_M, EYE_POS_HEAD_M]
    )
    tangential = np.cross(radial, rng.normal(size=(30, 3)))
    fields = dipole_fields(info, pos, np.vstack([tangential, *MOMENTS]))
    topography, heart_field, eye_field = fields[:, 30:].T
    b, a = butter(2, 12 / (sfreq / 2))
    course = lfilter(b, a, rng.normal(size=(30, n_times)))
    data += fields[:, :30] @ (15e-9 * course / course.std())

    true_peak = np.linspace(4, duration_s - 4, n_spikes) + rng.uniform(-0.3, 0.3, n_spikes)
    course = np.zeros(n_times)
    for peak, size in zip(true_peak, rng.uniform(0.7, 1.4, n_spikes), strict=True):
        course += size * spike_shape(times - peak)
    data += np.outer(topography, moment_nam * 1e-9 * course)

    beats = np.cumsum(rng.normal(0.9, 0.04, int(duration_s))) + 0.5
    heart = sum(np.exp(-(((times - beat) / 0.015) ** 2)) for beat in beats if beat < duration_s)
    blinks = np.arange(6.5, duration_s - 3, 9.0)
    eyes = sum(np.exp(-(((times - blink) / 0.1) ** 2)) for blink in blinks)
    data += np.outer(heart_field, 120e-9 * heart) + np.outer(eye_field, 400e-9 * eyes)
    data += 5e-14 * np.where(types == "mag", 1, 100).reshape(-1, 1) * np.sin(2 * np.pi * 50 * times)

    names = info.ch_names
    data[names.index(NOISY)] += rng.normal(size=n_times) * 8e-12
    data[names.index(FLAT)] = 0
    if aux:
        extra = mne.create_info(["ECG063", "EOG061"], sfreq, ["ecg", "eog"])
        aux_data = np.array([1e-3 * heart, 3e-4 * eyes]) + rng.normal(size=(2, n_times)) * 1e-5
        raw = mne.io.RawArray(data, info, verbose="error")
        raw.add_channels(
            [mne.io.RawArray(aux_data, extra, verbose="error")], force_update_info=True
        )
    else:
        raw = mne.io.RawArray(data, info, verbose="error")
    raw.info["subject_info"] = {"last_name": "Mustermann", "first_name": "Erika", "his_id": "4711"}
    raw.info["experimenter"] = "Mustermann"
    raw.set_meas_date(1_600_000_000)

    wrong = true_peak[:n_wrong] + 2.1
    onset = np.concatenate([true_peak + rng.normal(0, 0.012, n_spikes), wrong])
    order = np.argsort(onset)
    folder.mkdir(parents=True, exist_ok=True)
    meg, events, channels = (
        folder / f"{name}_{end}" for end in ("meg.fif", "events.tsv", "channels.tsv")
    )
    raw.save(meg, overwrite=True, verbose="error")
    table = pd.DataFrame({"onset": onset[order].round(4), "duration": 0, "trial_type": "IED_left"})
    table.loc[len(table)] = [1.0, 0, "eyes open"]
    table.to_csv(events, sep="\t", index=False)
    pd.DataFrame({"name": raw.ch_names, "type": "MEGMAG", "status": "good"}).to_csv(
        channels, sep="\t", index=False
    )
    return Recording(meg, events, channels, true_peak, wrong, topography, names)
