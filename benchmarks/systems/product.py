"""All systems in one table: extended patches on heads that nobody has seen and that are known with errors.

What generates and what inverts differ in cortex and co-registration (`population`); spikes, background
and patches are the test split's. They share the kind of head model (a single shell of as many vertices) and
the rule that patches grow by, which favours the network, trained on that rule.
"""

import time
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
import torch

from benchmarks.deepsif.conventional import METHODS, ConventionalMethods
from benchmarks.deepsif.measure import batch_metrics
from benchmarks.systems.deep import fields_with_deep
from benchmarks.systems.heads import channels_of, known_field, region_areas_mm2, test_members
from benchmarks.systems.rows import row
from benchmarks.systems.trained import trained
from pipeline.methods._system import as_activity, sampled
from pipeline.projection import NETWORK_SFREQ_HZ
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import template_graph
from pipeline.synthesis.population import Member
from pipeline.synthesis.recordings import Batch, HeadTensors
from pipeline.systems import SYSTEMS
from pipeline.systems._system import System
from pipeline.training.generic import make_synthesizer, member_tensors
from pipeline.weights import load_model

SHOWN = {
    "found_to_true_mm": "found → true, mm",
    "true_to_found_mm": "true → found, mm",
    "maximum_to_centre_mm": "maximum → centre, mm",
    "auc": "AUC",
}
# Seconds a recording: these get a part of the others' recordings.
SLOW = {"cmem": 10, "sttonnica_like": 25, "focuss": 5, "champagne": 5, "gamma_map": 5}
FULL, QUICK = (4, 50), (1, 4)

Solve = Callable[[Batch], torch.Tensor]


def run(work: Path, quick: bool) -> list[dict]:
    """The product's own question: extended patches, one to three, on unseen heads known with errors."""
    n_heads, n = QUICK if quick else FULL
    module, _ = load_model()
    found: dict[tuple[str, str], list[float]] = {}
    for number, (head, member) in enumerate(test_members(n_heads, work)):
        [tensors] = member_tensors([member], load_library("test"), "projected", "cpu")
        conventional = conventional_methods(tensors, member)
        networks = {
            "compact network, generic": _generic(module, tensors),
            "compact network, less silenced": _generic(less_silenced(module), tensors),
        }
        rivals = {name: partial(solved, conventional, name) for name in METHODS}
        if not number:  # which they are trained for
            networks |= _systems(work, head, member)
        for n_sources in (1, 2, 3):
            batch = recordings(tensors, n, n_sources)
            for name, solve in (networks | rivals).items():
                part = _first(batch, max(1, n // SLOW.get(name, 1)))
                begin = time.perf_counter()
                with torch.inference_mode():
                    activity = solve(part)
                seconds = (time.perf_counter() - begin) / len(activity)
                sources = f"{n_sources} source{'s' * (n_sources > 1)}"
                keep_errors(found, name, sources, SHOWN, activity, part, member)
                found.setdefault((name, f"{sources}, s per recording"), []).append(seconds)
                print(f"{name:26s} {sources}", flush=True)
    return [row(name, condition, np.array(values)) for (name, condition), values in found.items()]


def keep_errors(
    found: dict[tuple[str, str], list[float]],
    name: str,
    sources: str,
    shown: dict[str, str],
    activity: torch.Tensor,
    batch: Batch,
    member: Member,
) -> None:
    """Add to `found`, by method and condition, those of `batch_metrics` that are `shown`, with their names."""
    measured = batch_metrics(
        activity, batch, member.region_pos_mm, region_areas_mm2(), NETWORK_SFREQ_HZ, first=0
    )
    for metric, words in shown.items():
        found.setdefault((name, f"{sources}, {words}"), []).extend(one[metric] for one in measured)


def conventional_methods(head: HeadTensors, member: Member) -> ConventionalMethods:
    return ConventionalMethods(
        head.projection.leadfield.double().numpy(),
        np.eye(len(head.field)),
        member.region_pos_mm,
        template_graph().adjacency,
        NETWORK_SFREQ_HZ,
    )


def recordings(head: HeadTensors, n: int, n_sources: int) -> Batch:
    """The test split's, of so many sources each."""
    shares = (0.0,) * (n_sources - 1) + (1.0,)
    return make_synthesizer("test", n_sources, 3, "cpu").batch(head, n, shares)


def _first(batch: Batch, n: int) -> Batch:
    return Batch(**{name: values[:n] for name, values in vars(batch).items()})


def less_silenced(module: torch.nn.Module) -> torch.nn.Module:
    """The network with the constants that it was trained with: faint regions and improbable sources are heard."""
    other = copy(module)
    other.architecture = replace(module.architecture, faint_region=0.05, least_existence=0.0)
    return other


def _generic(module: torch.nn.Module, head: HeadTensors) -> Solve:
    return lambda batch: module(batch.recording, head.projection, batch.peak)


def solved(methods: ConventionalMethods, name: str, batch: Batch, **options: float) -> torch.Tensor:
    """Activity (n, 994, n_times) by a conventional method, noise being what is before and after the spikes."""
    answers = []
    for recording, wave in zip(batch.recording.double().numpy(), batch.wave, strict=True):
        quiet = (wave.abs().amax(0) < 0.1).numpy()
        answers.append(methods(name, recording, recording[:, quiet], **options))
    return torch.as_tensor(np.array(answers), dtype=torch.float32)


def _systems(work: Path, head: str, member: Member) -> dict[str, Solve]:
    """Those that were trained, in whitened channels, as they image a patient."""
    fields = {False: known_field(member), True: fields_with_deep(head, member, work)[0]}
    channels = channels_of(member)

    def solver(name: str, answers: Callable[[torch.Tensor], torch.Tensor]) -> Solve:
        system, field = SYSTEMS[name], fields[SYSTEMS[name].sees_deep]

        def solve(batch: Batch) -> torch.Tensor:
            answered = []
            for recording, peak in zip(batch.recording.double().numpy(), batch.peak, strict=True):
                read, sample = around(channels @ recording, int(peak), system)
                encoded = system.encode(field, torch.as_tensor(read, dtype=torch.float32)[None])
                activity = as_activity(answers(encoded)[0].numpy(), system, field, read)
                answered.append(on_samples(activity, sample, recording.shape[1]))
            return torch.as_tensor(np.array(answered), dtype=torch.float32)

        return solve

    found = {name: trained(work, name, fields[SYSTEMS[name].sees_deep]) for name in SYSTEMS}
    return {each[0]: solver(name, each[1]) for name, each in found.items() if each is not None}


def around(data: np.ndarray, peak: int, system: System) -> tuple[np.ndarray, np.ndarray]:
    """What a system reads of a recording (n_channels, n_times), and which of its samples these are.

    The peak is in the middle, or as near to it as the recording's ends allow.
    """
    before = system.n_times // 2
    first, last = (
        ceil(NETWORK_SFREQ_HZ * steps / system.sfreq_hz)
        for steps in (before, system.n_times - 1 - before)
    )
    centre = min(max(peak, first), data.shape[1] - 1 - last)
    times_s = (np.arange(data.shape[1]) - centre) / NETWORK_SFREQ_HZ
    read, read_s = sampled(data, times_s, system)
    return read, centre + read_s * NETWORK_SFREQ_HZ


def on_samples(activity: np.ndarray, sample: np.ndarray, n_times: int) -> np.ndarray:
    """Activity (n_regions, n_times) on a recording's samples: silent where a system read none.

    One sample's is that of all: it has no course.
    """
    if len(sample) == 1:
        return np.repeat(activity, n_times, axis=1)
    wanted = np.arange(n_times)
    return np.array([np.interp(wanted, sample, course, 0.0, 0.0) for course in activity])
