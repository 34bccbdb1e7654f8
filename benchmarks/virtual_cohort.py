"""A virtual cohort, imaged and summed up: ``python benchmarks/virtual_cohort.py WORK_DIR``.

Creates the patients of ``spikefocus demo --patients N``, runs the pipeline with its defaults on
each, compares each map with the truth and runs the group level. The program skips what is done
already, so an interrupted run goes on; the table is written after every patient.
"""

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import pandas as pd

from bids_app.dataset import participant_labels
from bids_app.demo.likeness import estimate_likeness
from bids_app.demo.verdict import compare_with_truth
from pipeline.files import atomic_path, read_json
from pipeline.methods import METHODS
from pipeline.paths import PatientPaths

RESULTS = Path(__file__).parent / "results"


def spikefocus(*arguments: str) -> int:
    """Run the program; its exit code."""
    program = Path(sys.executable).with_name("spikefocus")
    return subprocess.run([program, *arguments], check=False).returncode


def create(folder: Path, n_patients: int, seed: int) -> None:
    """Create the cohort, unless it is there.

    Raises
    ------
    SystemExit
        Another number of patients is there, or they cannot be created.
    """
    if not (folder / "bids" / "participants.tsv").exists():
        started = time.monotonic()
        code = spikefocus("demo", str(folder), "--patients", str(n_patients), "--seed", str(seed))
        if code:
            raise SystemExit(f"the virtual patients could not be created (exit code {code})")
        print(f"created {n_patients} patients in {time.monotonic() - started:.0f} s")
    there = participant_labels(folder / "bids")
    if len(there) != n_patients:
        raise SystemExit(f"{folder} holds {len(there)} patients, not {n_patients}")


def rows_of(folder: Path, label: str) -> list[dict]:
    """One row per method with a map, distances to the truth in mm; one row for a failure."""
    paths = PatientPaths(folder / "output", label)
    truth = read_json(folder / "truth" / f"{paths.sub}_truth.json")
    status = read_json(paths.status) if paths.status.exists() else {"state": "not run"}
    stages = status.get("stages", {})
    about = {
        "participant": paths.sub,
        "array": truth["recipe"]["array"],
        "sublobar": truth["foci"][0]["sublobar"],
        "ieeg": any((folder / "bids" / paths.sub / "ieeg").glob("*_electrodes.tsv")),
        "resection": any(folder.glob(f"bids/derivatives/*/{paths.sub}/**/*resection*.nii.gz")),
        "state": status["state"],
        "seconds": round(sum(stage["seconds"] for stage in stages.values()), 1),
    }
    if status["state"] != "done":
        return [about]
    fit = estimate_likeness(paths, folder / "truth")
    about |= {name: round(value, 3) for name, value in fit.items()}
    rows = []
    for method in METHODS:
        if paths.sources(method).exists():
            distances = compare_with_truth(paths, folder / "truth", method)
            rounded = {
                name if name.startswith("area") else f"{name}_mm": round(value, 3)
                for name, value in distances.items()
            }
            rows.append(about | {"method": method} | rounded)
    return rows


def write_table(folder: Path, labels: list[str], target: Path) -> pd.DataFrame:
    """Write what there is of all patients."""
    table = pd.DataFrame([row for label in labels for row in rows_of(folder, label)])
    with atomic_path(target) as tmp:
        table.to_csv(tmp, index=False)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("work_dir", type=Path, help="gets bids/, truth/ and output/")
    parser.add_argument("--patients", type=int, default=29)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nprocs", type=int, default=1, help="threads of each patient")
    parser.add_argument("--parallel", type=int, default=2, help="patients at a time")
    parser.add_argument("--results", type=Path, default=RESULTS / "virtual_cohort.csv")
    args = parser.parse_args()
    folder = args.work_dir
    create(folder, args.patients, args.seed)
    labels = participant_labels(folder / "bids")
    dataset = (str(folder / "bids"), str(folder / "output"))
    options = ("--skip-bids-validation", "--nprocs", str(args.nprocs))
    started = time.monotonic()
    with ThreadPoolExecutor(args.parallel) as pool:
        runs = [
            pool.submit(spikefocus, *dataset, "participant", "--participant-label", label, *options)
            for label in labels
        ]
        # A patient that fails stands in the table as such; the others go on.
        for _ in as_completed(runs):
            write_table(folder, labels, args.results)
    print(f"imaged {len(labels)} patients in {(time.monotonic() - started) / 60:.0f} min")
    table = write_table(folder, labels, args.results)
    if code := spikefocus(*dataset, "group"):
        raise SystemExit(f"the group level failed (exit code {code})")
    states = table.drop_duplicates("participant")
    print(states["state"].value_counts().to_string())
    seconds = states.loc[states["state"] == "done", "seconds"]
    print(f"seconds per patient, median: {seconds.median():.0f}")
    columns = ["maximum_to_centre_mm", "found_to_true_mm", "true_to_found_mm"]
    columns += ["area_recall", "area_precision"]
    print(table.groupby("method", sort=False)[columns].median().round(2).to_string())


if __name__ == "__main__":
    main()
