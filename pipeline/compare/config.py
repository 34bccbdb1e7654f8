"""Options and input files of the compare stage."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Inputs:
    """Files from outside the derivatives; the lists are empty where there is no iEEG.

    Attributes
    ----------
    electrodes, channels, coordsystem : list of Path
        BIDS ``electrodes.tsv``, ``channels.tsv`` and ``coordsystem.json`` of the iEEG.
    resection_mask : Path or None
        NIfTI in the space of the T1w.
    t1w : Path
    outcome : str or None
        The surgical outcome as in ``participants.tsv``.
    """

    electrodes: list[Path]
    channels: list[Path]
    coordsystem: list[Path]
    resection_mask: Path | None
    t1w: Path
    outcome: str | None = None


@dataclass(frozen=True)
class Config:
    """Options."""

    seed: int = field(
        default=0, metadata={"help": "seed of the regions that the specificity draws"}
    )
