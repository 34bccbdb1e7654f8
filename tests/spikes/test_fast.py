"""What lies above the pass band: of which frequencies, where, how much of the average's power, what is told."""

from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
import pytest

from pipeline.spikes import averages, fast
from pipeline.spikes.averages import Marks
from pipeline.spikes.selection import Selection

SFREQ_HZ = 1200.0
PATH = Path("sub-01_meg.fif")


@pytest.mark.parametrize(
    ("sfreq_hz", "highest_hz", "lowpass_hz", "band_hz"),
    [
        (1000, 330, 40, (50, 200)),
        (250, 125, 40, (50, 100)),
        (1000, 80, 40, (50, 80)),
        (1000, 70, 40, None),
        (125, 50, 40, None),
        (1000, 500, 20, (25, 100)),
    ],
)
def test_the_band_is_what_the_recording_holds(sfreq_hz, highest_hz, lowpass_hz, band_hz):
    assert fast.fast_band_hz(sfreq_hz, highest_hz, lowpass_hz) == band_hz


def recording(n_times=12_000):
    """On every channel 80 Hz of 2 pT and ten times as much at 10 Hz; 0 s is the first sample."""
    time_s = np.arange(n_times) / SFREQ_HZ
    wave = 2e-12 * np.cos(2 * np.pi * 80 * time_s) + 2e-11 * np.sin(2 * np.pi * 10 * time_s)
    info = mne.create_info(40, SFREQ_HZ, "mag")
    return mne.io.RawArray(np.tile(wave, (40, 1)), info, verbose="error")


def test_segments_hold_what_is_fast_at_the_marks_own_time():
    mark_s = np.array([4.0003, 0.1, 9.95])
    found = fast.fast_segments(recording(), PATH, mark_s, 0.05, 40.0)
    reach = found.shape[2] // 2
    assert found.shape == (3, 40, 2 * reach + 1) and reach >= 70  # 0.05 and 0.02 s at 1000 Hz
    around_s = mark_s[0] + np.arange(-reach, reach + 1) / 1000
    expected = 2e-12 * np.cos(2 * np.pi * 80 * around_s)
    np.testing.assert_allclose(
        found[0, 7], expected, atol=6e-14
    )  # the filter leaves 10 Hz at -53 dB
    # Too near to the recording's edges for the filter.
    assert not found[1:].any()
    slow = mne.io.RawArray(recording()._data, mne.create_info(40, 125.0, "mag"), verbose="error")
    assert fast.fast_segments(slow, PATH, mark_s, 0.05, 40.0) is None


def test_the_share_is_that_of_the_powers_each_less_its_noise():
    rng = np.random.default_rng(0)
    std = np.array([1.0, 50.0, 3.0])
    field = std[:, None] * np.ones((3, 60))

    def spikes(size):
        return size * field + std[:, None] * rng.normal(size=(400, 3, 60))

    assert fast.share_above(spikes(2.0), spikes(1.0), std) == pytest.approx(0.2, abs=0.01)
    assert fast.share_above(spikes(0.0), spikes(1.0), std) == pytest.approx(1.0, abs=0.01)
    assert fast.share_above(spikes(2.0), spikes(0.0), std) == 0.0


def test_the_fast_part_is_looked_at_around_each_spikes_peak():
    """A burst 30 ms after every mark, whose peak is 30 ms late too; nothing at the marks."""
    rng = np.random.default_rng(1)
    n, shift_s = 20, 0.03
    slow_s, fast_s = np.arange(-200, 201) / 500, np.arange(-90, 91) / 1000
    slow = rng.normal(0, 1, (n, 5, 401)) + 3 * (np.abs(slow_s - shift_s) < 0.021)
    quick = rng.normal(0, 1, (n, 5, 181)) + 3 * (np.abs(fast_s - shift_s) < 0.021)
    marks = Marks(slow, slow[:, :0], np.full(n, 25), np.arange(n), ("spike",) * n, quick)
    zeros = np.zeros(n)
    judged = Selection(np.full(n, 15), zeros, zeros, zeros, [""] * n, 0.4)
    baseline = rng.normal(0, 1, (30, 5, 500))
    found = averages._share_above(marks, judged, baseline, 500.0)
    assert found == pytest.approx(0.5, abs=0.03)
    early = replace(judged, shift=np.full(n, -15))
    assert averages._share_above(marks, early, baseline, 500.0) == 0.0
    assert averages._share_above(replace(marks, fast=None), judged, baseline, 500.0) is None


def test_page_one_tells_of_much_above_the_pass_band():
    assert fast.doubts_of_fast(None, 40.0) == fast.doubts_of_fast(0.19, 40.0) == ()
    (some,), (most,) = fast.doubts_of_fast(0.2, 40.0), fast.doubts_of_fast(0.5, 35.0)
    assert "20% of the averaged spike's power lies above 40 Hz" in some.text and not some.grave
    assert "50%" in most.text and "35 Hz" in most.text and most.grave
