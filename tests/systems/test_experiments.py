"""The experiments' measures and rivals, on cases with a known answer."""

import numpy as np
import pytest
import torch
from half_sphere import a_field

from benchmarks.systems import dst_dae, fourlcnn, product, rivals, unet
from benchmarks.systems.trained import trained, weights_folder
from pipeline.progress import Progress
from pipeline.systems import SYSTEMS
from pipeline.systems._system import Examples
from pipeline.training.systems import train_system

LINE_MM = torch.tensor([[0.0, 0, 0], [10, 0, 0], [20, 0, 0], [30, 0, 0], [40, 0, 0]])


def of(sources, activity):
    return Examples(torch.zeros(1), torch.zeros(1), torch.tensor(sources), torch.tensor(activity))


def test_unet_pairs_the_largest_entries_with_the_dipoles():
    true = of([[0, 3]], [[[0.0, 1], [0, 0], [0, 0], [0, 1], [0, 0]]])
    maps = torch.tensor([[[9.0, 0.5], [9, 0], [9, 0], [9, 0], [9, 1.0]]])
    [[error_cm, spread, amplitude]] = unet.measured(maps, true, LINE_MM)
    # 4 for 3 and 0 for 0; a fifth of the power is 40 mm from the largest; the silent sample counts not.
    assert error_cm == pytest.approx(0.5) and amplitude == pytest.approx(1.5)
    assert spread == pytest.approx(100 * (0.2 * 0.040) ** 0.5)


def test_fourlcnn_measures_by_hand():
    true = of([[1], [3]], [[[0.9], [-1], [0.9], [0], [0]], [[0], [0], [0], [-1.0], [0]]])
    maps = torch.tensor([[0.6, 1.0, 0.6, 0, 0], [1.0, 0, 0, 0, 0]])
    values, size_r = fourlcnn.measured(maps, true, LINE_MM)
    assert values[0, 0] == 0 and values[1, 0] == pytest.approx(30)
    assert values[0, 1] == pytest.approx((2 * 0.36 * 100 / 1.72) ** 0.5) and values[1, 1] == 0
    assert values[0, 2] == pytest.approx(1) and values[1, 2] < 0.5
    assert size_r == pytest.approx(1)


def test_beamformer_of_one_map_is_that_of_its_covariance():
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(2, 6, generator=generator)
    gain = torch.randn(6, 9, generator=generator)
    found = fourlcnn.single_map_lcmv(data, gain, snr=3.0)
    for one, answer in zip(data, found, strict=True):
        covariance = torch.outer(one, one) + one.square().mean() / 9 * torch.eye(6)
        weights = torch.linalg.solve(covariance, gain)
        expected = (one @ weights).abs() / weights.norm(dim=0)
        torch.testing.assert_close(answer, expected, rtol=1e-3, atol=1e-4)


def test_dst_dae_measures_by_hand():
    course = [1.0, -1.0]
    silent = [0.0, 0.0]
    true = of([[1]], [[silent, course, silent, silent, silent]])
    [[auc, rmse, error_mm, spread_mm]] = dst_dae.measured(3 * true.activity, true, LINE_MM)
    assert (auc, error_mm, spread_mm) == (1, 0, 0) and rmse == pytest.approx(0, abs=1e-3)
    beside = torch.tensor([[silent, course, silent, [2.0, -2], silent]])
    [[auc, rmse, error_mm, spread_mm]] = dst_dae.measured(beside, true, LINE_MM)
    assert auc == pytest.approx(0.75) and error_mm == pytest.approx(20)
    assert rmse == pytest.approx(0.8**0.5) and spread_mm == pytest.approx((0.8 * 400) ** 0.5)


def test_each_patch_has_its_own_half():
    course, silent = [1.0], [0.0]
    true = of([[0, 4]], [[course, silent, silent, silent, course]])
    found = torch.tensor([[[1.0], [9.0], silent, [3.0], [1.0]]])
    assert dst_dae.measured(found, true, LINE_MM)[0, 2] == pytest.approx(10)


def test_patches_of_dst_dae_are_apart_and_as_correlated_as_wanted():
    field = a_field(30, 200)
    drawn = dst_dae.draw(field, 6, (-5, (7, 7), 0.6))
    apart = (field.pos_mm[drawn.sources[:, 0]] - field.pos_mm[drawn.sources[:, 1]]).norm(dim=1)
    assert (apart >= 50).all()
    for one, (first, second) in zip(drawn.activity, drawn.sources, strict=True):
        a, b = one[first], one[second]
        assert abs((a @ b / a.norm() / b.norm()).item()) == pytest.approx(0.6, abs=1e-4)
    noise = (drawn.data - drawn.clean).flatten(1).square().sum(1)
    power = drawn.clean.flatten(1).square().sum(1)
    torch.testing.assert_close(
        10 * torch.log10(power / noise), torch.full((6,), -5.0), atol=0.01, rtol=0
    )


@pytest.mark.parametrize("name", ["eloreta", "wmne", "loreta", "sloreta"])
def test_a_kernel_is_the_method_itself(name):
    field = a_field(30, 64)
    data = torch.randn(30, 5, generator=torch.Generator().manual_seed(1))
    alone = rivals.conventional(field, 100.0)(
        name, data.double().numpy(), np.tile([1.0, -1.0], (30, 1)), snr=2.0
    )
    found = (rivals.kernel(name, field, 2.0) @ data).numpy()
    np.testing.assert_allclose(found, alone, rtol=1e-3, atol=1e-4 * np.abs(alone).max())
    other = rivals.kernel(name, field, 20.0).numpy()
    assert not np.allclose(other / np.linalg.norm(other), found[:, :1], rtol=0.1)


def test_what_was_not_trained_has_no_row(tmp_path):
    assert trained(tmp_path, "unet", a_field()) is None


def test_a_row_tells_how_far_its_network_was_trained(tmp_path):
    field, name = a_field(), "dst_dae"
    folder = weights_folder(tmp_path, "of_tested")
    tested = dst_dae.of_tested(field)
    assert tested.bases.shape == (dst_dae.FULL, 4, 40) and set(tested.snr_db.tolist()) == {-5.0}
    train_system(name, field, "cpu", 1, folder, Progress(), 0, tested)
    assert trained(tmp_path, name, field) is None
    label, solve = trained(tmp_path, name, field, "of_tested")
    assert "bases and SNR of what is tested" in label and "of 9,400 steps" in label
    read = SYSTEMS[name].encode(field, dst_dae.draw(field, 9, (-5, (5,), None)).data)
    assert solve(read).shape == (9, 64, 40)


@pytest.mark.parametrize(("peak", "expected"), [(60, 60), (2, 25), (124, 100)])
def test_dst_dae_reads_around_the_peak_as_far_as_there_are_samples(peak, expected):
    data = np.arange(125.0)[None]
    read, sample = product.around(data, peak, SYSTEMS["dst_dae"])
    assert sample[20] == pytest.approx(expected) and len(sample) == 40
    np.testing.assert_allclose(read[0], sample, atol=0.5)


def test_activity_comes_back_onto_the_recordings_samples():
    course = product.on_samples(np.array([[1.0, 3.0]]), np.array([2.0, 4.0]), 6)
    assert course.tolist() == [[0, 0, 1, 2, 3, 0]]
    assert product.on_samples(np.array([[5.0]]), np.array([2.0]), 3).tolist() == [[5, 5, 5]]
    read, sample = product.around(np.arange(125.0)[None], 7, SYSTEMS["convdip"])
    assert read.tolist() == [[7]] and sample.tolist() == [7]
