"""What systems' training examples are made of, by hand."""

import pytest
import torch
from half_sphere import a_field

from pipeline.systems._draw import grown_patches, rings, sinusoids, with_noise
from pipeline.systems._system import Field
from pipeline.systems._topography import interpolation


def test_courses_have_the_wanted_correlation():
    wanted = torch.tensor([0.0, 0.5, 0.9])
    courses = sinusoids(3, 2, 16, wanted, torch.Generator().manual_seed(0))
    found = (courses[:, 0] * courses[:, 1]).sum(1)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(courses.norm(dim=2), torch.ones(3, 2))


def test_noise_has_exactly_the_wanted_size():
    clean = torch.randn(2, 5, 4)
    noise = with_noise(clean, torch.tensor([2.0, 0.1]), torch.Generator().manual_seed(0)) - clean
    ratio = clean.flatten(1).norm(dim=1) / noise.flatten(1).norm(dim=1)
    torch.testing.assert_close(ratio, torch.tensor([2.0, 0.1]), rtol=1e-4, atol=0)


def test_rings_and_patches_grow_from_their_centre():
    line = torch.arange(6.0)
    field = a_field(4, 6)
    field = Field(
        field.gain,
        torch.stack([line, 0 * line, 0 * line], 1),
        (line[:, None] - line).abs() == 1,
        torch.full((6,), 10.0),
        field.sensor_pos_mm,
    )
    centre = torch.tensor([2])
    assert rings(field, centre, 2).tolist() == [[2, 1, 0, 1, 2, 3]]
    assert grown_patches(field, centre, torch.tensor([25.0])).sum() == 3
    assert grown_patches(field, centre, torch.tensor([0.1])).tolist()[0][2]


def test_a_map_is_linear_between_sensors_and_zero_outside():
    places = [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0)]
    matrix = interpolation((*places, places[1]), 27)
    image = (matrix @ torch.tensor([1.0, 3.0, 1.0, 1.0, 1.0, 5.0])).reshape(27, 27)
    assert image[13, 13] == pytest.approx(1, abs=1e-4)
    # Two channels of one place count half each.
    assert image[13, 26] == pytest.approx(4, abs=0.05) and image[0, 0] == 0
