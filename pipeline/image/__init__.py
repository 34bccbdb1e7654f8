"""From the averaged spike to its sources, by networks and conventional methods."""

from pipeline.image.config import Config, Inputs
from pipeline.image.stage import reads, run, writes

__all__ = ["Config", "Inputs", "reads", "run", "writes"]
