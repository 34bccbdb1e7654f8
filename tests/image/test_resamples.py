"""Intervals over resampled spikes whose answer is known by hand."""

import numpy as np
import pytest
import torch

from pipeline.image import bootstrap
from pipeline.methods._network import Network
from pipeline.projection import Projection

EYE = np.eye(3)
POS_MM = np.array([[0.0, 0, 0], [10, 0, 0], [0, 20, 0]])
AREA_MM2 = np.array([100.0, 200.0, 400.0])


class Unchanged(torch.nn.Module):
    """A network whose activity is what it reads; keeps which samples it was asked for."""

    asked: slice

    def forward(self, recording, projection, peak, samples=slice(None)):
        self.asked = samples
        return recording[..., samples]


def test_weights_are_counts_over_the_number_of_spikes():
    weights = bootstrap.draw_weights(4, 500, 0)
    assert weights.shape == (500, 4)
    assert weights.sum(1) == pytest.approx(np.ones(500))
    assert set(np.unique(4 * weights)) == {0, 1, 2, 3, 4}
    assert weights.mean(0) == pytest.approx(np.full(4, 0.25), abs=0.02)


@pytest.mark.parametrize(("sfreq_hz", "step"), [(125.0, 1), (500.0, 4), (60.0, 1)])
def test_more_spikes_and_resamples_than_are_taken_at_once(sfreq_hz, step):
    n, n_kept, start = 101, 21, step - 1
    times_s = (np.arange(n_kept) - 10) / 125
    course = np.where(np.abs(times_s) < 0.009, 1.0, 0.0)
    spikes = np.zeros((n, 3, n_kept * step))
    # Between the samples that are kept there is something else.
    spikes += 7
    for i in range(n):
        spikes[i, :, start::step] = np.outer(EYE[i % 3], course)
    weights = np.zeros((n, n))
    weights[np.arange(n), np.arange(n)[::-1]] = 1
    network = Network(
        Unchanged(),
        EYE,
        Projection(torch.eye(3), torch.eye(3)),
        start,
        times_s,
        sfreq_hz,
        "projected",
    )
    found = bootstrap.resampled_peak_maps(network, spikes, weights, 0.016)
    assert found.shape == (n, 3)
    # Of samples 8 ms apart those within 16 ms of the peak, and no more.
    assert network.module.asked == slice(8, 13)
    assert found.argmax(1).tolist() == [i % 3 for i in range(n)][::-1]
    # Three of 21 samples are one, of which the mean is taken off: 18 / 21 is left, over the power.
    power = (3 * (18 / 21) ** 2 + 18 * (3 / 21) ** 2) / 21 / 3
    assert found.max(1) == pytest.approx(np.full(n, 18 / 21 / np.sqrt(power)), rel=1e-4)


def test_intervals_and_areas_by_hand():
    maps = np.array([[9.0, 1, 1]] * 19 + [[1, 9, 1]])
    arrays = bootstrap.summarise(maps)
    assert arrays["stability"] == pytest.approx([0.95, 0.05, 0])
    found = bootstrap.describe(arrays, 0, POS_MM, AREA_MM2)
    assert found.n_resamples == 20
    assert found.same_max_region_share == 0.95
    # Of 20 sorted values the 95th percentile stands 18.05 steps up, the 97.5th 18.525.
    assert found.max_within_mm_95 == pytest.approx(0.05 * 10)
    assert found.max_ci95_high_mri_mm == pytest.approx([5.25, 0, 0])
    assert found.max_ci95_low_mri_mm == pytest.approx([0, 0, 0])
    assert found.extent_area_ci95_cm2 == pytest.approx([1, 1.525])
    assert found.stable_area_cm2 == pytest.approx(1.0)
    assert found.region_radius_mm == pytest.approx(np.sqrt(100 / np.pi))


def test_low_ends_stand_as_far_down():
    maps = np.array([[1.0, 9, 1]] * 19 + [[9, 1, 1]])
    found = bootstrap.describe(bootstrap.summarise(maps), 1, POS_MM, AREA_MM2)
    # 0.475 steps up from the lowest of 20.
    assert found.max_ci95_low_mri_mm == pytest.approx([4.75, 0, 0])
    assert found.max_within_mm_95 == pytest.approx(0.5)
    assert found.extent_area_ci95_cm2 == pytest.approx([1.475, 2])
    nearly = bootstrap.summarise(np.array([[1.0, 9, 1]] * 18 + [[9, 1, 1]] * 2))
    assert bootstrap.describe(nearly, 1, POS_MM, AREA_MM2).stable_area_cm2 == 0
