"""What the benchmarks on DeepSIF's geometry measure with: metrics, mapping, published files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.deepsif.candidates import mapping_to_generic
from benchmarks.deepsif.evaluate import summarise
from benchmarks.deepsif.measure import METRICS, found_regions, sample_metrics
from pipeline.whitening import whitener

DATA = Path(__file__).parents[1].parent / "shared" / "data"
needs_deepsif = pytest.mark.skipif(
    not (DATA / "deepsif").is_dir(),
    reason="the published files of DeepSIF are not beside this checkout",
)
N_TIMES = 125


@pytest.fixture
def line_of_regions():
    """994 regions of 1 cm2 on a line, 10 mm apart; the patch is 100-104 with a spike."""
    pos_mm = np.column_stack([10.0 * np.arange(994), np.zeros(994), np.zeros(994)])
    wave = np.exp(-(((np.arange(N_TIMES) - 60) / 4.0) ** 2))
    patch = np.zeros(994, bool)
    patch[100:105] = True
    return pos_mm, wave, patch


def metrics(activity, line_of_regions):
    pos_mm, wave, patch = line_of_regions
    peak_map = np.abs(activity[:, 59:62]).mean(1)
    return sample_metrics(
        activity,
        peak_map,
        patch[None],
        np.array([102]),
        wave[None],
        pos_mm,
        np.full(994, 100.0),
        125.0,
        seed=0,
    )


def test_the_truth_is_perfect(line_of_regions):
    _, wave, patch = line_of_regions
    measured = metrics(patch[:, None] * wave, line_of_regions)
    assert measured["found_to_true_mm"] == measured["true_to_found_mm"] == 0
    assert measured["sensitivity"] == measured["specificity"] == measured["geometric_mean"] == 1
    assert measured["correlation"] == pytest.approx(1) and measured["auc"] == 1
    assert measured["true_area_cm2"] == measured["found_area_cm2"] == pytest.approx(5)


def test_a_shifted_and_a_spurious_source_have_the_errors_worked_out_by_hand(line_of_regions):
    """Found: 102-104 (inside), 105 (10 mm off) and 300 (1960 mm off), of which one with another sign."""
    _, wave, _ = line_of_regions
    activity = np.zeros((994, N_TIMES))
    activity[[102, 103, 104, 105]] = wave
    activity[300] = -wave
    measured = metrics(activity, line_of_regions)
    assert measured["found_to_true_mm"] == pytest.approx((0 + 0 + 0 + 10 + 1960) / 5)
    assert measured["true_to_found_mm"] == pytest.approx((20 + 10 + 0 + 0 + 0) / 5)
    assert measured["reference_error_mm"] == pytest.approx((394 + 6) / 2)
    assert measured["sensitivity"] == pytest.approx(3 / 5)
    # Close: 5 of the 6 inactive regions within 30 mm of the patch, one of them found;
    # far: 5 of the 7 around region 300, which is found.
    assert 0.75 < measured["specificity"] < 0.95
    assert measured["correlation"] == pytest.approx((4 - 1) / 5)


def test_two_patches_each_own_the_found_regions_near_them(line_of_regions):
    pos_mm, wave, patch = line_of_regions
    other, other_wave = np.roll(patch, 50), np.roll(wave, 30)
    activity = patch[:, None] * wave + other[:, None] * other_wave
    measured = sample_metrics(
        activity,
        np.abs(activity[:, 59:62]).mean(1),
        np.array([patch, other]),
        np.array([102, 152]),
        np.array([wave, other_wave]),
        pos_mm,
        np.full(994, 100.0),
        125.0,
        seed=0,
    )
    assert measured["correlation"] == pytest.approx(1) and measured["sensitivity"] == 1


def test_a_region_counts_only_if_it_is_active_for_longer_than_14_ms():
    activity = np.zeros((994, N_TIMES))
    activity[5, 50:60] = 1.0
    activity[7, 50] = 1.0
    activity[9, 50:52] = 1.0
    assert list(np.flatnonzero(found_regions(activity, 125.0))) == [5, 9]


def test_ridge_mapping_restores_what_the_generic_array_would_measure():
    rng = np.random.default_rng(0)
    smooth = np.exp(-((np.subtract.outer(np.arange(994), np.arange(994)) / 60) ** 2))
    known, generic = (rng.normal(size=(n, 994)) @ smooth for n in (60, 20))
    noise_cov = np.eye(60) * 1e-4
    kernel = mapping_to_generic(known, noise_cov, generic)
    field = torch.as_tensor(whitener(noise_cov) @ known[:, 500], dtype=torch.float32)
    mapped = (kernel @ field).numpy()
    assert np.corrcoef(mapped, generic[:, 500])[0, 1] > 0.98


def test_summary_tells_changed_topographies_apart():
    import pandas as pd

    table = pd.DataFrame(
        {name: [1.0, 2.0, 6.0] for name in METRICS}
        | {"sensor_snr_db": [5, 5, 20], "topography_cosine": [0.99, 0.9, 0.5]}
    )
    row = summarise(table, model="x")
    assert row["n"] == 3 and row["found_to_true_mm_mean"] == 3
    assert row["found_to_true_mm_mean_5dB"] == 1.5 and row["found_to_true_mm_mean_20dB"] == 6
    assert row["n_changed_topography"] == 1
    assert row["found_to_true_mm_mean_changed_topography"] == 6


@needs_deepsif
def test_the_published_geometry_is_read_as_it_is_described():
    from benchmarks.deepsif.geometry import read_deepsif

    deepsif = read_deepsif(DATA / "deepsif")
    assert deepsif.generic_leadfield.shape == deepsif.tilted_leadfield.shape == (148, 994)
    sizes = np.bincount(deepsif.cortex.vertex_region)
    assert (sizes.min(), sizes.max()) == (4, 156)
    assert np.array_equal(deepsif.graph.adjacency, deepsif.graph.adjacency.T)
    assert deepsif.graph.adjacency.sum() == 6304 + 212
    # Neighbours are near each other, so that the numbering of files and mesh agree.
    assert np.median(deepsif.graph.distance_mm[deepsif.graph.adjacency]) < 25
