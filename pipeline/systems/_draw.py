"""What the systems' training examples are made of."""

import torch

from pipeline.systems._system import Examples, Field


def uniform(low: float, high: float, generator: torch.Generator, *shape: int) -> torch.Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def with_noise(
    clean: torch.Tensor, ratio: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """White noise whose Frobenius norm is exactly that of the signal over the amplitude `ratio` (n,)."""
    noise = torch.randn(clean.shape, generator=generator)
    size = clean.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1) / ratio
    return clean + size[:, None, None] * noise


def examples(
    field: Field,
    sources: torch.Tensor,
    activity: torch.Tensor,
    ratio: torch.Tensor,
    generator: torch.Generator,
) -> Examples:
    """Recordings of an activity (n, n_sources, n_times), at amplitude ratios (n,) of signal and noise."""
    clean = field.gain @ activity
    return Examples(with_noise(clean, ratio, generator), clean, sources, activity)


def distinct_sources(n: int, k: int, n_sources: int, generator: torch.Generator) -> torch.Tensor:
    """k different ones of the sources for each of n examples (n, k)."""
    return torch.rand((n, n_sources), generator=generator).topk(k, dim=1).indices


def sinusoids(
    n: int,
    k: int,
    n_times: int,
    correlation: torch.Tensor,
    generator: torch.Generator,
    sfreq_hz: float = 1000.0,
) -> torch.Tensor:
    """Courses (n, k, n_times) of unit norm whose sample correlation is exactly `correlation` (n,).

    Sinusoids of 10-90 Hz and random phase (Pantazis & Adler 2021, sec. 4.3), which 16 samples would
    correlate by chance: they are made orthonormal and mixed by the root of the wanted matrix.
    """
    time_s = torch.arange(n_times) / sfreq_hz
    frequency_hz = uniform(10, 90, generator, n, k, 1)
    phase = uniform(0, 2 * torch.pi, generator, n, k, 1)
    waves = torch.sin(2 * torch.pi * frequency_hz * time_s + phase)
    # Two of almost the same frequency span a plane only together with a little of something else.
    waves = waves + 1e-3 * torch.randn(waves.shape, generator=generator)
    basis = torch.linalg.qr(waves.mT.double())[0].mT
    wanted = correlation[:, None, None].double() * torch.ones(k, k).double()
    wanted = wanted + torch.diag_embed((1 - correlation.double())[:, None].expand(-1, k))
    return (torch.linalg.cholesky(wanted) @ basis).float()


def rings(neighbours: torch.Tensor, centre: torch.Tensor, n_rings: int) -> torch.Tensor:
    """Number of steps (n, n_sources) from the centres (n,) along neighbours, n_rings + 1 beyond."""
    reached = torch.nn.functional.one_hot(centre, len(neighbours)).bool()
    steps = torch.full(reached.shape, n_rings + 1)
    steps[reached] = 0
    edges = neighbours.float()
    for ring in range(1, n_rings + 1):
        grown = reached | (reached.float() @ edges > 0)
        steps[grown & ~reached] = ring
        reached = grown
    return steps


def grown_patches(field: Field, centre: torch.Tensor, area_mm2: torch.Tensor) -> torch.Tensor:
    """Patches bool (n, n_sources) about the centres: the nearest sources until the areas (n,) are full."""
    distance = torch.cdist(field.pos_mm[centre], field.pos_mm)
    order = distance.argsort(dim=1)
    before = field.area_mm2[order].cumsum(1) - field.area_mm2[order]
    taken = before < area_mm2[:, None]
    return torch.zeros(distance.shape, dtype=torch.bool).scatter(1, order, taken)
