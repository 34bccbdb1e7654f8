"""Heads of the population's test split, which nothing was trained on."""

from pathlib import Path

import mne
import numpy as np
import torch

from pipeline.methods._system import to_own_channels
from pipeline.projection import COVARIANCE_LOADING
from pipeline.synthesis.patches import template_graph
from pipeline.synthesis.population import Member, cached_member, population_seeds
from pipeline.systems._system import Field
from pipeline.template import load_template
from pipeline.template.cortex import vertex_areas_mm2
from pipeline.whitening import whitener

ARRAYS = ("neuromag", "ctf275")


def test_members(n: int, work: Path) -> list[tuple[str, Member]]:
    """The first n heads under two arrays in turn, by name; computed once and kept in `work`."""
    cortex = load_template().source_cortex
    return [
        (f"{array} {seed}", cached_member(work / "population", array, cortex, seed))
        for array, seed in population_seeds("test", n, ARRAYS)
    ]


def region_areas_mm2() -> np.ndarray:
    """Areas (994,) on the template: a random head's scale is within a tenth of it."""
    cortex = load_template().source_cortex
    area_mm2 = vertex_areas_mm2(cortex.pos_mm, cortex.faces)
    inside = cortex.vertex_region >= 0
    return np.bincount(cortex.vertex_region[inside], area_mm2[inside])


def channels_of(member: Member) -> np.ndarray:
    """From the product's whitened directions to whitened channels (n_channels, rank), as on a patient."""
    return to_own_channels(whitener_of(member), member.noise_cov)


def known_field(member: Member) -> Field:
    """The 994 regions of a Neuromag head as a head-model stage would know them: what trains and inverts.

    Each region has one field: the papers have 8,000 to 15,002 points on the cortex, and errors here
    are no finer than the regions.
    """
    return _field(member, member.estimated_leadfield)


def true_field(member: Member) -> Field:
    """The same regions' true field, from which the known one differs in co-registration and cortex."""
    return _field(member, member.true_leadfield)


def _field(member: Member, leadfield: np.ndarray) -> Field:
    gain = channels_of(member) @ whitener_of(member) @ leadfield
    gain = gain / np.linalg.norm(gain, axis=0).mean()
    info = mne.channels.montage.read_meg_canonical_info("neuromag")
    sensors_mm = np.array([channel["loc"][:3] for channel in info["chs"]]) * 1000
    return Field(
        gain=torch.as_tensor(gain, dtype=torch.float32),
        pos_mm=torch.as_tensor(member.region_pos_mm, dtype=torch.float32),
        neighbours=torch.as_tensor(template_graph().adjacency),
        area_mm2=torch.as_tensor(region_areas_mm2(), dtype=torch.float32),
        sensor_pos_mm=torch.as_tensor(sensors_mm, dtype=torch.float32),
    )


def whitener_of(member: Member) -> np.ndarray:
    """From channels to the product's whitened directions (rank, n_channels)."""
    return whitener(member.noise_cov, COVARIANCE_LOADING)
