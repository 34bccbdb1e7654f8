"""The covariance of a recording whose spikes nobody has marked."""

import numpy as np
import pytest

from pipeline.detection.noise import quiet_covariance, sign_covariance
from pipeline.detection.statistic import make_detector, statistic
from pipeline.whitening import whitener

SFREQ_HZ, N_CHANNELS, N_TIMES = 125.0, 40, 3750


def _recording(height: float, per_minute: int, seed: int = 0):
    """Two stretches of noise of known covariance, with spikes whose field is nearly the first patch's."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(N_CHANNELS, N_CHANNELS)) / np.sqrt(N_CHANNELS)
    mixing += 2 * np.eye(N_CHANNELS)
    leadfield = rng.normal(size=(N_CHANNELS, 6))
    leadfield /= np.linalg.norm(np.linalg.solve(mixing, leadfield), axis=0)
    other = rng.normal(size=N_CHANNELS)
    field = leadfield[:, 0] + 0.5 * other / np.linalg.norm(np.linalg.solve(mixing, other))
    bands, peaks = [], []
    for _ in range(2):
        band = mixing @ rng.normal(size=(N_CHANNELS, N_TIMES))
        at = np.linspace(100, N_TIMES - 100, per_minute // 2).astype(int)
        for peak in at:
            wave = height * np.exp(-0.5 * ((np.arange(N_TIMES) - peak) / SFREQ_HZ / 0.014) ** 2)
            band += np.outer(field, wave)
        bands.append(band)
        peaks.append(at)
    return bands, peaks, leadfield, field, mixing @ mixing.T


def _heights(covariance, bands, peaks, leadfield):
    detector = make_detector(whitener(covariance), leadfield, SFREQ_HZ)
    return np.concatenate(
        [
            statistic(detector.whiten @ band, detector)[at]
            for band, at in zip(bands, peaks, strict=True)
        ]
    )


@pytest.mark.parametrize("height", [15.0, 40.0])
def test_strong_and_frequent_spikes_do_not_hide_themselves(height):
    bands, peaks, leadfield, field, true = _recording(height, 20)
    together = np.hstack(bands)
    with_spikes = together @ together.T / together.shape[1]
    found = quiet_covariance(bands, leadfield, SFREQ_HZ)

    def power_along(covariance):
        return (
            1
            / (field @ np.linalg.solve(covariance, field))
            * (field @ np.linalg.solve(true, field))
        )

    assert power_along(with_spikes) > 2.5
    assert power_along(found) == pytest.approx(1, rel=0.15)
    seen, known = (_heights(each, bands, peaks, leadfield) for each in (found, true))
    assert np.median(seen) > 0.75 * np.median(known)
    assert np.median(seen) > 2 * np.median(_heights(with_spikes, bands, peaks, leadfield))


def test_noise_alone_keeps_nearly_all_of_itself():
    bands, _, leadfield, _, true = _recording(0.0, 0)
    found = quiet_covariance(bands, leadfield, SFREQ_HZ)
    together = np.hstack(bands)
    assert np.allclose(
        found, together @ together.T / together.shape[1], rtol=0, atol=0.05 * true.max()
    )


def test_half_of_the_samples_are_left_where_all_stand_out():
    """A burst every 0.2 s: what is left out is what stands out most, and something is left."""
    bands, _, leadfield, *_ = _recording(30.0, 600)
    found = quiet_covariance(bands, leadfield, SFREQ_HZ)
    assert np.isfinite(found).all() and np.linalg.eigvalsh(found).min() > 0


def test_no_moment_counts_more_than_another_and_units_stay():
    bands, _, _, _, true = _recording(0.0, 0)
    scale = np.where(np.arange(N_CHANNELS) < 10, 1e-12, 1e-11)
    bands = [band * scale[:, None] for band in bands]
    kept = [np.ones(band.shape[1], bool) for band in bands]
    plain = sign_covariance(bands, kept)
    power = np.sqrt(np.diag(true)) * scale
    np.testing.assert_allclose(np.sqrt(np.diag(plain)), power, rtol=0.1)
    rng = np.random.default_rng(1)
    for at in range(50, 1050, 50):  # one moment in 375 holds a thousand times the field
        bands[0][:, at] += 1000 * power * rng.normal(size=N_CHANNELS)
    bands[1][:, :700] = 30 * power[:, None]
    kept[1][:700] = False
    spoilt = sign_covariance(bands, kept)
    np.testing.assert_allclose(np.diag(spoilt), np.diag(plain), rtol=0.05)
    of_usual = np.abs(spoilt - plain) / np.outer(power, power)
    assert of_usual.max() < 0.03


def test_strong_spikes_that_no_patch_explains_well_do_not_hide_themselves():
    """A third of their field is a patch's: they never stand out enough to be left out."""
    bands, peaks, leadfield, _, _ = _recording(0.0, 20)
    rng = np.random.default_rng(5)
    field = leadfield[:, 0] + 1.4 * rng.normal(size=N_CHANNELS)
    for band, at in zip(bands, peaks, strict=True):
        for peak in at:
            wave = 40 * np.exp(-0.5 * ((np.arange(N_TIMES) - peak) / SFREQ_HZ / 0.014) ** 2)
            band += np.outer(field, wave)
    kept = [np.ones(band.shape[1], bool) for band in bands]
    together = np.hstack(bands)
    usual = together @ together.T / together.shape[1]
    seen, hidden = (
        _heights(each, bands, peaks, leadfield) for each in (sign_covariance(bands, kept), usual)
    )
    assert np.median(seen) > 1.5 * np.median(hidden)


def test_directions_that_are_empty_stay_empty_in_single_precision():
    """As MaxFilter leaves them; else rounding is whitened up to the size of noise."""
    bands, _, leadfield, *_ = _recording(0.0, 0)
    rng = np.random.default_rng(2)
    inside = np.linalg.qr(rng.normal(size=(N_CHANNELS, 12)))[0]
    bands = [(1e-12 * inside @ inside.T @ band).astype(np.float32) for band in bands]
    covariance = quiet_covariance(bands, inside @ inside.T @ leadfield, SFREQ_HZ)
    assert len(whitener(covariance)) == 12
