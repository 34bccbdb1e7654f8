"""Topographic maps of sensors, on few of them whose map is known by hand."""

import numpy as np
import pytest
import torch
from half_sphere import a_field

from pipeline.systems._draw import grown_patches, rings, sinusoids
from pipeline.systems._system import Field
from pipeline.systems._topography import interpolation, published_recipes


def at(polar_deg: float, azimuth_deg: float, shift=(0.0, 0, 0)) -> tuple[float, float, float]:
    polar, azimuth = np.deg2rad([polar_deg, azimuth_deg])
    direction = np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)
    return tuple(float(x) for x in 100 * np.array(direction) + shift)


# Whole circles, so that the middle of the sensors' box is that of the sphere.
CIRCLES = [at(polar, azimuth) for polar in (60, 90, 120) for azimuth in range(0, 360, 90)]
POLES = [at(0, 0), at(180, 0)]


def image_of(sensors, values, grid=13) -> np.ndarray:
    return (interpolation(tuple(sensors), grid) @ torch.tensor(values)).reshape(grid, grid).numpy()


def test_a_sensors_place_is_its_angle_from_the_top_towards_its_azimuth():
    """The lower pole lies at 180 degrees, so that 30 degrees are a pixel of 13."""
    sensors = [*CIRCLES, *POLES]
    for shift in ((0.0, 0, 0), (5.0, -70, 30)):
        moved = [tuple(np.add(place, shift).tolist()) for place in sensors]
        # Those down to the horizon; the others are the map's rim.
        for number, place in enumerate(sensors[:8]):
            image = image_of(moved, [float(i == number) for i in range(len(sensors))])
            polar = np.degrees(np.arccos(place[2] / 100))
            azimuth = np.arctan2(place[1], place[0])
            row = 6 + round(polar / 30 * np.sin(azimuth))
            column = 6 + round(polar / 30 * np.cos(azimuth))
            assert image[row, column] == pytest.approx(1, abs=1e-4)
            assert image.max() == pytest.approx(1, abs=1e-4)


def test_between_sensors_it_is_linear_and_outside_of_them_zero():
    sensors = [*POLES, *CIRCLES]
    image = image_of(sensors, [1.0, 1.0] + [1.0 + 4 * (i == 0) for i in range(12)])
    # From the top to the sensor at 60 degrees two pixels: half way it has half of the rise.
    assert image[6, 6:9] == pytest.approx([1, 3, 5], abs=1e-4)
    assert image[0, 0] == image[12, 12] == image[0, 12] == 0


def test_channels_within_a_ten_thousandth_of_a_degree_share_their_place():
    near = at(60, 0, (0, 2e-5, 0))
    image = image_of([*POLES, *CIRCLES, near], [0.0] * 2 + [6.0] + [0.0] * 11 + [2.0])
    assert image[6, 8] == pytest.approx(4, abs=1e-3)


def test_trainings_are_of_the_published_optimiser():
    recipes = published_recipes(3)
    assert set(recipes) == {"smoke", "cpu", "paper"}
    assert all(recipe.betas == (0.5, 0.999) for recipe in recipes.values())
    assert (recipes["paper"].batch_size, recipes["paper"].steps) == (256, 3 * 450_000 // 256)


@pytest.fixture
def line() -> Field:
    """Eight sources of 10 mm² in a row, unequal steps apart."""
    x_mm = torch.tensor([0.0, 1, 3, 6, 10, 15, 21, 28])
    step = torch.arange(8)
    field = a_field(4, 8)
    return Field(
        field.gain,
        torch.stack([x_mm, 0 * x_mm, 0 * x_mm], 1),
        (step[:, None] - step).abs() == 1,
        torch.full((8,), 10.0),
        field.sensor_pos_mm,
    )


def test_rings_are_counted_along_neighbours(line):
    assert rings(line, torch.tensor([0, 4]), 3).tolist() == [
        [0, 1, 2, 3, 4, 4, 4, 4],
        [4, 3, 2, 1, 0, 1, 2, 3],
    ]


@pytest.mark.parametrize(("area_mm2", "patch"), [(10.0, [3]), (10.1, [2, 3]), (30.5, [1, 2, 3, 4])])
def test_a_patch_takes_the_nearest_until_its_area_is_full(line, area_mm2, patch):
    found = grown_patches(line, torch.tensor([3]), torch.tensor([area_mm2]))
    assert found[0].nonzero().ravel().tolist() == patch


def test_courses_are_sampled_at_their_rate_and_have_any_phase():
    generator = torch.Generator().manual_seed(1)
    slow = sinusoids(300, 1, 200, torch.zeros(300), generator, sfreq_hz=200.0)[:, 0]
    peak_hz = torch.fft.rfft(slow).abs().argmax(1)
    assert 9 <= peak_hz.min() <= 12 and 88 <= peak_hz.max() <= 91
    power = torch.fft.rfft(slow).abs().square()
    near = (torch.arange(power.shape[1]) - peak_hz[:, None]).abs() <= 3
    assert ((power * near).sum(1) / power.sum(1)).min() > 0.8
    begin = slow[:, 0].abs() / slow.abs().amax(1)
    assert begin.min() < 0.02 and begin.max() > 0.98
