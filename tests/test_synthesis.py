"""Neural masses, the spike library, patches, synthetic recordings and the population of heads."""

from dataclasses import replace

import mne
import numpy as np
import pytest
import torch
from fake_head import SMALL_DICTIONARY

from pipeline.synthesis import population
from pipeline.synthesis.library import (
    BEFORE_PEAK_S,
    SPLITS,
    build_library,
    isolated_spikes,
    load_library,
)
from pipeline.synthesis.neural_mass import (
    BACKGROUND_A_MV,
    SETTINGS,
    SOURCE_A_MV,
    STEP_MS,
    DelayedCoupling,
    connectome,
    simulate,
)
from pipeline.synthesis.patches import (
    grow_patches,
    patch_bank,
    patch_dictionary,
    template_dictionary,
    template_graph,
)
from pipeline.synthesis.recordings import ONE_SOURCE, Synthesizer, prepare_head
from pipeline.template import load_template
from pipeline.whitening import whitener

N_CHANNELS = 40


@pytest.fixture(scope="module")
def head():
    """A fake head: a smooth field of the regions' positions, so that neighbours look alike."""
    graph = template_graph()
    rng = np.random.default_rng(0)
    sensors = rng.normal(size=(N_CHANNELS, 994))
    leadfield = 1e-6 * sensors @ np.exp(-((graph.distance_mm / 25) ** 2))
    noise_cov = np.diag(rng.uniform(0.5, 2, N_CHANNELS)) * 1e-26
    pos_mm = population.geometry(load_template().source_cortex, lambda pos: pos).region_pos_mm
    return prepare_head(
        leadfield, leadfield, noise_cov, pos_mm, load_library("test"), SMALL_DICTIONARY
    )


@pytest.fixture(scope="module")
def make_synthesizer():
    patches, centres = patch_bank(template_graph(), 1, 0)

    def make(seed):
        return Synthesizer(load_library("test"), template_graph(), patches, centres, seed)

    return make


def small_network(n_regions=60):
    rng = np.random.default_rng(0)
    return connectome(rng.uniform(-60, 60, (n_regions, 3)))


def test_connectome_favours_near_regions():
    network = connectome(np.array([[0.0, 0, 0], [10, 0, 0], [50, 0, 0], [90, 0, 0]]))
    weights = network.weights
    assert np.all(np.diag(weights) == 0)
    assert weights[0, 1] > 10 * weights[0, 2] > 0
    assert weights[0, 3] == 0
    assert np.allclose(weights.sum(1), weights[0].sum())


def test_connections_are_late_by_distance_over_speed():
    pos_mm = np.array([[0.0, 0, 0], [9, 0, 0], [45, 0, 0]])
    assert np.allclose(connectome(pos_mm).delay_steps[0] * STEP_MS, [0, 3, 15])


def test_delayed_coupling_equals_the_sum_over_connections():
    """Over many times the buffer's length, so that it moves several times."""
    rng = np.random.default_rng(0)
    network = connectome(rng.uniform(-25, 25, (7, 3)))
    firing = torch.as_tensor(rng.uniform(size=(200, 7, 2)))
    coupling = DelayedCoupling(network, firing[0])
    for now in range(200):
        then = np.maximum(now - network.delay_steps, 0)
        expected = torch.stack(
            [
                sum(
                    network.weights[to, source] * firing[then[to, source], source]
                    for source in range(7)
                )
                for to in range(7)
            ]
        )
        assert torch.allclose(coupling.step(firing[now]), expected)


def test_neural_masses_rest_and_spike_where_excitability_is_raised():
    gain = np.full((3, 60), BACKGROUND_A_MV)
    gain[:, :6] = SOURCE_A_MV
    potential_mv = simulate(small_network(), gain, SETTINGS[0], 2.0, seed=1, dropped_seconds=0.5)
    assert potential_mv.shape == (3, 60, 1000)
    resting = potential_mv[:, 6:]
    assert 0.2 < resting.mean() < 4
    assert 0.1 < resting.std(axis=2).mean() < 1
    sources = potential_mv[:, :6]
    assert 8 < sources.max() < 20
    assert (sources > 8).mean() > 10 * (resting > 8).mean()


def test_neural_masses_depend_on_the_seed_alone():
    gain = np.full((1, 60), BACKGROUND_A_MV)
    first, again, other = (
        simulate(small_network(), gain, SETTINGS[1], 0.2, seed=s, dropped_seconds=0)
        for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.allclose(first, other)


def test_spikes_too_close_to_another_are_left_out():
    time_s = np.arange(5000) / 500

    def signal(*peaks_s):
        return sum(12 * np.exp(-(((time_s - peak) / 0.02) ** 2)) for peak in peaks_s)

    assert len(isolated_spikes(signal(3.0, 6.0))) == 2
    assert len(isolated_spikes(signal(3.0, 3.4, 6.0))) == 1
    narrow = 8.4 * np.exp(-(((time_s - 5.0) / 0.007) ** 2))
    broad_just_before = 7.9 * np.exp(-(((time_s - 4.86) / 0.03) ** 2))
    assert len(isolated_spikes(narrow)) == 1
    assert len(isolated_spikes(narrow + broad_just_before)) == 0
    clip = isolated_spikes(signal(5.0))[0]
    assert clip.argmax() == round(BEFORE_PEAK_S * 125)
    assert clip[0] == pytest.approx(0, abs=0.01)


def test_library_splits_are_complete_and_share_no_spike():
    libraries = {split: load_library(split) for split in SPLITS}
    for library in libraries.values():
        assert len(library.spikes) >= 50
        assert library.background.shape[0] == 994
        assert library.background.shape[1] % library.segment_length == 0
        assert library.background.std() == pytest.approx(1, abs=1e-3)
        peak = round(BEFORE_PEAK_S * 125)
        assert np.abs(library.spikes.argmax(1) - peak).max() <= 1
        slow_wave = library.spikes[:, peak + 8 : peak + 20].min(1)
        assert slow_wave.mean() < -0.1
    train, test = libraries["train"].spikes, libraries["test"].spikes
    difference = np.abs(train[:, None] - test[None]).max(2)
    assert difference.min() > 0


def test_library_of_other_regions_is_built_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.synthesis.library._SIZE", dict.fromkeys(SPLITS, (2, 4.0)))
    pos_mm = np.random.default_rng(0).uniform(-60, 60, (30, 3))
    build_library(pos_mm, tmp_path / "library.npz")
    train, test = (load_library(split, tmp_path / "library.npz") for split in ("train", "test"))
    assert train.background.shape == (30, 3 * train.segment_length)
    assert train.spikes.shape[1] == load_library("train").spikes.shape[1]
    assert not np.array_equal(train.background, test.background)


def test_library_background_is_band_limited():
    power = np.abs(np.fft.rfft(load_library("train").background[:, :875])) ** 2
    frequency = np.fft.rfftfreq(875, 1 / 125)
    outside = power[:, frequency > 50].sum() + power[:, frequency < 0.5].sum()
    assert outside < 0.02 * power.sum()


@pytest.mark.parametrize("n_rings", [1, 2, 3])
def test_patches_are_connected_without_holes_and_hold_all_neighbours(n_rings):
    graph = template_graph()
    patches = grow_patches(graph, n_rings, np.random.default_rng(n_rings))
    for centre in range(0, 994, 20):
        patch = patches[centre]
        assert patch[centre]
        assert patch[graph.adjacency[centre]].all()
        assert patch.sum() <= 75
        inside = np.flatnonzero(patch)
        reached, grown = {centre}, {centre}
        while grown:
            near = np.flatnonzero(graph.adjacency[list(grown)].any(0) & patch)
            grown = set(near.tolist()) - reached
            reached |= grown
        assert reached == set(inside.tolist())
        assert np.all(graph.adjacency[~patch][:, ~patch].any(1))


def test_more_rings_make_larger_patches():
    graph = template_graph()
    sizes = [
        grow_patches(graph, rings, np.random.default_rng(0)).sum(1).mean() for rings in (1, 2, 3)
    ]
    assert sizes[0] < 0.75 * sizes[1] < 0.75 * sizes[2]


def test_the_file_holds_the_dictionary_that_is_made():
    # `python -m pipeline.synthesis.patches` writes it anew.
    made, read = patch_dictionary(template_graph()), template_dictionary()
    assert torch.equal(read.patches, made.patches)
    assert torch.equal(read.neighbours, made.neighbours)


def test_batches_depend_on_the_seed_alone(head, make_synthesizer):
    first, again, other = (make_synthesizer(seed).batch(head, 8) for seed in (1, 1, 2))
    assert torch.equal(first.recording, again.recording)
    assert not torch.equal(first.recording, other.recording)


def test_input_and_target_are_normalised(head, make_synthesizer):
    batch = make_synthesizer(3).batch(head, 32, ONE_SOURCE)
    assert batch.recording.shape == (32, N_CHANNELS, 125)
    projected = head.projection.kernel @ batch.recording
    assert torch.allclose(projected.square().mean((1, 2)), torch.ones(32), atol=1e-4)
    assert batch.recording.mean(2).abs().max() < 1e-5
    target = batch.target()
    assert torch.allclose(target.abs().amax((1, 2)), torch.ones(32), atol=1e-5)
    active = target.abs().amax(2) > 0
    assert torch.equal(active, batch.patch)
    assert torch.equal(target.abs().amax(2).argmax(1), batch.centres[:, 0])
    assert torch.equal(target.abs().amax(1).argmax(1), batch.peak)
    assert torch.equal(batch.target(slice(2, None, 5)), target[..., 2::5])


def test_every_source_has_a_patch(head, make_synthesizer):
    for n_sources in (1, 2, 3):
        shares = (0.0,) * (n_sources - 1) + (1.0,)
        batch = make_synthesizer(4).batch(head, 16, shares)
        assert batch.patches.shape == (16, n_sources, 994)
        assert batch.patches.any(2).all()
        assert torch.take_along_dim(batch.patches, batch.centres[..., None], 2).all()
        assert torch.equal(batch.target().abs().amax(2) > 0, batch.patch)


def test_numbers_of_sources_have_their_shares(head, make_synthesizer):
    batch = make_synthesizer(4).batch(head, 400, (0.7, 0.2, 0.1))
    n_sources = batch.patches.any(2).sum(1)
    shares = [(n_sources == n).float().mean().item() for n in (1, 2, 3)]
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.06)


def synthesise_with_and_without_noise(synthesizer, head, monkeypatch):
    """Batch, noisy and noise-free recordings (n, rank, 125) before they are scaled."""
    recorded = []

    def keep(recording, projection):
        recorded.append(recording)
        return recording

    monkeypatch.setattr("pipeline.synthesis.recordings.prepare_recording", keep)
    state = synthesizer.generator.get_state()
    batch = synthesizer.batch(head, 64)
    synthesizer.generator.set_state(state)
    monkeypatch.setattr(Synthesizer, "_scaled_noise", lambda self, signal, snr_db: 0)
    synthesizer.batch(head, 64)
    return batch, *recorded


def test_noise_has_the_stated_signal_to_noise_ratio(head, make_synthesizer, monkeypatch):
    batch, noisy, clean = synthesise_with_and_without_noise(make_synthesizer(5), head, monkeypatch)
    snr_db = 10 * torch.log10(clean.square().mean((1, 2)) / (noisy - clean).square().mean((1, 2)))
    assert torch.allclose(snr_db, batch.sensor_snr_db, atol=1.5)
    assert (snr_db - batch.sensor_snr_db).mean().abs() < 0.3


def test_reference_noise_follows_each_channel_at_half_the_power(
    head, make_synthesizer, monkeypatch
):
    synthesizer = make_synthesizer(5)
    synthesizer.reference_noise = True
    batch, noisy, clean = synthesise_with_and_without_noise(synthesizer, head, monkeypatch)
    ratio = clean.square().mean(2) / (noisy - clean).square().mean(2)
    expected_db = batch.sensor_snr_db + 10 * np.log10(2)
    assert torch.allclose(10 * torch.log10(ratio).mean(1), expected_db, atol=0.7)


def test_recordings_are_whitened_by_the_noise_covariance_that_is_known(make_synthesizer):
    """The noise that generates is white over channels, the one that is known is not."""
    rng = np.random.default_rng(3)
    leadfield = 1e-6 * rng.normal(size=(N_CHANNELS, 994))
    mixing = rng.normal(size=(N_CHANNELS, N_CHANNELS))
    true_cov, known_cov = 1e-26 * np.eye(N_CHANNELS), 1e-26 * mixing @ mixing.T
    arguments = (leadfield, leadfield, known_cov, np.zeros((994, 3)), load_library("test"))
    head = prepare_head(*arguments, SMALL_DICTIONARY, true_noise_cov=true_cov)
    alone = prepare_head(*arguments, SMALL_DICTIONARY)
    # The field of a region arrives where the projection by the known covariance expects it.
    field = head.rewhiten @ head.field
    assert torch.allclose(field, alone.field, atol=1e-4 * alone.field.abs().max().item())
    assert torch.equal(head.projection.kernel, alone.projection.kernel)
    head = replace(head, projection=replace(head.projection, bridge=None))
    own = make_synthesizer(5).batch(head, 8, ONE_SOURCE)
    other = make_synthesizer(5).batch(replace(head, rewhiten=None), 8, ONE_SOURCE)
    for recording, before in zip(own.recording, other.recording, strict=True):
        expected = head.rewhiten @ before
        assert torch.allclose(recording / recording.norm(), expected / expected.norm(), atol=1e-4)


def test_whitened_noise_is_white():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(N_CHANNELS, N_CHANNELS)) + 3 * np.eye(N_CHANNELS)
    noise_cov = mixing @ mixing.T * 1e-26
    whiten = whitener(noise_cov)
    whitened = whiten @ noise_cov @ whiten.T
    # Loading keeps the smallest directions below one.
    assert np.allclose(whitened - np.diag(np.diag(whitened)), 0, atol=1e-9)
    assert np.diag(whitened).max() < 1.0001
    assert np.median(np.diag(whitened)) > 0.8


def test_population_members_differ_as_estimates_do():
    info = mne.channels.read_meg_canonical_info("ctf151")
    member = population.random_member(info, load_template().source_cortex, seed=7)
    assert member.true_leadfield.shape == (151, 994)
    correlation = [
        np.corrcoef(a, b)[0, 1]
        for a, b in zip(member.true_leadfield.T, member.estimated_leadfield.T, strict=True)
    ]
    assert 0.9 < np.median(correlation) < 0.999
    assert np.all(np.linalg.eigvalsh(member.noise_cov) > 0)


def test_helmet_neither_touches_the_head_nor_hovers_over_it():
    info = mne.channels.read_meg_canonical_info("neuromag")
    rng = np.random.default_rng(1)
    head = population.geometry(load_template().source_cortex, population.random_deformation(rng))
    placed = population.place_helmet(info, head.skull_mm, rng)
    sensors_m = np.array([ch["loc"][:3] for ch in info["chs"]])
    sensors_mm = 1000 * mne.transforms.apply_trans(placed, sensors_m)
    gap_mm = np.linalg.norm(sensors_mm[:, None] - head.skull_mm, axis=2).min(1)
    assert 16 < gap_mm.min() < 40
    assert np.median(gap_mm) < 60


def test_population_splits_share_no_seed():
    seeds = [
        {seed for _, seed in population.population_seeds(split, 900)}
        for split in ("train", "validation", "test")
    ]
    assert not (seeds[0] & seeds[1]) and not (seeds[0] & seeds[2]) and not (seeds[1] & seeds[2])
