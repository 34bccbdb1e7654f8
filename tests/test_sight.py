"""The smallest source that a recording would have shown."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from fake_patient import write_fake_patient

from pipeline.records.spikes_qc import read_spikes_qc
from pipeline.sight import smallest_field, smallest_moments_am
from reports.sections import sight as sections_sight
from reports.sight import read_sight


def test_field_by_hand():
    # 10 dB is ten times the noise's power, nine of them the spike's; over 4 components and 9 spikes.
    assert smallest_field(10.0, 9, 4) == pytest.approx(2.0)


def test_moment_by_hand():
    # Noise of 2 in one channel and 1 in the other; ten times the power of noise with 2 spikes.
    noise = np.diag([4.0, 1.0])
    field = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    moment = smallest_moments_am(field, noise, 2, 10.0)
    assert moment == pytest.approx([3.0, 1.0, np.inf])


def test_average_of_such_a_source_reaches_the_snr():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(30, 30))
    noise, field = mixing @ mixing.T, rng.normal(size=(30, 1))
    n_spikes, snr_db = 25, 5.0
    moment = smallest_moments_am(field, noise, n_spikes, snr_db)[0]
    singles = np.einsum("ij,njt->nit", mixing, rng.normal(size=(n_spikes, 30, 4000)))
    white = np.linalg.solve(mixing, singles.mean(0) + moment * field)
    reached = 10 * np.log10(np.mean(white**2) * n_spikes)
    assert reached == pytest.approx(snr_db, abs=0.1)


def test_sight_of_a_patient_tells_the_number_of_spikes_and_the_limit(tmp_path):
    paths = write_fake_patient(tmp_path / "out").paths
    qc = read_spikes_qc(paths)
    n_used = qc.types[0].n_used
    found = read_sight(paths, qc, [])
    none_averaged = read_sight(paths, replace(qc, types=()), [])
    stricter = read_sight(paths, qc, [8.0])
    assert (found.n_spikes, found.assumed, found.snr_db) == (n_used, False, 5.0)
    assert (none_averaged.n_spikes, none_averaged.assumed) == (10, True)
    assert none_averaged.moment_nam == pytest.approx(found.moment_nam * np.sqrt(n_used / 10))
    assert stricter.moment_nam == pytest.approx(found.moment_nam * np.sqrt(9 / (10**0.5 - 1)))
    paths.noise_cov.unlink()
    assert read_sight(paths, qc, []) is None
    section = sections_sight.content(SimpleNamespace(sight=None))
    assert section == {"sight": None}
