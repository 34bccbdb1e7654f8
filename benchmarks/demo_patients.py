"""Virtual patients, both arrays, five seeds: ``python benchmarks/demo_patients.py WORK_DIR``.

Creates each patient, runs the pipeline with its defaults and compares every method's map with
the truth. What is already there is kept, so an interrupted run goes on.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from bids_app.demo.verdict import compare_with_truth
from pipeline.files import read_json
from pipeline.paths import PatientPaths

ARRAYS = ("neuromag", "ctf275")
SEEDS = (1, 2, 3, 4, 5)
METHODS = ("personalized", "generic", "sloreta", "dspm", "lcmv", "cmem")
RESULTS = Path(__file__).parent / "results"


def spikefocus(*arguments: str) -> None:
    program = Path(sys.executable).with_name("spikefocus")
    subprocess.run([program, *arguments], check=True)


def run_patient(folder: Path, array: str, seed: int, nprocs: int) -> None:
    """Create one virtual patient and run the pipeline on it."""
    if not (folder / "truth" / "sub-01_truth.json").exists():
        spikefocus("demo", str(folder), "--array", array, "--seed", str(seed))
    options = ("--nprocs", str(nprocs), "--skip-bids-validation")
    spikefocus(str(folder / "bids"), str(folder / "output"), "participant", *options)


def rows_of(folder: Path, array: str, seed: int) -> list[dict]:
    """One row per method: distances to the truth, in mm."""
    paths = PatientPaths(folder / "output", "01")
    stages = read_json(paths.status)["stages"]
    personalize = read_json(paths.qc("personalize"))
    rows = []
    for method in METHODS:
        distances = compare_with_truth(paths, folder / "truth", method)
        row = {"array": array, "seed": seed, "method": method}
        row |= {f"{name}_mm": round(value, 2) for name, value in distances.items()}
        rows.append(row)
    dipole = read_json(paths.dipole)
    truth = read_json(folder / "truth" / "sub-01_truth.json")
    difference_mm = np.array(dipole["pos_mri_mm"]) - truth["patch_centre_mri_mm"]
    to_centre = np.linalg.norm(difference_mm)
    rows.append(
        {"array": array, "seed": seed, "method": "ecd", "maximum_to_centre_mm": round(to_centre, 2)}
    )
    for row in rows:
        row["improved_on_held_out"] = personalize["improved"]
        row["pipeline_minutes"] = round(sum(s["seconds"] for s in stages.values()) / 60, 1)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work_dir", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--arrays", nargs="+", default=ARRAYS)
    parser.add_argument("--nprocs", type=int, default=2)
    args = parser.parse_args()
    rows = []
    for array in args.arrays:
        for seed in args.seeds:
            folder = args.work_dir / f"{array}-{seed}"
            run_patient(folder, array, seed, args.nprocs)
            rows += rows_of(folder, array, seed)
    table = pd.DataFrame(rows)
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "demo_patients.csv", index=False)
    columns = ["maximum_to_centre_mm", "found_to_true_mm", "true_to_found_mm"]
    print(table.groupby(["array", "method"], sort=False)[columns].median().round(1).to_string())
    print(table.groupby("method", sort=False)[columns].median().round(1).to_string())


if __name__ == "__main__":
    main()
