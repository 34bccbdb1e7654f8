"""Train a candidate on DeepSIF's geometry: ``python -m benchmarks.deepsif.train DATA WORK CANDIDATE``.

Interrupted and called again, it goes on from its checkpoint. Weights, card and curve go to
``WORK/CANDIDATE_steps<N>``.
"""

import argparse
import time
from pathlib import Path

import torch

from benchmarks.deepsif.candidates import (
    CANDIDATES,
    n_inputs,
    synthesizer,
    training_heads,
    validation_heads,
)
from benchmarks.deepsif.geometry import N_CHANNELS, read_deepsif
from pipeline import __version__
from pipeline.networks import build_network
from pipeline.progress import Progress
from pipeline.synthesis.recordings import ONE_SOURCE
from pipeline.training.curve import draw_curve
from pipeline.training.generic import VALIDATION_SAMPLES_PER_HEAD
from pipeline.training.train import Schedule, train, validate
from pipeline.weights import save_model

PATCHES_PER_REGION = 12
BATCH_SIZE = 64
LEARNING_RATE = 5e-4
# B1 has one source, B2 one to three.
SHARES = (0.5, 0.25, 0.25)
# More than the product's: the reference's rule for what is found counts any faint activity of 14 ms.
# Without patches to begin with, though, a network that is to leave silent what is probably silent
# says nothing at all: the squared error has to lead it.
ABSOLUTE_PART, ABSOLUTE_PART_OF_CHANNELS = 0.6, 0.1


def absolute_part(candidate: str) -> float:
    """Of the absolute error in a candidate's training loss."""
    of_channels = n_inputs(candidate) == N_CHANNELS
    return ABSOLUTE_PART_OF_CHANNELS if of_channels else ABSOLUTE_PART


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds deepsif/")
    parser.add_argument("work", type=Path, help="folder for heads, checkpoints and weights")
    parser.add_argument("candidate", choices=CANDIDATES)
    parser.add_argument("--network", default="compact")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    progress = Progress()
    deepsif = read_deepsif(args.data / "deepsif")
    folder = args.work / f"{args.network}_{args.candidate}_steps{args.steps}"
    heads = training_heads(args.candidate, deepsif, args.work, args.seed, progress)
    held_out = validation_heads(args.candidate, deepsif, args.work, progress)
    checker = synthesizer("validation", deepsif, 1, 3)
    batches = [checker.batch(head, VALIDATION_SAMPLES_PER_HEAD, ONE_SOURCE) for head in held_out]
    torch.manual_seed(args.seed)
    module = build_network(args.network, n_in=n_inputs(args.candidate))
    schedule = Schedule(
        steps=args.steps,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        falling_part=0.8,
        absolute_part=absolute_part(args.candidate),
        averaging=0.998,
        validate_every=min(250, args.steps),
        patience=args.steps,
    )
    begin = time.monotonic()
    curve = train(
        module,
        synthesizer("train", deepsif, args.seed, PATCHES_PER_REGION, source_shares=SHARES),
        heads,
        lambda averaged: validate(averaged, batches, held_out, schedule.absolute_part),
        schedule,
        folder,
        progress,
        f"training {args.candidate}",
    )
    card = {
        "network": args.network,
        "input": args.candidate,
        "version": __version__,
        "samples": curve[-1]["samples"],
        "seed": args.seed,
        "threads": args.threads,
        "hours_since_last_resume": round((time.monotonic() - begin) / 3600, 2),
        "validation": min(curve, key=lambda row: row["validation_loss"]),
    }
    save_model(folder / "weights.safetensors", module, card, torch.float16)
    draw_curve(folder / "curve.svg", curve)


if __name__ == "__main__":
    main()
