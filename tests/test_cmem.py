"""cMEM against cases whose answer is known."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import check_grad

from pipeline.errors import InvalidInput
from pipeline.methods.cmem import (
    cmem,
    dual,
    msp_scores,
    parcels,
)
from pipeline.synthesis.patches import template_graph

SNR = 3.0
N_CHANNELS = 80


def line(n):
    """Neighbours of `n` regions in a row."""
    index = np.arange(n)
    return np.abs(index[:, None] - index) == 1


def test_certain_parcel_gives_the_gaussian_posterior_mean():
    """All regions share one topography, so that their parcel is active for certain."""
    rng = np.random.default_rng(0)
    topography = rng.normal(size=6)
    leadfield = np.outer(topography, [1.0, 2.0, 1.5])
    data = np.repeat(5 * topography[:, None], 4, axis=1)
    # Slow noise shows as an offset of each channel: it has variance, too.
    baseline = rng.normal(size=(6, 500)) + rng.normal(size=(6, 1))
    noise = np.mean(baseline**2) * np.eye(6)
    gain = leadfield @ leadfield.T
    ridge = np.trace(gain) / 6 / SNR**2 * np.eye(6)
    minimum_norm = leadfield.T @ np.linalg.solve(gain + ridge, data[:, 0])
    laplacian = np.array([[-1.0, 1, 0], [1, -2, 1], [0, 1, -1]])
    # A twentieth of the minimum norm's power, diffused by 0.6 (Chowdhury 2013, Harrison 2007).
    prior = 0.05 * np.mean(minimum_norm**2) * expm(0.6 * laplacian)
    expected = prior @ leadfield.T @ np.linalg.solve(leadfield @ prior @ leadfield.T + noise, data)
    found = cmem(data, leadfield, baseline, line(3), SNR)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_parcel_without_score_stays_silent():
    """Two parcels that no channel shares: the one whose channels are silent gets nothing."""
    rng = np.random.default_rng(1)
    leadfield = np.kron(np.eye(2), np.outer([1.0, -2.0, 1.0], [1.0, 1.2, 0.8]))
    adjacency = np.kron(np.eye(2), line(3)).astype(bool)
    data = np.outer(leadfield[:, 0], [3.0, -6.0])
    found = cmem(data, leadfield, rng.normal(size=(6, 300)), adjacency)
    assert np.all(np.sign(found[:3]) == [1, -1])
    np.testing.assert_allclose(found[3:], 0, atol=1e-9)


def random_problem(rng):
    parcel = np.repeat(np.arange(4), 3)
    return (
        rng.normal(size=8) * 3,
        rng.normal(size=(8, 12)),
        0.7,
        np.array([0.0, 0.2, 0.7, 1.0]),
        parcel,
    )


def test_gradient_of_the_dual_equals_finite_differences():
    rng = np.random.default_rng(2)
    problem = random_problem(rng)
    for multiplier in rng.normal(size=(10, 8)):
        error = check_grad(
            lambda at: dual(at, *problem)[0], lambda at: dual(at, *problem)[1], multiplier
        )
        assert error < 1e-5 * np.linalg.norm(dual(multiplier, *problem)[1])


def test_dual_is_convex_and_finite_far_from_its_minimum():
    rng = np.random.default_rng(3)
    problem = random_problem(rng)
    for start, end in rng.normal(size=(20, 2, 8)) * 100:
        ends = (dual(start, *problem)[0] + dual(end, *problem)[0]) / 2
        middle = dual((start + end) / 2, *problem)[0]
        assert np.isfinite([ends, middle]).all()
        assert middle <= ends


def test_scores_are_one_where_a_regions_field_is_the_data():
    rng = np.random.default_rng(4)
    leadfield, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    scores = msp_scores(np.outer(leadfield[:, 3], [1.0, 0.5]), leadfield)
    np.testing.assert_allclose(scores[3], [1, 0.5])
    np.testing.assert_allclose(np.delete(scores, 3, axis=0), 0, atol=1e-12)


@pytest.mark.parametrize(("second", "is_signal"), [(0.06, True), (0.04, False)])
def test_the_signal_holds_19_of_20_parts_of_the_power(second, is_signal):
    """The second component counts where the first has less than 95 %, and the third never."""
    leadfield, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(12, 12)))
    courses = np.linalg.qr(np.random.default_rng(5).normal(size=(30, 3)))[0].T
    size = np.sqrt([1 - second - 0.001, second, 0.001])
    scores = msp_scores(leadfield[:, [3, 7, 9]] * size @ courses, leadfield)
    assert scores[3] == pytest.approx(np.abs(courses[0]) / np.abs(courses[: 1 + is_signal]).max())
    assert (scores[7].max() > 0.1) == is_signal and scores[9].max() < 1e-12


def test_a_component_is_looked_for_in_92_percent_of_the_leadfield():
    """In 19 of 20 singular vectors, which are alike in size: all but the one least like it."""
    topography = np.arange(2.0, 22) * np.where(np.arange(20) % 2, 1, -1)
    scores = msp_scores(topography[:, None] * [1.0, 0.5], 7 * np.eye(20))
    assert scores[1:, 0] == pytest.approx((topography[1:] / 21) ** 2)
    assert scores[1:, 1] == pytest.approx((topography[1:] / 21) ** 2 / 2)
    assert scores[0].tolist() == [0, 0]


def test_parcels_grow_around_the_highest_scores():
    score = np.array([0, 1, 2, 9, 2, 1, 8, 5.0])
    # Around 3; around 6; 0 and 1 are too few, join the neighbouring parcel, each in its turn.
    assert parcels(score, line(8)).tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    alone = np.zeros((4, 4), bool)
    alone[:3, :3] = line(3)
    assert parcels(np.array([1.0, 2, 1, 5]), alone).tolist() == [0, 0, 0, 1]


@pytest.fixture(scope="module")
def head():
    """A fake head: a smooth field of the regions' positions, so that neighbours look alike."""
    graph = template_graph()
    sensors = np.random.default_rng(0).normal(size=(N_CHANNELS, 994))
    return graph, 1e9 * sensors @ np.exp(-((graph.distance_mm / 20) ** 2))


@pytest.mark.parametrize("centre", [50, 400, 700])
def test_simulated_patch_is_found(head, centre):
    graph, leadfield = head
    rng = np.random.default_rng(centre)
    wave = np.exp(-(((np.arange(40) - 20) / 3) ** 2))
    patch = graph.adjacency[centre] | (np.arange(994) == centre)
    field = leadfield @ np.outer(patch, wave)
    data = 10 * field / np.abs(field).max() + rng.normal(size=field.shape)
    activity = cmem(data, leadfield, rng.normal(size=(N_CHANNELS, 100)), graph.adjacency)
    strength = np.abs(activity[:, 20])
    assert graph.distance_mm[strength.argmax(), centre] < 15
    assert graph.distance_mm[strength > 0.3 * strength.max(), centre].mean() < 20
    course = activity[strength.argmax()]
    assert abs(np.corrcoef(course, wave)[0, 1]) > 0.9


def test_activity_scales_with_the_recording(head):
    graph, leadfield = head
    rng = np.random.default_rng(9)
    data = 3 * rng.normal(size=(N_CHANNELS, 2))
    baseline = rng.normal(size=(N_CHANNELS, 100))
    one = cmem(data, leadfield, baseline, graph.adjacency)
    ten = cmem(10 * data, leadfield, 10 * baseline, graph.adjacency)
    np.testing.assert_allclose(ten, 10 * one, atol=1e-3 * np.abs(ten).max())


def test_silence_gives_silence(head):
    graph, leadfield = head
    baseline = np.random.default_rng(0).normal(size=(N_CHANNELS, 10))
    found = cmem(np.zeros((N_CHANNELS, 3)), leadfield, baseline, graph.adjacency)
    assert found.shape == (994, 3)
    assert not found.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": np.ones((5, 2))}, "5 channels of data"),
        ({"data": np.full((4, 2), np.nan)}, "data holds values that are not finite"),
        ({"leadfield": np.zeros((4, 3))}, "regions without any field"),
        ({"baseline": np.ones((4, 9))}, "baseline has no variance"),
        ({"adjacency": line(4)}, "neighbours of 4 regions"),
    ],
)
def test_unusable_input_is_named(change, message):
    rng = np.random.default_rng(0)
    good = {
        "data": rng.normal(size=(4, 2)),
        "leadfield": rng.normal(size=(4, 3)),
        "baseline": rng.normal(size=(4, 9)),
        "adjacency": line(3),
    }
    with pytest.raises(InvalidInput, match=message):
        cmem(**good | change)
