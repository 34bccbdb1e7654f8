"""Which knowledge of a patient is worth fine-tuning on? ``python -m benchmarks.personalization CACHE``.

Each recipe fine-tunes the shipped weights on synthetic recordings that hold something of a patient's own:
the background of its spike-free epochs, the SNR of its average, the course of its spike. Patients are those
of `robustness_heads.py`, whose heads, patches, waves and background no training shares a rule with, known
with errors of co-registration and cortex. All recordings of a patient have one course and one SNR. Whether
the fine-tuned weights would be chosen is asked as the personalize stage does: over heads that the
patient's could be, not over recordings. ``--quick`` takes one patient of a low SNR. Recipes of patients that
stand in the table already are not run again.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.robustness import (
    COVARIANCE_SAMPLES,
    N_TIMES,
    RESULTS,
    SENSOR_SNR_DB,
    SNR_SAMPLES,
    errors,
    noise_cov,
    power_of,
)
from benchmarks.robustness_heads import SFREQ_HZ, Head, Patches, cached_head
from bids_app.demo import activity
from pipeline.localisation import peak_map
from pipeline.personalize.gate import is_beyond_chance, paired_gain
from pipeline.personalize.jitter import misplaced_cortex
from pipeline.progress import Progress
from pipeline.projection import Projection, prepare_recording, project_head
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patch_rules import PATCH_RULES
from pipeline.synthesis.patches import template_dictionary, template_graph
from pipeline.synthesis.recordings import (
    ONE_SOURCE,
    PATIENTS_RANGES,
    HeadTensors,
    Synthesizer,
)
from pipeline.training.evaluate import batch_errors_mm
from pipeline.training.train import Schedule, train, validate
from pipeline.weights import apply, load_model

SEEDS = (700, 701, 702)
SOURCE_SNRS_DB = (4.0, 12.0)
N_HEADS = {"train": 4, "validation": 2, "test": 6}
SPLIT_SEED = {"train": 1, "validation": 2, "test": 3}
PATCH_CM2 = (5.0, 40.0)
AROUND_SNR_DB = 3.0
# Spike-free epochs hold the sensors' noise already: little more is added.
FAINT_SENSORS_DB = (20.0, 30.0)
VALIDATION_PER_HEAD = 32
TEST_PER_HEAD = 10
# Where a library's spike has its peak, and how long its ends are tapered.
LIBRARY_PEAK, TAPER = 50, 20


@dataclass(frozen=True)
class Recipe:
    """What of the patient's own synthetic recordings hold."""

    name: str
    background: bool = False
    snr: bool = False
    course: bool = False


RECIPES = (
    Recipe("today"),
    Recipe("own SNR", snr=True),
    Recipe("all three", background=True, snr=True, course=True),
    Recipe("own background", background=True),
    Recipe("own course", course=True),
)


@dataclass(frozen=True)
class Virtual:
    """A patient: the true head, its SNR and course, and what is known.

    Attributes
    ----------
    wave : ndarray, (125,)
        Of every spike, its peak at sample `peak`.
    free : ndarray, (n_channels, n_times)
        Spike-free, at 125 Hz: ongoing activity and the sensors' noise.
    whiten, projection
        `project_head` of the leadfield with errors.
    known_wave : ndarray, (125,)
        Leading time course of the one average that is imaged.
    known_snr_db : float
        Of that average, over the spike-free epochs.
    """

    head: Head
    source_snr_db: float
    wave: np.ndarray
    peak: int
    free: np.ndarray
    whiten: np.ndarray
    projection: Projection
    known_wave: np.ndarray
    known_snr_db: float


def _sensor_noise(head: Head, rng, n_times: int, over: np.ndarray) -> np.ndarray:
    """Noise (n_channels, n_times) `SENSOR_SNR_DB` below what it is added to."""
    noise = activity.coloured_noise(
        rng, len(over), n_times, SFREQ_HZ, lambda hz: (hz <= 40).astype(float)
    )
    ratio = 10 ** (-SENSOR_SNR_DB / 10)
    return noise * (head.noise_std * np.sqrt(ratio * power_of(over, head.noise_std)))[:, None]


def draw(head: Head, wave, peak: int, snr_db: float, rng, patches: Patches):
    """One average (n_channels, 125) of this course and SNR, and its patch."""
    start = int(rng.integers(COVARIANCE_SAMPLES, head.background.shape[1] - N_TIMES))
    background = head.background[:, start : start + N_TIMES]
    patch = patches.draw(PATCH_CM2)
    spike = np.outer(head.dipole_field @ patch.weight, wave)
    near = slice(peak - SNR_SAMPLES, peak + SNR_SAMPLES + 1)
    power = power_of(background, head.noise_std) / power_of(spike[:, near], head.noise_std)
    seen = background + spike * np.sqrt(10 ** (snr_db / 10) * power)
    return seen + _sensor_noise(head, rng, N_TIMES, seen), patch


def virtual_patient(head: Head, snr_db: float, rng, patches: Patches) -> Virtual:
    """A patient of one SNR and a course of its own, and what its recording tells of both."""
    peak = int(rng.integers(45, 80))
    time_s = (np.arange(N_TIMES) - peak) / SFREQ_HZ
    stretch, slow = np.exp(rng.normal(0, 0.4)), rng.uniform(0, 1.2)
    wave = activity.spike_waveform(time_s, stretch, slow, rng.uniform(0.1, 0.25))
    seen = head.background[:, :COVARIANCE_SAMPLES]
    free = seen + _sensor_noise(head, rng, COVARIANCE_SAMPLES, seen)
    whiten, projection = project_head(
        head.leadfield[1], noise_cov(head, "right"), template_dictionary()
    )
    average, _ = draw(head, wave, peak, snr_db, rng, patches)
    known = whiten @ average
    near = slice(peak - SNR_SAMPLES, peak + SNR_SAMPLES + 1)
    excess = np.mean(known[:, near] ** 2) / np.mean((whiten @ free) ** 2) - 1
    course = np.linalg.svd(known, full_matrices=False)[2][0]
    return Virtual(
        head=head,
        source_snr_db=snr_db,
        wave=wave,
        peak=peak,
        free=free,
        whiten=whiten,
        projection=projection,
        known_wave=course / course[np.argmax(np.abs(course[near])) + near.start],
        known_snr_db=float(10 * np.log10(max(excess, 0.1))),
    )


def library_spike(wave: np.ndarray, peak: int, length: int) -> np.ndarray:
    """A course as a clip (length,) of a library, its peak at `LIBRARY_PEAK`, tapered to zero."""
    clip = np.zeros(length)
    first = LIBRARY_PEAK - peak
    inside = slice(max(first, 0), min(first + len(wave), length))
    part = wave[inside.start - first : inside.stop - first].copy()
    ramp = np.sin(np.linspace(0, np.pi / 2, TAPER)) ** 2
    part[:TAPER] *= ramp
    part[-TAPER:] *= ramp[::-1]
    clip[inside] = part
    return clip.astype(np.float32)


def possible_heads(patient: Virtual, recipe: Recipe, split: str) -> list[HeadTensors]:
    """Heads with another cortex than the known one, which the projection is by."""
    rng = np.random.default_rng([patient.peak, SPLIT_SEED[split]])
    library = torch.as_tensor(load_library(split).background)
    own = torch.as_tensor(patient.whiten @ patient.free).float()
    heads = []
    for _ in range(N_HEADS[split]):
        moved = patient.head.leadfield[1] @ misplaced_cortex(patient.head.region_pos_mm[1], rng)
        field = torch.as_tensor(patient.whiten @ moved).float()
        background = own if recipe.background else field @ library
        place_mm = patient.head.region_pos_mm[1]
        heads.append(HeadTensors(field, patient.projection, background, place_mm))
    return heads


def synthesizer(patient: Virtual, recipe: Recipe, split: str) -> Synthesizer:
    """What a recipe draws; the patches and the order of the draws are the same for all."""
    library = load_library(split)
    if recipe.background:
        n_times = patient.free.shape[1]
        library = replace(library, background=patient.free[:1], segment_length=n_times)
    if recipe.course:
        clip = library_spike(patient.known_wave, patient.peak, library.spikes.shape[1])
        library = replace(library, spikes=clip[None])
    low = patient.known_snr_db - AROUND_SNR_DB
    patches, centres = PATCH_RULES[split](template_graph(), 3, 7000 + SPLIT_SEED[split])
    ranges = dict(PATIENTS_RANGES)
    if recipe.snr:
        ranges["source_snr_db"] = (low, low + 2 * AROUND_SNR_DB)
    if recipe.background:
        ranges["sensor_snr_db"] = FAINT_SENSORS_DB
    return Synthesizer(
        library,
        template_graph(),
        patches,
        centres,
        SPLIT_SEED[split],
        **ranges,
    )


def fine_tune(patient: Virtual, recipe: Recipe, generic, steps: int, batch_size: int):
    """The weights that validated best, and the curve."""
    checker = synthesizer(patient, recipe, "validation")
    heads = possible_heads(patient, recipe, "validation")
    held_out = [checker.batch(head, VALIDATION_PER_HEAD, ONE_SOURCE) for head in heads]
    every = max(1, steps // 2)
    schedule = Schedule(steps, batch_size, 1e-4, 1.0, 0.9, every, patience=1)
    module = deepcopy(generic).train()
    with tempfile.TemporaryDirectory() as folder:
        curve = train(
            module,
            synthesizer(patient, recipe, "train"),
            possible_heads(patient, recipe, "train"),
            lambda averaged: validate(averaged, held_out, heads),
            schedule,
            Path(folder),
            Progress(),
            recipe.name,
        )
    return module, curve


def found_to_true_mm(module, drawer: Synthesizer, heads: list[HeadTensors]) -> np.ndarray:
    """On synthetic recordings of possible heads: (n_heads, n)."""
    rows = []
    for head in heads:
        batch = drawer.batch(head, TEST_PER_HEAD, ONE_SOURCE)
        with torch.inference_mode():
            found = module(batch.recording, head.projection, batch.peak)
        rows.append(batch_errors_mm(found, batch, head.region_pos_mm)[:, 0])
    return np.array(rows)


def on_patient(module, patient: Virtual, drawn: list) -> pd.DataFrame:
    """One row for each of the patient's true recordings."""
    head, rows = patient.head, []
    for channels, patch in drawn:
        recording = prepare_recording(patient.whiten @ channels, patient.projection)
        sloreta = (patient.projection.kernel @ recording).numpy()
        found = apply(module, recording, patient.projection, patient.peak)
        place = head.region_pos_mm[1], head.region_area_mm2
        row = errors(found, sloreta, patient.peak, [patch], *place)
        times_s = (np.arange(N_TIMES) - patient.peak) / SFREQ_HZ
        maximum = head.region_pos_mm[1][peak_map(found, times_s, 0.02).argmax()]
        middle_mm = head.graph_pos_mm[head.dipole_vertex[patch.weight.argmax()]]
        rows.append(row | {"maximum_to_centre_mm": float(np.linalg.norm(maximum - middle_mm))})
    return pd.DataFrame(rows)


def measure(head: Head, seed: int, snr_db: float, generic, args, done) -> Iterator[dict]:
    """One row per recipe that is not `done`, on the same recordings of one patient."""
    rng = np.random.default_rng([seed, int(snr_db)])
    patches = Patches(head, rng)
    patient = virtual_patient(head, snr_db, rng, patches)
    drawn = [draw(head, patient.wave, patient.peak, snr_db, rng, patches) for _ in range(args.n)]
    before = on_patient(generic, patient, drawn)
    for recipe in RECIPES:
        if recipe.name not in args.recipes or (seed, snr_db, recipe.name) in done:
            continue
        begin = time.process_time()
        module, curve = fine_tune(patient, recipe, generic, args.steps, args.batch_size)
        cpu_s = time.process_time() - begin
        heads = possible_heads(patient, recipe, "test")
        synthetic = [
            found_to_true_mm(each, synthesizer(patient, recipe, "test"), heads)
            for each in (generic, module)
        ]
        gain_mm, error_mm = paired_gain(*synthetic)
        after = on_patient(module, patient, drawn)
        fall_mm = before["found_to_true_mm"] - after["found_to_true_mm"]
        losses = [row["validation_loss"] for row in curve]
        yield {
            "seed": seed,
            "source_snr_db": snr_db,
            "known_snr_db": patient.known_snr_db,
            "recipe": recipe.name,
            "n": len(drawn),
            "generic_mm": before["found_to_true_mm"].mean(),
            "personalized_mm": after["found_to_true_mm"].mean(),
            "fall_mm": fall_mm.mean(),
            "fall_se_mm": fall_mm.std() / np.sqrt(fall_mm.count()),
            "generic_maximum_mm": before["maximum_to_centre_mm"].mean(),
            "personalized_maximum_mm": after["maximum_to_centre_mm"].mean(),
            "generic_unheard": before["unheard"].mean(),
            "personalized_unheard": after["unheard"].mean(),
            "sloreta_mm": before["sloreta_mm"].mean(),
            "synthetic_gain_mm": gain_mm,
            "synthetic_gain_se_mm": error_mm,
            "chosen": is_beyond_chance(gain_mm, error_mm, len(heads)),
            "loss_before": losses[0],
            "loss_after": min(losses),
            "cpu_s": cpu_s,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path, help="where heads are kept")
    parser.add_argument("--weights", default="", help="a weights file; default: the shipped one")
    parser.add_argument("--quick", action="store_true", help="one patient of a low SNR")
    names = [recipe.name for recipe in RECIPES]
    parser.add_argument("--recipes", nargs="+", choices=names, default=names)
    parser.add_argument("--steps", type=int, default=20, help="of fine-tuning")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--n", type=int, default=30, help="recordings per patient")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    generic, card = load_model(args.weights)
    weights = card["sha256"][:8]
    args.results.mkdir(parents=True, exist_ok=True)
    file = args.results / "personalization.csv"
    rows = pd.read_csv(file).to_dict("records") if file.exists() else []
    # Only rows of these weights are gone on from.
    rows = [row for row in rows if row.get("weights") == weights]
    done = {(row["seed"], row["source_snr_db"], row["recipe"]) for row in rows}
    patients = [(seed, snr_db) for snr_db in SOURCE_SNRS_DB for seed in SEEDS]
    for seed, snr_db in patients[:1] if args.quick else patients:
        if {(seed, snr_db, recipe) for recipe in args.recipes} <= done:
            continue
        for row in measure(cached_head(args.cache, seed), seed, snr_db, generic, args, done):
            rows.append({"weights": weights} | row)
            pd.DataFrame(rows).to_csv(file, index=False, float_format="%.3g")
    print(pd.DataFrame(rows).round(2).to_string(index=False))


if __name__ == "__main__":
    main()
