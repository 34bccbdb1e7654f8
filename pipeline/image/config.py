"""Options and input files of the image stage."""

from dataclasses import dataclass, field
from pathlib import Path

from pipeline import METHODS


@dataclass(frozen=True)
class Inputs:
    """Files from outside the derivatives.

    Attributes
    ----------
    t1w : Path
        Its grid is that of the volumes.
    """

    t1w: Path


@dataclass(frozen=True)
class Config:
    """Options; times in seconds."""

    methods: tuple[str, ...] = field(
        default=METHODS, metadata={"help": "solutions to compute, of " + ", ".join(METHODS)}
    )
    peak_window_s: float = field(
        default=0.02, metadata={"help": "width of the window around the peak that is averaged"}
    )
    snr: float = field(
        default=3.0,
        metadata={
            "help": "amplitude signal-to-noise ratio that regularises sLORETA, dSPM and cMEM's prior"
        },
    )
    lcmv_reg: float = field(
        default=0.05,
        metadata={"help": "regularisation of the beamformer, as a share of the sensors' power"},
    )
    lcmv_window_s: tuple[float, float] = field(
        default=(-0.5, 0.5),
        metadata={"help": "part of the single spikes that the beamformer's covariance is taken of"},
    )
    dipole_step_s: float = field(
        default=0.004, metadata={"help": "time between two dipole fits around the peak"}
    )
    bootstrap_resamples: int = field(
        default=200,
        metadata={
            "help": "how often the spikes are resampled for the networks' confidence intervals and "
            "stability maps; 0 for none"
        },
    )
    seed: int = field(default=0, metadata={"help": "seed of the spikes' resampling"})

    def __post_init__(self):
        if self.bootstrap_resamples < 0:
            raise ValueError(f"bootstrap_resamples is {self.bootstrap_resamples}")
