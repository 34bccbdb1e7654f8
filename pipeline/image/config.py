"""Options and input files of the image stage."""

from dataclasses import dataclass
from pathlib import Path

from pipeline import METHODS
from pipeline.options import LARGEST_SEED, check_options, option
from pipeline.spikes.config import EPOCH_S

LEAST_LCMV_WINDOW_S = 0.05


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

    methods: tuple[str, ...] = option(METHODS, "solutions to compute", choices=METHODS)
    peak_window_s: float = option(
        0.02,
        "width of the window around the peak that is averaged",
        unit="s",
        low=0.002,
        high=0.5,
    )
    snr: float = option(
        3.0,
        "amplitude signal-to-noise ratio that regularises sLORETA, dSPM and cMEM's prior",
        low=0.1,
        high=100,
    )
    lcmv_reg: float = option(
        0.05,
        "regularisation of the beamformer, as a share of the sensors' power",
        above=0,
        high=1,
    )
    lcmv_window_s: tuple[float, float] = option(
        (-EPOCH_S / 2, EPOCH_S / 2),
        "part of the single spikes that the beamformer's covariance is taken of, from and to, "
        "around the peak",
        unit="s",
        low=-EPOCH_S / 2,
        high=EPOCH_S / 2,
    )
    dipole_step_s: float = option(
        0.004, "time between two dipole fits around the peak", unit="s", low=0.001, high=0.5
    )
    bootstrap_resamples: int = option(
        200,
        "how often the spikes are resampled for the networks' confidence intervals and stability "
        "maps; 0 for none",
        low=0,
        high=10_000,
    )
    seed: int = option(0, "seed of the spikes' resampling", low=0, high=LARGEST_SEED)

    def __post_init__(self):
        check_options(self)
        start_s, end_s = self.lcmv_window_s
        if end_s - start_s < LEAST_LCMV_WINDOW_S:
            raise ValueError(
                f"lcmv_window_s is [{start_s:g}, {end_s:g}]; it must end at least "
                f"{LEAST_LCMV_WINDOW_S:g} s after its start"
            )
