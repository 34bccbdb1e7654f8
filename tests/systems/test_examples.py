"""What systems' training examples are made of, by hand."""

import pytest
import torch
from half_sphere import a_field

from pipeline.systems import SYSTEMS
from pipeline.systems._draw import (
    distinct_sources,
    examples,
    grown_patches,
    rings,
    sinusoids,
    uniform,
    with_noise,
)
from pipeline.systems._system import Field
from pipeline.systems._topography import interpolation, published_recipes


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
    assert rings(field.neighbours, centre, 2).tolist() == [[2, 1, 0, 1, 2, 3]]
    assert grown_patches(field, centre, torch.tensor([25.0])).sum() == 3
    assert grown_patches(field, centre, torch.tensor([0.1])).tolist()[0][2]


def test_a_map_is_linear_between_sensors_and_zero_outside():
    places = [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0)]
    matrix = interpolation((*places, places[1]), 27)
    image = (matrix @ torch.tensor([1.0, 3.0, 1.0, 1.0, 1.0, 5.0])).reshape(27, 27)
    assert image[13, 13] == pytest.approx(1, abs=1e-4)
    # Two channels of one place count half each.
    assert image[13, 26] == pytest.approx(4, abs=0.05) and image[0, 0] == 0


def test_numbers_are_drawn_between_the_limits():
    drawn = uniform(2.0, 5.0, torch.Generator().manual_seed(0), 4000)
    assert drawn.min() >= 2 and drawn.max() <= 5
    assert drawn.mean().item() == pytest.approx(3.5, abs=0.05)


def test_sources_of_an_example_are_different_ones():
    drawn = distinct_sources(50, 3, 5, torch.Generator().manual_seed(0))
    assert drawn.shape == (50, 3) and set(drawn.ravel().tolist()) == set(range(5))
    assert all(len(set(row)) == 3 for row in drawn.tolist())


def test_an_example_holds_the_field_of_its_activity():
    field = a_field(4, 6)
    activity = torch.rand(2, 6, 3, generator=torch.Generator().manual_seed(0))
    sources = torch.tensor([[0], [3]])
    made = examples(field, sources, activity, torch.full((2,), 10.0), torch.Generator())
    torch.testing.assert_close(made.clean, field.gain @ activity)
    noise = (made.data - made.clean).flatten(1).norm(dim=1)
    torch.testing.assert_close(noise, made.clean.flatten(1).norm(dim=1) / 10)
    assert made.sources is sources and made.activity is activity


def test_courses_are_of_10_to_90_hz():
    """In a second, whose spectrum has a line at each hertz."""
    courses = sinusoids(400, 1, 1000, torch.zeros(400), torch.Generator().manual_seed(0))
    peak_hz = torch.fft.rfft(courses[:, 0]).abs().argmax(1)
    assert 9 <= peak_hz.min() <= 12 and 88 <= peak_hz.max() <= 91
    assert peak_hz.float().mean().item() == pytest.approx(50, abs=4)


def test_clusters_fall_from_ring_to_ring_at_20_db():
    """1, 0.95, 0.9 and 0.85 in one to three rings, of either sign."""
    field = a_field()
    made = SYSTEMS["convdip"].draw(field, 200, torch.Generator().manual_seed(0))
    steps = rings(field.neighbours, made.sources[:, 0], 3)
    activity = made.activity[..., 0]
    at_centre = activity[steps == 0]
    assert set(at_centre.tolist()) == {1.0, -1.0} and at_centre.abs().sum() == 200
    for ring, size in ((1, 0.95), (2, 0.9), (3, 0.85)):
        own = activity[steps == ring].abs().unique()
        assert own.max().item() == pytest.approx(size) and own.min() in (own.max(), 0)
    assert not activity[steps == 4].any()
    reach = (activity != 0).mul(steps).amax(1)
    assert set(reach.tolist()) == {1, 2, 3}
    noise = (made.data - made.clean).flatten(1).norm(dim=1) / made.clean.flatten(1).norm(dim=1)
    torch.testing.assert_close(noise, torch.full((200,), 0.1), rtol=1e-3, atol=0)


def test_a_map_is_of_the_first_sample_over_the_channels_spread():
    field, system = a_field(), SYSTEMS["convdip"]
    data = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0))
    image = system.encode(field, data)
    assert image.shape == (2, 1, system.grid, system.grid)
    z = (data[..., 0] - data[..., 0].mean(1, keepdim=True)) / data[..., 0].std(1, keepdim=True)
    sensors = tuple(tuple(pos) for pos in field.sensor_pos_mm.tolist())
    expected = (z @ interpolation(sensors, system.grid).T).reshape(image.shape)
    torch.testing.assert_close(image, expected)


def test_the_loss_is_the_error_of_sizes_of_each_example():
    field = a_field(4, 2)
    activity = torch.tensor([[[-1.0], [0.0]], [[2.0], [2.0]]])
    made = examples(field, torch.zeros(2, 1), activity, torch.ones(2), torch.Generator())
    output = torch.tensor([[1.0, 2.0], [2.0, 2.0]])
    expected = (2**0.5 + 0) / 2
    assert SYSTEMS["convdip"].loss(output, made, field).item() == pytest.approx(expected, abs=1e-5)


def test_the_published_training_sees_450_000_examples_an_epoch():
    assert published_recipes(2)["paper"].steps == 2 * 450_000 // 256
