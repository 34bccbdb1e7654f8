"""Which input lets one generic model serve every head? The candidates, and how each is trained.

- ``raw``: the paper's. Channels of the generic head, nothing else; another array is mapped to the
  generic one by ridge regression between the two leadfields.
- ``mapped``: the same input, trained over the population of heads and arrays, each mapped.
- ``projected``: the individual leadfield's sLORETA-normalised projection to the regions, trained on
  the generic head alone.
- ``population``: the same projection, trained over the population.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.deepsif import heads as test_heads
from benchmarks.deepsif.geometry import N_CHANNELS, DeepSif
from pipeline.progress import Progress
from pipeline.projection import Projection
from pipeline.synthesis.library import Library, load_library
from pipeline.synthesis.patches import patch_bank, patch_dictionary
from pipeline.synthesis.population import Member
from pipeline.synthesis.recordings import HeadTensors, Synthesizer, prepare_head
from pipeline.template import N_REGIONS, load_template
from pipeline.training import generic
from pipeline.training.generic import TrainConfig
from pipeline.whitening import whitener

CANDIDATES = ("raw", "mapped", "projected", "population")
ARRAYS = TrainConfig().arrays
MAPPING_REGULARISATION = 1e-3
# Of the sensors' noise power; the best of 0, 0.1, 1 and 10 on validation recordings.
BRAIN_ACTIVITY = 1.0


def deepsif_library(split: str, deepsif: DeepSif) -> Library:
    """The shipped library; a region has the background of our region that is nearest to it."""
    own_mm, _ = test_heads.region_geometry(load_template().source_cortex)
    their_mm, _ = test_heads.region_geometry(deepsif.cortex)
    nearest = np.linalg.norm(their_mm[:, None] - own_mm, axis=2).argmin(1)
    library = load_library(split)
    return replace(library, background=library.background[nearest])


def synthesizer(split: str, deepsif: DeepSif, seed: int, per_region: int, **options) -> Synthesizer:
    """Recordings with this split's spikes, background and patches."""
    number = generic.SPLIT_SEED[split]
    patches, centres = patch_bank(deepsif.graph, per_region, 100 * number + seed)
    return Synthesizer(
        deepsif_library(split, deepsif),
        deepsif.graph,
        patches,
        centres,
        1000 * number + seed,
        **options,
    )


def n_inputs(candidate: str) -> int:
    return N_CHANNELS if candidate in ("raw", "mapped") else N_REGIONS


def input_head(
    member: Member,
    known: np.ndarray,
    candidate: str,
    library: Library,
    deepsif: DeepSif,
) -> HeadTensors:
    """A head as a candidate's network sees it; the generic array itself needs no mapping."""
    generic_leadfield = deepsif.generic_leadfield
    is_generic = known is generic_leadfield
    dictionary = patch_dictionary(deepsif.graph)
    noise_cov = with_brain_activity(member.noise_cov, known)
    kind = "raw" if candidate == "raw" and is_generic else "projected"
    head = prepare_head(
        member.true_leadfield,
        known,
        noise_cov,
        member.region_pos_mm,
        library,
        dictionary,
        kind=kind,
        true_noise_cov=member.noise_cov,
    )
    if candidate == "mapped" or (candidate == "raw" and not is_generic):
        kernel = mapping_to_generic(known, noise_cov, generic_leadfield)
        return replace(head, projection=Projection(kernel, head.projection.leadfield))
    return head


def with_background(head: HeadTensors, split: str, deepsif: DeepSif) -> HeadTensors:
    """The head with this split's background activity."""
    background = torch.as_tensor(deepsif_library(split, deepsif).background)
    return replace(head, background=head.field @ background)


def mapping_to_generic(
    known: np.ndarray, noise_cov: np.ndarray, generic_leadfield: np.ndarray
) -> torch.Tensor:
    """Kernel (148, rank): whitened recordings of a head to the generic array's channels.

    Ridge regression of the generic leadfield on the known one, over the regions; channels are
    scaled by the generic leadfield's size.
    """
    whitened = whitener(noise_cov) @ known
    gram = whitened @ whitened.T
    gram += MAPPING_REGULARISATION * np.trace(gram) / len(gram) * np.eye(len(gram))
    kernel = np.linalg.solve(gram, whitened @ generic_leadfield.T).T
    return torch.as_tensor(kernel / generic_leadfield.std(), dtype=torch.float32)


def with_brain_activity(noise_cov: np.ndarray, leadfield: np.ndarray) -> np.ndarray:
    """What is known of the noise: the sensors', and as much of ongoing activity in all regions.

    A recording has that activity as its background, and a baseline would show it.
    """
    scale = np.sqrt(np.diag(noise_cov))
    field = leadfield / scale[:, None]
    brain = field @ field.T
    brain *= BRAIN_ACTIVITY * len(brain) / np.trace(brain)
    return noise_cov + brain * scale[:, None] * scale


def plain_noise(member: Member) -> Member:
    """The member with noise of its sensors alone: no brain activity in it, nothing correlated."""
    return replace(member, noise_cov=np.diag(np.diag(member.noise_cov)))


def training_heads(
    candidate: str, deepsif: DeepSif, work: Path, seed: int, progress: Progress
) -> list[HeadTensors]:
    """The published generic head and, for candidates that use it, the population."""
    config = TrainConfig()
    library = deepsif_library("train", deepsif)
    of_generic = [
        input_head(m, m.true_leadfield, candidate, library, deepsif)
        for m in map(plain_noise, test_heads.generic_members(deepsif, seed))
    ]
    if candidate in ("raw", "projected"):
        return of_generic
    members = generic.population("train", config.n_heads, ARRAYS, deepsif.cortex, work, progress)
    drawn = map(plain_noise, generic.training_members(members, "projected", seed))
    return of_generic + [
        input_head(m, m.estimated_leadfield, candidate, library, deepsif) for m in drawn
    ]


def validation_heads(
    candidate: str, deepsif: DeepSif, work: Path, progress: Progress
) -> list[HeadTensors]:
    """The generic head and four random heads, known without error, with the tests' kind of noise."""
    library = deepsif_library("validation", deepsif)
    members = generic.population(
        "validation", generic.N_VALIDATION_HEADS, ARRAYS, deepsif.cortex, work, progress
    )
    members = [test_heads.generic_members(deepsif, 999)[0], *members]
    members = [plain_noise(member) for member in members]
    return [input_head(m, m.true_leadfield, candidate, library, deepsif) for m in members]
