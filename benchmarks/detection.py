"""Spikes without marks: sensitivity, false ones against those expected, and speed.

    python -m benchmarks.detection RESULTS.csv FOLDER [FOLDER ...]

Each FOLDER is one that ``spikefocus demo FOLDER --scenario NAME --run`` made: virtual patients whose
fields come from another head model (mesh, folding, conductor) than the leadfield that detects. Line
length (Esteller et al., EMBC 2001), the usual baseline, ranks the peaks of its sum over channels and
is given as many of them as the detector found. Seconds are those of the processor, one thread.
"""

import csv
import sys
import time
from pathlib import Path

import mne
import numpy as np

from bids_app.config import stage_configs
from bids_app.dataset import Query, find_patient, participant_labels
from bids_app.stages import spikes_inputs
from pipeline.detection.statistic import peaks
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.spikes.config import Config
from pipeline.spikes.detecting import MARGIN_S, Blocks, detected_spikes, fitted_detector
from pipeline.spikes.recording import open_recording

SAME_S = 0.1
LINE_LENGTH_S = 0.04
COLUMNS = (
    "folder patient array minutes n_spikes single_spike_snr_db n_detected sensitivity "
    "expected_false_per_minute false_per_minute line_length_sensitivity "
    "line_length_false_per_minute processor_s times_real_time"
).split()


def line_length(blocks, margin_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Times (s) and heights of the peaks of line length, summed over channels of one scale each."""
    width = round(LINE_LENGTH_S * blocks.sfreq)
    times, heights = [], []
    scale = None
    for index, start in enumerate(blocks.starts):
        data = blocks.at(index, margin_s)
        steps = np.abs(np.diff(data, axis=1))
        if scale is None:
            scale = np.median(steps, axis=1, keepdims=True)
        total = np.convolve((steps / scale).sum(0), np.ones(width), mode="same")
        margin = round(margin_s * blocks.sfreq)
        samples, values = peaks(total, blocks.sfreq)
        inner = (samples >= margin) & (samples < len(total) - margin)
        times.append((start + samples[inner] - margin) / blocks.sfreq)
        heights.append(values[inner])
    return np.concatenate(times), np.concatenate(heights)


def matched(found_s: np.ndarray, true_s: np.ndarray) -> tuple[float, int]:
    """Share of the true spikes that were found (NaN without any), and how many are false."""
    distance = np.abs(found_s[:, None] - true_s[None])
    n_false = int((distance.min(1, initial=np.inf) > SAME_S).sum())
    hit = (distance.min(0, initial=np.inf) <= SAME_S).mean() if len(true_s) else np.nan
    return float(hit), n_false


def measure(folder: Path, label: str) -> dict:
    """One row of the results."""
    config: Config = stage_configs(None, {"spikes": {"detect_spikes": True}})["spikes"]
    files = find_patient(folder / "bids", label, Query(), {}, None, True)
    inputs = spikes_inputs(files, config)
    paths = PatientPaths(folder / "output", label)
    raw = open_recording(inputs.meg[0])
    minutes = raw.times[-1] / 60
    begun = time.process_time()
    found = detected_spikes(inputs.meg[0], inputs.channels_tsv[0], paths, config, Progress())
    spent = time.process_time() - begun
    blocks = Blocks(raw, inputs.meg[0], config)
    fitted_detector(blocks, set(), paths)
    times, heights = line_length(blocks, MARGIN_S)
    best = times[np.argsort(heights)[::-1][: len(found.time_s)]]
    with np.load(folder / "truth" / f"sub-{label}_truth.npz") as truth:
        true_s = truth["peak_s"][truth["mark_focus"] >= 0]
    stated = read_json(folder / "truth" / f"sub-{label}_truth.json")
    sensitivity, n_false = matched(found.time_s, true_s)
    baseline, baseline_false = matched(best, true_s)
    values = (
        folder.name,
        label,
        stated["recipe"]["array"],
        round(minutes, 2),
        len(true_s),
        stated["recipe"]["snr_db"] if len(true_s) else "",
        len(found.time_s),
        round(sensitivity, 3),
        config.false_per_minute,
        round(float(n_false / minutes), 2),
        round(baseline, 3),
        round(float(baseline_false / minutes), 2),
        round(spent, 1),
        round(float(minutes * 60 / spent), 1),
    )
    return dict(zip(COLUMNS, values, strict=True))


def main(results: Path, folders: list[Path]) -> None:
    mne.set_log_level("error")
    with results.open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        table.writeheader()
        for folder in folders:
            for label in participant_labels(folder / "bids"):
                row = measure(folder, label)
                table.writerow(row)
                stream.flush()
                print(row, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
