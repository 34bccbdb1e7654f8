"""What a network finds in recordings."""

from dataclasses import dataclass

import torch


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
