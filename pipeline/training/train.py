"""The one training loop, for generic and personalized models and for every network."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from pipeline.errors import OutOfMemory
from pipeline.files import write_text
from pipeline.networks._network import Network
from pipeline.progress import Progress, Stopped
from pipeline.projection import Projection
from pipeline.synthesis.recordings import Batch, HeadTensors, Synthesizer
from pipeline.training.curve import CurveRow, curve_tsv
from pipeline.training.evaluate import METRICS, batch_errors_mm
from pipeline.weights import load_checkpoint, save_checkpoint

WARM_UP_STEPS = 100
# The training loss looks at every fourth sample, beginning with another one in each step: at
# 40 Hz neighbouring samples tell the same, and writing the output costs as much as the network.
LOSS_EVERY = 4
SMALLEST_BATCH = 4
# Of the absolute error in the loss.
ABSOLUTE_PART = 0.3


@dataclass(frozen=True)
class Schedule:
    """How to train.

    Attributes
    ----------
    steps, batch_size : int
    learning_rate : float
        Of Adam: linear warm-up, constant, and a linear fall to zero over the last part.
    falling_part : float
        Share of the steps in which the learning rate falls.
    averaging : float
        Decay per step of the running mean of the weights, which is what is validated and kept.
    validate_every : int
        Steps; each validation also writes the checkpoint and the curve.
    patience : int
        Validations without improvement after which training stops.
    smallest_gain : float
        Part of the best validation loss before, by which one must fall to count as an improvement.
    absolute_part : float
        Of the absolute error in the training loss.
    """

    steps: int
    batch_size: int
    learning_rate: float
    falling_part: float
    averaging: float
    validate_every: int
    patience: int
    smallest_gain: float = 0.0
    absolute_part: float = ABSOLUTE_PART

    def learning_rate_at(self, step: int) -> float:
        warm_up = max(1, min(WARM_UP_STEPS, self.steps // 10))
        left = (self.steps - step) / max(1, round(self.falling_part * self.steps))
        return self.learning_rate * min(1.0, (step + 1) / warm_up, left)


def relative_error(
    module: Network,
    batch: Batch,
    projection: Projection,
    samples: slice = slice(None),
    absolute_part: float = ABSOLUTE_PART,
) -> torch.Tensor:
    """Mean of `activity_errors` of what a network makes of a batch."""
    answer = module.answer(batch.recording, projection, batch.peak, samples)
    window = module.window(batch.recording.shape[2], batch.peak)
    errors = activity_errors(answer.activity, batch, samples, absolute_part, window)
    loss = in_doublings(errors[~batch.silent]).sum() / len(errors)
    if answer.existence is not None:
        # Who says whether a source exists tells sources apart, in a dictionary of them.
        assert answer.sources is not None and projection.neighbours is not None
        right = is_near_source(answer.sources, batch.patches, projection.neighbours)
        loss = loss + nn.functional.binary_cross_entropy_with_logits(
            answer.existence, right.float()
        )
    return loss


def activity_errors(
    output: torch.Tensor,
    batch: Batch,
    samples: slice,
    absolute_part: float,
    window: torch.Tensor,
) -> torch.Tensor:
    """Squared and absolute error of each recording over those of silence, weighted by `window`: (n,).

    The squared error alone spreads faint activity over all that might be active; the absolute one
    leaves silent what is probably silent. The division makes a small patch count as much as a
    large one.
    """
    weight = window[:, None, samples]
    target = weight * batch.target(samples)
    error = weight * output - target
    # Clamped for recordings without a source, whose errors nobody asks for.
    squared = error.square().sum((1, 2)) / target.square().sum((1, 2)).clamp_min(1e-6)
    absolute = error.abs().sum((1, 2)) / target.abs().sum((1, 2)).clamp_min(1e-6)
    return torch.lerp(squared, absolute, absolute_part)


def in_doublings(errors: torch.Tensor) -> torch.Tensor:
    """0 for no error, 1 for that of silence, and 1 more whenever one and the error double.

    A few faint or small sources that are missed would else outweigh all others in a batch.
    """
    return torch.log2(1 + errors)


def is_near_source(
    sources: torch.Tensor, patches: torch.Tensor, neighbours: torch.Tensor
) -> torch.Tensor:
    """Whether the maximum of each found source lies in a true patch or up to two regions beside one.

    Parameters
    ----------
    sources : Tensor, (batch, n_sources, n_regions)
    patches : Tensor of bool, (batch, k, n_regions)
    neighbours : Tensor, (n_regions, n_regions)

    Returns
    -------
    near : Tensor of bool, (batch, n_sources)
    """
    near = patches.any(1).float()
    for _ in range(2):
        near = near + near @ neighbours
    return near.gather(1, sources.abs().argmax(2)) > 0


def validate(
    module: Network,
    batches: list[Batch],
    heads: list[HeadTensors],
    absolute_part: float = ABSOLUTE_PART,
) -> dict[str, float]:
    """Mean loss and `METRICS` over one batch of single-source recordings per head."""
    losses, errors = [], []
    with torch.inference_mode():
        for batch, head in zip(batches, heads, strict=True):
            activity = module(batch.recording, head.projection, batch.peak)
            window = module.window(batch.recording.shape[2], batch.peak)
            errors_of = activity_errors(activity, batch, slice(None), absolute_part, window)
            losses.append(in_doublings(errors_of).mean().item())
            errors.append(batch_errors_mm(activity, batch, head.region_pos_mm))
    means = np.concatenate(errors).mean(0)
    return {
        "validation_loss": float(np.mean(losses)),
        **dict(zip(METRICS, means.tolist(), strict=True)),
    }


def update(
    module: Network,
    optimizer: torch.optim.Optimizer,
    synthesizer: Synthesizer,
    head: HeadTensors,
    batch_size: int,
    samples: slice,
    absolute_part: float,
) -> float:
    """One update of the weights from a fresh batch; return its loss. A GPU computes in bfloat16."""
    batch = synthesizer.batch(head, batch_size)
    device = batch.recording.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        loss = relative_error(module, batch, head.projection, samples, absolute_part)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(module.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def batch_size_that_fits(
    module: Network,
    synthesizer: Synthesizer,
    heads: list[HeadTensors],
    schedule: Schedule,
    progress,
) -> int:
    """The schedule's batch size, or half of it until the GPU's memory holds an update, said aloud.

    Tried on a copy, on the head with the most sensors, so that the training itself meets no
    surprise.

    Raises
    ------
    OutOfMemory
        Not even a small batch fits.
    """
    largest = max(heads, key=lambda head: len(head.field))
    state = synthesizer.generator.get_state()
    batch_size = schedule.batch_size
    while True:
        trial = deepcopy(module)
        optimizer = torch.optim.Adam(trial.parameters())
        try:
            samples = slice(0, None, LOSS_EVERY)
            update(
                trial, optimizer, synthesizer, largest, batch_size, samples, schedule.absolute_part
            )
            return batch_size
        except torch.OutOfMemoryError as error:
            if batch_size < 2 * SMALLEST_BATCH:
                raise OutOfMemory(
                    f"the GPU has no memory for {batch_size} recordings at a time",
                    hint="free the GPU's memory, use --device cpu, or --network compact",
                ) from error
        finally:
            synthesizer.generator.set_state(state)
        batch_size //= 2
        progress.warn(f"The GPU's memory is small: training with {batch_size} recordings per batch")


def train(
    module: Network,
    synthesizer: Synthesizer,
    heads: list[HeadTensors],
    measure: Callable[[Network], dict[str, float]],
    schedule: Schedule,
    folder: Path,
    progress: Progress,
    description: str,
) -> list[CurveRow]:
    """Train `module` in place and leave in it, in evaluation mode, the averaged weights that validated best.

    Each batch comes from one head, drawn at random. Killed or stopped and called again with the
    same arguments, it goes on from the checkpoint in `folder` and ends with the same weights.

    Parameters
    ----------
    module : nn.Module
        One of `pipeline.networks.NETWORKS`.
    synthesizer : Synthesizer
        Of the training split.
    heads : list of HeadTensors
    measure : callable
        `validate` on fixed batches: module to {"validation_loss": ..., and one value for each of `METRICS`}.
    schedule : Schedule
    folder : Path
        For ``checkpoint.safetensors`` and ``curve.tsv``.

    Returns
    -------
    curve : list of dict
        One row of `pipeline.training.curve.COLUMNS` per validation, the first before any training.

    Raises
    ------
    Stopped
        `progress` asked for it; the checkpoint is written.
    OutOfMemory
        The GPU has no memory even for a small batch.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)
    state = _State(module, synthesizer.generator, schedule, folder)
    first_step = state.resume(measure)
    if first_step:
        progress.info(f"{description}: goes on from step {first_step}")
    module.train()
    batch_size, absolute_part = schedule.batch_size, schedule.absolute_part
    if heads[0].field.is_cuda:
        batch_size = batch_size_that_fits(module, synthesizer, heads, schedule, progress)
    with progress.step(description, schedule.steps) as bar:
        bar.advance(first_step)
        ended = bool(first_step) and state.is_exhausted()
        for step in range(first_step, first_step if ended else schedule.steps):
            chosen = torch.randint(len(heads), (), generator=synthesizer.generator)
            state.optimizer.param_groups[0]["lr"] = schedule.learning_rate_at(step)
            samples = slice(step % LOSS_EVERY, None, LOSS_EVERY)
            head = heads[int(chosen)]
            # Dropout draws from torch's own generator: by step, so that a training that was
            # interrupted draws the same.
            torch.manual_seed(step)
            state.training_loss += update(
                module, state.optimizer, synthesizer, head, batch_size, samples, absolute_part
            )
            # The mean starts short, so that the initial weights are soon forgotten.
            average_into(state.averaged, module, min(schedule.averaging, (step + 1) / (step + 10)))
            bar.advance()
            if (step + 1) % schedule.validate_every == 0 or step + 1 == schedule.steps:
                state.note(step + 1, batch_size, measure(state.averaged))
                if state.is_exhausted():
                    progress.info(f"{description}: stopped early at step {step + 1}")
                    break
            if progress.stop_requested() and step + 1 < schedule.steps:
                state.keep(step + 1)
                raise Stopped(f"{description} goes on from step {step + 1}")
    module.load_state_dict(state.best.state_dict())
    module.eval()
    return state.curve


class _State:
    """What a training must keep to go on: weights, their mean, the best of it, and the curve."""

    def __init__(
        self, module: Network, generator: torch.Generator, schedule: Schedule, folder: Path
    ):
        self.schedule, self.folder, self.generator = schedule, folder, generator
        self.optimizer = torch.optim.Adam(module.parameters(), lr=schedule.learning_rate)
        self.averaged, self.best = deepcopy(module).eval(), deepcopy(module).eval()
        self.curve: list[CurveRow] = []
        self.training_loss = 0.0
        self._parts = {"module": module, "averaged": self.averaged, "best": self.best}
        self._checkpoint = folder / "checkpoint.safetensors"

    def resume(self, measure: Callable[[Network], dict[str, float]]) -> int:
        """Load the checkpoint, or measure where there is none; return the step it goes on from."""
        if not self._checkpoint.exists():
            start = {"step": 0, "samples": 0, "training_loss": None}
            self.curve.append(start | measure(self.averaged))
            return 0
        first_step, self.training_loss, self.curve = load_checkpoint(
            self._checkpoint, self._parts, self.optimizer, self.generator
        )
        return first_step

    def keep(self, next_step: int) -> None:
        """Write the checkpoint."""
        self.folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(
            self._checkpoint,
            self._parts,
            self.optimizer,
            self.generator,
            next_step,
            self.training_loss,
            self.curve,
        )

    def note(self, n_steps: int, batch_size: int, measured: dict[str, float]) -> None:
        """Take a validation into the curve, keep the weights if none was better, write all."""
        if all(measured["validation_loss"] < row["validation_loss"] for row in self.curve):
            self.best.load_state_dict(self.averaged.state_dict())
        n_since = (n_steps - 1) % self.schedule.validate_every + 1
        self.curve.append(
            {
                "step": n_steps,
                "samples": n_steps * batch_size,
                "training_loss": self.training_loss / n_since,
                **measured,
            }
        )
        self.training_loss = 0.0
        self.keep(n_steps)
        write_text(self.folder / "curve.tsv", curve_tsv(self.curve))

    def is_exhausted(self) -> bool:
        """Whether the last validations, as many as the schedule's patience, brought nothing."""
        n_since, best = 0, self.curve[0]["validation_loss"]
        for row in self.curve[1:]:
            gained = row["validation_loss"] < (1 - self.schedule.smallest_gain) * best
            n_since = 0 if gained else n_since + 1
            best = min(best, row["validation_loss"])
        return n_since >= self.schedule.patience


def average_into(averaged: nn.Module, module: Network, decay: float) -> None:
    """Move the averaged weights towards the module's; buffers, running means already, are copied."""
    with torch.no_grad():
        for mean, weight in zip(averaged.parameters(), module.parameters(), strict=True):
            mean.lerp_(weight, 1 - decay)
        for kept, buffer in zip(averaged.buffers(), module.buffers(), strict=True):
            kept.copy_(buffer)
