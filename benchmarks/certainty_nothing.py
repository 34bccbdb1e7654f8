"""The part of `benchmarks.certainty` that asks whether marks have a source at all."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.simulated_marks import SFREQ_HZ, Head, draw_marks, test_head
from pipeline.sight import SEEN_SNR_DB, smallest_field
from pipeline.spikes.config import Config
from pipeline.spikes.presence import presence_of_type

SEEDS = (200, 201, 202, 203)
MARKS = (12, 30)
# Of the smallest field that is said to be seen; 0 is no source.
MULTIPLES = (0.0, 0.7, 1.0, 1.4)
EACH = {0.0: 60, "5 dB": 16}
EACH_OTHER = 32


def measure(cache: Path, results: Path) -> None:
    """Write how often marks are taken for spikes, by their number and the strength of their source."""
    heads = [test_head(cache, seed) for seed in SEEDS]
    options = Config()
    rows = []
    for n in MARKS:
        for multiple in (*MULTIPLES[:1], "5 dB", *MULTIPLES[1:]):
            made = [
                _judge(heads[case % len(heads)], n, multiple, options, [n, case])
                for case in range(EACH.get(multiple, EACH_OTHER))
            ]
            found, above, snr, limit = np.array(made).T
            rows.append(
                {
                    "marks": n,
                    "strength": "no source" if multiple == 0 else multiple,
                    "cases": len(made),
                    "named": round(float(np.mean(found)), 3),
                    "named_by_3_db_alone": round(float(np.mean(above)), 3),
                    "imaged": round(float(np.mean(found * above)), 3),
                    "snr_median_db": round(float(np.nanmedian(snr)), 2),
                    "chance_median_db": round(float(np.nanmedian(limit)), 2),
                }
            )
            print(rows[-1], flush=True)
            pd.DataFrame(rows).to_csv(results, index=False, lineterminator="\n")


def _judge(head: Head, n: int, multiple, options: Config, seed: list[int]):
    """Whether a case is named, whether it passes the limit of SNR, its SNR and what chance reached."""
    rng = np.random.default_rng([*seed, 7])
    if multiple == "5 dB":
        strength = smallest_field(SEEN_SNR_DB, n, head.field.shape[1])
    else:
        strength = multiple * smallest_field(options.min_snr_db, n, head.field.shape[1])
    focus = rng.integers(len(head.centre_mm))
    counts, n_false = ([0], n) if strength == 0 else ([n], 0)
    marks = draw_marks(rng, head, np.array([focus]), counts, [strength], n_false, n_baseline=100)
    max_shift = np.full(n, round(options.max_shift_s * SFREQ_HZ))
    all_marks, as_they_are = np.ones(n, bool), np.eye(marks.segments.shape[1])
    presence = presence_of_type(
        marks.segments, all_marks, marks.baseline, max_shift, as_they_are, SFREQ_HZ, options
    )
    snr_db, chance_db = (
        np.nan if value is None else value for value in (presence.snr_db, presence.chance_db)
    )
    return presence.found, snr_db >= options.min_snr_db, snr_db, chance_db
