"""What a cohort would cost, from participants that ran: ``python benchmarks/cohort_cost.py OUTPUT_DIR ...``.

Reads the seconds and the peak memory of each stage from the status files below the folders.
"""

import argparse
from pathlib import Path

import pandas as pd

from bids_app.status import read_cohort
from pipeline import STAGES


def stage_table(cohort: list[dict]) -> pd.DataFrame:
    """One row per participant that is done and stage: seconds, peak_memory_mb."""
    rows = [
        {"stage": stage, **{key: record[key] for key in ("seconds", "peak_memory_mb")}}
        for one in cohort
        if one["state"] == "done"
        for stage, record in one["stages"].items()
    ]
    return pd.DataFrame(rows, columns=["stage", "seconds", "peak_memory_mb"])


def core_hours(table: pd.DataFrame, participants: int, cores: int, overhead_s: float) -> float:
    """Core-hours of a cohort whose participants all take the mean of those that were measured.

    Parameters
    ----------
    table : DataFrame
        From `stage_table`.
    participants : int
    cores : int
        That each participant holds, whether it keeps them busy or not.
    overhead_s : float
        Start-up and queueing on these cores, per participant.
    """
    seconds = table.groupby("stage")["seconds"].mean().sum() + overhead_s
    return participants * cores * seconds / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output_dir", type=Path, nargs="+")
    parser.add_argument("--cores", type=int, default=2, help="threads of the runs")
    parser.add_argument("--participants", type=int, default=1000)
    parser.add_argument("--overhead", type=float, default=0.0, help="seconds per participant")
    args = parser.parse_args()
    cohort = [one for folder in args.output_dir for one in read_cohort(folder)]
    table = stage_table(cohort)
    found = table.groupby("stage").agg(["count", "mean", "min", "max"]).loc[list(STAGES)]
    print(found.round(1).to_string())
    hours = core_hours(table, args.participants, args.cores, args.overhead)
    print(f"{args.participants} participants on {args.cores} cores each: {hours:.0f} core-hours")
    for n in (4, 32, 128):
        print(f"  {n} cores: {hours / (n // args.cores * args.cores) / 24:.2f} days")


if __name__ == "__main__":
    main()
