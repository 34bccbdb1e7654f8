"""Conventional solutions on the fake patient, and the dipole against a known source."""

from dataclasses import replace

import mne
import numpy as np
import pytest
from fake_patient import write_fake_patient
from mne.proj import make_projector

from pipeline.methods import METHODS
from pipeline.methods._method import MapMethod
from pipeline.methods._model import Model, Problem
from pipeline.methods.ecd import fit_dipole
from pipeline.records.head import INNER_SKULL, read_measured_head
from pipeline.records.spike import Spike, read_spike
from pipeline.template import load_template
from pipeline.template.cortex import region_adjacency

SNR = 3.0


@pytest.fixture(scope="module")
def patient(tmp_path_factory):
    """The fake patient's magnetometers: one sensor type makes the formulas short."""
    fake = write_fake_patient(tmp_path_factory.mktemp("methods") / "out")
    spike = read_spike(fake.paths)
    head = read_measured_head(fake.paths, spike.ch_names)
    mags = mne.pick_types(spike.average.info, meg="mag")
    names = [spike.ch_names[pick] for pick in mags]
    average = spike.average.copy().pick(names)
    noise_cov = mne.pick_channels_cov(spike.noise_cov, names, ordered=True)
    epochs = spike.epochs.copy().load_data().pick(names)
    own_head = replace(head, leadfield=head.leadfield[mags])
    adjacency = region_adjacency(head.vertex_region, load_template().faces)
    return {
        "fake": fake,
        "average": average,
        "epochs": epochs,
        "noise_cov": noise_cov,
        "leadfield": own_head.leadfield,
        "trans": head.trans,
        "pos": head.region_pos_mri_mm,
        "inner_skull": head.surfaces[INNER_SKULL].pos_mm,
        "problem": Problem(
            Model(own_head, average.info, noise_cov, adjacency),
            Spike(average, average.info, noise_cov, epochs),
            window_s=0.02,
        ),
    }


def solve(patient, method, **options):
    """Activity (994, n_times) of one of the maps."""
    part = METHODS[method]
    return part.activity(patient["problem"], part.options(**options))[0]


def test_forward_holds_the_regions_leadfield(patient):
    forward = patient["problem"].model.forward
    assert forward["nsource"] == 994
    np.testing.assert_array_equal(forward["sol"]["data"], patient["leadfield"])
    assert forward["sol"]["row_names"] == patient["average"].ch_names


def test_eloreta_places_the_maximum_of_each_source_right(patient):
    """Its defining property: no localisation error for one source without noise."""
    problem, leadfield = patient["problem"], patient["leadfield"]
    projector, _, _ = make_projector(problem.spike.average.info["projs"], problem.spike.ch_names)
    regions = np.arange(0, 994, 71)
    average = problem.spike.average.copy().crop(0, (len(regions) - 1) / 500)
    average.data[:] = 1e-8 * projector @ leadfield[:, regions]
    found, _ = METHODS["eloreta"].activity(
        replace(problem, spike=replace(problem.spike, average=average)),
        METHODS["eloreta"].options(snr=SNR),
    )
    assert np.array_equal(np.abs(found).argmax(0), regions)


@pytest.mark.parametrize(
    "method", [name for name in METHODS if isinstance(METHODS[name], MapMethod)]
)
def test_every_map_peaks_at_the_patch(patient, method):
    activity, times_s = METHODS[method].activity(patient["problem"], METHODS[method].options())
    at_peak = np.abs(activity[:, np.abs(times_s).argmin()])
    patch_mm = patient["pos"][patient["fake"].patch]
    distance = np.linalg.norm(patch_mm - patient["pos"][at_peak.argmax()], axis=1).min()
    assert distance < 15


def test_dipole_finds_a_focal_source(patient):
    """The field of one region, a point to the sensors, at the noise of the recording."""
    region = int(patient["fake"].patch[0])
    field = patient["leadfield"][:, region]
    average = patient["average"].copy()
    rng = np.random.default_rng(0)
    std = np.sqrt(np.diag(patient["noise_cov"]["data"]) / average.nave)
    average.data[:] = 3e-12 * (field / np.abs(field).max())[:, None]
    average.data += 0.2 * std[:, None] * rng.standard_normal(average.data.shape)
    projector, _, _ = make_projector(average.info["projs"], average.ch_names)
    average.data[:] = projector @ average.data
    fit = fit_dipole(
        average, patient["noise_cov"], patient["trans"], patient["inner_skull"], 0.0, 0.002
    )
    assert np.linalg.norm(fit["pos_mri_mm"] - patient["pos"][region]) < 8
    assert fit["gof_percent"] > 95
    assert fit["time_s"] == 0
    assert 0 < fit["confidence_volume_cm3"] < 5
    # The regions' fields are sums over unit dipoles along their normals.
    n_dipoles = 3e-12 / np.abs(field).max()
    assert fit["moment_am"] > n_dipoles
    assert np.linalg.norm(fit["direction_mri"]) == pytest.approx(1, abs=1e-6)
