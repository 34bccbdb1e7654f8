"""Whole recordings with everything that can be taken for a spike, for the benchmark of detection.

The truth is a virtual patient's (`bids_app/demo`): dense cortex with its own folding, three shells, patches
of 4 to 13 cm² that discharge from the centre outward, Gaussian waves. What is known of the head has the errors of
`benchmarks/simulated_heads.py`. Muscles are current dipoles outside the skull with bursts of 20 to 100 Hz;
jumps are steps of single sensors, which decay. Everything is drawn at 250 Hz.
"""

from dataclasses import dataclass, replace

import mne
import numpy as np
from mne.transforms import apply_trans

from benchmarks.seated import seated
from benchmarks.simulated_heads import estimated_geometry
from bids_app.demo import activity, recording, transients
from bids_app.demo.cortex import Patch, grow_patches, smooth_midthickness_mm, true_cortex
from bids_app.demo.forward import field_of, true_bem
from bids_app.demo.patient import HEART_HEAD_M, POSTERIOR_MNI152_MM
from bids_app.demo.sources import lobe_vertices
from bids_app.demo.t1w import EYES_MNI152_MM
from pipeline.errors import InvalidInput
from pipeline.synthesis.population import geometry_leadfield, misplaced_helmet
from pipeline.template import load_template

SFREQ = recording.SFREQ / recording.DECIMATION
N_AROUND, N_RINGS, N_FOCI, AREA_CM2 = 300, 6, 8, (4.0, 13.0)
MUSCLES_HEAD_M = np.array([[-0.075, 0.03, 0.03], [0.075, 0.03, 0.03], [0.0, -0.1, -0.02]])
PER_MINUTE = {"blinks": 5, "muscle": 3, "jumps": 1}
MUSCLE_T, JUMP_SIZES = 1.5e-12, (20, 100)
DISTURBANCES = ("alpha", *transients.KINDS, "blinks", "heart", "muscle", "jumps")


@dataclass(frozen=True)
class Made:
    """A recording and what is true of it.

    Attributes
    ----------
    raw : mne.io.RawArray
    peak_s : ndarray, (n_spikes,)
    other_s : dict of str to ndarray
        Moments of blinks, muscles, jumps and each kind of transient.
    """

    raw: mne.io.RawArray
    peak_s: np.ndarray
    other_s: dict[str, np.ndarray]


class VirtualHead:
    """A true head under a MEGIN helmet, and the leadfield that a head model would have of it."""

    def __init__(self, seed: int):
        rng = np.random.default_rng(seed)
        head = seated(rng, "neuromag")
        self.info, phantom, deformation = head.info, head.phantom, head.deformation
        info, trans = self.info, head.head_mri_t
        to_head = np.linalg.inv(trans["trans"])
        with info._unlock():
            info["sfreq"] = SFREQ
        self.kinds, self.transients = info.get_channel_types(), transients.KINDS
        self.noise = recording.NOISE["neuromag"]
        self.cortex = true_cortex(rng, phantom, deformation)
        self._trans, self._bem = trans, true_bem(phantom, deformation, 700)
        around = rng.choice(len(self.cortex.pos_mri_mm), N_AROUND, replace=False)
        self.mixing = recording.ongoing_mixing(
            self.cortex.pos_mri_mm[around],
            self._fields(around),
            deformation.to_patient(POSTERIOR_MNI152_MM),
        )
        eyes_m = apply_trans(to_head, deformation.to_patient(np.array(EYES_MNI152_MM)) / 1000)
        axial = np.array(self.kinds) == "mag"
        self.body = {
            "heart": self._scaled(self._far(HEART_HEAD_M, [0.5, 0.3, -0.8]), self.noise.heart_t),
            "blinks": self._scaled(
                recording.eye_field(info, eyes_m, np.array([0.0, 0.0, 0.045])), self.noise.blink_t
            ),
        }
        self.axial = axial
        ongoing = recording.ongoing_activity(
            np.random.default_rng(seed), self.mixing, axial, self.noise, int(60 * SFREQ)
        )
        self.usual = recording.ongoing_power(ongoing, self.kinds, self.noise.white)
        self.leadfield = self._known(rng, phantom, deformation)
        # Field (n_channels, N_RINGS) of each patch's rings for a peak of 0 dB, and their delays, s.
        self.foci = self._patches(rng, None, N_FOCI)
        self.healthy = {
            name: [self._patches(rng, f"{side} {kind.lobe}", 1)[0] for side in ("left", "right")]
            for name, kind in transients.KINDS.items()
        }

    def _known(self, rng, phantom, deformation) -> np.ndarray:
        smooth_mm = smooth_midthickness_mm(deformation)
        known, _ = estimated_geometry(rng, phantom, deformation, smooth_mm, "template")
        device_to_mri = self._trans["trans"] @ self.info["dev_head_t"]["trans"]
        helmet = misplaced_helmet(device_to_mri, known.skull_mm, rng)
        return geometry_leadfield(self.info, helmet, known)

    def _fields(self, vertices: np.ndarray) -> np.ndarray:
        return field_of(self.info, self._trans, self._bem, self.cortex, vertices)

    def spikes(self, rng, peak_s: np.ndarray, n_times: int) -> np.ndarray:
        """Spikes of one focus at 0 dB: float32 (n_channels, n_times)."""
        field, delay_s = self.foci[rng.integers(N_FOCI)]
        train, _ = activity.spike_train(rng, peak_s, delay_s, n_times, SFREQ)
        return field.astype(np.float32) @ train

    def _far(self, place_head_m, moment) -> np.ndarray:
        to_device = np.linalg.inv(self.info["dev_head_t"]["trans"])
        return recording.heart_field(
            self.info, apply_trans(to_device, place_head_m), np.array(moment)
        )

    def _scaled(self, field: np.ndarray, largest_t: float) -> np.ndarray:
        magnetometers = np.array(self.kinds) == "mag"
        return field * largest_t / abs(field[magnetometers]).max()

    def _patches(self, rng, lobe: str | None, n: int) -> list[tuple[np.ndarray, np.ndarray]]:
        vertex_region = load_template().vertex_region
        centres = np.flatnonzero(vertex_region >= 0) if lobe is None else lobe_vertices(lobe)
        found: list[tuple[np.ndarray, np.ndarray]] = []
        while len(found) < n:
            (patch,) = grow_patches(rng, self.cortex, centres, AREA_CM2, 1)
            try:
                found.append(self._rings(patch))
            except InvalidInput:
                continue  # the fold lies against the coarse skull
        return found

    def _rings(self, patch: Patch) -> tuple[np.ndarray, np.ndarray]:
        moment = patch.weight * self.cortex.area_mm2[patch.vertices]
        lead = self._fields(patch.vertices) * moment
        reach = patch.distance_mm / patch.distance_mm.max()
        ring = np.minimum((reach * N_RINGS).astype(int), N_RINGS - 1)
        field = np.stack([lead[:, ring == k].sum(1) for k in range(N_RINGS)], axis=1)
        delay_s = activity.SPREAD_S_PER_MM * np.array(
            [patch.distance_mm[ring == k].mean() for k in range(N_RINGS)]
        )
        return field / np.sqrt(np.mean(field.sum(1) ** 2 / self.usual)), delay_s


def make(
    head: VirtualHead,
    seed: int,
    minutes: float,
    spikes_per_minute: float,
    snr_db: float,
    disturbances: tuple[str, ...],
) -> Made:
    """Draw a recording.

    Parameters
    ----------
    snr_db : float
        Of a single spike of mean height: mean over channels of its power over that of ongoing activity with
        alpha and of the sensors, 1 to 40 Hz.
    disturbances : tuple of str
        Some of `DISTURBANCES`.
    """
    rng = np.random.default_rng(seed)
    n_times = int(minutes * 60 * SFREQ)
    noise = head.noise if "alpha" in disturbances else replace(head.noise, alpha_t=0.0)
    data = recording.ongoing_activity(rng, head.mixing, head.axial, noise, n_times)
    n_spikes = round(spikes_per_minute * minutes)
    peak_s = np.sort(rng.uniform(3, minutes * 60 - 3, n_spikes))
    if n_spikes:
        data += 10 ** (snr_db / 20) * head.spikes(rng, peak_s, n_times)
    other_s = _healthy(rng, head, data, [d for d in disturbances if d in transients.KINDS], minutes)
    other_s |= _body(rng, head, data, disturbances, minutes)
    _surroundings(rng, head, data)
    other_s |= _jumps(rng, data, minutes) if "jumps" in disturbances else {}
    raw = mne.io.RawArray(data.astype(float), head.info, verbose="error")
    return Made(raw, peak_s, other_s)


def _healthy(rng, head: VirtualHead, data, names: list[str], minutes: float) -> dict:
    middles_s = {}
    for name in names:
        kind = head.transients[name]
        middles_s[name] = transients.occurrences_s(rng, kind, minutes * 60)
        course = transients.course(rng, kind, middles_s[name], data.shape[1], SFREQ)
        for field, _ in head.healthy[name]:
            height = 10 ** (kind.snr_db / 20) * field.sum(1)
            data += np.outer(height, course).astype(np.float32)
    return middles_s


def _body(rng, head: VirtualHead, data, disturbances, minutes: float) -> dict:
    n_times, moments_s = data.shape[1], {}
    if "heart" in disturbances:
        data += np.outer(head.body["heart"], activity.heart(rng, n_times, SFREQ)).astype("f4")
    if "blinks" in disturbances:
        course = activity.blinks(rng, n_times, SFREQ, PER_MINUTE["blinks"])
        data += np.outer(head.body["blinks"], course).astype(np.float32)
    if "muscle" in disturbances:
        onsets_s = np.sort(rng.uniform(1, minutes * 60 - 4, int(PER_MINUTE["muscle"] * minutes)))
        for onset_s in onsets_s:
            place = MUSCLES_HEAD_M[rng.integers(len(MUSCLES_HEAD_M))]
            n = int(rng.uniform(0.3, 2.5) * SFREQ)
            fibres = np.array(
                [
                    head._scaled(
                        head._far(place + rng.normal(0, 0.01, 3), rng.normal(size=3)), MUSCLE_T
                    )
                    for _ in range(6)
                ]
            ).T
            courses = activity.coloured_noise(rng, 6, n, SFREQ, _of_muscle) * np.hanning(n)
            begin = int(onset_s * SFREQ)
            data[:, begin : begin + n] += (fibres / 6 @ courses).astype(np.float32)
        moments_s["muscle"] = onsets_s
    return moments_s


def _of_muscle(frequency: np.ndarray) -> np.ndarray:
    return 1 / (1 + (20 / np.maximum(frequency, 1)) ** 4) / (1 + (frequency / 100) ** 4)


def _surroundings(rng, head: VirtualHead, data) -> None:
    """Drift of the room, and each sensor's own noise, in place."""
    n_times = data.shape[1]
    level = np.r_[np.full(3, 0.6e-12), np.full(5, 1.5e-12)][:, None]
    courses = level * activity.coloured_noise(rng, 8, n_times, SFREQ, activity.drift)
    data += recording.interference_fields(head.info).T.astype(np.float32) @ courses.astype("f4")
    for row, kind in zip(data, head.kinds, strict=True):
        density = head.noise.white[kind]
        row += density * np.sqrt(SFREQ / 2) * rng.standard_normal(n_times, np.float32)
        row += 2 * density * activity.coloured_noise(rng, 1, n_times, SFREQ, activity.drift)[0]


def _jumps(rng, data, minutes: float) -> dict:
    """Steps of single sensors that their electronics take back in some seconds, in place."""
    times_s = np.sort(rng.uniform(1, minutes * 60 - 1, max(1, int(PER_MINUTE["jumps"] * minutes))))
    for time_s in times_s:
        row = data[rng.integers(len(data))]
        begin = int(time_s * SFREQ)
        fall = np.exp(-np.arange(len(row) - begin) / SFREQ / rng.uniform(2, 20))
        size = rng.choice([-1, 1]) * rng.uniform(*JUMP_SIZES) * row.std()
        row[begin:] += (size * fall).astype(np.float32)
    return {"jumps": times_s}
