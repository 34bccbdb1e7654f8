"""Marks that do not resemble the average: do they resemble each other?"""

from dataclasses import dataclass

import numpy as np

from pipeline.doubts import Doubt
from pipeline.spikes.config import Config
from pipeline.spikes.noise import average_quality
from pipeline.spikes.selection import UNLIKE, Selection, cut, select_spikes


@dataclass(frozen=True)
class AnotherKind:
    """Spikes left out of the average that make an average of their own.

    Attributes
    ----------
    n : int
        Marks that fit that average.
    snr_db : float
        Of that average, as `average_quality` defines it.
    """

    n: int
    snr_db: float

    @property
    def doubt(self) -> Doubt:
        return Doubt(
            f"{self.n} marks that do not resemble the average resemble each other (their own "
            f"average has an SNR of {self.snr_db:.1f} dB): there is more than one kind of spike, "
            "and only one of them is imaged",
            grave=True,
        )


def doubts_of_unlike(
    selection: Selection,
    segments: np.ndarray,
    baseline: np.ndarray,
    max_shift: np.ndarray,
    matrix: np.ndarray,
    sfreq_hz: float,
    config: Config,
) -> tuple[Doubt, ...]:
    """Whether marks that the average leaves out are spikes of another kind; `matrix` whitens."""
    left = unlike(selection)
    if left.sum() < config.min_spikes:
        return ()
    found = another_kind(
        matrix @ segments[left],
        matrix @ baseline,
        max_shift[left],
        round(config.template_half_width_s * sfreq_hz),
        sfreq_hz,
        (config.min_spikes, config.min_snr_db, config.min_correlation),
    )
    return () if found is None else (found.doubt,)


def unlike(selection: Selection) -> np.ndarray:
    """Marks (n_spikes,) that were rejected because they do not resemble the average."""
    return np.array([reason.startswith(UNLIKE) for reason in selection.reasons], bool)


def another_kind(
    segments: np.ndarray,
    baseline: np.ndarray,
    max_shift: np.ndarray,
    half_width: int,
    sfreq_hz: float,
    least: tuple[int, float, float],
) -> AnotherKind | None:
    """Align and judge marks that do not resemble the average by their own average.

    Parameters
    ----------
    segments : ndarray, (n_marks, n_components, n_times)
        Whitened, the annotation in the middle.
    baseline : ndarray, (n_baseline, n_components, n_times)
        Spike-free segments, whitened the same way.
    max_shift : ndarray of int, (n_marks,)
    half_width : int
        Half of the window in which spikes are compared.
    sfreq_hz : float
    least : tuple
        Fewest spikes of an average, its lowest SNR (dB), and a spike's lowest correlation.

    Returns
    -------
    found : AnotherKind or None
        None where too few marks agree, or their average does not stand out.
    """
    min_spikes, min_snr_db, min_correlation = least
    if len(segments) < min_spikes:
        return None
    own = select_spikes(segments, baseline, max_shift, half_width, min_correlation, (0.0, np.inf))
    n = int(own.accepted.sum())
    if n < min_spikes:
        return None
    middle = segments.shape[2] // 2
    reach = middle - int(max_shift.max())
    start = (middle + own.shift - reach)[own.accepted]
    aligned = cut(segments[own.accepted], start, 2 * reach + 1)
    snr_db = average_quality(aligned, sfreq_hz, reach).snr_db
    return AnotherKind(n, round(snr_db, 4)) if snr_db >= min_snr_db else None
