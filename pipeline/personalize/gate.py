"""Whether fine-tuning helped: only then are the patient's own weights used."""

import numpy as np
from scipy.special import stdtrit

# Of Student's t over heads: what lies below may be chance, which exceeds it once in forty times.
CONFIDENCE = 0.975


def paired_gain(before_mm: np.ndarray, after_mm: np.ndarray) -> tuple[float, float]:
    """Mean by which the errors of the same recordings fell, and its standard error over heads.

    Parameters
    ----------
    before_mm, after_mm : ndarray, (n_heads, n_recordings)
        Recordings of one head share its errors: they are not independent of each other.
    """
    gain_mm = (before_mm - after_mm).mean(1)
    return float(gain_mm.mean()), float(gain_mm.std(ddof=1) / np.sqrt(len(gain_mm)))


def is_beyond_chance(gain_mm: float, standard_error_mm: float, n_heads: int) -> bool:
    """Whether a gain over so many heads is larger than chance would make it."""
    return bool(gain_mm > stdtrit(n_heads - 1, CONFIDENCE) * standard_error_mm)
