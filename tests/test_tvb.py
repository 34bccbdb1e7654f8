"""Our neural masses against The Virtual Brain's, on a network small enough for a test."""

import numpy as np
import pytest

from pipeline.synthesis.neural_mass import (
    BACKGROUND_A_MV,
    SETTINGS,
    SOURCE_A_MV,
    Connectome,
    Setting,
    connectome,
    simulate,
)

pytest.importorskip("tvb.simulator", reason="tvb-library is not installed")
from benchmarks.neural_mass_vs_tvb import (
    rest_statistics,
    simulate_with_tvb,
    spike_statistics,
)

N_REGIONS = 40
SPIKING = slice(0, 10)


@pytest.fixture(scope="module")
def network():
    return connectome(np.random.default_rng(0).uniform(-50, 50, (N_REGIONS, 3)))


@pytest.fixture(scope="module")
def a_mv():
    gains = np.full(N_REGIONS, BACKGROUND_A_MV)
    gains[SPIKING] = SOURCE_A_MV
    return gains


def test_without_noise_both_give_the_same_signal(network, a_mv):
    """Through the first spikes of all regions, so that every term and delay has its effect."""
    silent = Setting(mu=0.12, noise=0.0)
    ours = simulate(network, a_mv[None], silent, 0.5, seed=0, dropped_seconds=0)[0]
    tvb = simulate_with_tvb(network, a_mv, silent, 0.5, seed=0, dropped_seconds=0)
    assert ours.max() > 8
    assert np.abs(ours - tvb).max() < 0.01
    undelayed = connectome(np.zeros((N_REGIONS, 3))).delay_steps
    early = Connectome(network.weights, undelayed)
    without = simulate(early, a_mv[None], silent, 0.5, seed=0, dropped_seconds=0)[0]
    assert np.abs(without - tvb).max() > 0.1


def test_with_noise_both_have_the_same_statistics(network, a_mv):
    """Means within 4 standard errors of their difference, over regions or spikes.

    A quarter of the coupling, because so few regions would otherwise spread their spikes to all
    others, and no region would be a sample of its own; with it, a higher gain lets them spike.
    """
    network = Connectome(network.weights / 4, network.delay_steps)
    a_mv = np.where(a_mv == SOURCE_A_MV, 3.6, a_mv)
    length = {"seconds": 6.0, "dropped_seconds": 0.5}
    ours = simulate(network, np.tile(a_mv, (4, 1)), SETTINGS[0], seed=1, **length)
    tvb = simulate_with_tvb(network, a_mv, SETTINGS[0], seed=1, **length)[None]
    found = {}
    for who, signal in (("ours", ours), ("tvb", tvb)):
        spiking = signal[:, SPIKING].reshape(-1, signal.shape[2])
        resting = signal[:, SPIKING.stop :].reshape(-1, signal.shape[2])
        found[who] = rest_statistics(resting) | spike_statistics(spiking)
    assert len(found["tvb"]["spike amplitude, mV"]) >= 10
    for quantity, ours in found["ours"].items():
        tvb = found["tvb"][quantity]
        error = np.sqrt(ours.var(ddof=1) / len(ours) + tvb.var(ddof=1) / len(tvb))
        assert abs(ours.mean() - tvb.mean()) < 4 * error, quantity
        assert error < 0.25 * tvb.mean(), f"too little data to compare the {quantity}"
