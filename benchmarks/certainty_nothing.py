"""The part of `benchmarks.certainty` that asks whether marks have a source at all."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.simulated_marks import SFREQ_HZ, Head, draw_marks, test_head
from pipeline.sight import smallest_field
from pipeline.spikes.config import Config
from pipeline.spikes.presence import Rules, judge_presence

SEEDS = (200, 201, 202, 203)
MARKS = (12, 30)
# Of the smallest field that is said to be seen; 0 is no source.
MULTIPLES = (0.0, 0.7, 1.0, 1.4)
GOOD_DB = 5.0
EACH = {0.0: 60, "5 dB": 16}
EACH_OTHER = 8


def measure(cache: Path, results: Path) -> None:
    """Write how often marks are taken for spikes, by their number and the strength of their source."""
    heads = [test_head(cache, seed) for seed in SEEDS]
    options = Config()
    rules = Rules(
        half_width=round(options.template_half_width_s * SFREQ_HZ),
        min_correlation=options.min_correlation,
        amplitude_range=(options.min_amplitude_ratio, options.max_amplitude_ratio),
        sfreq_hz=SFREQ_HZ,
    )
    rows = []
    for n in MARKS:
        for multiple in (*MULTIPLES[:1], "5 dB", *MULTIPLES[1:]):
            made = [
                _judge(heads[case % len(heads)], n, multiple, rules, options, [n, case])
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
                    "snr_median_db": round(float(np.median(snr)), 2),
                    "chance_median_db": round(float(np.median(limit)), 2),
                }
            )
            print(rows[-1], flush=True)
            pd.DataFrame(rows).to_csv(results, index=False, lineterminator="\n")


def _judge(head: Head, n: int, multiple, rules: Rules, options: Config, seed: list[int]):
    """Whether a case is named, whether it passes the limit of SNR, its SNR and what chance reached."""
    rng = np.random.default_rng([*seed, 7])
    if multiple == "5 dB":
        strength = smallest_field(GOOD_DB, n, head.field.shape[1])
    else:
        strength = multiple * smallest_field(options.min_snr_db, n, head.field.shape[1])
    focus = rng.integers(len(head.centre_mm))
    counts, n_false = ([0], n) if strength == 0 else ([n], 0)
    marks = draw_marks(rng, head, np.array([focus]), counts, [strength], n_false, n_baseline=100)
    max_shift = np.full(n, round(options.max_shift_s * SFREQ_HZ))
    presence = judge_presence(marks.segments, marks.baseline, max_shift, rules)
    above = presence.snr_db >= options.min_snr_db
    return presence.found, above, presence.snr_db, presence.chance_db
