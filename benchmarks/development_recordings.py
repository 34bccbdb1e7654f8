"""Recordings on which the detector's limits may be chosen; those of `simulated_recordings` are for reporting.

Nothing is shared but the array, the room, the heart and the eyes: heads of the training population with a
single shell, spikes of neural masses from whole regions in two rings, and healthy transients by other rules:
wickets are trains of arches, vertex waves have three phases, posterior transients are triangles.
"""

from dataclasses import replace

import mne
import numpy as np
from mne.channels.montage import read_meg_canonical_info

from benchmarks.simulated_marks import POSTERIOR_MNI_MM
from benchmarks.simulated_recordings import SFREQ, VirtualHead
from bids_app.demo import recording
from bids_app.demo.transients import KINDS
from pipeline.synthesis import population
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import patch_bank, template_graph
from pipeline.template import SUBLOBAR_NAMES, load_template

N_AROUND, N_FOCI = 300, 12
EYES_MM = np.array([[-32.0, 62.0, -38.0], [32.0, 62.0, -38.0]])
HEART_MM = np.array([40.0, 10.0, -380.0])
WAVE_SFREQ = 125.0


class DevelopmentHead(VirtualHead):
    """A head of the training population under a MEGIN helmet, with the estimate of it."""

    def __init__(self, seed: int):
        rng = np.random.default_rng(seed)
        info = read_meg_canonical_info("neuromag")
        info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False))
        cortex = load_template().source_cortex
        head = population.random_head(info, rng)
        true = population.geometry(cortex, head.deform)
        lead = population.geometry_leadfield(info, head.device_to_head, true)
        known = population.geometry(cortex, head.estimated_deform)
        self.leadfield = population.geometry_leadfield(info, head.estimated_device_to_head, known)
        with info._unlock():
            info["sfreq"] = SFREQ
            info["dev_head_t"] = mne.transforms.Transform("meg", "head", head.device_to_head)
        self.info, self.kinds = info, info.get_channel_types()
        self.axial = np.array(self.kinds) == "mag"
        self.noise = recording.NOISE["neuromag"]
        self.transients = {
            name: replace(KINDS[name], course=course) for name, course in COURSES.items()
        }
        regions = rng.choice(len(true.region_pos_mm), N_AROUND, replace=False)
        self.mixing = recording.ongoing_mixing(
            true.region_pos_mm[regions], lead[:, regions], POSTERIOR_MNI_MM
        )
        eyes_m = head.deform(EYES_MM) / 1000
        centre_m = true.skull_mm.mean(0) / 1000
        self.body = {
            "heart": self._scaled(
                self._far(HEART_MM / 1000, rng.normal(size=3)), self.noise.heart_t
            ),
            "blinks": self._scaled(recording.eye_field(info, eyes_m, centre_m), self.noise.blink_t),
        }
        ongoing = recording.ongoing_activity(
            np.random.default_rng(seed), self.mixing, self.axial, self.noise, int(60 * SFREQ)
        )
        self.usual = recording.ongoing_power(ongoing, self.kinds, self.noise.white)
        graph = template_graph()
        patches, centres = patch_bank(graph, 2, seed)
        sublobar = load_template().region_sublobar[centres]

        def grown(rows: np.ndarray) -> np.ndarray:
            """Fields (n_channels, 2) at 0 dB of the inner and the outer part of a patch drawn from `rows`."""
            row = rng.choice(rows)
            distance_mm = graph.distance_mm[centres[row]]
            inner = distance_mm < 0.6 * (distance_mm * patches[row]).max()
            weight = patches[row] * np.exp(-np.log(2) * (distance_mm / 50) ** 2)
            field = np.stack([lead @ (weight * part) for part in (inner, ~inner)], axis=1)
            return field / np.sqrt(np.mean(field.sum(1) ** 2 / self.usual))

        self.foci = [
            (grown(np.arange(len(patches))), np.array([0.0, 0.006])) for _ in range(N_FOCI)
        ]
        self.healthy = {}
        for name, kind in KINDS.items():
            sides = (SUBLOBAR_NAMES.index(f"{side} {kind.lobe}") for side in ("left", "right"))
            self.healthy[name] = [(grown(np.flatnonzero(sublobar == each)), None) for each in sides]
        self._waves = load_library("validation").spikes.astype(float)

    def spikes(self, rng, peak_s: np.ndarray, n_times: int) -> np.ndarray:
        field, delay_s = self.foci[rng.integers(N_FOCI)]
        times_s, total = np.arange(n_times) / SFREQ, np.zeros((2, n_times), np.float32)
        for at_s in peak_s:
            wave = self._waves[rng.integers(len(self._waves))]
            grid_s = (
                (np.arange(len(wave)) - np.argmax(wave)) / WAVE_SFREQ * np.exp(rng.normal(0, 0.1))
            )
            height = np.exp(rng.normal(0, 0.25))
            for course, later_s in zip(total, delay_s, strict=True):
                near = np.abs(times_s - at_s) < 1
                course[near] += height * np.interp(
                    times_s[near] - at_s - later_s, grid_s, wave, left=0, right=0
                )
        return field.astype(np.float32) @ total


def _spindle(rng, time_s):
    length_s = rng.uniform(0.5, 1.5)
    inside = np.abs(time_s) < length_s / 2
    return (
        inside
        * np.cos(np.pi * time_s / length_s)
        * np.cos(2 * np.pi * rng.uniform(11, 16) * time_s)
    )


def _wicket(rng, time_s):
    """Arches, the middle ones highest."""
    hz, length_s = rng.uniform(6, 11), rng.uniform(0.5, 1.2)
    inside = np.clip(1.2 - 2.4 * np.abs(time_s) / length_s, 0, 1)
    return inside * (np.abs(np.cos(np.pi * hz * time_s)) ** 1.5 - 0.55) / 0.45


def _vertex_wave(rng, time_s):
    """Small, large and opposite, small: of some 200 ms together."""
    width_s = rng.uniform(0.028, 0.05)

    def wave(at, width):
        return np.exp(-0.5 * ((time_s - at) / width) ** 2)

    before = 0.3 * wave(-2.5 * width_s, width_s)
    return wave(0, width_s) - before - 0.6 * wave(2.8 * width_s, 1.4 * width_s)


def _posterior(rng, time_s):
    """A triangle."""
    rise_s, fall_s = rng.uniform(0.06, 0.1), rng.uniform(0.04, 0.06)
    return np.clip(1 - np.abs(time_s) / np.where(time_s < 0, rise_s, fall_s), 0, 1)


COURSES = {
    "spindle": _spindle,
    "wicket": _wicket,
    "vertex wave": _vertex_wave,
    "posterior transient": _posterior,
}
