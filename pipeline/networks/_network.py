"""What every network has, and what it finds in recordings."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pipeline.projection import Projection


@dataclass(frozen=True)
class Answer:
    """Activity, and the sources that it is made of where a network tells them apart.

    Attributes
    ----------
    activity : Tensor, (batch, n_regions, n_samples)
    sources : Tensor, (batch, n_sources, n_regions), or None
    gate : Tensor, (batch, n_sources), or None
        How far each source is let through, 0-1.
    existence : Tensor, (batch, n_sources), or None
        Logits of whether there is a source where each is found.
    """

    activity: torch.Tensor
    sources: torch.Tensor | None = None
    gate: torch.Tensor | None = None
    existence: torch.Tensor | None = None

    @property
    def main_source(self) -> torch.Tensor:
        """Number (batch,) of the source whose maximum is the highest."""
        assert self.sources is not None and self.gate is not None
        return (self.gate * self.sources.abs().amax(2)).argmax(1)

    @property
    def main_existence(self) -> torch.Tensor:
        """Probability (batch,), 0-1, that there is a source where the main one is found."""
        assert self.existence is not None
        return self.existence.gather(1, self.main_source[:, None])[:, 0].sigmoid()


class Network(nn.Module):
    """A part; `architecture` is all that shapes the output beside the weights."""

    Architecture: type
    architecture: Any

    def answer(
        self,
        recording: torch.Tensor,
        projection: Projection,
        peak: torch.Tensor,
        samples: slice = slice(None),
    ) -> Answer:
        """What is found in recordings (batch, rank, n_times) of spikes with their peaks at samples (batch,)."""
        return Answer(self(recording, projection, peak, samples))

    def window(self, n_times: int, peak: torch.Tensor) -> torch.Tensor:
        """Weight (batch, n_times) of each sample, in the training's loss too: all alike."""
        return torch.ones(len(peak), n_times, device=peak.device)
