"""Options and input files of the compare stage."""

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.options import LARGEST_SEED, check_options, option

NO_CONTACTS = "no iEEG contacts are given (electrodes.tsv)"
NO_MASK = "no resection mask is given"
NO_POSTOP = "the dataset has no post-operative T1w"


@dataclass(frozen=True)
class Inputs:
    """Files from outside the derivatives; the lists are empty where there is no iEEG.

    Attributes
    ----------
    electrodes, channels, coordsystem : list of Path
        BIDS ``electrodes.tsv``, ``channels.tsv`` and ``coordsystem.json`` of the iEEG.
    resection_mask : Path or None
        NIfTI in the space of the T1w or of `postop_t1w`.
    t1w : Path
    outcome : str or None
        The surgical outcome as in ``participants.tsv``.
    images : list of Path
        The participant's CTs and other images that contacts' coordinates may refer to.
    contact_labels : Path or None
        JSON that overrides where marks are looked for (``--contact-labels``).
    postop_t1w : Path or None
        T1w made after the operation.
    tables_json : dict of Path to list of Path
        Sidecars of `electrodes` and `channels`, the most specific first.
    no_contacts, no_mask, no_postop : str
        Why there are no `electrodes`, `resection_mask` or `postop_t1w`.
    unread_marks : str
        Names of tables elsewhere in the dataset that seem to hold marks; empty for none.
    mask_drawn_on : str
        Name of the T1w of another session that `resection_mask` was drawn on; empty for none.
    """

    electrodes: list[Path]
    channels: list[Path]
    coordsystem: list[Path]
    resection_mask: Path | None
    t1w: Path
    outcome: str | None = None
    images: list[Path] = field(default_factory=list)
    contact_labels: Path | None = None
    postop_t1w: Path | None = None
    no_mask: str = NO_MASK
    no_postop: str = NO_POSTOP
    tables_json: dict[Path, list[Path]] = field(default_factory=dict)
    no_contacts: str = NO_CONTACTS
    unread_marks: str = ""
    mask_drawn_on: str = ""


@dataclass(frozen=True)
class Config:
    """Options."""

    seed: int = option(
        0,
        "seed of the regions that the specificity draws and of registrations",
        low=0,
        high=LARGEST_SEED,
    )
    region_share: float = option(
        0.5,
        "a region counts as resected if more than this share of its area lies in the mask",
        low=0,
        below=1,
    )

    def __post_init__(self):
        check_options(self)
