"""Explained variance of maps: values known by hand, and of a map that made the field."""

from dataclasses import replace

import numpy as np
import pytest
from fake_patient import write_fake_patient

from pipeline.image.explained import NoField, explained_percent, variance_explained_percent
from pipeline.methods._model import Model, Problem
from pipeline.records.head import read_measured_head
from pipeline.records.solution import distributed
from pipeline.records.spike import read_spike
from pipeline.template import load_template
from pipeline.template.cortex import region_adjacency


def test_what_is_left_counts_against_the_whole():
    data = np.array([[3.0, 0.0], [0.0, 4.0]])
    assert variance_explained_percent(data, data) == 100
    assert variance_explained_percent(data, 0 * data) == 0
    assert variance_explained_percent(data, 2 * data) == 0
    # What is left is 4 in one channel, of a power of 25.
    assert variance_explained_percent(data, [[3.0, 0], [0, 0]] * np.ones((2, 2))) == pytest.approx(
        36
    )
    assert variance_explained_percent(data, -data) == pytest.approx(-300)


def test_relative_activity_is_given_its_size_but_not_its_sign():
    data = np.array([[3.0], [4.0]])
    assert variance_explained_percent(data, 0.01 * data, any_size=True) == pytest.approx(100)
    # Only the second channel is told: 16 of 25.
    assert variance_explained_percent(data, np.array([[0.0], [7.0]]), any_size=True) == (
        pytest.approx(64)
    )
    assert variance_explained_percent(data, -data, any_size=True) == 0
    assert variance_explained_percent(data, 0 * data, any_size=True) == 0


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    """The fake patient's average, replaced by the field of two regions behind its projectors."""
    fake = write_fake_patient(tmp_path_factory.mktemp("explained") / "out")
    spike = read_spike(fake.paths)
    head = read_measured_head(fake.paths, spike.ch_names)
    adjacency = region_adjacency(head.vertex_region, load_template().faces)
    average = spike.average.copy()
    course = np.exp(-((average.times / 0.02) ** 2))
    currents = np.zeros((994, len(course)))
    currents[[100, 400]] = np.outer([2e-8, -1e-8], course)
    average.data = spike.projector @ (head.leadfield @ currents)
    model = Model(head, average.info, spike.noise_cov, adjacency)
    return Problem(model, replace(spike, average=average), 0.02), currents


def test_the_currents_that_made_the_field_explain_all_of_it(problem):
    problem, currents = problem
    times_s = problem.spike.average.times
    whole = distributed(currents, times_s, 0.02, "A·m")
    assert explained_percent(problem, whole) == pytest.approx(100, abs=1e-3)
    half = distributed(currents / 2, times_s, 0.02, "A·m")
    assert explained_percent(problem, half) == pytest.approx(75, abs=1e-3)
    # A network's samples are fewer, and in units of its own.
    sparse = distributed(1e9 * currents[:, 2::4], times_s[2::4], 0.02, "relative")
    assert explained_percent(problem, sparse) == pytest.approx(100, abs=1e-3)


def test_outside_the_window_nothing_counts(problem):
    problem, currents = problem
    times_s = problem.spike.average.times
    wrong = np.where(np.abs(times_s) > 0.011, 1e-7, currents)
    assert explained_percent(problem, distributed(wrong, times_s, 0.02, "A·m")) == (
        pytest.approx(100, abs=1e-3)
    )


@pytest.mark.parametrize("unit", ["standard deviations of the noise", "probability"])
def test_scores_predict_no_field(problem, unit):
    problem, currents = problem
    scores = distributed(currents, problem.spike.average.times, 0.02, unit)
    with pytest.raises(NoField, match=f"scores \\({unit}\\)"):
        explained_percent(problem, scores)
