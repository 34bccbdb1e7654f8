"""``python -m benchmarks.systems list | run EXPERIMENT [--quick] | train NAME --size cpu|paper|smoke``."""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.systems import deepmeg, product
from benchmarks.systems.heads import point_field, test_members
from benchmarks.systems.rows import write
from pipeline.progress import Progress
from pipeline.systems import SIZES, SYSTEMS
from pipeline.training.systems import train_system

RESULTS = Path(__file__).parents[1] / "results"
EXPERIMENTS: dict[str, Callable[[Path, bool], list[dict]]] = {
    "all_systems": product.run,
    "deepmeg_snr": deepmeg.snr,
    "deepmeg_correlation": deepmeg.correlation,
    "deepmeg_times": deepmeg.times,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.systems")
    parser.add_argument("--work", type=Path, default=Path("build/systems"), help="heads, weights")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="systems and experiments")
    run = commands.add_parser("run", help="one experiment, into a table")
    run.add_argument("experiment", choices=EXPERIMENTS)
    run.add_argument("--quick", action="store_true", help="few recordings: minutes on two cores")
    run.add_argument("--results", type=Path, default=RESULTS)
    train = commands.add_parser("train", help="train a system for the first test head's regions")
    train.add_argument("name", choices=SYSTEMS.names())
    train.add_argument("--size", choices=SIZES, default="cpu")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--minutes", type=float, help="end after these; called again, it goes on")
    args = parser.parse_args()
    if args.command == "list":
        for name in SYSTEMS:
            system = SYSTEMS[name]
            print(f"{name:16s} {system.label}: {system.answers}. {system.reference}")
        for name, experiment in EXPERIMENTS.items():
            print(f"{name:20s} {(experiment.__doc__ or '').splitlines()[0]}")
    elif args.command == "run":
        rows = EXPERIMENTS[args.experiment](args.work, args.quick)
        path = args.results / f"systems_{args.experiment}.csv"
        write(rows, path)
        print(path)
    else:
        torch.use_deterministic_algorithms(True, warn_only=True)
        field = point_field(test_members(1, args.work)[0][1])
        _, card = train_system(
            args.name,
            field,
            args.size,
            args.seed,
            args.work / "weights",
            Progress(),
            args.minutes,
        )
        print(card)


if __name__ == "__main__":
    main()
