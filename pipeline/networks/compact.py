"""The network that a CPU can train: it begins with what physics knows and learns the rest.

A patch keeps its place for the length of a spike, so that a recording comes down to a few maps with
their time courses: at first the principal components over time, which a small convolutional part
changes as it has learned. Each map attends to a dictionary of patches, whose keys are their
topographies under the patient's own leadfield (a matched filter, softened; in form the attention of
Vaswani et al. 2017). What the patches leave unexplained corrects them, as in unrolled optimisation
(Gregor & LeCun 2010). So the network need not learn every head by heart.
"""

import torch
from torch import nn

from pipeline.networks.project import Projection

# What a good estimate leaves unexplained is a fraction of the map.
RESIDUAL_GAIN = 3.0
# Of the attention before training: a patch with 99 % of the best one's explained variance counts
# a twentieth of it.
LOG_SHARPNESS = 5.7
N_ATTENDED = 64
# The explained parts of good and bad maps differ by tenths.
EXPLAINED_GAIN = 5.0
ORTHOGONAL_ITERATIONS = 8


class Deblur(nn.Module):
    """Fully connected correction of a few maps of sources (batch, n_maps, n_out) by others."""

    def __init__(self, n_in: int, n_out: int, n_hidden: int):
        super().__init__()
        self.enter = nn.Linear(n_in + n_out, n_hidden)
        self.deblur = nn.Linear(n_hidden, n_hidden)
        self.leave = _beginning_near_zero(nn.Linear(n_hidden, n_out))

    def forward(self, hidden, seen, sources):
        hidden = hidden + nn.functional.elu(self.enter(torch.cat([seen, sources], 2)))
        hidden = hidden + nn.functional.elu(self.deblur(hidden))
        return hidden, sources + self.leave(hidden)


class Compact(nn.Module):
    """Convolutions over time, attention to patches and an MLP over space, 994 out.

    Parameters
    ----------
    n_in, n_out : int
        Inputs (`Projection.kernel`) and regions.
    n_temporal : int
        Features per sample.
    n_maps : int
        Maps into which the samples are weighted: the rank of the output over time.
    n_spatial : int
        Width of the deblurring layers.
    n_corrections : int
    """

    def __init__(
        self,
        n_in: int = 994,
        n_out: int = 994,
        n_temporal: int = 64,
        n_maps: int = 4,
        n_spatial: int = 512,
        n_corrections: int = 2,
    ):
        super().__init__()
        self.n_maps = n_maps
        self.features = nn.Linear(n_in, n_temporal - n_maps)
        self.near = nn.Conv1d(n_temporal, n_temporal, 7, padding="same")
        self.far = nn.Conv1d(n_temporal, n_temporal, 7, padding="same", dilation=6)
        self.weighting = _beginning_near_zero(nn.Linear(n_temporal, n_maps))
        self.time_course = _beginning_near_zero(nn.Linear(n_temporal, n_maps))
        self.log_sharpness = _beginning_near_zero(nn.Linear(n_temporal, n_maps))
        self.look = nn.Linear(n_temporal + 2 * n_maps, n_temporal)
        self.judge = nn.Linear(n_temporal, n_maps)
        self.deblur = nn.ModuleList(
            Deblur(n_in, n_out, n_spatial) for _ in range(1 + n_corrections)
        )

    def forward(
        self, recording: torch.Tensor, projection: Projection, samples: slice = slice(None)
    ) -> torch.Tensor:
        """(batch, rank, n_times) to (batch, n_out, n_times), or only to some `samples` of it.

        All that looks at every sample happens on the sensors, whose rank is a fraction of the
        number of regions; only the maps are projected.
        """
        components, strength = principal_time_courses(recording, self.n_maps)
        features = (self.features.weight @ projection.kernel) @ recording
        features = nn.functional.elu(features + self.features.bias[:, None])
        features = torch.cat([features, components], 1)
        features = features + nn.functional.elu(self.near(features))
        features = (features + nn.functional.elu(self.far(features))).mT

        seen = (components + self.weighting(features).mT) @ recording.mT
        summary = features.mean(1)
        sharpness = (LOG_SHARPNESS + self.log_sharpness(summary)).exp()
        sources, explained = attend_to_patches(seen, sharpness, projection)
        maps = seen @ projection.kernel.T
        seen, maps = seen / _size(maps), maps / _size(maps)
        hidden, sources = self.deblur[0](0.0, maps, sources)
        for correct in self.deblur[1:]:
            residual = _unexplained(seen, sources @ projection.leadfield.T)
            residual = RESIDUAL_GAIN * residual @ projection.kernel.T
            hidden, sources = correct(hidden, residual, sources)

        # A map that no patch explains well is noise, and is silenced.
        signs = torch.cat([summary, EXPLAINED_GAIN * explained, strength], 1)
        gate = torch.sigmoid(self.judge(nn.functional.elu(self.look(signs))))
        courses = components / components.abs().amax(2, keepdim=True) * strength[..., None]
        courses = (courses + self.time_course(features).mT) * gate[..., None]
        return sources.mT @ courses[..., samples]


def principal_time_courses(
    recording: torch.Tensor, n_components: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """First right singular vectors of each recording, by orthogonal iteration.

    Parameters
    ----------
    recording : Tensor, (batch, rank, n_times)
    n_components : int

    Returns
    -------
    components : Tensor, (batch, n_components, n_times)
        Of unit mean square.
    strength : Tensor, (batch, n_components)
        Singular values relative to the first one.
    """
    with torch.no_grad(), torch.autocast(recording.device.type, enabled=False):
        n_times = recording.shape[2]
        # Cosines: a start that is the same everywhere and no component is orthogonal to.
        phase = torch.outer(torch.arange(n_times), torch.arange(1, n_components + 1)) + 0.5
        vectors = torch.cos(phase * torch.pi / n_times).to(recording)
        # Of unit size, whatever the input's unit: powers of it must stay within float32.
        unit = recording / recording.abs().amax((1, 2), keepdim=True).clamp_min(1e-30)
        product = unit.mT @ unit
        for _ in range(ORTHOGONAL_ITERATIONS):
            vectors, _ = torch.linalg.qr(product @ vectors)
        power = (product @ vectors).norm(dim=1).sqrt()
        strength = power / power.amax(1, keepdim=True).clamp_min(1e-30)
        return vectors.mT * n_times**0.5, strength


def attend_to_patches(
    seen: torch.Tensor, sharpness: torch.Tensor, projection: Projection
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of the patches whose topographies explain a map best.

    Parameters
    ----------
    seen : Tensor, (batch, n_maps, rank)
    sharpness : Tensor, (batch, n_maps)
        Factor of the explained variance in the softmax.
    projection : Projection
        Without patches there is no attention: all zero.

    Returns
    -------
    sources : Tensor, (batch, n_maps, n_regions)
        With the sign of the map.
    explained : Tensor, (batch, n_maps)
        Part of the map's power that the best patch explains, 0-1.
    """
    if projection.topographies is None:
        none = seen.new_zeros(*seen.shape[:2], projection.leadfield.shape[1])
        return none, none[..., 0]
    # In full precision: the best patches' topographies differ by fractions of a percent.
    with torch.autocast(seen.device.type, enabled=False):
        unit = nn.functional.normalize(seen.float(), dim=2)
        match = unit @ projection.topographies
        chosen = match.abs().topk(min(N_ATTENDED, match.shape[2]), 2).indices
        match = match.gather(2, chosen)
        weight = torch.softmax(sharpness.float()[..., None] * match.square(), 2) * match
        sources = (weight[..., None, :] @ projection.patches[chosen]).squeeze(2)
        return sources, match[..., 0].square()


def _beginning_near_zero(layer: nn.Linear) -> nn.Linear:
    """So that training begins with what physics knows."""
    with torch.no_grad():
        layer.weight.mul_(0.1)
        layer.bias.zero_()
    return layer


def _size(maps: torch.Tensor) -> torch.Tensor:
    return maps.square().mean(2, keepdim=True).add(1e-8).sqrt()


def _unexplained(seen: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """What is left of `seen` when `field`, in the amount that fits best, is taken off."""
    amount = (seen * field).sum(2, keepdim=True) / field.square().sum(2, keepdim=True).add(1e-6)
    return seen - amount * field
