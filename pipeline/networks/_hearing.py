"""Which of the sources that were found are heard, and how much of each."""

import torch
from torch import nn

from pipeline.projection import Projection

# Of a closed gate: it shapes the training, not the output.
CLOSED_GRADIENT = 0.1
# How far one that was closed opens at most: what was doubted must not become the main source.
MOST_OPENED = 0.8


def gates(behind: torch.Tensor, faint: float) -> torch.Tensor:
    """How far each source is let through, 0-1, by how far it is `behind` (at most 0) the best one.

    Openings up to `faint` are closed.
    Closed gates have a gradient too, else a source once silenced would never be heard again.
    """
    opening = 1 + behind
    leaky = torch.where(opening > 0, opening, CLOSED_GRADIENT * opening)
    return leaky + (opening * (opening > faint) - leaky).detach()


def believed(existence: torch.Tensor, gate: torch.Tensor, least: float) -> torch.Tensor:
    """1 for sources that exist with a probability of at least `least`, and for the most probable one, else 0.

    Parameters
    ----------
    existence : Tensor, (batch, n_sources)
        Logits.
    gate : Tensor, (batch, n_sources)
        0: closed; these are not asked.
    least : float

    Returns
    -------
    kept : Tensor, (batch, n_sources)
    """
    probability = existence.sigmoid() * (gate > 0)
    highest = probability.amax(1, keepdim=True).clamp_max(least)
    return (probability >= highest).to(gate)


def reopened(
    gate: torch.Tensor,
    existence: torch.Tensor,
    strength: torch.Tensor,
    sources: torch.Tensor,
    projection: Projection,
    least: float,
) -> torch.Tensor:
    """Gates (batch, n_sources), closed ones open where a source of its own exists.

    The gate follows the activity's error, and that is as small where a second source of the same course is
    silent as where it is told with a wrong place or size. What is found up to two regions from a source that
    is heard is a part of it.

    Parameters
    ----------
    gate : Tensor, (batch, n_sources)
    existence : Tensor, (batch, n_sources)
        Logits.
    strength : Tensor, (batch, n_sources)
        Of the first one: so far they open, at most to `MOST_OPENED`.
    sources : Tensor, (batch, n_sources, n_regions)
    projection : Projection
    least : float
        Probability from which one is heard.
    """
    if projection.neighbours is None:
        return gate
    highest = sources.abs().argmax(2)
    near = nn.functional.one_hot(highest, sources.shape[2]).float()
    for _ in range(2):
        near = near + near @ projection.neighbours
    apart = near.gather(2, highest[:, None].expand(-1, near.shape[1], -1)) == 0
    opened = gate.clone()
    for number in range(gate.shape[1]):
        alone = (apart[:, number] | (opened == 0)).all(1)
        exists = existence[:, number].sigmoid() >= least
        opens = (gate[:, number] == 0) & exists & alone
        opened[:, number] = torch.where(
            opens, strength[:, number].clamp_max(MOST_OPENED), opened[:, number]
        )
    return opened


def without_faint(sources: torch.Tensor, faint: float) -> torch.Tensor:
    """Sources (..., n_regions), silent below the part `faint` of their largest region.

    A few regions on an almost silent cortex have no best threshold: Otsu's is then the lowest, and
    traces of activity would count as found. Gradients pass as if nothing were silenced.
    """
    size = sources.detach().abs()
    return sources - (size < faint * size.amax(-1, keepdim=True)) * sources.detach()
