"""What was found of deep structures, of one type of spikes."""

from dataclasses import dataclass

BETTER, ALIKE, WORSE = "better than cortex", "as well as cortex", "worse than cortex"


@dataclass(frozen=True, kw_only=True)
class StructureQC:
    """How well a dipole in one structure explains the average of a type of spikes.

    Attributes
    ----------
    name : str
        One of `DEEP_NAMES`.
    explained_percent : float
        By the best dipole of any direction in it: share of the whitened field's power in the window
        around the peak.
    less_cortex_percent : float
        That less the best cortical patch's, in percentage points.
    moment_nam : float
        Of that dipole at the peak, of the two directions that the sensors see best.
    pos_mri_mm : tuple of float, (3,)
        Of that dipole, scanner RAS of the T1w.
    verdict : str
        `BETTER`, `ALIKE` or `WORSE` than cortex.
    """

    name: str
    explained_percent: float
    less_cortex_percent: float
    moment_nam: float
    pos_mri_mm: tuple[float, float, float]
    verdict: str


@dataclass(frozen=True, kw_only=True)
class RateQC:
    """What the same rule came to on virtual patients that it was not made on, shares 0 to 1.

    Attributes
    ----------
    place : str
        Where the source truly was.
    n : int
        Averages of that place.
    better, alike, worse : float
        How often the best deep structure explained them better than, as well as, worse than cortex.
    named : float or None
        How often the best deep structure was the true one, whatever the verdict; None of cortex.
    """

    place: str
    n: int
    better: float
    alike: float
    worse: float
    named: float | None


@dataclass(frozen=True, kw_only=True)
class DeepQC:
    """Deep structures against cortex, of one type of spikes.

    Attributes
    ----------
    reason : str or None
        Why nothing can be said; the other fields are then empty.
    cortex_label : str
        Of the centre of the best cortical patch.
    cortex_explained_percent : float or None
    structures : tuple of StructureQC
        Those that have points, the best first.
    rates : tuple of RateQC
    rates_snr_db : tuple of float or None, (2,)
        Of the averages that the rates are of.
    test_heads : int
        Virtual patients that the rates are of.
    better_percent, worse_percent : float or None
        Differences, in percentage points, from which the verdict is `BETTER` and below which `WORSE`.
    most_moment_nam : float or None
        Of a deep source that the rates are of.
    """

    reason: str | None
    cortex_label: str = ""
    cortex_explained_percent: float | None = None
    structures: tuple[StructureQC, ...] = ()
    rates: tuple[RateQC, ...] = ()
    rates_snr_db: tuple[float, float] | None = None
    test_heads: int = 0
    better_percent: float | None = None
    worse_percent: float | None = None
    most_moment_nam: float | None = None
