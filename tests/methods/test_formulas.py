"""Conventional maps against the formulas that they were published by."""

from dataclasses import replace

import mne
import numpy as np
import pytest
from line_of_regions import N_CHANNELS, N_SPIKES, line_of_regions

from pipeline.methods import METHODS
from pipeline.methods._model import Problem
from pipeline.methods.lcmv import Options as LcmvOptions
from pipeline.options import check_options


@pytest.fixture(scope="module")
def problem() -> Problem:
    """Single spikes of two regions in noise of its covariance, and their average."""
    empty = line_of_regions()
    spike, rng = empty.spike, np.random.default_rng(0)
    times_s = spike.average.times
    wave = 1e-6 * np.exp(-((times_s / 0.03) ** 2))
    field = empty.model.head.leadfield[:, [12, 40]] @ np.stack([wave, np.roll(-wave, 9)])
    covariance = spike.noise_matrix
    noise = rng.multivariate_normal(
        np.zeros(N_CHANNELS), covariance, (N_SPIKES, len(times_s)), check_valid="ignore"
    )
    data = spike.projector @ (field + noise.transpose(0, 2, 1))
    epochs = mne.EpochsArray(data, spike.average.info, tmin=times_s[0], proj=False, verbose="error")
    return replace(empty, spike=replace(spike, average=epochs.average(), epochs=epochs))


def whitened_parts(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Whitener of a single spike's noise, and the regions' field behind it."""
    value, vector = np.linalg.eigh(problem.spike.noise_matrix)
    kept = value > 1e-6 * value[-1]
    assert kept.sum() == N_CHANNELS - 1  # one projector
    whitener = (vector[:, kept] / np.sqrt(value[kept])).T
    return whitener, whitener @ problem.model.head.leadfield


def solve(problem: Problem, name: str, **options) -> np.ndarray:
    return METHODS[name].activity(problem, METHODS[name].options(**options))[0]


def scale_of(found: np.ndarray, expected: np.ndarray) -> float:
    """The factor by which `found` is `expected`, which it is at every region and sample."""
    scale = float((found * expected).sum() / (expected**2).sum())
    np.testing.assert_allclose(found, scale * expected, atol=1e-6 * np.abs(found).max())
    return scale


@pytest.mark.parametrize("snr", [3.0, 1.5])
@pytest.mark.parametrize("name", ["sloreta", "dspm"])
def test_minimum_norms_are_standardised_as_published(problem, name, snr):
    """Regularised by 1 / snr²; by the resolution (Pascual-Marqui 2002) or the noise (Dale 2000)."""
    whitener, gain = whitened_parts(problem)
    gain = gain * np.sqrt(len(gain) / (gain**2).sum())
    kernel = gain.T @ np.linalg.inv(gain @ gain.T + np.eye(len(gain)) / snr**2)
    size = {
        "sloreta": np.sqrt(np.sum(kernel * gain.T, axis=1)),
        "dspm": np.linalg.norm(kernel, axis=1),
    }[name]
    expected = kernel @ (whitener @ problem.spike.average.data) / size[:, None]
    # The noise of an average of n spikes is smaller by the root of n; mne's sLORETA is in parts of the snr.
    unit = np.sqrt(N_SPIKES) / (snr if name == "sloreta" else 1)
    scale = scale_of(solve(problem, name, snr=snr), expected)
    assert scale == pytest.approx(unit, rel=1e-6)


def test_the_maps_have_the_averages_times(problem):
    for name in ("sloreta", "dspm", "lcmv"):
        times_s = METHODS[name].activity(problem, METHODS[name].options())[1]
        assert times_s.tolist() == problem.spike.average.times.tolist()


@pytest.mark.parametrize("reg", [0.05, 0.5])
@pytest.mark.parametrize("window_s", [(-0.1, 0.21), (-0.41, 0.01)])
def test_lcmv_is_the_unit_noise_gain_beamformer_of_the_single_spikes(problem, reg, window_s):
    """Of a patient's noise of full rank less the projector's, and the power of a window."""
    whitener, gain = whitened_parts(problem)
    inside = (problem.spike.epochs.times >= window_s[0]) & (
        problem.spike.epochs.times <= window_s[1]
    )
    samples = np.hstack(list(problem.spike.single_spikes[:, :, inside]))
    covariance = whitener @ (samples @ samples.T / (samples.shape[1] - 1)) @ whitener.T
    covariance += reg * np.trace(covariance) / N_CHANNELS * np.eye(len(covariance))
    weights = np.linalg.solve(covariance, gain).T
    weights /= np.linalg.norm(weights, axis=1, keepdims=True)
    expected = weights @ whitener @ problem.spike.average.data
    found = solve(problem, "lcmv", lcmv_reg=reg, lcmv_window_s=window_s)
    assert scale_of(found, expected) == pytest.approx(1, abs=1e-6)


def test_the_beamformers_rank_is_what_noise_and_spikes_share(problem):
    """Fewer samples than channels: the covariance of the spikes has their number of dimensions."""
    few = replace(problem, spike=replace(problem.spike, epochs=problem.spike.epochs[:2]))
    found = solve(few, "lcmv", lcmv_window_s=(-0.03, 0.03))
    assert np.isfinite(found).all() and found.any()


@pytest.mark.parametrize(
    ("window_s", "is_refused"),
    [
        ((-0.5, 0.5), False),
        ((-0.51, 0.5), True),
        ((-0.5, 0.51), True),
        ((0.0, 0.0501), False),
        ((0.0, 0.0499), True),
    ],
)
def test_the_beamformers_window_is_part_of_a_spike_and_long_enough(window_s, is_refused):
    if is_refused:
        with pytest.raises(ValueError, match="lcmv_window_s is"):
            LcmvOptions(lcmv_window_s=window_s)
    else:
        assert LcmvOptions(lcmv_window_s=window_s).lcmv_window_s == window_s
    assert LcmvOptions().lcmv_window_s == (-0.5, 0.5) and LcmvOptions().lcmv_reg == 0.05


@pytest.mark.parametrize(("reg", "is_refused"), [(0.0, True), (1.0, False), (1.01, True)])
def test_the_beamformers_regularisation_is_a_share(reg, is_refused):
    if is_refused:
        with pytest.raises(ValueError, match="lcmv_reg is"):
            LcmvOptions(lcmv_reg=reg)
    else:
        assert LcmvOptions(lcmv_reg=reg).lcmv_reg == reg


@pytest.mark.parametrize(
    ("snr", "is_refused"), [(0.1, False), (0.09, True), (100, False), (101, True)]
)
def test_the_regularising_snr_is_between_a_tenth_and_a_hundred(snr, is_refused):
    options = METHODS["sloreta"].options
    assert options().snr == 3.0
    if is_refused:
        with pytest.raises(ValueError, match="snr is"):
            check_options(options(snr=snr))
    else:
        check_options(options(snr=snr))


def test_conventional_methods_stand_in_the_order_of_reports():
    names = [name for name in METHODS if name in ("dspm", "sloreta", "lcmv", "cmem", "ecd")]
    assert names == ["sloreta", "dspm", "lcmv", "cmem", "ecd"]
