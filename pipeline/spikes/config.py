"""Options and input files of the spikes stage."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.options import check_options, option

# Length of a spike's epoch, its peak in the middle.
EPOCH_S = 1.0
# What rounding to samples takes, also at the networks' rate.
_ROUNDING_S = 0.015

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
    events_json : list of (list of Path)
        The ``events.json`` that apply to each run, the most specific first; empty without any.
    detect : bool
        Spikes are looked for: the leadfield is read, the events are not, and the first run, which the
        leadfield was computed for, is the one that others are compared with.
    modality : str
        What is imaged, by `pipeline.modality`; empty for what the recordings' names promise.
    """

    meg: list[Path]
    events: list[Path | None]
    channels_tsv: list[Path | None]
    empty_room: Path | None = None
    events_json: list[list[Path]] = field(default_factory=list)
    detect: bool = False
    modality: str = ""


@dataclass(frozen=True)
class Config:
    """Options; times in seconds, frequencies in hertz."""

    spike_name: tuple[str, ...] = option(
        SPIKE_NAMES,
        "words or phrases that name a spike in events.tsv, in its HED tags or in what events.json "
        "says of its cells (whole words, any case; space, _ and - are the same)",
    )
    highpass_hz: float = option(1.0, "lower edge of the pass band", unit="Hz", low=0.1, high=20)
    lowpass_hz: float = option(
        40.0,
        "upper edge of the pass band; with its transition of a quarter it must end below half of "
        "the 125 Hz at which the networks sample",
        unit="Hz",
        low=5,
        high=50,
    )
    sfreq_hz: float = option(
        500.0,
        "sampling rate after resampling, a multiple of the networks' 125 Hz",
        unit="Hz",
        choices=(125.0, 250.0, 375.0, 500.0, 625.0, 750.0, 875.0, 1000.0),
    )
    max_shift_s: float = option(
        0.05,
        "how far a spike may be moved from its annotation",
        unit="s",
        low=0,
        high=EPOCH_S / 2,
    )
    template_half_width_s: float = option(
        0.1,
        "half of the window in which spikes are compared",
        unit="s",
        low=0.02,
        high=EPOCH_S / 2,
    )
    min_correlation: float = option(
        0.5, "lowest correlation of a spike with the average of the others", low=-1, high=1
    )
    min_amplitude_ratio: float = option(
        0.4, "lowest amplitude relative to the average", low=0, high=1
    )
    max_amplitude_ratio: float = option(
        3.0, "highest amplitude relative to the average", low=1, high=1000
    )
    min_spikes: int = option(
        5,
        "fewest spikes of a type that are imaged; with fewer the report says why not",
        low=2,
        high=1000,
    )
    min_snr_db: float = option(
        3.0,
        "lowest SNR of an average that is imaged; annotations of mere noise reach 1 to 3 dB",
        unit="dB",
        low=-20,
        high=60,
    )
    max_spikes: int = option(
        500, "most annotated spikes that are accepted as input", low=2, high=100_000
    )
    pool_types: bool = option(
        False,
        "average the marks of all types of spikes together, as if they had one source, instead of "
        "imaging each type; page one of the report says so",
    )
    maxfilter: str = option(
        "auto",
        "signal-space separation of raw MEGIN recordings: auto where they were recorded with internal "
        "active shielding, or where calibration and crosstalk of the machine lie beside them; never "
        "for one that says it was processed",
        choices=("auto", "on", "off"),
    )
    tsss_s: float = option(
        0.0,
        "length of the stretches of temporal separation (tSSS), which takes out what comes from near "
        "the sensors, such as implants; 0 for none",
        unit="s",
        low=0,
        high=60,
    )
    detect_spikes: bool = option(
        False,
        "look for spikes instead of reading marks (--detect-spikes); no person will have reviewed them",
    )
    false_per_minute: float = option(
        0.5,
        "with detect_spikes: how many marks a minute the recording's own background, its phases drawn "
        "anew, may give",
        low=0.01,
        high=10,
    )
    max_projector_overlap: float = option(
        0.3, "largest part of the spike's power that a projector may remove", low=0, high=1
    )
    min_baseline_s: float = option(
        20.0, "least spike-free data for the noise covariance", unit="s", low=1, high=3600
    )
    max_baseline_s: float = option(
        300.0, "most spike-free data for the noise covariance", unit="s", low=1, high=36_000
    )

    def __post_init__(self):
        check_options(self)
        for name in self.spike_name:
            if not any(letter.isalnum() for letter in name):
                raise ValueError(f"spike_name holds {name!r}; allowed are words")
        for least, most in (
            ("highpass_hz", "lowpass_hz"),
            ("min_spikes", "max_spikes"),
            ("min_baseline_s", "max_baseline_s"),
        ):
            low, high = getattr(self, least), getattr(self, most)
            if low > high or (low == high and least == "highpass_hz"):
                raise ValueError(
                    f"{least} is {low:g} and {most} {high:g}; it must be the smaller one"
                )
        if self.max_shift_s > self.most_shift_s:
            raise ValueError(
                f"max_shift_s is {self.max_shift_s:g} and template_half_width_s {self.template_half_width_s:g}; "
                f"twice the first and the second together must not exceed {EPOCH_S / 2 - 2 * _ROUNDING_S:g}"
            )

    @property
    def most_shift_s(self) -> float:
        """How far from a mark, however long, a peak is looked for: chance needs as much room in a spike-free second."""
        return (EPOCH_S / 2 - self.template_half_width_s) / 2 - _ROUNDING_S

    def shift_s(self, duration_s):
        """How far from the middle of marks of these durations a peak is looked for."""
        return np.minimum(self.max_shift_s + duration_s / 2, self.most_shift_s)
