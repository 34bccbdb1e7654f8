"""Options of the personalize stage; it has no input from outside the derivatives."""

from dataclasses import dataclass

from pipeline import DEVICES
from pipeline.networks import NETWORKS
from pipeline.options import LARGEST_SEED, check_options, option


@dataclass(frozen=True)
class Inputs:
    """Nothing: the stage reads what headmodel and spikes wrote."""


@dataclass(frozen=True)
class Config:
    """Options. There is no time limit among them: results must not depend on speed."""

    network: str = option("compact", "architecture", choices=NETWORKS.names())
    generic_model: str = option(
        "", "weights file of the generic model; empty: the shipped one", file=True, empty=True
    )
    device: str = option("cpu", "where the network is trained and applied", choices=DEVICES)
    steps: int = option(100, "batches of fine-tuning", low=1, high=1_000_000)
    batch_size: int = option(64, "synthetic recordings per batch", low=1, high=4096)
    learning_rate: float = option(1e-4, "of Adam, falling to zero", above=0, high=0.1)
    n_test: int = option(
        400, "synthetic recordings that measure before and after", low=1, high=100_000
    )
    seed: int = option(1, "of head-model errors and recordings", low=0, high=LARGEST_SEED)

    def __post_init__(self):
        check_options(self)
