"""The detector's parts against what they are defined as, computed one by one."""

import numpy as np
import pytest

from pipeline.detection import stream
from pipeline.detection.statistic import (
    make_detector,
    peaks,
    sharp_kernel,
    statistic,
    surrogate,
    threshold_of,
)

SFREQ_HZ = 125.0


@pytest.mark.parametrize(("sfreq_hz", "reach"), [(125.0, 9), (250.0, 18), (1000.0, 70)])
def test_the_kernel_is_a_ricker_wavelet_of_14_ms(sfreq_hz, reach):
    """Five widths to either side, without a mean, of unit energy."""
    kernel = sharp_kernel(sfreq_hz)
    time_s = np.arange(-reach, reach + 1) / sfreq_hz
    wavelet = (1 - (time_s / 0.014) ** 2) * np.exp(-((time_s / 0.014) ** 2) / 2)
    wavelet -= wavelet.mean()
    assert kernel == pytest.approx(wavelet / np.linalg.norm(wavelet), abs=1e-6)


def by_definition(white, fields):
    """The statistic, sample by sample and field by field (n_patches, rank)."""
    fields = fields / np.linalg.norm(fields, axis=1, keepdims=True)
    sharp = np.array([np.convolve(row, sharp_kernel(SFREQ_HZ), mode="same") for row in white])
    power = (sharp**2).sum(0)
    rank, n_times = sharp.shape
    offset = np.arange(-125, 126)
    # A second to either side, without 0.15 s.
    offset = offset[np.abs(offset) > 19]
    heights = np.zeros((len(fields), n_times))
    for patch, row in enumerate((fields @ sharp) ** 2):
        # A squared Gaussian of unit variance has the median 0.455.
        level = np.median(row) / 0.455
        mirrored = np.concatenate([row[::-1], row, row[::-1]])
        for at in range(n_times):
            near = mirrored[n_times + at + offset]
            # The mean size of a Gaussian of unit variance is 0.798.
            around = (np.sqrt(near).mean() / 0.79788) ** 2
            rest = (power[at] - row[at]) / (rank - 1) / (np.median(power) / rank)
            heights[patch, at] = row[at] / (max(around, level) * max(rest, 1))
    return heights.max(0)


def test_the_statistic_is_what_it_is_defined_as():
    """Patches in the plane of two fields; a second of quiet, a jump and a spike of the first patch."""
    rng = np.random.default_rng(0)
    whiten = np.diag([1.0, 2, 0.5, 1, 1])
    leadfield = rng.normal(size=(5, 2)) @ rng.normal(size=(2, 7))
    fields = (whiten @ leadfield).T
    white = rng.normal(size=(5, 2000))
    white[:, 400:800] *= 0.1
    white[2, 1000:1003] += 15
    white[:, 1500] += 6 * fields[0] / np.linalg.norm(fields[0])
    found = statistic(white, make_detector(whiten, leadfield, SFREQ_HZ))
    expected = by_definition(white, fields)
    assert found.shape == (2000,) and found.argmax() == expected.argmax()
    # How the level is sampled may differ by some percent.
    assert found == pytest.approx(expected, rel=0.1, abs=1e-3)
    assert found[1500] == pytest.approx(expected[1500], rel=0.02)


def test_silence_has_no_height():
    detector = make_detector(np.eye(3), np.ones((3, 2)), SFREQ_HZ)
    assert not statistic(np.zeros((3, 400)), detector).any()


def test_peaks_are_a_fifth_of_a_second_apart():
    """25 samples: a lower one that near is none, and one sample further it is another."""
    values = np.zeros(300)
    values[[40, 65, 100, 126, 250]] = [9, 5, 9, 5, 3]
    samples, heights = peaks(values, SFREQ_HZ)
    told = dict(zip(samples.tolist(), heights.tolist(), strict=True))
    assert {at: height for at, height in told.items() if height} == {40: 9, 100: 9, 126: 5, 250: 3}
    assert samples.tolist() == sorted(samples)
    # The flank of one that is itself none is no peak either.
    values = np.zeros(200)
    values[[50, 74, 95]] = [9, 8, 7]
    samples, heights = peaks(values, SFREQ_HZ)
    assert samples[heights > 0].tolist() == [50]
    first, last = np.eye(1, 60, 0)[0], np.eye(1, 60, 59)[0]
    assert 0 in peaks(first, SFREQ_HZ)[0] and 59 in peaks(last, SFREQ_HZ)[0]


def test_a_surrogate_has_the_spectra_of_what_is_limited_to_three_times_the_usual_size():
    rng = np.random.default_rng(1)
    white = rng.normal(size=(4, 257)) + 0.5
    white[:, 100] *= 50
    size = np.linalg.norm(white, axis=0)
    limited = white * np.minimum(1, 3 * np.median(size) / size)
    drawn = surrogate(white, np.random.default_rng(2))
    spectrum, expected = np.fft.rfft(drawn, axis=1), np.fft.rfft(limited, axis=1)
    assert drawn.shape == white.shape
    assert np.abs(spectrum) == pytest.approx(np.abs(expected))
    assert drawn.mean(1) == pytest.approx(limited.mean(1))
    # All channels turn alike, each frequency by itself and as far as it may.
    turn = np.angle(spectrum / expected)
    assert np.abs(np.angle(np.exp(1j * (turn - turn[:1])))).max() < 1e-6
    assert turn[0, 1:].min() < -2.9 and turn[0, 1:].max() > 2.9


@pytest.mark.parametrize(
    ("minutes", "rate", "height"), [(60.0, 0.5, 970), (3.0, 0.5, 998), (0.1, 0.5, 999), (1e5, 1, 0)]
)
def test_the_threshold_is_that_of_the_last_false_one_that_is_allowed(minutes, rate, height):
    assert threshold_of(np.arange(1000.0), minutes, rate) == height


class Recorded:
    """Blocks whose statistic is read from them, and surrogates with peaks of known heights."""

    def __init__(self, monkeypatch, blocks, null):
        self.blocks, self.null, self.n_drawn = blocks, null, 0
        monkeypatch.setattr(stream, "statistic", lambda white, detector: white[0])
        monkeypatch.setattr(stream, "surrogate", self.drawn)
        monkeypatch.setattr(stream, "traits_of", self.alike)
        monkeypatch.setattr(stream, "LEAST_HEIGHT", 0.0)

    def alike(self, white, samples, detector, fast=None):
        """All peaks are like a spike's."""
        return np.tile([1.0, 0, 0, 0, 2, 2, 0], (len(samples), 1))

    def drawn(self, white, rng):
        self.n_drawn += 1
        return self.null[None]


def test_blocks_are_looked_at_within_their_margins(monkeypatch):
    """Two blocks of 10 s with a margin of 2 s; null of at least half an hour, over all blocks."""
    n, margin = 1250, 250
    blocks = np.zeros((2, n + 2 * margin))
    # At the first inner sample, at the last one, and in the margins.
    blocks[0, [margin, margin + n - 1, margin - 40, margin + n + 40]] = 9, 7, 20, 20
    blocks[1, margin + 625] = 8
    null = np.zeros(n + 2 * margin)
    null[[margin + 100, margin - 60]] = 6, 50
    recorded = Recorded(monkeypatch, blocks, null)
    detector = make_detector(2 * np.eye(1), np.ones((1, 1)), SFREQ_HZ)
    steps = []
    found = stream.detect(
        lambda index: (blocks[index][None] / 2, None),
        np.array([98.0, 108.0]),
        2.0,
        detector,
        0.5,
        seed=0,
        advance=lambda: steps.append(1),
    )
    # 20 s a turn: 90 turns.
    assert recorded.n_drawn == 180 and len(steps) == 2
    assert found.null_minutes == pytest.approx(30)
    assert found.threshold == 6
    assert found.time_s == pytest.approx([100.0, 100 + 1249 / SFREQ_HZ, 115.0])
    assert found.score == pytest.approx([9 / 6, 7 / 6, 8 / 6])
    assert found.expected_false == pytest.approx(0.5 * 20 / 60)


def test_a_long_recording_draws_once_for_each_block(monkeypatch):
    blocks = np.zeros((4, 125 * 600))
    null = np.zeros(125 * 600)
    null[3000] = 5
    recorded = Recorded(monkeypatch, blocks, null)
    detector = make_detector(np.eye(1), np.ones((1, 1)), SFREQ_HZ)
    monkeypatch.setattr(stream, "peaks", lambda values, sfreq: (np.array([3000]), values[[3000]]))
    starts_s = 600.0 * np.arange(4)
    found = stream.detect(
        lambda index: (blocks[index][None], None), starts_s, 0.0, detector, 0.5, 0
    )
    assert recorded.n_drawn == 4 and found.null_minutes == pytest.approx(40)
    assert not len(found.time_s)
