"""From T1w (and FreeSurfer) and digitised points to the field of the patient's 994 regions."""

from pipeline.headmodel.config import Config, Inputs
from pipeline.headmodel.stage import reads, run, writes

__all__ = ["Config", "Inputs", "reads", "run", "writes"]
