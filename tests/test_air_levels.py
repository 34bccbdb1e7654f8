"""Where air is zero, on few values known by hand."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.air import SAMPLE, _masked_value, _padding, air_at_zero, check_background
from pipeline.errors import InvalidInput


def image(air, tissue, extra=()):
    values = np.concatenate([np.ravel(air), np.ravel(tissue), np.ravel(extra)])
    return values.astype(np.float32).reshape(-1, 1, 1)


def levels(air_mm, tissue_mm, n=400):
    """Two groups of values that scatter by two."""
    spread = np.linspace(-2, 2, n)
    return air_mm + spread, tissue_mm + spread


def shifted_by(data) -> np.ndarray:
    return (air_at_zero(data) - data).ravel()


@pytest.mark.parametrize(
    ("level", "is_kept"), [(9.5, True), (11.5, False), (-8.0, True), (-13.0, False)]
)
def test_air_within_a_tenth_of_tissue_stays(level, is_kept):
    # Tissue lies 100 above; the air's lower quartile lies 1 below its middle.
    air, tissue = levels(level + 1, level + 100)
    data = image(air, tissue)
    if is_kept:
        assert not shifted_by(data).any()
    else:
        found = air_at_zero(data).ravel()
        expected = np.maximum(data.ravel() - np.percentile(air, 25), 0)
        # The outermost thousandth of the values does not count.
        assert found == pytest.approx(expected, abs=0.05)


def test_no_numbers_become_air_and_the_rest_stays():
    data = image([0, 0, 1, 1], [100, 101, 99, 100], [np.nan, np.inf, -np.inf])
    assert air_at_zero(data).ravel().tolist() == [0, 0, 1, 1, 100, 101, 99, 100, 0, 0, 0]


@pytest.mark.parametrize(("padding", "is_padding"), [(-800.0, True), (-20.0, False)])
def test_a_value_far_below_all_others_is_no_value(padding, is_padding):
    # A gap of more than a quarter of the range: 750 of 900, and 5 of 120.
    air, tissue = levels(-13 if not is_padding else -50, 100)
    data = image(air, tissue, np.full(40, padding))
    found = air_at_zero(data).ravel()
    assert (found[-40:] == 0).all()
    assert found[:400].min() == 0
    low = np.percentile(air, 25)
    assert found[600] == pytest.approx(data.ravel()[600] - low, abs=0.6)


@pytest.mark.parametrize(
    ("values", "padding"),
    [
        # The gap is a quarter of the range at 30: of 90 and itself.
        ([-30.2, *np.linspace(0, 90, 301)], -30.2),
        ([-29.8, *np.linspace(0, 90, 301)], -np.inf),
        ([-1000, 100], -1000),
        # Air at zero is no padding, and one value has no gap.
        ([0, *np.linspace(100, 190, 301)], -np.inf),
        ([-5], -np.inf),
    ],
)
def test_padding_is_negative_and_a_quarter_of_the_range_away(values, padding):
    assert _padding(np.array(values)) == padding


def test_what_a_mask_filled_amid_the_values_becomes_air():
    tissue = np.linspace(-50, 50, 800)
    data = image(np.zeros(201), tissue)
    found = air_at_zero(data).ravel()
    assert (found[:201] == 0).all()
    assert found[201 + 400] == pytest.approx(tissue[400] + 49.9, abs=0.3)
    # One in five voxels, and amid the others: else it is no mask.
    few = air_at_zero(image(np.zeros(150), tissue)).ravel()
    assert few[:150].max() > 0


def test_a_large_image_is_sampled():
    rng = np.random.default_rng(1)
    data = (1000 + 20 * rng.random(SAMPLE + 5)).astype(np.float32)
    data[::2] += 500
    found = air_at_zero(data.reshape(-1, 1, 1)).ravel()
    assert found.max() == pytest.approx(515, abs=1)
    assert SAMPLE == 200_000


def test_one_value_stays():
    assert air_at_zero(np.full((2, 2, 2), 7, np.float32)).ravel().tolist() == [7] * 8
    assert air_at_zero(image([7, 7], [np.nan, 7])).ravel().tolist() == [7, 7, 0, 7]


def box(air=0.0, tissue=100.0, noise=0.0, n=25):
    data = np.full((n, n, n), tissue, np.float32)
    edge = 3
    outside = np.ones(data.shape, bool)
    outside[edge:-edge, edge:-edge, edge:-edge] = False
    data[outside] = air
    # Neighbours differ by `noise`.
    data[outside] += noise * (np.indices(data.shape).sum(0) % 2)[outside]
    return data


@pytest.mark.parametrize(("noise", "is_refused"), [(9.5, False), (10.5, True)])
def test_noise_of_a_tenth_of_the_range_is_refused(noise, is_refused):
    if is_refused:
        with pytest.raises(InvalidInput, match="noise as strong as tissue"):
            check_background(box(noise=noise), Path("T1w.nii"))
    else:
        check_background(box(noise=noise), Path("T1w.nii"))


@pytest.mark.parametrize(("air", "is_refused"), [(99.0, False), (100.0, False), (101.0, True)])
def test_air_brighter_than_the_middle_is_refused(air, is_refused):
    data = box(air=air)
    data[:, 12, 12] = np.linspace(0, 250, 25)
    if is_refused:
        with pytest.raises(InvalidInput, match="inverted"):
            check_background(data, Path("T1w.nii"))
    else:
        check_background(data, Path("T1w.nii"))


@pytest.mark.parametrize(("n_noisy", "is_refused"), [(3, False), (5, True)])
def test_noise_in_half_of_the_corners_is_none(n_noisy, is_refused):
    # Of 25 voxels a corner has three; neck and shoulders may fill some of the eight.
    data = box()
    ends = (slice(0, 3), slice(-3, None))
    corners = [(a, b, c) for a in ends for b in ends for c in ends]
    for corner in corners[::-1][:n_noisy]:
        data[corner] = 30 * (np.indices((3, 3, 3)).sum(0) % 2)
    if is_refused:
        with pytest.raises(InvalidInput, match="noise as strong as tissue"):
            check_background(data, Path("T1w.nii"))
    else:
        check_background(data, Path("T1w.nii"))


def test_what_lies_behind_the_corners_does_not_count():
    # The fourth voxel from each end is noise, and 12 voxels have corners of two at least.
    for n, size in ((25, 3), (12, 2)):
        data = np.full((n, n, n), 100, np.float32)
        edge = np.minimum(np.arange(n), n - 1 - np.arange(n))
        outside = (edge < size)[:, None, None] & (edge < size)[:, None] & (edge < size)
        data += 60 * (np.indices(data.shape).sum(0) % 2)
        data[outside] = 0
        check_background(data, Path("T1w.nii"))


@pytest.mark.parametrize(
    ("share", "value", "is_refused"),
    [(0.015, -1000, False), (0.005, -1000, True), (0.005, 2000, True)],
)
def test_the_range_is_that_without_a_hundredth_at_either_end(share, value, is_refused):
    """Noise of 30 is much of a range of 100, and little of one of 1000."""
    data = box(noise=30.0)
    some = np.random.default_rng(0).permutation(19**3)[: round(share * 25**3)]
    inner = data[3:-3, 3:-3, 3:-3]
    inner[np.unravel_index(some, inner.shape)] = value
    if is_refused:
        with pytest.raises(InvalidInput, match="noise as strong as tissue"):
            check_background(data, Path("T1w.nii"))
    else:
        check_background(data, Path("T1w.nii"))


@pytest.mark.parametrize(("n_bright", "is_refused"), [(430, False), (300, True)])
def test_the_head_is_the_middle_third(n_bright, is_refused):
    """Its median is that of 9 x 9 x 9 of 25 x 25 x 25 voxels, of which more than half are bright."""
    data = np.zeros((25, 25, 25), np.float32)
    data[np.ix_(*[[0, 1, 2, 22, 23, 24]] * 3)] = 50
    middle = np.zeros(9**3)
    middle[:n_bright] = 100
    data[8:17, 8:17, 8:17] = middle.reshape(9, 9, 9)
    if is_refused:
        with pytest.raises(InvalidInput, match="inverted"):
            check_background(data, Path("T1w.nii"))
    else:
        check_background(data, Path("T1w.nii"))


@pytest.mark.parametrize(
    ("value", "is_mask"), [(15.3, False), (15.5, True), (92.0, True), (94.0, False)]
)
def test_a_mask_lies_amid_the_values_of_tissue(value, is_mask):
    """A tenth of the range above the lower end at least, and below the upper one, 5 % left out."""
    values = np.concatenate([np.linspace(0, 100, 701), np.full(250, value)])
    # The ends are 6.79 and 93.2, so that a tenth up is 15.43; where they reach it, 94 is the upper one.
    assert _masked_value(values) == (value if is_mask else None)


def test_a_corner_is_an_eighth_of_each_side():
    """Three of 25 voxels: eight bright ones of its 27 are few."""
    data = box()
    for corner in np.ndindex(2, 2, 2):
        data[tuple(slice(0, 2) if side == 0 else slice(-2, None) for side in corner)] = 250
    check_background(data, Path("T1w.nii"))


def test_the_level_of_air_is_its_lower_quartile():
    """Between a quarter and 26 % of the darker part it rises by four."""
    data = image(np.repeat([20.0, 24.0], (102, 298)), np.linspace(122, 126, 400))
    assert air_at_zero(data).ravel()[:400].tolist() == [0] * 102 + [4] * 298


def test_noise_is_between_neighbours_along_the_first_axis():
    data = box()
    outside = data == 0
    data[outside] = 30 * (np.indices(data.shape)[0] % 2)[outside]
    with pytest.raises(InvalidInput, match="noise as strong as tissue"):
        check_background(data, Path("T1w.nii"))
    data[outside] = 30 * (np.indices(data.shape)[1] % 2)[outside]
    check_background(data, Path("T1w.nii"))


def test_corners_begin_at_the_images_edge():
    """Of 27 voxels the 19 at the edge are bright: an inverted image."""
    data = box()
    data[[0, -1]] = data[:, [0, -1]] = data[:, :, [0, -1]] = 150
    with pytest.raises(InvalidInput, match="inverted"):
        check_background(data, Path("T1w.nii"))
