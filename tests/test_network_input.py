"""From sensors to what a network reads."""

import numpy as np
import pytest
import torch
from fake_head import (
    N_CHANNELS,
    SMALL_DICTIONARY,
    a_projection,
    fake_leadfield,
    fake_noise_cov,
)

from pipeline.errors import InvalidInput
from pipeline.modality import plausible_leadfields
from pipeline.projection import (
    Bridge,
    channel_bridge,
    check_leadfield,
    prepare_recording,
    project_head,
    whitened_spatial_filter,
    whitener,
)


@pytest.fixture(scope="module")
def leadfield():
    return fake_leadfield()


@pytest.fixture(scope="module")
def noise_cov():
    return fake_noise_cov()


def test_projection_peaks_at_a_single_active_region(leadfield, noise_cov):
    """sLORETA localises one noise-free source without error (Pascual-Marqui 2002)."""
    whiten, projection = project_head(leadfield, noise_cov, SMALL_DICTIONARY)
    for region in (0, 300, 993):
        field = torch.as_tensor(whiten @ leadfield[:, region], dtype=torch.float32)
        assert (projection.kernel @ field).abs().argmax() == region


@pytest.mark.parametrize("kind", ["projected", "raw"])
def test_inputs_do_not_depend_on_the_units_of_a_channel(leadfield, noise_cov, kind):
    scale = np.ones(N_CHANNELS)
    scale[: N_CHANNELS // 2] = 50
    data = np.random.default_rng(3).normal(size=(N_CHANNELS, 4)) * 1e-13
    inputs = []
    for factor in (1.0, scale):
        factor = np.ones(N_CHANNELS) * factor
        whiten, projection = project_head(
            leadfield * factor[:, None],
            noise_cov * np.outer(factor, factor),
            SMALL_DICTIONARY,
            kind,
        )
        inputs.append(projection.kernel.numpy() @ (whiten @ (data * factor[:, None])))
    assert np.allclose(*inputs, rtol=1e-4, atol=1e-4)


def test_raw_inputs_are_channels_over_their_noise(leadfield, noise_cov):
    data = np.random.default_rng(3).normal(size=(N_CHANNELS, 4)) * 1e-13
    whiten, projection = project_head(leadfield, noise_cov, SMALL_DICTIONARY, "raw")
    inputs = projection.kernel.numpy() @ (whiten @ data)
    assert np.allclose(inputs, data / np.sqrt(np.diag(noise_cov))[:, None], rtol=1e-4, atol=1e-4)


def test_whitener_drops_projected_directions(noise_cov):
    direction = np.ones((N_CHANNELS, 1)) / np.sqrt(N_CHANNELS)
    projector = np.eye(N_CHANNELS) - direction @ direction.T
    assert len(whitener(projector @ noise_cov @ projector)) == N_CHANNELS - 1


def test_whitened_noise_has_unit_variance_in_every_direction(noise_cov):
    whiten = whitener(noise_cov)
    assert np.allclose(whiten @ noise_cov @ whiten.T, np.eye(N_CHANNELS), atol=1e-9)


def test_a_bad_channel_is_found_and_bridged(leadfield, noise_cov):
    """The other channels tell what a source's field should have been there; nothing else moves."""
    rng = np.random.default_rng(5)
    whiten, projection = project_head(leadfield, noise_cov, SMALL_DICTIONARY)
    bridge = projection.bridge
    spike = np.exp(-(((np.arange(125) - 60) / 4) ** 2) / 2)
    field = np.outer(leadfield[:, 300], spike)
    noise = np.sqrt(np.diag(noise_cov))[:, None] * rng.normal(size=(N_CHANNELS, 125))
    channels = field * 20 * noise.std() / field.std() + noise
    good = torch.as_tensor(whiten @ channels, dtype=torch.float32)
    channels[7] += 40 * noise[7][::-1]
    damaged = torch.as_tensor(whiten @ channels, dtype=torch.float32)
    assert bridge.bad_channels(good) == [] and bridge.bad_channels(damaged) == [7]
    assert torch.equal(bridge.repaired(good), good)
    assert (bridge.repaired(damaged) - good).norm() < 0.5 * (damaged - good).norm()
    change = np.linalg.pinv(whiten) @ (bridge.repaired(damaged) - damaged).numpy()
    other = np.delete(change, 7, 0)
    assert np.abs(other).max() < 1e-4 * np.abs(channels).max()
    prepared = prepare_recording(torch.stack([good, damaged]), projection)
    plain = prepare_recording(good, projection)
    assert torch.allclose(prepared[0], plain, atol=1e-5)


def test_networks_read_what_they_were_trained_on(leadfield):
    """Loaded by 0.05 of the mean: a direction of variance v shows v / (v + 0.05)."""
    noise_cov = np.kron(np.eye(N_CHANNELS // 2), [[1, 0.9], [0.9, 1]]) * 1e-26
    whiten, _ = project_head(leadfield, noise_cov, SMALL_DICTIONARY)
    variance = np.sort(np.diag(whiten @ noise_cov @ whiten.T))
    assert np.allclose(variance[: N_CHANNELS // 2], 0.1 / 0.15)
    assert np.allclose(variance[N_CHANNELS // 2 :], 1.9 / 1.95)


def test_prepared_recording_does_not_depend_on_scale_or_offset():
    data, projection = np.random.default_rng(0).normal(size=(5, 501)), a_projection(994)
    prepared = prepare_recording(data, projection, 500.0)
    assert prepared.shape == (5, 126) and prepared.dtype == torch.float32
    shifted = prepare_recording(3e-13 * data + 1e-13, projection, 500.0)
    assert torch.allclose(prepared, shifted, atol=1e-5)
    assert (projection.kernel @ prepared).square().mean() == pytest.approx(1, rel=1e-4)
    assert torch.equal(prepare_recording(data[:, ::4], projection), prepared)


def test_sampling_rate_that_is_no_multiple_is_refused():
    with pytest.raises(InvalidInput, match="600"):
        prepare_recording(np.ones((5, 10)), a_projection(3), 600.0)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda lf: lf[:, :500], "shape"),
        (lambda lf: lf * np.where(np.arange(994) == 7, np.nan, 1), "not finite"),
        (lambda lf: lf * (np.arange(994) != 7), "no field"),
        (lambda lf: lf * 1e15, "median maximum"),
        (lambda lf: lf * 1e-9, "median maximum"),
    ],
)
def test_implausible_leadfields_are_refused(leadfield, spoil, message):
    check_leadfield(leadfield)
    with pytest.raises(InvalidInput, match=message):
        check_leadfield(spoil(leadfield))


def test_noise_without_variance_is_refused(leadfield, noise_cov):
    flat = noise_cov.copy()
    flat[3, 3] = 0
    with pytest.raises(InvalidInput, match="variance"):
        project_head(leadfield, flat, SMALL_DICTIONARY)


def test_topographies_are_fields_of_unit_norm(leadfield, noise_cov):
    _, projection = project_head(leadfield, noise_cov, SMALL_DICTIONARY)
    fields = projection.leadfield @ SMALL_DICTIONARY.patches[:5].float().T
    assert torch.allclose(projection.topographies[:, :5], fields / fields.norm(dim=0), atol=1e-4)


def test_the_kernel_is_sloretas_at_an_snr_of_three():
    """Of a diagonal gain g with a mean square of one per channel: 1 / sqrt(g² + 1 / 9)."""
    kernel = whitened_spatial_filter(np.diag([4.0, 2.0]))
    assert kernel == pytest.approx(np.diag(1 / np.sqrt(np.array([1.6, 0.4]) + 1 / 9)))


def test_recordings_of_a_batch_are_prepared_each_by_itself():
    data, projection = np.random.default_rng(0).normal(size=(2, 5, 40)), a_projection(994)
    data[1] *= 7
    both = prepare_recording(data, projection)
    for own, of_batch in zip(data, both, strict=True):
        assert torch.allclose(prepare_recording(own, projection), of_batch, atol=1e-5)
    assert both.mean(-1).abs().max() < 1e-5
    power = (projection.kernel @ both).square().mean((1, 2))
    assert torch.allclose(power, torch.ones(2), rtol=1e-4)


def test_a_bridge_weighs_what_channels_tell_by_what_sources_can_do():
    """Channels of unit norm, and sources of a thousand times the noise's power in the mean."""
    whiten, leadfield = np.array([[3.0, 0, 4], [4, 2, 3]]), np.array([[2.0, 0], [0, 0]])
    bridge = channel_bridge(whiten, leadfield, "cpu")
    assert bridge.channels.numpy() == pytest.approx(np.array([[0.6, 0, 0.8], [0.8, 1, 0.6]]))
    # All of the field is in the first direction: a mean square of one per direction is two there.
    assert bridge.precision.numpy() == pytest.approx(np.diag([1 / 2001, 1]))


def three_channels() -> Bridge:
    """Independent channels, of which nothing is told by others."""
    return Bridge(torch.eye(3), torch.eye(3))


def recording_of(*sizes) -> torch.Tensor:
    """Channels that alternate with these amplitudes (n, 4)."""
    return torch.tensor(sizes)[:, None] * torch.tensor([1.0, -1, 1, -1])


def test_deviations_are_over_the_median_channels():
    assert three_channels().deviations(recording_of(1.0, 2, 6)).tolist() == [0.5, 1, 3]
    assert three_channels().deviations(recording_of(0.0, 0, 0)).tolist() == [0, 0, 0]
    # The first channel is expected twice as large.
    bridge = Bridge(torch.eye(3), torch.diag(torch.tensor([0.25, 1, 1])))
    assert bridge.deviations(recording_of(2.0, 2, 1)).tolist() == [1, 2, 1]


@pytest.mark.parametrize(("size", "bad"), [(3.9, []), (4.0, [2])])
def test_four_times_the_median_channel_is_bad(size, bad):
    bridge, recording = three_channels(), recording_of(1.0, -1, size)
    assert bridge.bad_channels(recording) == bad
    expected = recording_of(1.0, -1, 0) if bad else recording
    both = bridge.repaired(torch.stack([recording, recording_of(1.0, 1, 1)]))
    assert torch.equal(both[0], expected)
    assert torch.equal(both[1], recording_of(1.0, 1, 1))


def test_six_channels_may_be_bad_and_the_worst_come_first():
    bridge = Bridge(torch.eye(20), torch.eye(20))
    sizes = [1.0] * 12 + [10.0, 11, 12, 13, 14, 15, 16, 17]
    assert bridge.bad_channels(recording_of(*sizes)) == [19, 18, 17, 16, 15, 14]


def test_a_bad_channel_holds_what_the_others_tell():
    """Two channels that see the same source: the bad one is set by the good one."""
    covariance = torch.tensor([[1.0, 0.9, 0], [0.9, 1, 0], [0, 0, 1]])
    bridge = Bridge(torch.eye(3), torch.linalg.inv(covariance))
    bridged = bridge.without(recording_of(9.0, 1, 1), [0])
    assert bridged.numpy() == pytest.approx(recording_of(0.9, 1, 1).numpy(), abs=1e-5)


@pytest.mark.parametrize(
    ("size", "is_refused"), [(None, False), ("low", True), ("high", True), ("few", True)]
)
def test_a_leadfield_lies_within_the_sizes_of_some_array(leadfield, size, is_refused):
    lows, highs = zip(*plausible_leadfields(), strict=True)
    unit = leadfield / np.abs(leadfield).max(0)
    given = {
        None: unit * 1.001 * min(lows),
        "low": unit * 0.999 * min(lows),
        "high": unit * 1.001 * max(highs),
        "few": unit[:1] * 1.001 * min(lows),
    }[size]
    if is_refused:
        with pytest.raises(InvalidInput):
            check_leadfield(given)
    else:
        check_leadfield(given)
        check_leadfield(unit[:2] / np.abs(unit[:2]).max(0) * 0.999 * max(highs))


def test_regions_without_a_field_are_counted(leadfield):
    with pytest.raises(InvalidInput, match=r"^2 regions have no field"):
        check_leadfield(leadfield * ~np.isin(np.arange(994), (3, 7)))
    with pytest.raises(InvalidInput, match=r"^2 values|holds 2 values"):
        check_leadfield(
            np.where(np.arange(994) * np.eye(N_CHANNELS)[:, :1] > 991, np.nan, leadfield)
        )


@pytest.mark.parametrize("sfreq_hz", [125.002, 62.5, 50.0, 187.5])
def test_sampling_rates_within_a_thousandth_of_a_multiple_are_taken(sfreq_hz):
    with pytest.raises(InvalidInput, match="no multiple"):
        prepare_recording(np.ones((5, 10)), a_projection(3), sfreq_hz)
    prepare_recording(np.random.default_rng(0).normal(size=(5, 10)), a_projection(3), 250.0005)


def test_silence_stays_silent():
    assert not prepare_recording(np.zeros((5, 10)), a_projection(3)).any()


def test_the_leadfield_is_of_unit_mean_square_per_region(leadfield, noise_cov):
    whiten, projection = project_head(leadfield, noise_cov, SMALL_DICTIONARY)
    field = projection.leadfield.numpy()
    assert np.mean(np.sum(field**2, axis=0)) == pytest.approx(1, rel=1e-5)
    whitened = whiten @ leadfield
    assert field / field[0, 0] == pytest.approx(whitened / whitened[0, 0], rel=1e-3, abs=1e-3)
