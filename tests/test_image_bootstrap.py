"""The bootstrap over spikes: on maps known by hand, and against imaging the average itself."""

import nibabel as nib
import numpy as np
import pytest
import torch
from fake_patient import write_fake_patient
from fake_results import write_models

from pipeline import image
from pipeline.files import read_json, read_npz
from pipeline.image import bootstrap
from pipeline.localisation import peak_map
from pipeline.methods._network import Network
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.projection import Projection, prepare_recording

N_CHANNELS, N_TIMES = 6, 41
TIMES_S = (np.arange(N_TIMES) - 20) / 125
UNMIXED = Projection(torch.eye(N_CHANNELS), torch.eye(N_CHANNELS))


class Identity(torch.nn.Module):
    def forward(self, recording, projection, peak, samples=slice(None)):
        assert (peak == np.abs(TIMES_S).argmin()).all()
        return recording[..., samples]


def network(sfreq_hz=125.0, start=0, times_s=TIMES_S) -> Network:
    return Network(Identity(), np.eye(N_CHANNELS), UNMIXED, start, times_s, sfreq_hz, "projected")


def spikes_of(*channel) -> np.ndarray:
    """Spikes with a unit pulse at the peak, in the given channel each."""
    data = np.zeros((len(channel), N_CHANNELS, N_TIMES))
    for i, where in enumerate(channel):
        data[i, where, 20] = 1.0
    return data


def test_every_average_has_as_many_spikes_as_there_are():
    weights = bootstrap.draw_weights(17, 50, seed=3)
    assert weights.shape == (50, 17)
    np.testing.assert_allclose(weights.sum(1), 1)
    np.testing.assert_allclose(weights * 17, np.rint(weights * 17), atol=1e-9)
    np.testing.assert_array_equal(weights, bootstrap.draw_weights(17, 50, seed=3))
    assert (weights != bootstrap.draw_weights(17, 50, seed=4)).any()
    # Drawn with replacement: a third of the spikes is left out, on average.
    assert (weights == 0).mean() == pytest.approx((1 - 1 / 17) ** 17, abs=0.03)


def test_the_map_of_a_resample_is_that_of_its_average():
    spikes = np.random.default_rng(0).standard_normal((70, N_CHANNELS, N_TIMES))
    weights = bootstrap.draw_weights(70, 60, seed=0)
    found = bootstrap.resampled_peak_maps(network(), spikes, weights, 0.02)
    for i in (0, 59):
        average = np.einsum("n,nct->ct", weights[i], spikes)
        activity = prepare_recording(average, UNMIXED).numpy()
        expected = peak_map(activity, TIMES_S, 0.02)
        np.testing.assert_allclose(found[i], expected, rtol=1e-4, atol=1e-6)


def test_samples_are_dropped_as_for_the_average():
    spikes = np.random.default_rng(0).standard_normal((5, N_CHANNELS, 162))
    prepared = network(500.0, 2, np.arange(-20, 20) / 125)
    found = bootstrap.resampled_peak_maps(prepared, spikes, np.full((1, 5), 0.2), 0.02)[0]
    activity = prepare_recording(spikes.mean(0)[:, 2:], UNMIXED, 500.0).numpy()
    np.testing.assert_allclose(found, peak_map(activity, prepared.times_s, 0.02), rtol=1e-4)


def test_spikes_of_one_kind_leave_no_doubt():
    spikes = spikes_of(*[2] * 12)
    weights = bootstrap.draw_weights(12, 40, seed=0)
    arrays = bootstrap.summarise(bootstrap.resampled_peak_maps(network(), spikes, weights, 0.02))
    assert (arrays["max_region"] == 2).all()
    assert arrays["stability"].tolist() == [0, 0, 1, 0, 0, 0]


POS_MM = np.array([[10.0 * i, 0, 0] for i in range(N_CHANNELS)])
AREA_MM2 = np.full(N_CHANNELS, 100.0)


def test_spikes_of_two_kinds_show_in_interval_and_stability():
    spikes = spikes_of(*[1] * 10, *[4] * 8)
    weights = bootstrap.draw_weights(18, 400, seed=0)
    arrays = bootstrap.summarise(bootstrap.resampled_peak_maps(network(), spikes, weights, 0.02))
    found = bootstrap.describe(arrays, 1, POS_MM, AREA_MM2)
    # More than half of the draws keep the majority, and many do not.
    assert 0.55 < found.same_max_region_share < 0.85
    assert found.max_within_mm_95 == 30
    assert found.max_ci95_low_mri_mm == (10, 0, 0)
    assert found.max_ci95_high_mri_mm == (40, 0, 0)
    assert arrays["stability"][[0, 2, 3, 5]].max() == 0
    assert arrays["stability"][[1, 4]].min() > 0.5


def test_intervals_of_maps_known_by_hand():
    peak = np.eye(N_CHANNELS)[[0] * 97 + [1, 2, 3]] + 0.01
    arrays = bootstrap.summarise(peak.astype(np.float32))
    found = bootstrap.describe(arrays, 0, POS_MM, AREA_MM2)
    assert found.n_resamples == 100
    assert found.same_max_region_share == 0.97
    assert found.max_within_mm_95 == 0
    # The 97.5th percentile of 100 sorted values stands 96.525 steps up: 0.525 from 0 to 10 mm.
    assert found.max_ci95_high_mri_mm[0] == pytest.approx(5.25)
    assert found.extent_area_ci95_cm2 == (1, 1)
    assert found.stable_area_cm2 == 1
    assert found.region_radius_mm == pytest.approx(np.sqrt(100 / np.pi))
    np.testing.assert_allclose(arrays["stability"], [0.97, 0.01, 0.01, 0.01, 0, 0], atol=1e-6)


# -- in the stage ---------------------------------------------------------------------
@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    patient = write_fake_patient(tmp_path_factory.mktemp("bootstrap") / "out")
    write_models(patient)
    return patient


def run(patient, **options):
    methods = ("personalized", "generic", "sloreta")
    config = image.Config(methods=methods, **options)
    image.run(image.Inputs(patient.t1w), patient.paths, config, Progress())
    return read_json(patient.paths.qc("image"))["methods"]


def test_the_stage_writes_resamples_of_the_networks_alone(patient):
    found = run(patient, bootstrap_resamples=30)
    paths: PatientPaths = patient.paths
    assert "bootstrap" not in found["sloreta"]
    first = {}
    for method in ("personalized", "generic"):
        stored = read_npz(paths.bootstrap(method))
        assert stored["peak_map"].shape == stored["extent"].shape == (30, 994)
        assert found[method]["bootstrap"]["n_resamples"] == 30
        np.testing.assert_allclose(stored["stability"], stored["extent"].mean(0), atol=1e-6)
        halves = [_map(paths.stability_map(hemi, method)) for hemi in "LR"]
        region = read_npz(paths.regions)["vertex_region"]
        expected = np.where(region >= 0, stored["stability"][region], 0)
        np.testing.assert_allclose(np.concatenate(halves), expected, atol=1e-6)
        assert paths.bootstrap(method) in image.writes(paths)
        first[method] = paths.bootstrap(method).read_bytes()
    run(patient, bootstrap_resamples=30)
    assert first == {method: paths.bootstrap(method).read_bytes() for method in first}
    # Without resamples, those of the run before must not stay behind.
    assert "bootstrap" not in run(patient, bootstrap_resamples=0)["generic"]
    assert not paths.bootstrap("generic").exists()
    assert not paths.stability_map("L", "generic").exists()


def test_a_negative_number_of_resamples_is_refused():
    with pytest.raises(ValueError, match="bootstrap_resamples"):
        image.Config(bootstrap_resamples=-1)


def _map(path):
    return nib.load(path).agg_data()
