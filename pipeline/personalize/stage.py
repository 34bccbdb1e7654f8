"""Fine-tune the generic model to one patient's head, and measure whether that helped."""

import hashlib
import json
import shutil
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.errors import InvalidInput
from pipeline.files import sha256, write_text
from pipeline.networks._network import Network
from pipeline.paths import PatientPaths
from pipeline.personalize.config import Config, Inputs
from pipeline.personalize.gate import is_beyond_chance, paired_gain
from pipeline.personalize.jitter import possible_leadfields, sensor_motion_derivatives
from pipeline.progress import Progress
from pipeline.projection import Projection, check_leadfield, project_head
from pipeline.records.head import MeasuredHead, moved_files, read_head_of
from pipeline.records.personalize_qc import (
    ErrorsQC,
    PersonalizeQC,
    read_personalize_qc,
    write_personalize_qc,
)
from pipeline.records.spike import Spike, read_spike
from pipeline.records.spikes_qc import imaged_types
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patch_rules import PATCH_RULES
from pipeline.synthesis.patches import template_dictionary, template_graph
from pipeline.synthesis.recordings import (
    ONE_SOURCE,
    PATIENTS_RANGES,
    HeadTensors,
    Synthesizer,
)
from pipeline.training.curve import CurveRow, curve_tsv
from pipeline.training.evaluate import METRICS, batch_errors_mm
from pipeline.training.train import Schedule, train, validate
from pipeline.weights import load_model, resolve_device, save_model

# Leadfields that the patient's could be, of which each split has its own.
N_HEADS = {"train": 12, "validation": 2, "test": 8}
SPLIT_SEED = {"train": 1, "validation": 2, "test": 3}
PATCHES_PER_REGION = {"train": 6, "validation": 3, "test": 3}
VALIDATION_SAMPLES_PER_HEAD = 64
# Steps of the trial, and between validations: the first one that brings no gain ends fine-tuning.
VALIDATE_EVERY = 10
# What counts as a gain, as part of the validation loss: three times as much was worth 0.1 mm on the only head of
# benchmarks/results/fine_tuning_curves.csv on which the loss fell by as much.
SMALLEST_GAIN = 0.01
TEST_BATCH = 50


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    """Files whose content decides the result; a generic model of one's own is an option's value."""
    imaged = imaged_types(paths)
    moved = [each for each in imaged if moved_files(each)]
    averages = dict.fromkeys(each.average for each in [*imaged[:1], *moved])
    files = dict.fromkeys(file for each in moved for file in moved_files(each))
    return [paths.leadfield, paths.regions, paths.trans, paths.noise_cov, *averages, *files]


def writes(paths: PatientPaths) -> list[Path]:
    """Nothing where nothing is imaged."""
    if not imaged_types(paths):
        return []
    always = [paths.training_curve, paths.qc("personalize")]
    return [paths.model, *always] if _has_own_weights(paths) else always


def _has_own_weights(paths: PatientPaths) -> bool:
    """Whether fine-tuning helped, as far as is known: else the generic weights serve, stored elsewhere."""
    try:
        return paths.qc("personalize").exists() and read_personalize_qc(paths).improved
    except InvalidInput:  # damaged: that it is not what the stage wrote tells enough
        return False


def run(inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress) -> None:
    """Fine-tune, compare before and after on held-out recordings, and keep the better weights.

    Weights are written only where fine-tuning helped: the quality file names the generic ones by their
    checksum. They serve every type of spikes, since head, channels and noise are the same; where the head
    lay elsewhere at the spikes of some type, they learn from each type's positions. Where no type is
    imaged, there is nothing to do.

    Raises
    ------
    InvalidInput
        Implausible leadfield or noise, channels without leadfield, or other weights than named.
    MissingResource
        No weights of this network, or no GPU where one was asked for.
    """
    imaged = imaged_types(paths)
    if not imaged:
        for file in (paths.model, paths.training_curve, paths.qc("personalize")):
            file.unlink(missing_ok=True)
        return
    device = resolve_device(config.device)
    seen = seen_heads(imaged)
    for head, _ in seen:
        check_leadfield(head.leadfield, paths.leadfield)
    generic, card = load_model(config.generic_model, config.network)
    check_inputs_fit(card, head)
    generic.to(device)
    personalized = deepcopy(generic).train()
    places = [
        Place(
            head,
            spike,
            project_patient(head, spike, card["input"], device),
            sensor_motion_derivatives(spike.sensors, head.region_pos_head_m),
        )
        for head, spike in seen
    ]
    with progress.step("head models with errors", total=2) as bar:
        heads = {}
        for split in ("train", "validation"):
            heads[split] = heads_of(places, split, config.seed)
            bar.advance()

    # Named after everything that decides the result, so that a killed run goes on where it was
    # and a run on other data never takes over its state.
    folder = paths.folder / f".training_{_fingerprint(paths, config, card)}"
    curve = fine_tune(personalized, heads, config, device, folder, progress)
    del heads  # each with its background is tens of megabytes
    held_out = heads_of(places, "test", config.seed)

    about = {"generic_model_sha256": card["sha256"], "n_channels": len(head.leadfield)}
    qc = _judged(generic, personalized, held_out, curve, config, device, progress, about)
    for warning in qc.warnings:
        progress.warn(warning)
    _store_if(qc.improved, paths, personalized, card)
    write_text(paths.training_curve, curve_tsv(curve))
    write_personalize_qc(paths, qc)
    shutil.rmtree(folder, ignore_errors=True)


def _judged(
    generic: Network,
    personalized: Network,
    held_out: list[HeadTensors],
    curve: list[CurveRow],
    config: Config,
    device: str,
    progress: Progress,
    about: dict[str, Any],
) -> PersonalizeQC:
    """Whether fine-tuning helped, on heads that it did not learn from."""
    losses = [row["validation_loss"] for row in curve]
    best = int(np.argmin(losses))
    n_measured = (1 + bool(best)) * len(held_out)
    with progress.step("measuring before and after", n_measured) as bar:
        before = measure(generic, held_out, config, device, bar)
        # The weights of before any training are the generic ones.
        after = measure(personalized, held_out, config, device, bar) if best else before
    by_head = (errors[:, 0].reshape(len(held_out), -1) for errors in (before, after))
    gain_mm, gain_se_mm = paired_gain(*by_head)
    improved = is_beyond_chance(gain_mm, gain_se_mm, len(held_out))
    warnings = () if improved else (_not_improved(before, after, gain_mm, gain_se_mm, curve),)
    return PersonalizeQC(
        warnings=warnings,
        network=config.network,
        generic_model=config.generic_model,
        improved=improved,
        steps=int(curve[-1]["step"]),
        best_step=int(curve[best]["step"]),
        n_training_recordings=int(curve[-1]["samples"]),
        n_test_recordings=len(before),
        n_test_heads=len(held_out),
        before=_summary(before),
        after=_summary(after),
        gain_mm=round(gain_mm, 3),
        gain_standard_error_mm=round(gain_se_mm, 3),
        validation_loss_before=losses[0],
        validation_loss_after=losses[best],
        **about,
    )


@dataclass(frozen=True)
class Place:
    """The head at one set of positions, what is known of it, and how its field moves with the sensors."""

    head: MeasuredHead
    spike: Spike
    known: tuple[np.ndarray, Projection]
    motion_derivatives: np.ndarray


def heads_of(places: list[Place], split: str, seed: int) -> list[HeadTensors]:
    """Heads that the patient's could be: the places take turns, and each has a turn."""
    found: list[HeadTensors] = []
    for turn, place in enumerate(places):
        own = possible_heads(
            place.head, place.spike, place.known, place.motion_derivatives, split, seed
        )
        found += own[turn % len(own) :: len(places)]
    return found


def seen_heads(imaged: list[PatientPaths]) -> list[tuple[MeasuredHead, Spike]]:
    """The head at each set of positions that the averaged spikes of the imaged types have.

    One, with the first type's spike, where all types' heads lay alike.
    """
    alike: dict[tuple[bytes, ...], tuple[PatientPaths, Spike]] = {}
    for own in imaged:
        spike = read_spike(own, epochs=False)
        places = spike.positions
        key = () if places is None else (places.dev_head_t.tobytes(), places.weight.tobytes())
        alike.setdefault(key, (own, spike))
    return [(read_head_of(own, spike), spike) for own, spike in alike.values()]


def _store_if(improved: bool, paths: PatientPaths, module: Network, card: dict) -> None:
    """Write a patient's own weights, or make sure that no earlier run's are there."""
    paths.model.unlink(missing_ok=True)
    if improved:
        # How far to trust that there is a source was measured for the generic weights alone.
        own_card = {key: card[key] for key in ("network", "input")}
        save_model(paths.model, module.cpu(), own_card | {"personalized": True})


def check_inputs_fit(card: dict, head: MeasuredHead) -> None:
    """Raise `InvalidInput` if a network of raw channels was trained for another number of them."""
    n_in = card["architecture"]["n_in"]
    if card["input"] == "raw" and n_in != len(head.leadfield):
        raise InvalidInput(
            f"this model reads {n_in} raw channels and the recording has "
            f"{len(head.leadfield)} good ones",
            hint="use a model with the projected input, which serves any channels",
        )


def project_patient(
    head: MeasuredHead, spike: Spike, kind: str, device: str
) -> tuple[np.ndarray, Projection]:
    """`project_head` of what is known of the patient, for a network with this kind of input."""
    leadfield = spike.projector @ head.leadfield
    return project_head(leadfield, spike.noise_matrix, template_dictionary(), kind, device)


def possible_heads(
    head: MeasuredHead,
    spike: Spike,
    known: tuple[np.ndarray, Projection],
    motion_derivatives: np.ndarray,
    split: str,
    seed: int,
) -> list[HeadTensors]:
    """Heads that the patient's could be, all known by the estimated leadfield (`project_patient`)."""
    whiten, projection = known
    background = torch.as_tensor(load_library(split).background).to(projection.leadfield)
    leadfields = possible_leadfields(
        head.leadfield,
        head.region_pos_mri_mm,
        motion_derivatives,
        N_HEADS[split],
        [seed, SPLIT_SEED[split]],
    )
    projector = spike.projector
    heads = []
    for leadfield in leadfields:
        field = torch.as_tensor(whiten @ projector @ leadfield).to(projection.leadfield)
        heads.append(HeadTensors(field, projection, field @ background, head.region_pos_mri_mm))
    return heads


def _synthesizer(split: str, seed: int, device: str) -> Synthesizer:
    graph = template_graph()
    rule, n_per_region = PATCH_RULES[split], PATCHES_PER_REGION[split]
    patches, centres = rule(graph, n_per_region, 5000 + SPLIT_SEED[split])
    return Synthesizer(
        load_library(split),
        graph,
        patches,
        centres,
        10 * seed + SPLIT_SEED[split],
        device,
        **PATIENTS_RANGES,
    )


def fine_tune(
    module: Network,
    heads: dict[str, list[HeadTensors]],
    config: Config,
    device: str,
    folder: Path,
    progress: Progress,
) -> list[CurveRow]:
    """Train `module` in place on the patient's possible heads; return the training curve.

    It ends at the first validation that is better than the best one before by less than a
    `SMALLEST_GAIN` of it, so that a patient whom it cannot help does not wait.
    """
    checker = _synthesizer("validation", config.seed, device)
    batches = [
        checker.batch(h, VALIDATION_SAMPLES_PER_HEAD, ONE_SOURCE) for h in heads["validation"]
    ]

    schedule = Schedule(
        steps=config.steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        falling_part=1.0,
        averaging=0.98,
        validate_every=VALIDATE_EVERY,
        patience=1,
        smallest_gain=SMALLEST_GAIN,
    )
    return train(
        module,
        _synthesizer("train", config.seed, device),
        heads["train"],
        lambda averaged: validate(averaged, batches, heads["validation"]),
        schedule,
        folder,
        progress,
        "fine-tuning",
    )


def measure(
    module: Network,
    heads: list[HeadTensors],
    config: Config,
    device: str,
    bar,
    split: str = "test",
) -> np.ndarray:
    """`METRICS` (n_test, 3) on recordings with one source, the same for every module."""
    synthesizer = _synthesizer(split, config.seed, device)
    errors = []
    for head in heads:
        left = max(1, config.n_test // len(heads))
        while left > 0:
            batch = synthesizer.batch(head, min(left, TEST_BATCH), ONE_SOURCE)
            with torch.inference_mode():
                activity = module(batch.recording, head.projection, batch.peak)
            errors.append(batch_errors_mm(activity, batch, head.region_pos_mm))
            left -= TEST_BATCH
        bar.advance()
    return np.concatenate(errors)


def _not_improved(
    before: np.ndarray, after: np.ndarray, gain_mm: float, gain_se_mm: float, curve: list[CurveRow]
) -> str:
    """Why the generic weights are used."""
    if after is before:
        return (
            f"Fine-tuning ended by itself after {curve[-1]['step']} steps, none of which lowered the "
            "validation loss on synthetic recordings of this head, so the generic model is used in "
            f"place of a personalized one (localisation error {before[:, 0].mean():.1f} mm)."
        )
    return (
        "Fine-tuning did not lower the localisation error on held-out synthetic recordings of "
        f"this head beyond chance ({before[:, 0].mean():.1f} mm before, "
        f"{after[:, 0].mean():.1f} mm after; lower by {gain_mm:.2f} ± {gain_se_mm:.2f} mm, "
        "standard error over possible heads), so the generic model is used in place of the "
        "personalized one."
    )


def _summary(errors_mm: np.ndarray) -> ErrorsQC:
    summary: dict[str, float] = {}
    for name, column in zip(METRICS, errors_mm.T, strict=True):
        summary[f"{name}_mean"] = round(float(column.mean()), 3)
        summary[f"{name}_sd"] = round(float(column.std()), 3)
        summary[f"{name}_median"] = round(float(np.median(column)), 3)
    return ErrorsQC(**summary)


def _fingerprint(paths: PatientPaths, config: Config, card: dict) -> str:
    decisive = [sha256(path) for path in reads(Inputs(), paths)]
    decisive += [card["sha256"], json.dumps(asdict(config) | {"generic_model": ""}, sort_keys=True)]
    return hashlib.sha256("".join(decisive).encode()).hexdigest()[:16]
