"""The imaged sources against what iEEG and surgery showed."""

from pipeline.compare.config import Config, Inputs
from pipeline.compare.stage import reads, run, writes

__all__ = ["Config", "Inputs", "reads", "run", "writes"]
