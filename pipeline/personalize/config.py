"""Options of the personalize stage; it has no input from outside the derivatives."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Inputs:
    """Nothing: the stage reads what headmodel and spikes wrote."""


@dataclass(frozen=True)
class Config:
    """Options. There is no time limit among them: results must not depend on speed."""

    network: str = field(default="compact", metadata={"help": "compact or deepsif"})
    generic_model: str = field(
        default="", metadata={"help": "weights file of the generic model; empty: the shipped one"}
    )
    device: str = field(default="cpu", metadata={"help": "cpu, cuda or auto"})
    steps: int = field(default=100, metadata={"help": "batches of fine-tuning"})
    batch_size: int = field(default=64, metadata={"help": "synthetic recordings per batch"})
    learning_rate: float = field(default=1e-4, metadata={"help": "of Adam, falling to zero"})
    n_test: int = field(
        default=400, metadata={"help": "synthetic recordings that measure before and after"}
    )
    seed: int = field(default=1, metadata={"help": "of head-model errors and recordings"})
