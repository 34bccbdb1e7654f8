"""The tables of DeepSIF's benchmarks: ``python -m benchmarks.deepsif.tables DATA WORK TABLE ...``.

``candidates`` chooses the input, ``recipes`` the fine-tuning, both on validation heads. ``b1``
measures generic models on heads that they have not seen, ``b2`` personalized ones on the tilted
helmet with one to three sources, ``b3`` what personalizing costs, ``b4`` conventional methods.
"""

import argparse
import time
from copy import deepcopy
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.deepsif.candidates import (
    CANDIDATES,
    n_inputs,
    synthesizer,
    validation_heads,
    with_background,
)
from benchmarks.deepsif.conventional import METHODS, ConventionalMethods
from benchmarks.deepsif.evaluate import (
    head_tensors,
    measure,
    network_solver,
    summarise,
    test_batches,
    write_table,
)
from benchmarks.deepsif.geometry import N_CHANNELS, DeepSif, read_deepsif
from benchmarks.deepsif.heads import TestHead, different_heads, published_heads
from benchmarks.deepsif.personalize import CHOSEN, Recipe, fine_tune, personal_head
from benchmarks.deepsif.train import ABSOLUTE_PART
from pipeline.networks import build_network
from pipeline.progress import Progress
from pipeline.projection import NETWORK_SFREQ_HZ
from pipeline.synthesis.recordings import ONE_SOURCE, Batch, HeadTensors
from pipeline.training.evaluate import METRICS
from pipeline.training.train import validate
from pipeline.weights import load_model

TABLES = ("candidates", "recipes", "b1", "b2", "b3", "b4")
RESULTS = Path(__file__).parents[1] / "results"
SHIPPED = Path(__file__).parent / "weights" / "population.safetensors"
VALIDATION_SAMPLES = 250
RECIPES = [
    Recipe(50, 3e-4),
    Recipe(200, 3e-4),
    Recipe(200, 1e-3),
    Recipe(200, 3e-4, moving="spatial"),
]
# Of the recordings that the others get: these take seconds for each.
SLOW_PART = {"cmem": 0.08, "sttonnica_like": 0.02}


def trained(work: Path, candidate: str, steps: int) -> nn.Module:
    return load_model(work / f"compact_{candidate}_steps{steps}" / "weights.safetensors")[0]


def candidates(deepsif: DeepSif, work: Path, steps: int) -> list[dict]:
    """Errors of the candidates, trained alike, on the generic head and four validation heads."""
    rows = []
    for candidate in CANDIDATES:
        module = trained(work, candidate, steps)
        heads = validation_heads(candidate, deepsif, work, Progress())
        for kind, chosen in (("generic head", heads[:1]), ("other heads", heads[1:])):
            drawn = synthesizer("validation", deepsif, 3, 3)
            batches = [drawn.batch(head, VALIDATION_SAMPLES, ONE_SOURCE) for head in chosen]
            row = {"candidate": candidate, "training_steps": steps, "heads": kind}
            row |= {
                "n": len(chosen) * VALIDATION_SAMPLES,
                **validate(module, batches, chosen, ABSOLUTE_PART),
            }
            rows.append(row)
    return rows


def recipes(deepsif: DeepSif, work: Path, module: nn.Module) -> list[dict]:
    """Fine-tuning of the chosen model to each of two validation heads, by recipe."""
    head_list = validation_heads("population", deepsif, work, Progress())[1:3]
    rows = []
    for recipe in RECIPES:
        for number, head in enumerate(head_list):
            batches = validation_batches(head, deepsif, 4)
            personalized = deepcopy(module).train()
            begin = time.monotonic()
            curve = fine_tune(
                personalized,
                with_background(head, "train", deepsif),
                "population",
                deepsif,
                recipe,
                lambda one: validate(one, batches, [head], ABSOLUTE_PART),  # noqa: B023 - called at once
                recipe.steps,
            )
            rows.append(
                {
                    "head": number,
                    "steps": recipe.steps,
                    "learning_rate": recipe.learning_rate,
                    "moving": recipe.moving,
                    "n": VALIDATION_SAMPLES,
                    "seconds": time.monotonic() - begin,
                    **{f"{name}_before": curve[0][name] for name in ("validation_loss", *METRICS)},
                    **{f"{name}_after": curve[-1][name] for name in ("validation_loss", *METRICS)},
                }
            )
    return rows


def b1(deepsif: DeepSif, models: dict[str, nn.Module], heads: list[TestHead], n: int) -> list[dict]:
    """Generic models without fine-tuning.

    ``raw`` is the paper's setting: it knows nothing but the generic head (another array is mapped).
    ``population`` knows the individual leadfield, without error or with the errors of a head model.
    """
    rows = []
    for candidate, module in models.items():
        for head in heads:
            known = {"individual": head.leadfield, "with errors": head.estimated_leadfield}
            if candidate == "raw":
                known = {"mapped": head.leadfield}
                if len(head.leadfield) == N_CHANNELS:
                    known["none"] = deepsif.generic_leadfield
            for name, leadfield in known.items():
                tensors = head_tensors(head, leadfield, candidate, deepsif)
                batches = test_batches(tensors, deepsif, 1, n)
                table = measure(network_solver(module, tensors), batches, head)
                rows.append(summarise(table, model=candidate, head=head.name, leadfield=name))
                print(_line(rows[-1]), flush=True)
    return rows


def validation_batches(head: HeadTensors, deepsif: DeepSif, seed: int) -> list[Batch]:
    """A batch of recordings of the head with the validation split's sources."""
    drawn = synthesizer("validation", deepsif, seed, 3)
    held_out = with_background(head, "validation", deepsif)
    return [drawn.batch(held_out, VALIDATION_SAMPLES, ONE_SOURCE)]


def personalized_model(deepsif: DeepSif, module: nn.Module, head: TestHead) -> nn.Module:
    personal = personal_head(head.leadfield, head.region_pos_mm, "population", deepsif)
    personalized = deepcopy(module).train()
    batches = validation_batches(personal, deepsif, 5)
    fine_tune(
        personalized,
        personal,
        "population",
        deepsif,
        CHOSEN,
        lambda one: validate(one, batches, [personal], ABSOLUTE_PART),
        CHOSEN.steps // 4,
    )
    return personalized.eval()


def b2(deepsif: DeepSif, module: nn.Module, tilted: TestHead, n: int) -> list[dict]:
    """Before and after fine-tuning to the tilted helmet; one, two and three sources."""
    models = {"generic": module, "personalized": personalized_model(deepsif, module, tilted)}
    tensors = head_tensors(tilted, tilted.leadfield, "population", deepsif)
    rows = []
    for name, model in models.items():
        for reference_noise in (False, True):
            for n_sources in (1, 2, 3):
                batches = test_batches(tensors, deepsif, n_sources, n, reference_noise)
                table = measure(network_solver(model, tensors), batches, tilted)
                noise = "the reference's" if reference_noise else "equal per sensor"
                rows.append(summarise(table, model=name, sources=n_sources, noise=noise))
                print(_line(rows[-1]), flush=True)
    return rows


def b3(deepsif: DeepSif, raw: nn.Module, population: nn.Module, tilted: TestHead) -> list[dict]:
    """Validation loss and error on the tilted helmet against updates and seconds, one run."""
    torch.manual_seed(0)
    # Way: candidate, network, updates, learning rate, and between measurements.
    ways = {
        "from scratch, raw channels": (
            "raw",
            build_network("compact", n_in=n_inputs("raw")),
            Recipe(3000, 1e-3, constant=True),
            150,
        ),
        "fine-tuned, raw channels (the paper's way)": (
            "raw",
            deepcopy(raw),
            Recipe(3000, 3e-4, constant=True),
            150,
        ),
        "fine-tuned, population (ours)": ("population", deepcopy(population), CHOSEN, 25),
    }
    rows = []
    for name, (candidate, module, recipe, every) in ways.items():
        head = personal_head(tilted.leadfield, tilted.region_pos_mm, candidate, deepsif)
        batches = validation_batches(head, deepsif, 6)
        begin, measuring = time.monotonic(), 0.0
        seconds = []

        def timed(one):
            nonlocal measuring
            start = time.monotonic()
            seconds.append(start - begin - measuring)  # noqa: B023 - called in this turn
            measured = validate(one, batches, [head], ABSOLUTE_PART)  # noqa: B023
            measuring += time.monotonic() - start
            return measured

        curve = fine_tune(module.train(), head, candidate, deepsif, recipe, timed, every)
        for row, at in zip(curve, seconds, strict=True):
            rows.append({"way": name, "seconds": at, **row})
    return rows


def b4(deepsif: DeepSif, module: nn.Module, heads: list[TestHead], n: int) -> list[dict]:
    """Conventional methods and the generic network on the same recordings of one source.

    All are given the leadfield that generates and the same noise covariance. A conventional
    method's baseline is where the simulated wave lies below a tenth of its maximum.
    """
    rows = []
    for head in heads:
        tensors = head_tensors(head, head.leadfield, "population", deepsif)
        conventional = ConventionalMethods(
            (tensors.rewhiten @ tensors.field).double().numpy(),
            np.eye(len(tensors.rewhiten)),
            head.region_pos_mm,
            deepsif.graph.adjacency,
            NETWORK_SFREQ_HZ,
        )
        solvers = {"compact network, generic": network_solver(module, tensors)}
        for method in METHODS:
            solvers[method] = partial(_solve_each, conventional, method)
        for name, solve in solvers.items():
            n_own = max(1, round(n * SLOW_PART.get(name, 1)))
            batches = test_batches(tensors, deepsif, 1, n_own)
            begin = time.perf_counter()
            with torch.inference_mode():
                solved = [solve(batch) for _, batch in batches]
            seconds = (time.perf_counter() - begin) / sum(len(activity) for activity in solved)
            ready = iter(solved)
            table = measure(lambda _: next(ready), batches, head)  # noqa: B023 - called at once
            rows.append(
                summarise(table, method=name, head=head.name) | {"seconds_per_recording": seconds}
            )
            print(_line(rows[-1]), flush=True)
    return rows


def _solve_each(conventional: ConventionalMethods, method: str, batch: Batch) -> torch.Tensor:
    solved = []
    for recording, wave in zip(batch.recording.double().numpy(), batch.wave, strict=True):
        quiet = (wave.abs().amax(0) < 0.1).numpy()
        solved.append(conventional(method, recording, recording[:, quiet]))
    return torch.as_tensor(np.array(solved), dtype=torch.float32)


def _line(row: dict) -> str:
    labels = [str(v) for v in row.values()][: list(row).index("n")]
    return (
        f"{' | '.join(labels):55s} n {row['n']}  "
        f"LE {row['found_to_true_mm_mean']:.2f} ± {row['found_to_true_mm_sd']:.2f} mm  "
        f"sens {row['sensitivity_mean']:.2f}  spec {row['specificity_mean']:.2f}  "
        f"corr {row['correlation_mean']:.2f}  AUC {row['auc_mean']:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder that holds deepsif/, arrays/, real_head/")
    parser.add_argument("work", type=Path, help="folder of the trainings and the computed heads")
    parser.add_argument("tables", nargs="+", choices=TABLES)
    parser.add_argument("--n", type=int, default=2000, help="recordings per condition")
    parser.add_argument("--candidate-steps", type=int, default=1000, help="of all candidates")
    parser.add_argument("--raw-steps", type=int, default=6000, help="of the raw one in B1 and B3")
    parser.add_argument("--shipped-only", action="store_true", help="no model but the shipped one")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the tables")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    deepsif = read_deepsif(args.data / "deepsif")
    population = load_model(SHIPPED)[0]
    published = published_heads(deepsif)
    tilted = published[1]
    for name in args.tables:
        print(f"-- {name}", flush=True)
        if name == "candidates":
            rows = candidates(deepsif, args.work, args.candidate_steps)
        elif name == "recipes":
            rows = recipes(deepsif, args.work, population)
        elif name == "b1":
            models = {"population": population}
            if not args.shipped_only:
                models["raw"] = trained(args.work, "raw", args.raw_steps)
            heads = published + different_heads(deepsif, args.data, args.work / "heads")
            rows = b1(deepsif, models, heads, args.n)
        elif name == "b2":
            rows = b2(deepsif, population, tilted, args.n)
        elif name == "b4":
            rows = b4(deepsif, population, [published[0]], args.n)
        else:
            raw = trained(args.work, "raw", args.raw_steps)
            rows = b3(deepsif, raw, population, tilted)
        write_table(rows, args.results / f"deepsif_{name}.csv")


if __name__ == "__main__":
    main()
