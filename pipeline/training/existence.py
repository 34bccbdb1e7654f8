"""How far a network's word that there is a source can be trusted, on synthetic recordings."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from pipeline.networks._network import Network
from pipeline.synthesis.recordings import ONE_SOURCE, HeadTensors, Synthesizer
from pipeline.training.train import is_near_source

# Of a head's recordings without a source, how many may be said to have one.
FALSELY_NAMED = 0.05
EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)


def existence_of(
    module: Network,
    synthesizer: Synthesizer,
    heads: Sequence[HeadTensors],
    n_per_head: int,
    batch_size: int,
) -> dict[str, np.ndarray]:
    """What a network says of its main source in each of many recordings, and what is true.

    Returns
    -------
    arrays : dict of ndarray, (n,)
        ``said``, the probability; ``right``, whether there is a source where the main one is found, or
        up to two regions beside it; ``silent``, whether there is none at all; ``source_snr_db``;
        ``head``, its number.
    """
    parts: dict[str, list[np.ndarray]] = {
        name: [] for name in ("said", "right", "silent", "source_snr_db", "head")
    }
    with torch.inference_mode():
        for number, head in enumerate(heads):
            for _ in range(n_per_head // batch_size):
                batch = synthesizer.batch(head, batch_size, ONE_SOURCE)
                answer = module.answer(batch.recording, head.projection, batch.peak)
                assert answer.sources is not None and head.projection.neighbours is not None
                near = is_near_source(answer.sources, batch.patches, head.projection.neighbours)
                main = answer.main_source[:, None]
                for name, values in (
                    ("said", answer.main_existence),
                    ("right", near.gather(1, main)[:, 0]),
                    ("silent", batch.silent),
                    ("source_snr_db", batch.source_snr_db),
                ):
                    parts[name].append(values.cpu().numpy())
                parts["head"].append(np.full(batch_size, number))
    return {name: np.concatenate(values) for name, values in parts.items()}


def measure_existence(
    module: Network,
    validation: tuple[Synthesizer, Sequence[HeadTensors]],
    test: tuple[Synthesizer, Sequence[HeadTensors]],
    n_per_head: int,
    batch_size: int,
) -> dict[str, Any]:
    """A threshold from validation heads, and what it gives on test heads (`model_card.Existence`)."""
    seen, tested = (
        existence_of(module, synthesizer, heads, n_per_head, batch_size)
        for synthesizer, heads in (validation, test)
    )
    threshold = round(threshold_of(seen["said"], seen["silent"], seen["head"]), 4)
    named, silent = tested["said"] > threshold, tested["silent"]
    return {
        "threshold": threshold,
        "n_silent": int(silent.sum()),
        "n_with_source": int((~silent).sum()),
        "named_silent": round(float(named[silent].mean()), 3),
        "named_with_source": round(float(named[~silent].mean()), 3),
        "reliability": reliability(tested["said"], tested["right"]),
    }


def threshold_of(said: np.ndarray, silent: np.ndarray, head: np.ndarray) -> float:
    """The probability that at most `FALSELY_NAMED` of each head's recordings without a source exceed.

    Heads differ, and a patient is one head: what holds on the average of them fails on every other one.
    """
    own = [said[silent & (head == number)] for number in np.unique(head[silent])]
    return max(float(np.quantile(values, 1 - FALSELY_NAMED)) for values in own)


def reliability(said: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """By what was said, how often it was right: rows of ``said_from``, ``said_to``, ``n``, ``said``, ``right``."""
    rows = []
    for low, high in pairwise(EDGES):
        inside = (said >= low) & ((said < high) | (high == EDGES[-1]))
        if inside.any():
            rows.append(
                {
                    "said_from": low,
                    "said_to": high,
                    "n": int(inside.sum()),
                    "said": round(float(said[inside].mean()), 3),
                    "right": round(float(right[inside].mean()), 3),
                }
            )
    return rows
