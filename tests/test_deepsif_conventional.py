"""Every conventional method of the benchmark finds a simulated patch."""

import numpy as np
import pytest

from benchmarks.deepsif.conventional import METHODS, ConventionalMethods
from pipeline.synthesis.library import template_region_pos_mm
from pipeline.synthesis.patches import template_graph

N_CHANNELS = 80
PEAK = 60
CENTRE = 400


@pytest.fixture(scope="module")
def simulated():
    """A smooth fake leadfield, a patch of a region and its neighbours, and white noise."""
    graph = template_graph()
    rng = np.random.default_rng(0)
    leadfield = rng.normal(size=(N_CHANNELS, 994)) @ np.exp(-((graph.distance_mm / 20) ** 2))
    mixing = np.diag(rng.uniform(0.5, 2, N_CHANNELS))
    leadfield = 1e-6 * mixing @ leadfield
    pos_mm = template_region_pos_mm()
    wave = np.exp(-(((np.arange(125) - PEAK) / 4) ** 2))
    patch = graph.adjacency[CENTRE] | (np.arange(994) == CENTRE)
    field = leadfield @ np.outer(patch, wave)
    noise = 0.1 * np.abs(field).max() * mixing
    recording = field + noise @ rng.normal(size=field.shape)
    baseline = noise @ rng.normal(size=(N_CHANNELS, 200))
    methods = ConventionalMethods(leadfield, mixing**2, pos_mm, graph.adjacency, 125.0)
    return graph, methods, recording, baseline, wave


@pytest.mark.parametrize("method", METHODS)
def test_maximum_lies_in_the_patch(simulated, method):
    graph, methods, recording, baseline, wave = simulated
    activity = methods(method, recording, baseline)
    assert activity.shape == (994, 125)
    strongest = np.abs(activity[:, PEAK]).argmax()
    assert graph.distance_mm[strongest, CENTRE] < 20
    correlation = np.corrcoef(activity[strongest], wave)[0, 1]
    assert correlation > 0.8, "the patch is positive, and so is its course"


@pytest.mark.parametrize("method", METHODS)
def test_unit_of_the_recording_changes_nothing_but_the_scale(simulated, method):
    _, methods, recording, baseline, _ = simulated
    one = methods(method, recording, baseline)
    same = methods(method, 1e3 * recording, 1e3 * baseline)
    np.testing.assert_allclose(same, one, atol=1e-3 * np.abs(one).max())


def test_sparse_methods_leave_most_regions_out(simulated):
    _, methods, recording, baseline, _ = simulated
    assert 1 <= methods("rap_music", recording, baseline).any(1).sum() <= 3
    assert 1 <= methods("gamma_map", recording, baseline).any(1).sum() < 994 / 4
