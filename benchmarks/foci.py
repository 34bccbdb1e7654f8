"""How rightly are the types of marked spikes told apart?

    python -m benchmarks.foci CACHE [--heads test] [--each 20]

Cases of one, two and three foci at least 20 mm apart in recordings of `benchmarks.simulated_marks`,
sorted by the spikes stage's own function. Thresholds were set on the heads of ``--heads
calibration`` (seeds 0 and 1) alone; the table is of heads, arrays, patches and waves of another
rule. A strength is the single-spike signal-to-noise ratio (amplitude) of the best linear combination
of channels. CACHE keeps the heads. Results: ``benchmarks/results/foci.csv``, with the cases, the
share in which the number of types was that of the foci, in which more were found, and the adjusted
Rand index (median, and the share of cases in which it is at least 0.9).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from benchmarks.simulated_marks import SFREQ_HZ, calibration_head, draw_marks, foci_apart, test_head
from pipeline.spikes.types import spike_types

RESULTS = Path(__file__).parent / "results" / "foci.csv"
HEADS = {"calibration": (calibration_head, (0, 1)), "test": (test_head, (200, 201, 202, 203))}
# Marks of each focus, and the range of the largest correlation between two foci's fields.
DIFFERENT, ALIKE = (-1.0, 0.7), (0.7, 0.95)
CASES = {
    "one focus, 40 marks": ([40], DIFFERENT),
    "one focus, 15 marks": ([15], DIFFERENT),
    "two foci, 25 and 25 marks": ([25, 25], DIFFERENT),
    "two foci, 40 and 12 marks": ([40, 12], DIFFERENT),
    "two foci, 12 and 10 marks": ([12, 10], DIFFERENT),
    "three foci, 20, 15 and 12 marks": ([20, 15, 12], DIFFERENT),
    "two foci with fields alike, 25 and 25 marks": ([25, 25], ALIKE),
}
STRENGTHS = (4.0, 7.0, 12.0)
LEAST_MM = 20.0
MAX_SHIFT, HALF_WIDTH = round(0.05 * SFREQ_HZ), round(0.1 * SFREQ_HZ)
GOOD_INDEX = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("cache", type=Path)
    parser.add_argument("--heads", choices=HEADS, default="test")
    parser.add_argument("--each", type=int, default=20, help="cases per row")
    arguments = parser.parse_args()
    make, seeds = HEADS[arguments.heads]
    heads = [make(arguments.cache, seed) for seed in seeds]
    rows = []
    for number, (name, (counts, correlation)) in enumerate(CASES.items()):
        for strength in STRENGTHS:
            rng = np.random.default_rng([number, int(strength)])
            row = {"case": name, "strength": strength}
            rows.append(row | judge(rng, heads, counts, correlation, strength, arguments.each))
            print(rows[-1], flush=True)
    if arguments.heads == "test":
        pd.DataFrame(rows).to_csv(RESULTS, index=False, lineterminator="\n")


def judge(rng, heads, counts, correlation, strength: float, each: int) -> dict:
    """One row of the table."""
    n_types, index = [], []
    for case in range(each):
        head = heads[case % len(heads)]
        foci = foci_apart(rng, head, len(counts), LEAST_MM, correlation)
        if foci is None:
            continue
        own = strength * rng.uniform(0.8, 1.25, len(counts))
        marks = draw_marks(rng, head, foci, counts, list(own), n_baseline=100)
        max_shift = np.full(len(marks.truth), MAX_SHIFT)
        types = spike_types(marks.segments, marks.baseline, max_shift, HALF_WIDTH, SFREQ_HZ)
        n_types.append(types.max())
        index.append(adjusted_rand_score(marks.truth, types))
    n_types, index = np.array(n_types), np.array(index)
    return {
        "n": len(n_types),
        "right_number": round(float((n_types == len(counts)).mean()), 3),
        "more_types": round(float((n_types > len(counts)).mean()), 3),
        "rand_median": round(float(np.median(index)), 3),
        "rand_good_share": round(float((index >= GOOD_INDEX).mean()), 3),
    }


if __name__ == "__main__":
    main()
