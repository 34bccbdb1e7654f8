"""Rivals of the networks against cases whose answer is known: sources without noise, and equations."""

from dataclasses import replace

import mne
import numpy as np
import pytest
from line_of_regions import N_CHANNELS, N_REGIONS, N_SPIKES, line, line_of_regions

from pipeline.methods import METHODS
from pipeline.methods._model import Problem
from pipeline.methods._music import pursue
from pipeline.methods._sparse_bayes import learned_variances
from pipeline.methods._weighted import weighted_kernel
from pipeline.methods._whitened import Whitened, whitened
from pipeline.methods.focuss import focuss_kernel
from pipeline.methods.loreta import smooth_prior
from pipeline.methods.sttonnica_like import components
from pipeline.methods.wmne import depth_prior

RIVALS = (
    "mne",
    "wmne",
    "loreta",
    "rap_music",
    "trap_music",
    "focuss",
    "champagne",
    "gamma_map",
    "sttonnica_like",
)
POINTS = ("rap_music", "trap_music", "focuss", "champagne", "gamma_map")
FIRST, SECOND = 12, 44


@pytest.fixture(scope="module")
def problem() -> Problem:
    return line_of_regions()


def with_sources(problem: Problem, moments: dict[int, np.ndarray], noise: float = 0.0) -> Problem:
    """The average of sources with these courses, and noise in parts of that of so many spikes."""
    leadfield = problem.model.head.leadfield
    average = problem.spike.average.copy()
    average.data[:] = sum(np.outer(leadfield[:, k], course) for k, course in moments.items())
    covariance = problem.spike.noise_matrix / N_SPIKES
    drawn = np.random.default_rng(1).multivariate_normal(
        np.zeros(N_CHANNELS), covariance, average.data.shape[1], check_valid="ignore"
    )
    average.data[:] = problem.spike.projector @ (average.data + noise * drawn.T)
    return replace(problem, spike=replace(problem.spike, average=average))


def solve(problem: Problem, name: str, **options) -> tuple[np.ndarray, np.ndarray]:
    return METHODS[name].activity(problem, METHODS[name].options(**options))


@pytest.fixture(scope="module")
def wave(problem) -> np.ndarray:
    return 1e-6 * np.exp(-((problem.spike.average.times / 0.02) ** 2))


@pytest.mark.parametrize("name", RIVALS)
def test_one_source_without_noise_is_found(problem, wave, name):
    single = with_sources(problem, {FIRST: -wave})
    activity, times_s = solve(single, name)
    assert activity.shape == (N_REGIONS, len(times_s)) and np.isfinite(activity).all()
    at_peak = activity[:, np.abs(times_s).argmin()]
    # The minimum norm is drawn to regions of a strong field; the others have none beside it.
    assert abs(int(np.abs(at_peak).argmax()) - FIRST) <= (1 if name in ("mne", "loreta") else 0)
    assert at_peak[np.abs(at_peak).argmax()] < 0, "the sign is the source's"
    if name in POINTS:
        assert at_peak[FIRST] == pytest.approx(-1e-6, rel=0.3)


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_two_sources_are_found_with_their_courses(problem, wave, name, noise):
    later = np.roll(wave, 12)
    # Fields of about ten standard deviations of the average's noise.
    both = with_sources(problem, {FIRST: wave, SECOND: 0.7 * later}, noise)
    options = {"music_sources": 2} if "music" in name else {}
    activity, _ = solve(both, name, **options)
    strongest = np.argsort(np.abs(activity).max(1))[-2:]
    assert sorted(strongest) == [FIRST, SECOND]
    assert np.corrcoef(activity[FIRST], wave)[0, 1] > 0.9
    assert np.corrcoef(activity[SECOND], later)[0, 1] > 0.9


def test_the_number_of_averaged_spikes_scales_the_noise(problem, wave):
    """The same field of fewer spikes has more noise: less is learned from it."""
    single = with_sources(problem, {FIRST: wave}, 1.0)
    fewer = replace(single, spike=replace(single.spike, average=single.spike.average.copy()))
    fewer.spike.average.nave = 1
    assert np.sum(whitened(single).data ** 2) == pytest.approx(
        N_SPIKES * np.sum(whitened(fewer).data ** 2)
    )
    for name in ("champagne", "gamma_map"):
        many, few = (np.abs(solve(one, name)[0]).max(1) for one in (single, fewer))
        assert np.count_nonzero(few > 0.01 * few.max()) <= np.count_nonzero(many > 0)
        assert few[FIRST] < many[FIRST]


def test_what_is_whitened_has_lost_the_projectors_direction(problem, wave):
    seen = whitened(with_sources(problem, {FIRST: wave}, 1.0))
    assert seen.gain.shape == (N_CHANNELS - 1, N_REGIONS)
    assert seen.baseline.var() == pytest.approx(1, rel=0.1)
    assert seen.noise_variance == pytest.approx(1, rel=0.1) and seen.noise_variance >= 1
    np.testing.assert_allclose(
        seen.components @ seen.components.T, seen.data @ seen.data.T, atol=1e-8
    )
    assert Whitened(seen.data, seen.data[:, :0], seen.gain).noise_variance == 1


def test_gamma_map_learns_what_mnes_does(problem, wave):
    """mne's takes the noise for a single spike's: it is told the average's."""
    both = with_sources(problem, {FIRST: wave, SECOND: np.roll(wave, 12)}, 1.0)
    found, _ = solve(both, "gamma_map")
    sparse = mne.inverse_sparse.gamma_map(
        both.spike.average,
        both.model.forward,
        both.model.noise_cov,
        alpha=whitened(both).noise_variance / N_SPIKES,
        loose=0,
        depth=None,
        verbose="error",
    )
    expected = np.zeros_like(found)
    expected[np.concatenate(sparse.vertices)] = sparse.data
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())


def test_weighted_minimum_norm_is_the_mean_of_a_gaussian():
    """Two regions, one sensor: shares of the prior variances of their fields, by hand."""
    gain = np.array([[1.0, 2.0]])
    kernel = weighted_kernel(gain, np.array([4.0, 1.0]), snr=2.0)
    # G R Gᵀ = 4 + 4 = 8; λ = 8 / 4 = 2.
    np.testing.assert_allclose(kernel, [[4 / 10], [2 / 10]])
    np.testing.assert_allclose(
        weighted_kernel(gain, np.diag([4.0, 1.0]), snr=2.0), kernel, atol=1e-12
    )
    np.testing.assert_allclose(depth_prior(gain), [1, 0.25])


def test_loretas_prior_prefers_smooth_activity():
    adjacency = line(5)
    covariance = smooth_prior(np.full((1, 5), 2.0), adjacency)
    precision = np.linalg.inv(covariance)
    flat, rough = np.ones(5), np.array([1.0, -1, 1, -1, 1])
    # (1.05 - 1) of each region, times the norm of its field, squared, five of them.
    assert flat @ precision @ flat == pytest.approx(5 * (0.05 * 2) ** 2)
    # A region's difference from its neighbours' mean is 2.05.
    assert rough @ precision @ rough == pytest.approx(5 * (2.05 * 2) ** 2)


def test_music_measures_angles_to_the_subspace_that_is_left():
    gain = np.array([[1.0, 0.0, 0.6, 0.0], [0.0, 1.0, 0.8, 0.0], [0.0, 0.0, 0.0, 1.0]])
    signal = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    found, correlation = pursue(signal, gain, 2)
    assert found[0] in (0, 1, 2) and correlation[0] == pytest.approx(1)
    # The plane's second topography is found exactly, whatever its angle to the first.
    assert len(set(found)) == 2 and correlation[1] == pytest.approx(1) and 3 not in found
    # With one sample the search is a matching pursuit: it ends when nothing is left.
    assert pursue(signal[:, :1], gain, 3)[0] == [0]
    assert pursue(np.zeros((3, 2)), gain, 2) == ([], [])


def test_truncation_forgets_what_an_imperfect_source_left():
    """A source between two regions leaves an error, which RAP takes for a source and TRAP does not."""
    rng = np.random.default_rng(3)
    gain = rng.normal(size=(30, 20))
    field = gain[:, 4] + 0.02 * rng.normal(size=30)
    other = gain[:, 11] + 0.02 * rng.normal(size=30)
    data = np.outer(field, np.sin(np.arange(16.0))) + 0.5 * np.outer(other, np.cos(np.arange(16.0)))
    for truncated in (False, True):
        found, correlation = pursue(data, gain, 2, truncated)
        assert sorted(found) == [4, 11] and min(correlation) > 0.98
    three = {truncated: pursue(data, gain, 3, truncated)[1] for truncated in (False, True)}
    # The signal has two dimensions: after two sources RAP's are errors, two of them; TRAP keeps one.
    assert three[True][2] < three[False][2]
    assert len(pursue(data, gain, 3, least_correlation=0.9)[0]) == 2


def test_focuss_leaves_the_source_alone():
    gain = np.random.default_rng(5).normal(size=(20, 40))
    data = np.outer(gain[:, 7], [1.0, -2.0])
    kernel = focuss_kernel(data, gain, snr=10.0)
    assert np.flatnonzero(kernel.any(1)).tolist() == [7]
    # One source: s = x / (1 + 1 / (n snr²)), n the mean eigenvalue's number of channels.
    np.testing.assert_allclose(kernel[7] @ data, np.array([1.0, -2.0]) / (1 + 1 / 2000), rtol=1e-6)


@pytest.mark.parametrize("pace", [0.5, 1.0])
def test_learned_variance_of_a_lonely_source_is_that_of_its_course(pace):
    """Orthogonal fields: γ = ⟨x²⟩ / |l|² - σ² / |l|², none where the data are noise."""
    rng = np.random.default_rng(6)
    basis = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    gain = basis[:, :4] * [1.0, 2.0, 3.0, 4.0]
    course = rng.normal(size=200)
    course *= 5 / np.sqrt(np.mean(course**2))
    data = np.outer(gain[:, 1], course)
    variance = learned_variances(data, 200, gain, 1.0, pace)
    assert variance[1] == pytest.approx(25 - 1 / 4, rel=1e-3)
    assert variance[[0, 2, 3]].max() == 0


def test_components_are_two_where_two_sources_are():
    rng = np.random.default_rng(7)
    gain = rng.normal(size=(25, 30))
    time = np.arange(40)
    courses = np.array([np.sin(time / 4), np.exp(-(((time - 20) / 5) ** 2))])
    data = gain[:, [5, 21]] @ (8 * courses) + rng.normal(size=(25, 40))
    found = components(data, gain, line(30))
    assert found.maps.min() >= 0 and found.maps.shape == (30, 2)
    assert sorted(np.argmax(found.maps, axis=0)) == [5, 21]


def _in_planes(*parts: tuple[int, float]) -> np.ndarray:
    return np.sum([amount * np.eye(5)[axis] for axis, amount in parts], axis=0)


def test_truncation_drops_what_an_inexact_place_left_of_the_first_source():
    """Mäkelä et al. 2018, sec. 2.4: sources along axes 0 and 1, on a grid that holds neither."""
    data = np.column_stack([2 * np.eye(5)[0], np.eye(5)[1]])
    degrees = np.pi / 180
    first = _in_planes((0, np.cos(5 * degrees)), (2, np.sin(5 * degrees)))
    beside = _in_planes((0, np.cos(20 * degrees)), (2, np.sin(20 * degrees)))
    second = _in_planes((1, np.cos(10 * degrees)), (3, np.sin(10 * degrees)))
    gain = np.column_stack([first, beside, second])
    # Out of the first place's field, its neighbour lies wholly in what is left of the first source.
    assert pursue(data, gain, 2)[0] == [0, 1]
    assert pursue(data, gain, 2, truncated=True)[0] == [0, 2]


def test_truncation_keeps_noise_where_both_sources_share_one_dimension():
    """Wholly correlated sources along axes 0 and 1: the signal's second dimension is noise, axis 2."""
    both = np.cos(0.35) * np.eye(5)[0] + np.sin(0.35) * np.eye(5)[1]
    data = np.column_stack([2 * both, np.eye(5)[2]])
    silent = _in_planes((2, 0.6), (3, 0.8))
    gain = np.column_stack([np.eye(5)[0], np.eye(5)[1], silent])
    assert pursue(data, gain, 2)[0] == [0, 1]
    assert pursue(data, gain, 2, truncated=True)[0] == [0, 2]
