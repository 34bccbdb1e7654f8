"""Which of the sources that were found are heard, and how much of each."""

import torch

# Of a closed gate: it shapes the training, not the output.
CLOSED_GRADIENT = 0.1


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


def without_faint(sources: torch.Tensor, faint: float) -> torch.Tensor:
    """Sources (..., n_regions), silent below the part `faint` of their largest region.

    A few regions on an almost silent cortex have no best threshold: Otsu's is then the lowest, and
    traces of activity would count as found. Gradients pass as if nothing were silenced.
    """
    size = sources.detach().abs()
    return sources - (size < faint * size.amax(-1, keepdim=True)) * sources.detach()
