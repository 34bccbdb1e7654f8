"""Whether fine-tuning helped: only then are the patient's own weights used."""

import numpy as np

# Of a gain on held-out recordings: what lies below may be chance.
STANDARD_ERRORS_NEEDED = 2.0


def paired_gain(before_mm: np.ndarray, after_mm: np.ndarray) -> tuple[float, float]:
    """Mean by which the errors of the same recordings fell, and its standard error."""
    gain_mm = before_mm - after_mm
    return float(gain_mm.mean()), float(gain_mm.std(ddof=1) / np.sqrt(len(gain_mm)))


def is_beyond_chance(gain_mm: float, standard_error_mm: float) -> bool:
    """Whether a gain is larger than chance would make it."""
    return gain_mm > STANDARD_ERRORS_NEEDED * standard_error_mm
