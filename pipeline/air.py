"""The air around a head: at zero in most images, at the minimum or elsewhere in others.

MP2RAGE images run from -0.5 to 0.5 with air at their lower end, in their middle where it was
masked, or, where it was not removed, with noise of all values in it; phase-corrected and shifted
images have other levels, a CT has air at -1000. Every stage takes air to be at zero, so that images
are brought there where they are read.
"""

from itertools import product
from pathlib import Path

import numpy as np
from skimage.filters import threshold_otsu

from pipeline.errors import InvalidInput

# Air this near to zero, as a share of its distance to tissue, is left where it is.
MAX_AIR_SHARE = 0.1
SAMPLE = 200_000
# Difference of neighbouring voxels in the corners over the range of the image: 0.29 where all values
# are alike frequent, and below 0.05 for the noise of magnitude images.
MAX_NOISE_SHARE = 0.1
CORNER_SHARE = 0.12
# Between the value of padding and the next one, as a share of the range.
MIN_GAP_SHARE = 0.25
# The value that a mask left has this share of all voxels.
MIN_MASKED_SHARE = 0.2


def air_at_zero(data: np.ndarray) -> np.ndarray:
    """Shift an image (i, j, k) of float32 so that air is at zero; what is no number becomes air.

    Air is the darker part by Otsu's threshold, at its lower quartile, or what a mask filled with
    one value amid those of tissue. An image whose air is at zero already keeps its values.
    """
    values = _sample(data)
    padding = _padding(values)
    air = ~np.isfinite(data) | (data <= padding)
    values = values[values > padding]
    if len(values):
        values = np.clip(values, *np.percentile(values, (0.1, 99.9)))
    if len(np.unique(values)) < 2:
        return np.where(air, np.float32(0), data)
    masked = _masked_value(values)
    if masked is not None:
        return np.where(air | (data == masked), np.float32(0), _lowered(data, values.min()))
    threshold = threshold_otsu(values)
    level = np.percentile(values[values <= threshold], 25)
    tissue = np.median(values[values > threshold])
    if abs(level) <= MAX_AIR_SHARE * (tissue - level):
        return np.where(air, np.float32(0), data)
    return np.where(air, np.float32(0), _lowered(data, level))


def _sample(data: np.ndarray) -> np.ndarray:
    """Some of its values (n,), without those that are no numbers."""
    values = data.ravel(order="K")
    if values.size > SAMPLE:
        values = values[np.random.default_rng(0).integers(0, values.size, SAMPLE)]
    return values[np.isfinite(values)]


def _padding(values: np.ndarray) -> float:
    """The value far below all others that stands for no value, such as -3024 in a CT; else -inf."""
    different = np.unique(values)
    if len(different) < 2 or different[0] >= 0:
        return -np.inf
    gap = different[1] - different[0]
    return different[0] if gap > MIN_GAP_SHARE * np.ptp(different) else -np.inf


def _lowered(data: np.ndarray, level: float) -> np.ndarray:
    return np.maximum(data - np.float32(level), 0)


def _masked_value(values: np.ndarray) -> np.float32 | None:
    """The one value that many voxels have, if tissue's values lie on either side of it."""
    different, counts = np.unique(values, return_counts=True)
    value = different[np.argmax(counts)]
    low, high = np.percentile(values, (5, 95))
    amid = value - low > MAX_AIR_SHARE * (high - low) and high > value
    return value if amid and counts.max() >= MIN_MASKED_SHARE * len(values) else None


def check_background(data: np.ndarray, file: Path) -> None:
    """Refuse an image (i, j, k) in which no scalp is to be seen: air as noisy or brighter than tissue.

    Raises
    ------
    InvalidInput
        Named is what it probably is: an MP2RAGE image with its background, or an inverted one.
    """
    low, high = np.percentile(data[::2, ::2, ::2], (1, 99))
    sizes = [max(2, round(CORNER_SHARE * n)) for n in data.shape]
    corners = [data[corner] for corner in product(*((slice(0, n), slice(-n, None)) for n in sizes))]
    # Between neighbours, so that the edge of a padded image is no noise; the median of eight corners,
    # since neck and shoulders fill some.
    noise = np.median([np.median(np.abs(np.diff(corner, axis=0))) for corner in corners])
    if noise > MAX_NOISE_SHARE * (high - low):
        raise InvalidInput(
            "the air around the head in the T1w is noise as strong as tissue, as in an MP2RAGE image "
            "with its background",
            file=file,
            hint="give the image with its background removed (denoised UNI), or a conventional T1w",
        )
    middle = data[tuple(slice(n // 3, n - n // 3) for n in data.shape)]
    if np.median([np.median(corner) for corner in corners]) > np.median(middle):
        raise InvalidInput(
            "the air around the head in the T1w is brighter than the head: its intensities are inverted",
            file=file,
            hint="give the image with dark air, as the scanner made it",
        )
