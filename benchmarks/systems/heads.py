"""Heads of the population's test split, which nothing was trained on."""

from pathlib import Path

import mne
import numpy as np
import torch

from pipeline.synthesis.patches import template_graph
from pipeline.synthesis.population import Member, cached_member, population_seeds
from pipeline.systems._system import Field
from pipeline.template import load_template
from pipeline.template.cortex import vertex_areas_mm2

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


def point_field(member: Member) -> Field:
    """The 994 regions of a Neuromag head as point sources, each of the same field, true leadfield.

    The papers have 8,000 to 15,002 points on the cortex: errors here are no finer than the regions.
    """
    noise = np.sqrt(np.diag(member.noise_cov))
    gain = member.true_leadfield / noise[:, None]
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
