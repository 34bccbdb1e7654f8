"""The network that a CPU can train: it begins with what physics knows and learns the rest.

A patch keeps its place for the length of a spike, so that a recording comes down to a few patches with
their time courses. They are sought one after the other in a dictionary, whose keys are the patches'
topographies under the patient's own leadfield: each is the one that explains most of what the others
left (orthogonal matching pursuit, Pati et al. 1993; in MEG, the family of RAP-MUSIC, Mosher & Leahy
1999), softened to the attention of Vaswani et al. 2017. The network judges which of them are sources.
Each of these is looked at alone, its patches' shapes are fitted to what is seen, and the network
corrects it by what it leaves unexplained, as in unrolled optimisation (Gregor & LeCun 2010). So it need
not learn every head by heart.

It is told the instant of the spike's peak and looks there first, so that ongoing activity of which the
noise covariance knows nothing is not taken for the spike. Beside the activity it says of each source how
probable it is that there is one.
"""

from dataclasses import dataclass

import torch
from torch import nn

from pipeline.networks._hearing import believed, gates, without_faint
from pipeline.networks._network import Answer, Network
from pipeline.networks._patch_search import PatchSearch, attend_to_patches, pursue_patches
from pipeline.projection import Projection
from pipeline.sampling import NETWORK_SFREQ_HZ

# Before training each source's gate is open by this much less than the one before it.
LESS_BELIEVED = 0.5


@dataclass(frozen=True, kw_only=True)
class CompactArchitecture(PatchSearch):
    """Sizes and constants.

    Attributes
    ----------
    n_in, n_out : int
        Inputs (`Projection.kernel`) and regions.
    n_temporal : int
        Features per sample.
    n_sources : int
        Most sources at a time: the rank of the output over time.
    n_spatial : int
        Width of the deblurring layers.
    n_corrections : int
    residual_gain : float
        What a good estimate leaves unexplained is a fraction of the map.
    log_sharpness : float
        Of the attention before training: a patch with 99 % of the best one's explained variance
        counts two fifths of it. How sharp it can be depends on how well the leadfield is known.
    sharpness_gain : float
        A single number learns slowly beside layers of thousands.
    n_components : int
        Time courses that a recording comes down to before patches are sought.
    ridge : float
        Of the mean power of the sources' fields: two of the same topography share a course.
    explained_gain : float
        The explained parts of sources and of noise differ by tenths.
    faint_gate, faint_region : float
        Gates, and parts of a source's largest region, below which there is silence.
    least_existence : float
        Probability below which a source is silent, but for the most probable one.
    largest_log_ratio : float
        Of a source's strength to the first one's.
    orthogonal_iterations : int
    window_sd_s, window_floor : float
        Of the Gaussian window about the peak through which patches are sought, and what it leaves far
        from there.
    n_existence : int
        Hidden units that judge whether a source exists; 0: none do.
    """

    n_in: int = 994
    n_out: int = 994
    n_temporal: int = 64
    n_sources: int = 4
    n_spatial: int = 512
    n_corrections: int = 2
    residual_gain: float = 3.0
    log_sharpness: float = 4.5
    sharpness_gain: float = 10.0
    n_components: int = 6
    ridge: float = 1e-4
    explained_gain: float = 5.0
    faint_gate: float = 0.2
    faint_region: float = 0.3
    least_existence: float = 0.45
    largest_log_ratio: float = 5.0
    orthogonal_iterations: int = 8
    window_sd_s: float = 0.05
    window_floor: float = 0.2
    n_existence: int = 64


@dataclass(frozen=True, eq=False)
class Pursued:
    """Sources as they were pursued, and what is known of them when they are looked at once more.

    Attributes
    ----------
    near_peak : Tensor, (batch, rank, n_times)
        The recording through the window.
    sources : Tensor, (batch, n_sources, n_regions)
    courses : Tensor, (batch, n_sources, n_times)
    window : Tensor, (batch, 1, n_times)
    look : Tensor, (batch, n_temporal)
    signs : Tensor, (batch, n)
        What tells sources from noise.
    """

    near_peak: torch.Tensor
    sources: torch.Tensor
    courses: torch.Tensor
    window: torch.Tensor
    look: torch.Tensor
    signs: torch.Tensor


class Deblur(nn.Module):
    """Fully connected correction of a few maps of sources (batch, n_maps, n_out) by others."""

    def __init__(self, n_in: int, n_out: int, n_hidden: int):
        super().__init__()
        self.enter = nn.Linear(n_in + n_out, n_hidden)
        self.deblur = nn.Linear(n_hidden, n_hidden)
        self.leave = _beginning_near_zero(nn.Linear(n_hidden, n_out))

    def forward(
        self, hidden: torch.Tensor, seen: torch.Tensor, sources: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = hidden + nn.functional.elu(self.enter(torch.cat([seen, sources], 2)))
        hidden = hidden + nn.functional.elu(self.deblur(hidden))
        return hidden, sources + self.leave(hidden)


class Compact(Network):
    """Pursuit of patches, convolutions over their time courses and an MLP over space, 994 out."""

    Architecture = CompactArchitecture

    def __init__(self, architecture: CompactArchitecture):
        super().__init__()
        self.architecture = sizes = architecture
        n_temporal, n_sources = sizes.n_temporal, sizes.n_sources
        self.features = nn.Linear(sizes.n_in, n_temporal - n_sources)
        self.near = nn.Conv1d(n_temporal, n_temporal, 7, padding="same")
        self.far = nn.Conv1d(n_temporal, n_temporal, 7, padding="same", dilation=6)
        self.time_course = _beginning_near_zero(nn.Linear(n_temporal, n_sources))
        self.log_sharpness = nn.Parameter(torch.zeros(n_sources))
        self.look = nn.Linear(n_temporal + 2 * n_sources + sizes.n_components, n_temporal)
        self.sharpen = _beginning_near_zero(nn.Linear(n_temporal, n_sources))
        self.judge = _beginning_near_zero(nn.Linear(n_temporal, n_sources))
        self.deblur = nn.ModuleList(
            Deblur(sizes.n_in, sizes.n_out, sizes.n_spatial) for _ in range(1 + sizes.n_corrections)
        )
        n_signs = n_temporal + 4 * n_sources + sizes.n_components
        self.existence = None
        if sizes.n_existence:
            hidden = nn.Linear(n_signs, sizes.n_existence)
            leave = nn.Linear(sizes.n_existence, n_sources)
            self.existence = nn.Sequential(hidden, nn.ELU(), leave)
        with torch.no_grad():
            self.judge.bias.copy_(-LESS_BELIEVED * torch.arange(n_sources))

    def window(self, n_times: int, peak: torch.Tensor) -> torch.Tensor:
        """Weight (batch, n_times) of each sample: 1 at the `peak` (batch,), a sample."""
        fixed = self.architecture
        time_s = (torch.arange(n_times, device=peak.device) - peak[:, None]) / NETWORK_SFREQ_HZ
        near = torch.exp(-0.5 * (time_s / fixed.window_sd_s) ** 2)
        return fixed.window_floor + (1 - fixed.window_floor) * near

    def forward(
        self,
        recording: torch.Tensor,
        projection: Projection,
        peak: torch.Tensor,
        samples: slice = slice(None),
    ) -> torch.Tensor:
        """(batch, rank, n_times) to (batch, n_out, n_times), or only to some `samples` of it."""
        return self.answer(recording, projection, peak, samples).activity

    def answer(
        self,
        recording: torch.Tensor,
        projection: Projection,
        peak: torch.Tensor,
        samples: slice = slice(None),
    ) -> Answer:
        """Activity as of `forward`, the sources that it is made of, and whether they exist.

        All that looks at every sample happens on the sensors, whose rank is a fraction of the
        number of regions; only the maps are projected.
        """
        fixed = self.architecture
        window = self.window(recording.shape[2], peak)[:, None]
        near_peak = recording * window
        components, strength = principal_time_courses(
            near_peak, fixed.n_components, fixed.orthogonal_iterations
        )
        if projection.topographies is None:
            shape = len(recording), fixed.n_sources, projection.leadfield.shape[1]
            sources, courses = recording.new_zeros(shape), components[:, : fixed.n_sources]
            explained = sources[..., 0]
        else:
            principal = near_peak @ components.mT
            sharpness = (fixed.log_sharpness + fixed.sharpness_gain * self.log_sharpness).exp()
            sources, explained = pursue_patches(principal, sharpness, projection, fixed)
            courses = least_squares_courses(
                recording, sources @ projection.leadfield.T, fixed.ridge
            )
        highest = (courses * window).abs().amax(2, keepdim=True).clamp_min(1e-30)
        features = (self.features.weight @ projection.kernel) @ recording
        features = nn.functional.elu(features + self.features.bias[:, None])
        features = torch.cat([features, courses / highest], 1)
        features = features + nn.functional.elu(self.near(features))
        features = (features + nn.functional.elu(self.far(features))).mT

        # A source that explains little is noise, and is silenced; one at least is none.
        largest = fixed.largest_log_ratio
        ratio = (highest / highest[:, :1]).log().squeeze(2).clamp(-largest, largest)
        features_near_peak = (window @ features / window.sum(2, keepdim=True)).squeeze(1)
        signs = torch.cat(
            [features_near_peak, fixed.explained_gain * explained, strength, ratio], 1
        )
        look = nn.functional.elu(self.look(signs))
        verdict = self.judge(look)
        gate = gates(verdict - verdict.amax(1, keepdim=True), fixed.faint_gate)
        pursued = Pursued(near_peak, sources, courses, window, look, signs)
        sources, existence = self._looked_at(pursued, gate, projection)
        # In training all are heard, so that what is taken for nothing can be learned.
        if existence is not None and not self.training:
            gate = gate * believed(existence, gate, fixed.least_existence)
        corrected = (courses / highest + self.time_course(features).mT) * gate[..., None]
        return Answer(
            activity=sources.mT @ corrected[..., samples],
            sources=sources,
            gate=gate,
            existence=existence,
        )

    def _looked_at(
        self, pursued: "Pursued", gate: torch.Tensor, projection: Projection
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Each source once more, with what is believed of the others taken off, and whether it exists."""
        fixed, sources = self.architecture, pursued.sources
        fields, courses = sources @ projection.leadfield.T, pursued.courses * pursued.window
        seen = unmixed_maps(pursued.near_peak, fields, courses, gate[..., None])
        if projection.topographies is not None:
            sharpness = (fixed.log_sharpness + self.sharpen(pursued.look)).exp()
            # A closed source is not seen, and learns from the patch that it was pursued by.
            heard = gate > 0
            looked_at = attend_to_patches(seen[heard], sharpness[heard], projection, fixed)
            sources = sources.masked_scatter(heard[..., None], looked_at)
        maps = seen @ projection.kernel.T
        seen, maps = seen / _size(maps), maps / _size(maps)
        hidden, sources = self.deblur[0](0.0, maps, sources)
        for correct in self.deblur[1:]:
            residual = _unexplained(seen, sources @ projection.leadfield.T)
            residual = fixed.residual_gain * residual @ projection.kernel.T
            hidden, sources = correct(hidden, residual, sources)
        sources = without_faint(sources, fixed.faint_region)
        # It judges what is found and must not shape it.
        found = sources.detach(), seen.detach()
        return sources, self._existence(pursued, *found, projection)

    def _existence(
        self, pursued: "Pursued", sources: torch.Tensor, seen: torch.Tensor, projection: Projection
    ) -> torch.Tensor | None:
        """Logits (batch, n_sources) of whether there is a source where each is found."""
        if self.existence is None:
            return None
        field = sources @ projection.leadfield.T
        fit = (seen * field).sum(2).square() / (
            seen.square().sum(2) * field.square().sum(2)
        ).clamp_min(1e-30)
        power, window = pursued.courses.detach().square(), pursued.window
        near = (power * window).sum(2) / window.sum(2)
        standing_out = (near / power.mean(2).clamp_min(1e-30)).clamp_min(1e-6).log()
        explained_gain = self.architecture.explained_gain
        return self.existence(
            torch.cat([pursued.signs.detach(), explained_gain * fit, standing_out], 1)
        )


def principal_time_courses(
    recording: torch.Tensor, n_components: int, n_iterations: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """First right singular vectors of each recording, by orthogonal iteration.

    Parameters
    ----------
    recording : Tensor, (batch, rank, n_times)
    n_components, n_iterations : int

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
        for _ in range(n_iterations):
            vectors, _ = torch.linalg.qr(product @ vectors)
        power = (product @ vectors).norm(dim=1).sqrt()
        strength = power / power.amax(1, keepdim=True).clamp_min(1e-30)
        return vectors.mT * n_times**0.5, strength


def least_squares_courses(
    recording: torch.Tensor, fields: torch.Tensor, ridge_part: float
) -> torch.Tensor:
    """Time courses (batch, n_sources, n_times) of `fields` (batch, n_sources, rank), by ridge regression."""
    with torch.autocast(recording.device.type, enabled=False):
        fields = fields.float()
        gram = fields @ fields.mT
        ridge = ridge_part * gram.diagonal(dim1=1, dim2=2).mean(1) + 1e-30
        gram = gram + ridge[:, None, None] * torch.eye(gram.shape[1], device=gram.device)
        return torch.linalg.solve(gram, fields @ recording)


def unmixed_maps(
    recording: torch.Tensor, fields: torch.Tensor, courses: torch.Tensor, belief: torch.Tensor
) -> torch.Tensor:
    """The recording's map at each source's course, the other sources taken off.

    Parameters
    ----------
    recording : Tensor, (batch, rank, n_times)
    fields : Tensor, (batch, n_sources, rank)
    courses : Tensor, (batch, n_sources, n_times)
    belief : Tensor, (batch, n_sources, 1)
        Part of each source's field that is taken off the others' maps, 0-1.

    Returns
    -------
    maps : Tensor, (batch, n_sources, rank)
    """
    unit = courses / courses.square().sum(2, keepdim=True).clamp_min(1e-30)
    overlap = unit @ courses.mT
    overlap = overlap - torch.diag_embed(overlap.diagonal(dim1=1, dim2=2))
    return unit @ recording.mT - overlap @ (belief * fields)


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


NETWORK = Compact
