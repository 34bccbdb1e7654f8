"""Options and input files of the spikes stage."""

from dataclasses import dataclass, field
from pathlib import Path

SPIKE_NAMES = (
    "spike",
    "polyspike",
    "IED",
    "sharp wave",
    "sharp",
    "epileptiform",
    "epileptiform interictal",
    "interictal epileptiform discharge",
    "interictal discharge",
)


@dataclass(frozen=True)
class Inputs:
    """Recordings of one participant; the lists run in parallel, one entry per run.

    Attributes
    ----------
    meg : list of Path
        FIF, CTF ``.ds``, KIT ``.con``/``.sqd`` or a BTi folder.
    events : list of (Path or None)
        BIDS ``events.tsv``.
    channels_tsv : list of (Path or None)
        BIDS ``channels.tsv``.
    empty_room : Path or None
    """

    meg: list[Path]
    events: list[Path | None]
    channels_tsv: list[Path | None]
    empty_room: Path | None = None


@dataclass(frozen=True)
class Config:
    """Options; times in seconds, frequencies in hertz."""

    spike_name: tuple[str, ...] = field(
        default=SPIKE_NAMES,
        metadata={
            "help": "words or phrases that name a spike in events.tsv (whole words, any case; "
            "space, _ and - are the same)"
        },
    )
    highpass_hz: float = field(default=1.0, metadata={"help": "lower edge of the pass band"})
    lowpass_hz: float = field(default=40.0, metadata={"help": "upper edge of the pass band"})
    sfreq_hz: float = field(default=500.0, metadata={"help": "sampling rate after resampling"})
    max_shift_s: float = field(
        default=0.05, metadata={"help": "how far a spike may be moved from its annotation"}
    )
    template_half_width_s: float = field(
        default=0.1, metadata={"help": "half of the window in which spikes are compared"}
    )
    min_correlation: float = field(
        default=0.5,
        metadata={"help": "lowest correlation of a spike with the average of the others"},
    )
    min_amplitude_ratio: float = field(
        default=0.4, metadata={"help": "lowest amplitude relative to the average"}
    )
    max_amplitude_ratio: float = field(
        default=3.0, metadata={"help": "highest amplitude relative to the average"}
    )
    min_spikes: int = field(default=5, metadata={"help": "fewest spikes that make an average"})
    min_snr_db: float = field(
        default=3.0,
        metadata={"help": "lowest SNR of the average; annotations of mere noise reach 1 to 3 dB"},
    )
    max_spikes: int = field(
        default=500, metadata={"help": "most annotated spikes that are accepted as input"}
    )
    max_projector_overlap: float = field(
        default=0.3,
        metadata={"help": "largest part of the spike's power that a projector may remove"},
    )
    max_position_change_mm: float = field(
        default=5.0, metadata={"help": "runs whose head moved further from the first are left out"}
    )
    max_position_change_deg: float = field(
        default=3.0, metadata={"help": "runs whose head turned further from the first are left out"}
    )
    min_baseline_s: float = field(
        default=20.0,
        metadata={"help": "least spike-free data for the noise covariance"},
    )
    max_baseline_s: float = field(
        default=300.0, metadata={"help": "most spike-free data for the noise covariance"}
    )
