"""The search for the patches that explain a map: in a dictionary, then among their neighbours in shape."""

from dataclasses import dataclass

import torch
from torch import nn

from pipeline.projection import Projection


@dataclass(frozen=True, kw_only=True)
class PatchSearch:
    """How patches are sought.

    Attributes
    ----------
    pursued_part : int
        Sources are told apart with this part of the dictionary, 1 / `pursued_part`; then each is
        looked at with all of it.
    n_pursued, n_attended : int
        Patches over which a softmax is taken, in pursuit and when a source is looked at.
    smallest_outside : float
        A patch whose topography lies almost within those already found explains nothing of its own.
    least_gain : float
        A larger patch explains more of the noise too: by so much a region has to raise the explained
        part of the map to join. Chosen on validation heads, as was `n_changes`.
    n_changes : int
        Regions that join or leave, one after the other.
    n_near : int
        Regions that may change: more than the best patches and their rims have together.
    """

    pursued_part: int = 9
    n_pursued: int = 64
    n_attended: int = 32
    smallest_outside: float = 0.05
    least_gain: float = 0.002
    n_changes: int = 4
    n_near: int = 192


def pursue_patches(
    principal: torch.Tensor,
    sharpness: torch.Tensor,
    projection: Projection,
    search: PatchSearch,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches that explain a recording one after the other: orthogonal matching pursuit, softened.

    Parameters
    ----------
    principal : Tensor, (batch, rank, n_components)
        Maps of a recording's principal time courses.
    sharpness : Tensor, (n_sources,)
        Factor of the explained part in each round's softmax over patches.
    projection : Projection
        With patches.
    search : PatchSearch

    Returns
    -------
    sources : Tensor, (batch, n_sources, n_regions)
        The mean patch of each round.
    explained : Tensor, (batch, n_sources)
        Part, 0-1, that the best patch explains of the power that the rounds before it left.
    """
    # In full precision: the best patches' topographies differ by fractions of a percent.
    assert projection.topographies is not None and projection.patches is not None
    with torch.autocast(principal.device.type, enabled=False):
        topographies = projection.topographies
        topographies = topographies[:, : -(-topographies.shape[1] // search.pursued_part)]
        residual = principal.detach().float()
        found = residual.new_zeros(len(residual), 0, residual.shape[1])
        outside = residual.new_ones(1, 1)
        sources, explained = [], []
        for one in sharpness.float():
            with torch.no_grad():
                power = _matches(residual.mT, topographies).square_().sum(1)
                power /= outside.clamp_min(search.smallest_outside)
                power /= residual.square().sum((1, 2))[:, None].clamp_min(1e-30)
                best, chosen = power.topk(min(search.n_pursued, power.shape[1]), 1)
            weight = torch.softmax(one * best, 1)
            sources.append((weight[:, None] @ projection.patches[chosen].float()).squeeze(1))
            explained.append(best[:, 0])
            with torch.no_grad():
                field = (sources[-1] @ projection.leadfield.T)[:, None]
                # Twice is enough (Giraud et al. 2005): once leaves rounding errors.
                for _ in range(2):
                    field = field - (field @ found.mT) @ found
                field = nn.functional.normalize(field, dim=2)
                found = torch.cat([found, field], 1)
                residual = residual - field.mT @ (field @ residual)
                outside = outside - (field.squeeze(1) @ topographies).square()
        return torch.stack(sources, 1), torch.stack(explained, 1)


def attend_to_patches(
    seen: torch.Tensor,
    sharpness: torch.Tensor,
    projection: Projection,
    search: PatchSearch,
) -> torch.Tensor:
    """Mean of the patches whose topographies explain a map best, their shapes fitted to it.

    Parameters
    ----------
    seen : Tensor, (n_maps, rank)
    sharpness : Tensor, (n_maps,)
        Factor of the explained variance in the softmax.
    projection : Projection
        With patches.
    search : PatchSearch

    Returns
    -------
    sources : Tensor, (n_maps, n_regions)
        With the sign of the map.
    """
    assert projection.topographies is not None and projection.patches is not None
    with torch.autocast(seen.device.type, enabled=False):
        seen = nn.functional.normalize(seen.float(), dim=1)
        with torch.no_grad():
            match = (seen @ projection.topographies).abs_()
            chosen = match.topk(min(search.n_attended, match.shape[1]), 1).indices
            patches = projection.patches[chosen].float()
            patches, fields = fit_shapes(patches, seen, projection, search)
            topographies = nn.functional.normalize(fields, dim=2)
        match = (topographies @ seen[..., None]).squeeze(2)
        weight = torch.softmax(sharpness.float()[:, None] * match.square(), 1) * match
        return (weight[:, None] @ patches).squeeze(1)


def fit_shapes(
    patches: torch.Tensor, seen: torch.Tensor, projection: Projection, search: PatchSearch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Patches after the changes of shape that raise the explained part of a map most.

    No dictionary holds all the shapes that a patch's rim can take. One region at a time joins or
    leaves. It may join where at least half of its neighbours are in, and leave where at most half
    are, so that rims stay as smooth as they are grown. What joins is as strong as the patch's
    weakest region.

    Parameters
    ----------
    patches : Tensor, (n, n_patches, n_regions)
        Magnitudes.
    seen : Tensor, (n, rank)
        A map of unit norm for each group of patches.
    projection : Projection
        With neighbours.
    search : PatchSearch

    Returns
    -------
    patches : Tensor, (n, n_patches, n_regions)
    fields : Tensor, (n, n_patches, rank)
        Of these patches.
    """
    neighbours = projection.neighbours
    assert neighbours is not None
    n_neighbours = neighbours.sum(0)
    inside = (patches > 0).float()
    # Only regions in or beside the patches count, those of the most patches first.
    held = inside.sum(1)
    near = (held + held @ neighbours).topk(min(search.n_near, patches.shape[2]), 1).indices
    columns = near[:, None].expand(-1, patches.shape[1], -1)
    n_inside = _summed_over_neighbours(inside.flatten(0, 1).T, neighbours).T
    n_inside = n_inside.reshape(patches.shape).gather(2, columns)

    leadfield, seen = projection.leadfield.T[near], seen[..., None]
    match, power = (leadfield @ seen).mT, leadfield.square().sum(2)[:, None]
    weakest = patches.masked_fill(patches == 0, torch.inf).amin(2, keepdim=True)
    field, shape = patches @ projection.leadfield.T, patches.gather(2, columns)
    for _ in range(search.n_changes):
        inside = shape > 0
        change = torch.where(inside, -shape, weakest)
        explaining, own = field @ seen, field.square().sum(2, keepdim=True)
        new_own = own + change * (2 * field @ leadfield.mT + change * power)
        gain = (explaining + change * match).square() / new_own.clamp_min(1e-6 * power.mean())
        gain -= explaining.square() / own
        gain -= search.least_gain * ~inside
        half = 2 * n_inside - n_neighbours[columns]
        gain.masked_fill_(torch.where(inside, half > 0, half < 0), 0)
        best, chosen = gain.max(2, keepdim=True)
        change = change.gather(2, chosen) * (best > 0)
        region = columns.gather(2, chosen).squeeze(2)
        shape = shape.scatter_add(2, chosen, change)
        field += change * projection.leadfield.T[region]
        n_inside += change.sign() * neighbours[region].gather(2, columns)
    return patches.scatter(2, columns, shape), field


def _matches(maps: torch.Tensor, topographies: torch.Tensor) -> torch.Tensor:
    """Products (batch, n_maps, n_patches), as one of two matrices: a batch of small ones is slow."""
    products = maps.reshape(-1, maps.shape[2]) @ topographies
    return products.view(*maps.shape[:2], -1)


def _summed_over_neighbours(values: torch.Tensor, neighbours: torch.Tensor) -> torch.Tensor:
    """`neighbours` @ `values` (n_regions, n), where a region has few neighbours."""
    edges = neighbours.nonzero()
    first = edges[:, 0].bincount(minlength=len(neighbours)).cumsum(0).roll(1)
    first[0] = 0
    return nn.functional.embedding_bag(edges[:, 1], values.contiguous(), first, mode="sum")
