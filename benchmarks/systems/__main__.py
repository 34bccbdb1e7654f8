"""``python -m benchmarks.systems list | run EXPERIMENT [--quick] | train NAME --size cpu|paper|smoke``."""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.systems import deepmeg, dst_dae, fourlcnn, music, product, somatosensory, unet
from benchmarks.systems.deep import fields_with_deep
from benchmarks.systems.heads import known_field, test_members
from benchmarks.systems.rows import write
from benchmarks.systems.trained import weights_folder
from pipeline.progress import Progress
from pipeline.systems import SIZES, SYSTEMS
from pipeline.systems._system import Field, System
from pipeline.systems._topography import Topographic
from pipeline.training.systems import train_system

RESULTS = Path(__file__).parents[1] / "results"
EXPERIMENTS: dict[str, Callable[[Path, bool], list[dict]]] = {
    "all_systems": product.run,
    "deepmeg_snr": deepmeg.snr,
    "deepmeg_correlation": deepmeg.correlation,
    "deepmeg_times": deepmeg.times,
    "dst_dae": dst_dae.run,
    "fourlcnn": fourlcnn.run,
    "music": music.run,
    "somatosensory": somatosensory.run,
    "unet": unet.run,
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
    train.add_argument("--steps", type=int, help="of a shorter training than the size's own")
    train.add_argument(
        "--of-tested",
        action="store_true",
        help="DST-DAE for the bases and SNR of the recordings of an experiment, as its authors do",
    )
    train.add_argument(
        "--balanced",
        action="store_true",
        help="4LCNN or ConvDip with as many deep clusters as cortical ones, where its authors have 7 of 9",
    )
    args = parser.parse_args()
    if getattr(args, "of_tested", False) and args.name != "dst_dae":
        parser.error("only DST-DAE learns from the recordings that it inverts")
    if getattr(args, "balanced", False) and not SYSTEMS[args.name].sees_deep:
        parser.error("only 4LCNN and ConvDip have deep sources")
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
        field, system, variant = trained_for(args)
        _, card = train_system(
            args.name,
            field,
            args.size,
            args.seed,
            weights_folder(args.work, variant),
            Progress(),
            args.minutes,
            system,
            args.steps,
        )
        print(card)


def trained_for(args: argparse.Namespace) -> tuple[Field, System, str]:
    """The first test head's field, the system as it is trained, and which of `VARIANTS` that is."""
    name, member = test_members(1, args.work)[0]
    system = SYSTEMS[args.name]
    if isinstance(system, Topographic):
        field, _ = fields_with_deep(name, member, args.work)
        return (
            (field, system.with_deep_share(0.5), "balanced")
            if args.balanced
            else (field, system, "")
        )
    field = known_field(member)
    return (field, dst_dae.of_tested(field), "of_tested") if args.of_tested else (field, system, "")


if __name__ == "__main__":
    main()
