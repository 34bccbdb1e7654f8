"""What each system says of itself, and what it is given: the field of the sources in the sensors."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from pipeline.systems._fit import Recipe

# Beside each other on a grid of 6 mm: along its axes and across one face, with room for points off its corners.
DEEP_NEIGHBOUR_MM = 9.0


@dataclass(frozen=True, eq=False)
class DeepField:
    """Points of deep structures, whose dipoles have any direction.

    Attributes
    ----------
    gain : Tensor, (n_channels, n, 3)
        Field of a unit dipole in each direction, each channel over its own noise. A point's mean one is as
        large as a source's of cortex: which of the two is stronger in a patient is not known before.
    pos_mm : Tensor, (n, 3)
    structure : Tensor of int, (n,)
        Index into `pipeline.template.deep.DEEP_NAMES`.
    neighbours : Tensor of bool, (n, n)
        Points beside each other in one structure.
    """

    gain: torch.Tensor
    pos_mm: torch.Tensor
    structure: torch.Tensor
    neighbours: torch.Tensor

    @classmethod
    def of(cls, gain: torch.Tensor, pos_mm: torch.Tensor, structure: torch.Tensor) -> "DeepField":
        """From points on a grid of `pipeline.headmodel.deep.STEP_MM` and their field in any unit."""
        away_mm = torch.cdist(pos_mm, pos_mm)
        near = (structure[:, None] == structure) & (away_mm > 0) & (away_mm < DEEP_NEIGHBOUR_MM)
        size = (gain.square().sum(0).sum(1) / gain.shape[2]).sqrt().mean()
        return cls(gain / size, pos_mm, structure, near)


@dataclass(frozen=True, eq=False)
class Field:
    """Sources and their field, as far as a system that is trained for it knows them.

    Attributes
    ----------
    gain : Tensor, (n_channels, n_sources)
        Field of a unit source, each channel over its own noise.
    pos_mm : Tensor, (n_sources, 3)
    neighbours : Tensor of bool, (n_sources, n_sources)
    area_mm2 : Tensor, (n_sources,)
    sensor_pos_mm : Tensor, (n_channels, 3)
        In a frame whose z axis points up.
    origin : str
        Hash of the files that it was made from; empty where it is known by its arrays, whose last digits
        may follow the number of threads.
    deep : DeepField, optional
        For systems that have sources below cortex.
    """

    gain: torch.Tensor
    pos_mm: torch.Tensor
    neighbours: torch.Tensor
    area_mm2: torch.Tensor
    sensor_pos_mm: torch.Tensor
    origin: str = ""
    deep: DeepField | None = None

    @property
    def centre_mm(self) -> torch.Tensor:
        return self.pos_mm.mean(0)


@dataclass(frozen=True, eq=False)
class Examples:
    """Recordings and their truth.

    Attributes
    ----------
    data : Tensor, (n, n_channels, n_times)
        With noise; `clean` without.
    sources : Tensor of int, (n, k)
        The sources that lie at the centre of what is active.
    activity : Tensor, (n, n_sources, n_times)
    """

    data: torch.Tensor
    clean: torch.Tensor
    sources: torch.Tensor
    activity: torch.Tensor


class System(ABC):
    """A network with all that its paper says about its training.

    Attributes
    ----------
    label, reference : str
    answers : str
        "points", "map" (one time sample) or "activity".
    n_times : int
        Samples that it reads, the spike's peak in their middle.
    sfreq_hz : float
        At which these are taken; of no meaning to one sample.
    learns_from_recording : bool
        Whether `for_recordings` makes it another one.
    sees_deep : bool
        Whether it has sources in deep structures, where a field has any: its map is of cortex, then of these.
    reads_map : bool
        Whether it reads the sensors as one topographic map, which sensors of two kinds of place do not make.
    sizes : mapping of str to mapping
        Arguments of `network` for each of `pipeline.systems.SIZES`.
    recipes : mapping of str to Recipe
        How each size is trained.
    """

    label: str
    reference: str
    answers: str
    n_times: int
    sfreq_hz: float = 1000.0
    learns_from_recording: bool = False
    sees_deep: bool = False
    reads_map: bool = False
    sizes: Mapping[str, Mapping[str, Any]]
    recipes: Mapping[str, Recipe]

    def for_recordings(self, recordings: torch.Tensor, snr_db: torch.Tensor) -> "System":
        """The system that is trained to invert these very recordings (n, n_channels, n_times).

        Parameters
        ----------
        recordings : Tensor, (n, n_channels, n_times)
            As the system reads them.
        snr_db : Tensor, (n,)
            Power of each one's signal over that of its noise, dB.
        """
        return self

    @abstractmethod
    def network(self, field: Field, **sizes: Any) -> nn.Module:
        """The network with random weights."""

    @abstractmethod
    def draw(self, field: Field, n: int, generator: torch.Generator) -> Examples:
        """`n` examples as its training has them."""

    @abstractmethod
    def encode(self, field: Field, data: torch.Tensor) -> torch.Tensor:
        """What the network reads of recordings (n, n_channels, n_times)."""

    @abstractmethod
    def loss(self, output: torch.Tensor, examples: Examples, field: Field) -> torch.Tensor:
        """Mean over the examples."""

    @abstractmethod
    def answer(self, output: torch.Tensor, field: Field) -> torch.Tensor:
        """Points (n, k, 3) in mm, a map (n, n_sources + n_deep), or activity (n, n_sources, n_times)."""
