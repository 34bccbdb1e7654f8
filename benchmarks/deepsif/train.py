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
from benchmarks.deepsif.geometry import read_deepsif
from pipeline import __version__
from pipeline.networks.curve import draw_curve
from pipeline.networks.generic import VALIDATION_SAMPLES_PER_HEAD
from pipeline.networks.train import ABSOLUTE_PART, Plan, train, validate
from pipeline.networks.weights import build_network, load_model, save_model
from pipeline.progress import Progress
from pipeline.synthesis.recordings import ONE_SOURCE, SOURCE_SHARES

PATCHES_PER_REGION = 12
BATCH_SIZE = 64
# The reference's rule for what is found counts any faint activity of 14 ms: a second training weighs
# the absolute error more, and silences it. It also has as many recordings of several sources as B2.
SHARPER_LEARNING_RATE, SHARPER_PART, SHARPER_SHARES = 2e-4, 0.6, (0.4, 0.3, 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds deepsif/")
    parser.add_argument("work", type=Path, help="folder for heads, checkpoints and weights")
    parser.add_argument("candidate", choices=CANDIDATES)
    parser.add_argument("--network", default="compact")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--start", type=Path, help="weights to go on from, with a sharper loss")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    progress = Progress()
    deepsif = read_deepsif(args.data / "deepsif")
    name = f"{args.network}_{args.candidate}_steps{args.steps}"
    folder = args.work / (f"{name}_sharper" if args.start else name)
    heads = training_heads(args.candidate, deepsif, args.work, args.seed, progress)
    held_out = validation_heads(args.candidate, deepsif, args.work, progress)
    checker = synthesizer("validation", deepsif, 1, 3)
    batches = [checker.batch(head, VALIDATION_SAMPLES_PER_HEAD, ONE_SOURCE) for head in held_out]
    torch.manual_seed(args.seed)
    module = build_network(args.network, n_inputs(args.candidate))
    if args.start:
        module = load_model(args.start, args.network)[0].train()
    plan = Plan(
        steps=args.steps,
        batch_size=BATCH_SIZE,
        learning_rate=SHARPER_LEARNING_RATE if args.start else 3e-4,
        falling_part=0.8,
        absolute_part=SHARPER_PART if args.start else ABSOLUTE_PART,
        averaging=0.998,
        validate_every=min(250, args.steps),
        patience=args.steps,
    )
    shares = SHARPER_SHARES if args.start else SOURCE_SHARES
    begin = time.monotonic()
    curve = train(
        module,
        synthesizer("train", deepsif, args.seed, PATCHES_PER_REGION, source_shares=shares),
        heads,
        lambda averaged: validate(averaged, batches, held_out, plan.absolute_part),
        plan,
        folder,
        progress,
        f"training {args.candidate}",
    )
    card = {
        "network": args.network,
        "n_in": n_inputs(args.candidate),
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
