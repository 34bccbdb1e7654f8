"""Topographic maps of sensors, on few of them whose map is known by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from half_sphere import a_field

from benchmarks.systems import somatosensory
from benchmarks.systems.deep import columns_of, sizes_of
from pipeline.methods._system import deep_part
from pipeline.systems import SYSTEMS
from pipeline.systems._draw import grown_patches, rings, sinusoids
from pipeline.systems._system import DeepField, Field
from pipeline.systems._topography import interpolation, places_mm, published_recipes
from pipeline.template import load_template
from pipeline.training.systems import build


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
    assert rings(line.neighbours, torch.tensor([0, 4]), 3).tolist() == [
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


def with_deep(n_channels: int = 30) -> Field:
    """Cortex, and three points on a grid in one deep structure, two in another right beside it."""
    generator = torch.Generator().manual_seed(3)
    pos_mm = torch.tensor([[0.0, 0, 0], [6, 0, 0], [12, 0, 0], [18, 0, 0], [24, 6, 0]])
    gain = 1e3 * torch.randn(n_channels, 5, 3, generator=generator)
    deep = DeepField.of(gain, pos_mm, torch.tensor([0, 0, 0, 7, 7]))
    return replace(a_field(n_channels), deep=deep)


def test_deep_points_are_beside_each_other_within_their_structure_and_as_strong_as_cortex():
    deep = with_deep().deep
    assert deep.neighbours.int().tolist() == [
        [0, 1, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 0, 0, 0, 1],
        [0, 0, 0, 1, 0],
    ]
    assert (deep.gain.square().sum(0).sum(1) / 3).sqrt().mean().item() == pytest.approx(1)


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 0.42, 0.58), (1.0, 1, 1)])
def test_deep_clusters_are_as_frequent_as_wanted(share, least, most):
    field = with_deep()
    system = SYSTEMS["fourlcnn"].with_deep_share(share)
    drawn = system.draw(field, 400, torch.Generator().manual_seed(0))
    is_deep = drawn.sources[:, 0] >= 64
    assert least <= is_deep.double().mean().item() <= most
    assert drawn.activity.shape == (400, 69, 1)
    # A cluster never has both, and those of cortex make the field of cortex alone.
    active = drawn.activity[..., 0] != 0
    assert torch.equal(active[:, 64:].any(1), is_deep) and torch.equal(
        active[:, :64].any(1), ~is_deep
    )
    own = drawn.activity[~is_deep][:, :64, 0] @ field.gain.T
    torch.testing.assert_close(drawn.clean[~is_deep][..., 0], own)
    assert SYSTEMS["fourlcnn"].deep_share == pytest.approx(7 / 9)


def test_a_deep_clusters_dipoles_have_one_direction_and_fall_by_rings():
    field = with_deep()
    system = SYSTEMS["convdip"].with_deep_share(1.0)
    drawn = system.draw(field, 200, torch.Generator().manual_seed(0))
    directions = []
    for clean, activity in zip(drawn.clean[..., 0], drawn.activity[:, 64:, 0], strict=True):
        summed = torch.einsum("cpd,p->cd", field.deep.gain, activity)
        moment = torch.linalg.lstsq(summed, clean[:, None]).solution[:, 0]
        torch.testing.assert_close(summed @ moment, clean, rtol=1e-3, atol=1e-4)
        assert moment.norm().item() == pytest.approx(1, abs=1e-4)
        directions.append(moment)
        # Its structure alone, in steps from its centre.
        inside = activity[:3] if activity[:3].any() else activity[3:]
        assert (activity != 0).sum() == (inside != 0).sum()
        sizes = np.unique(activity.abs().double().numpy().round(4)).tolist()
        assert set(sizes) <= {0, 0.9, 0.95, 1.0} and sizes[-1] == 1
    assert torch.stack(directions).mean(0).norm() < 0.2


def test_a_network_has_an_output_for_every_deep_point():
    field, system = with_deep(), SYSTEMS["convdip"]
    network = build(system, field, "smoke", 1).eval()
    drawn = system.draw(field, 3, torch.Generator().manual_seed(0))
    assert network(system.encode(field, drawn.data)).shape == (3, 69)
    assert places_mm(field).shape == (69, 3)
    assert torch.equal(places_mm(field)[64:], field.deep.pos_mm)


def test_directions_of_a_point_are_columns_whose_sizes_come_back():
    field = with_deep()
    columns = columns_of(field)
    assert columns.gain.shape == (30, 64 + 15) and columns.deep is None
    torch.testing.assert_close(columns.gain[:, 64 + 4], field.deep.gain[:, 1, 1])
    answer = torch.zeros(1, 79)
    answer[0, 2], answer[0, 64 + 3 : 64 + 6] = -2.0, torch.tensor([3.0, 0, -4.0])
    sizes = sizes_of(answer, field)
    assert sizes.shape == (1, 69) and sizes[0, 2] == 2 and sizes[0, 65] == 5
    assert sizes.sum() == 7
    assert columns.neighbours[64 + 2, 64 + 3] and not columns.neighbours[64 + 8, 64 + 9]
    assert not columns.neighbours[:64, 64:].any()


def test_the_largest_deep_entry_is_told_by_its_structure():
    answer = np.zeros(69)
    answer[5], answer[67] = 0.5, 0.75
    assert deep_part(answer, with_deep()) == ("right hippocampus", pytest.approx(1.5))
    answer[67] = -1
    assert deep_part(answer, with_deep())[1] == 0


def test_a_response_is_of_clusters_in_its_target():
    field = with_deep()
    for target in (torch.arange(69) == 66, (torch.arange(69) > 10) & (torch.arange(69) < 20)):
        drawn = somatosensory.responses(field, target, 20.0, 9)
        assert len(drawn.data) == len(drawn.activity) == 9 and target[drawn.sources[:, 0]].all()
        at_centre = drawn.activity[torch.arange(9), drawn.sources[:, 0], 0]
        assert set(at_centre.abs().tolist()) == {1.0}


def test_thalamus_and_hand_area_are_on_the_left():
    field = with_deep()
    field = replace(field, deep=replace(field.deep, structure=torch.tensor([2, 2, 0, 9, 9])))
    assert somatosensory.thalamus(field).nonzero().ravel().tolist() == [64, 65]
    whole = replace(field, pos_mm=torch.zeros(994, 3))
    hand = somatosensory.hand_area(whole)
    label = load_template().region_label
    found = {str(label[region]) for region in hand[:994].nonzero().ravel().tolist()}
    assert len(hand) == 999 and not hand[994:].any() and 5 < hand.sum() < 30
    assert {"left precentral", "left postcentral"} & found and not any("right" in n for n in found)
