"""From the generic model to the patient's own, by training on synthetic data of this head."""

from pipeline.personalize.config import Config, Inputs
from pipeline.personalize.stage import reads, run, writes

__all__ = ["Config", "Inputs", "reads", "run", "writes"]
