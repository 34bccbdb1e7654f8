"""What can be chosen about the foci, the marks and the background of a virtual patient."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["lobe", "hippocampus", "same side", "other side", "mirror"]
Transient = Literal["spindle", "wicket", "vertex wave", "posterior transient"]


@dataclass(frozen=True)
class Shape:
    """Course of a discharge.

    Attributes
    ----------
    duration_s : float
        Width of each sharp peak at half its height.
    n_peaks : int
    peak_interval_s : float
        Between the peaks of a polyspike.
    slow_wave : (float, float)
        Range of the slow wave that follows, relative to the sharp peak.
    """

    duration_s: float = 0.035
    n_peaks: int = 1
    peak_interval_s: float = 0.06
    slow_wave: tuple[float, float] = (0.2, 0.45)


USUAL_SHAPE = Shape()


@dataclass(frozen=True)
class Focus:
    """One generator.

    Attributes
    ----------
    place : str
        ``lobe``: in the lobe that the patient's recipe names; ``hippocampus``: in a part of the one on
        that side, no cortex (only of the first focus). Relative to the first focus:
        ``same side``, ``other side`` (both apart from every other focus) or ``mirror``.
    deep : bool
        Among the deepest tenth of the place.
    share : float
        Of the true spikes, relative to the other foci's shares.
    gain_db : float
        Single-spike SNR, relative to the recipe's.
    label : str
        Of its marks in ``events.tsv``; ``{lobe}`` becomes the sublobar region.
    shape : Shape
    follows_s : (float, float) or None
        The focus has no spikes of its own: it discharges with every spike of the first one, by a
        lag within this range that is drawn once for the patient.
    """

    place: Place = "lobe"
    deep: bool = False
    share: float = 1.0
    gain_db: float = 0.0
    label: str = "spike"
    shape: Shape = USUAL_SHAPE
    follows_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class Scenario:
    """What makes a virtual patient differ from one with a single focus and ordinary spikes.

    Attributes
    ----------
    foci : tuple of Focus
        Empty: nothing discharges under the marks.
    n_spikes, n_false_marks : int or None
        Marks with and without a discharge; None leaves the recipe's numbers. Where there is no
        focus all of them are without.
    transients : tuple of str
        Sharp or rhythmic activity of a healthy brain, which nobody marked.
    marked : bool
        Whether anybody marked the spikes.
    shielded : bool
        Raw data of internal active shielding, in a room with ten times the usual fields.
    moves : (float, float) or None
        How far the head moves in the middle of the recording, mm, and turns, degrees; a file of head
        positions lies beside it.
    operated : bool
        Whether there was surgery, in patients who may have had it.
    sampled : bool
        Whether contacts reach the first focus, in patients in whom they may.
    """

    foci: tuple[Focus, ...] = (Focus(),)
    n_spikes: int | None = None
    n_false_marks: int | None = None
    transients: tuple[Transient, ...] = ()
    marked: bool = True
    shielded: bool = False
    moves: tuple[float, float] | None = None
    operated: bool = True
    sampled: bool = True


ONE_FOCUS = Scenario()
