"""All systems in one table: extended patches on heads that nobody has seen and that are known with errors.

What generates and what inverts differ in cortex and co-registration (`population`); spikes, background
and patches are the test split's. They share the kind of head model (a single shell of as many vertices) and
the rule that patches grow by, which favours the network, trained on that rule.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.deepsif.conventional import METHODS, ConventionalMethods
from benchmarks.deepsif.measure import batch_metrics
from benchmarks.systems.heads import region_areas_mm2, test_members
from benchmarks.systems.rows import row
from pipeline.projection import NETWORK_SFREQ_HZ
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import template_graph
from pipeline.synthesis.recordings import Batch, HeadTensors
from pipeline.training.generic import make_synthesizer, member_tensors
from pipeline.weights import load_model

SHOWN = {
    "found_to_true_mm": "found → true, mm",
    "true_to_found_mm": "true → found, mm",
    "maximum_to_centre_mm": "maximum → centre, mm",
    "auc": "AUC",
}
# Seconds a recording: these get a part of the others' recordings.
SLOW = {"cmem": 4, "sttonnica_like": 8}
FULL, QUICK = (4, 50), (1, 4)


def run(work: Path, quick: bool) -> list[dict]:
    """The product's own question: extended patches, one to three, on unseen heads known with errors."""
    n_heads, n = QUICK if quick else FULL
    module, _ = load_model()
    area_mm2 = region_areas_mm2()
    found: dict[tuple[str, str], list[float]] = {}
    for _, member in test_members(n_heads, work):
        [tensors] = member_tensors([member], load_library("test"), "projected", "cpu")
        conventional = ConventionalMethods(
            tensors.projection.leadfield.double().numpy(),
            np.eye(len(tensors.field)),
            member.region_pos_mm,
            template_graph().adjacency,
            NETWORK_SFREQ_HZ,
        )
        for n_sources in (1, 2, 3):
            batch = _batch(tensors, n, n_sources)
            for name in ("compact network, generic", *METHODS):
                part = _first(batch, max(1, n // SLOW.get(name, 1)))
                solve = (
                    (lambda one, head=tensors: module(one.recording, head.projection, one.peak))
                    if name not in METHODS
                    else _each(conventional, name)
                )
                begin = time.perf_counter()
                with torch.inference_mode():
                    activity = solve(part)
                seconds = (time.perf_counter() - begin) / len(activity)
                measured = batch_metrics(
                    activity, part, member.region_pos_mm, area_mm2, NETWORK_SFREQ_HZ, first=0
                )
                sources = f"{n_sources} source{'s' * (n_sources > 1)}"
                for metric, words in SHOWN.items():
                    kept = found.setdefault((name, f"{sources}, {words}"), [])
                    kept += [one[metric] for one in measured]
                found.setdefault((name, f"{sources}, s per recording"), []).append(seconds)
                print(f"{name:26s} {sources}", flush=True)
    return [row(name, condition, np.array(values)) for (name, condition), values in found.items()]


def _batch(head: HeadTensors, n: int, n_sources: int) -> Batch:
    shares = (0.0,) * (n_sources - 1) + (1.0,)
    return make_synthesizer("test", n_sources, 3, "cpu").batch(head, n, shares)


def _first(batch: Batch, n: int) -> Batch:
    return Batch(**{name: values[:n] for name, values in vars(batch).items()})


def _each(conventional: ConventionalMethods, name: str) -> Callable[[Batch], torch.Tensor]:
    def solve(batch: Batch) -> torch.Tensor:
        solved = []
        for recording, wave in zip(batch.recording.double().numpy(), batch.wave, strict=True):
            quiet = (wave.abs().amax(0) < 0.1).numpy()
            solved.append(conventional(name, recording, recording[:, quiet]))
        return torch.as_tensor(np.array(solved), dtype=torch.float32)

    return solve
