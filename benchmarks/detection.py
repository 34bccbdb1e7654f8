"""Spikes without marks: sensitivity, false ones against those expected, speed and memory.

    python -m benchmarks.detection RESULTS.csv [--heads 3] [--first-head 0] [--minutes 10] [--development]
    python -m benchmarks.detection NOTHING.csv --nothing [--recordings 20] [--minutes 6]
    python -m benchmarks.detection LENGTH.csv --lengths 5 20 60

The first makes recordings of virtual heads (`benchmarks/simulated_recordings.py`), looks for spikes with the
leadfield of a head model that is wrong as real ones are, and writes a row for each recording: a grid of
strengths and rates with all disturbances, and each disturbance without a spike; with ``--development`` of
the heads and by the rules on which limits may be chosen (`benchmarks/development_recordings.py`). Line length (Esteller et al., EMBC
2001) and kurtosis (of stretches of a second; Ossadtchi et al., Clin. Neurophysiol. 115, 2004, choose
independent components by it), the usual baselines, rank the peaks of their sums over channels and are given as many
of them as the detector found. A table that is there already is gone on with. The second gives the marks that are found in recordings without spikes to the spikes
stage, and counts the types that would be imaged. The third streams recordings of 306 channels at 1000 Hz from a
file. Seconds are those of the processor, one thread.
"""

import argparse
import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import product
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter1d

from benchmarks.development_recordings import DevelopmentHead
from benchmarks.simulated_recordings import DISTURBANCES, SFREQ, Made, VirtualHead, make
from pipeline.detection.statistic import peaks
from pipeline.detection.stream import Detected, detect
from pipeline.files import write_text
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.spikes_qc import read_spikes_qc
from pipeline.spikes import run
from pipeline.spikes.blocks import MARGIN_S, Blocks
from pipeline.spikes.config import Config, Inputs
from pipeline.spikes.detecting import fitted_detector
from pipeline.spikes.recording import open_recording
from pipeline.tables import to_tsv

SEED = 9600
SAME_S = 0.1
RECORDINGS_OF_HEAD = 5  # without spikes
BASELINE_WIDTH_S = {"line_length": 0.04, "kurtosis": 1.0}
GRID = [(snr_db, rate) for snr_db in (3, 6, 10, 15, 0) for rate in (10, 2)]
# What is asked first comes first: each row is written when it is done.
CONDITIONS = [(snr_db, rate, DISTURBANCES) for snr_db, rate in [*GRID[:1], (0, 0), *GRID[1:]]]
CONDITIONS += [(0, 0, only) for only in [(), *((each,) for each in DISTURBANCES)]]
COLUMNS = (
    "head snr_db per_minute disturbances minutes n_spikes n_detected sensitivity "
    "expected_false_per_minute false_per_minute near_transients_per_minute "
    "set_apart_sensitivity set_apart_per_minute "
    "line_length_sensitivity kurtosis_sensitivity processor_s times_real_time"
).split()


def line_length(data: np.ndarray, sfreq: float) -> np.ndarray:
    """Sum over channels (n_times,) of the way that each signal goes, in units of its usual way."""
    steps = np.abs(np.diff(data, axis=1, prepend=data[:, :1]))
    total = (steps / np.median(steps, axis=1, keepdims=True)).sum(0)
    return uniform_filter1d(total, round(BASELINE_WIDTH_S["line_length"] * sfreq))


def kurtosis(data: np.ndarray, sfreq: float) -> np.ndarray:
    """Sum over channels (n_times,) of the kurtosis of the second around each sample, where it is an extreme.

    The peaks are those of the fourth power of the signals over the square of their power.
    """
    width = round(BASELINE_WIDTH_S["kurtosis"] * sfreq)
    scaled = data / data.std(1, keepdims=True)
    return (scaled**4 / uniform_filter1d(scaled**2, width, axis=1) ** 2).sum(0)


BASELINES = (line_length, kurtosis)


def ranked(blocks: Blocks) -> list[np.ndarray]:
    """Times (s) of the peaks of each baseline's course, the highest first."""
    margin = round(MARGIN_S * blocks.sfreq)
    times: list[list] = [[] for _ in BASELINES]
    heights: list[list] = [[] for _ in BASELINES]
    for index, start in enumerate(blocks.starts):
        data = blocks.at(index, MARGIN_S)
        for own_s, own, course_of in zip(times, heights, BASELINES, strict=True):
            course = course_of(data, blocks.sfreq)
            samples, values = peaks(course, blocks.sfreq)
            inner = (samples >= margin) & (samples < len(course) - margin)
            own_s.append((start + samples[inner] - margin) / blocks.sfreq)
            own.append(values[inner])
    return [
        np.concatenate(own_s)[np.argsort(np.concatenate(own))[::-1]]
        for own_s, own in zip(times, heights, strict=True)
    ]


def found_in(raw: mne.io.BaseRaw, leadfield: np.ndarray) -> tuple[Detected, Blocks]:
    """The detector's marks, with the leadfield (n_channels, 994) of all channels."""
    blocks = Blocks(raw, Path("a_meg.fif"), Config())
    row = {name: index for index, name in enumerate(raw.ch_names)}
    detector = fitted_detector(blocks, set(), lambda names: leadfield[[row[n] for n in names]])
    starts_s = blocks.starts / blocks.sfreq - MARGIN_S
    block_at = partial(blocks.with_fast, margin_s=MARGIN_S)
    rate = Config().false_per_minute
    return detect(block_at, starts_s, MARGIN_S, detector, rate, 0), blocks


def matched(found_s: np.ndarray, true_s: np.ndarray) -> tuple[float, np.ndarray]:
    """Share of the true spikes that were found (NaN without any), and which of those found are false."""
    distance = np.abs(found_s[:, None] - true_s[None])
    is_false = distance.min(1, initial=np.inf) > SAME_S
    hit = (distance.min(0, initial=np.inf) <= SAME_S).mean() if len(true_s) else np.nan
    return float(hit), is_false


def named(number: int, condition) -> tuple:
    """First cells of a row: head, strength, rate and disturbances."""
    snr_db, per_minute, disturbances = condition
    words = "all" if disturbances == DISTURBANCES else " ".join(disturbances) or "none"
    return number, snr_db if per_minute else "", per_minute, words


def row_of(number: int, made: Made, condition, leadfield: np.ndarray) -> tuple:
    begun = time.process_time()
    found, blocks = found_in(made.raw, leadfield)
    spent = time.process_time() - begun
    minutes = made.raw.times[-1] / 60
    sensitivity, is_false = matched(found.time_s, made.peak_s)
    others_s = np.concatenate([*made.other_s.values(), []])
    # Rhythms last, so that what is near the middle of one is counted within half a second.
    near = np.abs(found.time_s[is_false, None] - others_s).min(1, initial=np.inf) < 0.5
    of_baselines = [
        matched(times_s[: len(found.time_s)], made.peak_s)[0] for times_s in ranked(blocks)
    ]
    return (
        *named(number, condition),
        round(minutes, 1),
        len(made.peak_s),
        len(found.time_s),
        round(sensitivity, 3),
        Config().false_per_minute,
        round(is_false.sum() / minutes, 3),
        round(near.sum() / minutes, 3),
        round(matched(found.vertex_like_s, made.peak_s)[0], 3),
        round(len(found.vertex_like_s) / minutes, 3),
        *(round(each, 3) for each in of_baselines),
        round(spent, 1),
        round(minutes * 60 / spent, 1),
    )


def grid(results: Path, numbers: range, minutes: float, kind: type[VirtualHead]) -> None:
    heads = cache(kind)
    with resumed(results, COLUMNS) as (write, rows):
        done = {tuple(row[:4]) for row in rows}
        for (index, condition), number in product(enumerate(CONDITIONS), numbers):
            if tuple(map(str, named(number, condition))) in done:
                continue
            snr_db, per_minute, disturbances = condition
            head = heads(SEED + number)
            seed = SEED + 1000 * number + index
            made = make(head, seed, minutes, per_minute, snr_db, disturbances)
            write(row_of(number, made, condition, head.leadfield))


@contextmanager
def resumed(results: Path, columns: Sequence[str]):
    """What writes a row to a table, and the rows it has already: the table begins where there is none."""
    rows = list(csv.reader(results.open()))[1:] if results.exists() else None
    with results.open("a", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")

        def write(row: Sequence) -> None:
            table.writerow(row)
            stream.flush()

        if rows is None:
            write(columns)
        yield write, rows or []


def nothing(results: Path, n_recordings: int, minutes: float) -> None:
    """Types that are imaged of what is found where there is no spike."""
    heads = cache(VirtualHead)
    columns = "recording minutes n_detected n_types n_imaged reasons".split()
    with resumed(results, columns) as (write, rows):
        for number in range(len(rows), n_recordings):
            head = heads(SEED + 100 + number - number % RECORDINGS_OF_HEAD)
            made = make(head, SEED + 100 + number, minutes, 0, 0, DISTURBANCES)
            found, _ = found_in(made.raw, head.leadfield)
            with tempfile.TemporaryDirectory() as folder:
                types = types_of(made, found, Path(folder))
            imaged = [each for each in types if each.imaged]
            reasons = "; ".join(sorted({each.reason for each in types if each.reason}))
            write((number, minutes, len(found.time_s), len(types), len(imaged), reasons))


def types_of(made: Made, found: Detected, folder: Path):
    """What the spikes stage makes of the marks."""
    meg, events = folder / "sub-01_task-rest_meg.fif", folder / "sub-01_task-rest_events.tsv"
    made.raw.save(meg, verbose="error")
    rows = {"onset": found.time_s, "duration": 0 * found.time_s, "trial_type": "spike"}
    write_text(events, to_tsv(pd.DataFrame(rows)))
    paths = PatientPaths(folder / "out", "01")
    run(Inputs([meg], [events], [None]), paths, Config(sfreq_hz=SFREQ), Progress())
    return read_spikes_qc(paths).types


def lengths(results: Path, minutes: list[float]) -> None:
    """Time and memory of recordings of several lengths, each in a process of its own."""
    with results.open("w", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow("minutes processor_s times_real_time peak_memory_mib".split())
        for each in minutes:
            words = [sys.executable, "-m", "benchmarks.detection", "-", "--stream", str(each)]
            told = subprocess.run(words, check=True, capture_output=True, text=True)
            table.writerow(told.stdout.split())
            stream.flush()


def stream_one(minutes: float) -> None:
    """Look for spikes in one file of some minutes that are repeated, at 1000 Hz."""
    head = VirtualHead(SEED)
    with tempfile.TemporaryDirectory() as folder:
        made = make(head, SEED, 1.0, 2, 6, DISTURBANCES)
        part = made.raw.resample(1000.0, verbose="error")
        files = [Path(folder) / f"{index}_raw.fif" for index in range(int(minutes))]
        part.save(files[0], verbose="error")
        for file in files[1:]:
            file.symlink_to(files[0])
        del part, made
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        raw = mne.concatenate_raws([open_recording(file) for file in files], verbose="error")
        begun = time.process_time()
        found_in(raw, head.leadfield)
        spent = time.process_time() - begun
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(minutes, round(spent, 1), round(60 * minutes / spent, 1), max(before, after) // 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--heads", type=int, default=3)
    parser.add_argument("--first-head", type=int, default=0)
    parser.add_argument("--recordings", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--development", action="store_true")
    parser.add_argument("--nothing", action="store_true")
    parser.add_argument("--lengths", type=float, nargs="+")
    parser.add_argument("--stream", type=float)
    args = parser.parse_args()
    mne.set_log_level("error")
    if args.stream:
        stream_one(args.stream)
    elif args.lengths:
        lengths(args.results, args.lengths)
    elif args.nothing:
        nothing(args.results, args.recordings, args.minutes)
    else:
        kind = DevelopmentHead if args.development else VirtualHead
        numbers = range(args.first_head, args.first_head + args.heads)
        grid(args.results, numbers, args.minutes, kind)


if __name__ == "__main__":
    main()
