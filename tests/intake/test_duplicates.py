"""One spike marked several times counts once, and no mark moves further than it may."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import butter, sosfiltfilt
from spikes_recording import simulate

from pipeline import spikes
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.spikes.selection import DUPLICATE, SPIKE_LENGTH_S, TOO_FAR, select_spikes

SFREQ_HZ = 500
MAX_SHIFT = 25
SPIKE_LENGTH = round(SPIKE_LENGTH_S * SFREQ_HZ)
PEAKS = np.arange(1000, 25_000, 1000)
N_CHANNELS = 40


@pytest.fixture(scope="module")
def recording():
    """Whitened: a spike every 2 s, with its slow wave, in noise of the pass band."""
    rng = np.random.default_rng(1)
    band = butter(2, (1, 40), "bandpass", fs=SFREQ_HZ, output="sos")
    noise = sosfiltfilt(band, rng.normal(size=(N_CHANNELS, 27_000))) / 0.4
    t = np.arange(noise.shape[1])[:, None] - PEAKS
    course = (np.exp(-((t / 9) ** 2)) - 0.4 * np.exp(-(((t - 60) / 30) ** 2))).sum(1)
    return noise, noise + 4 * rng.normal(size=N_CHANNELS)[:, None] * course


def select(recording, mark, recorded_mark=None):
    """Judge spikes marked at samples; `recorded_mark`: where they lie in several runs together."""
    noise, data = recording
    segments = np.array([data[:, m - 250 : m + 251] for m in mark])
    baseline = noise[:, : 40 * 301].reshape(N_CHANNELS, 40, 301).swapaxes(0, 1)
    return select_spikes(
        segments,
        baseline,
        np.full(len(mark), MAX_SHIFT),
        50,
        0.5,
        (0.3, 3.0),
        mark if recorded_mark is None else recorded_mark,
        SPIKE_LENGTH,
    )


def jittered(seed=3):
    return PEAKS + np.random.default_rng(seed).integers(-6, 7, len(PEAKS))


@pytest.mark.parametrize("later_ms", [[4], [30], [60], [100], [60, 110], [-30, 30]])
def test_each_spike_counts_once_however_often_it_is_marked(recording, later_ms):
    first = jittered()
    later = [first + round(ms / 1000 * SFREQ_HZ) for ms in later_ms]
    mark = np.sort(np.concatenate([first, *later]))
    found = select(recording, mark)
    peak = (mark + found.shift)[found.accepted]
    assert len(peak) == len(PEAKS)
    assert np.abs(peak - PEAKS).max() <= 2
    rest = [reason for reason in found.reasons if reason]
    assert rest == [DUPLICATE] * (len(mark) - len(PEAKS))


def test_spikes_further_apart_than_a_spike_is_long_both_count(recording):
    noise, data = recording
    near = data.copy()
    near[:, 130:] += (data - noise)[:, :-130]  # every spike again 260 ms later
    mark = np.sort(np.concatenate([PEAKS, PEAKS + 130]))
    assert select((noise, near), mark).accepted.sum() == len(mark)


def test_equal_times_in_two_runs_are_two_spikes(recording):
    """The marks of the second run follow those of the first by its length."""
    mark = np.concatenate([jittered(), jittered()])
    in_both_runs = mark + np.repeat([0, 27_000], len(PEAKS))
    assert select(recording, mark, in_both_runs).accepted.all()
    assert select(recording, mark).accepted.sum() == len(PEAKS)


def test_no_mark_moves_further_than_it_may_in_all(recording):
    """Marks 25 ms early on average, some 56 ms, of which the last 6 ms stay."""
    early = np.random.default_rng(0).integers(4, 22, len(PEAKS))
    early[::8] = 28
    found = select(recording, PEAKS - early)
    assert np.abs(found.shift[found.accepted]).max() <= MAX_SHIFT
    near = early <= MAX_SHIFT
    assert np.abs(found.shift - early)[near].max() <= 2
    assert np.all(found.shift[~near] == MAX_SHIFT)


def test_marks_that_are_all_too_early_are_not_imaged_beside_the_peak(recording):
    found = select(recording, PEAKS - 32)
    assert not found.accepted.any()
    assert TOO_FAR in found.reasons


def test_marking_every_spike_again_changes_nothing_but_the_table(tmp_path):
    once = simulate(tmp_path / "bids", n_wrong=2, duration_s=60.0, n_spikes=16)
    table = pd.read_csv(once.events, sep="\t")
    again = table.assign(onset=table["onset"] + 0.06)
    twice = tmp_path / "twice_events.tsv"
    both = pd.concat([table, again[table["trial_type"] == "IED_left"]]).sort_values("onset")
    both.to_csv(twice, sep="\t", index=False)
    found = {}
    for name, events in (("once", once.events), ("twice", twice)):
        paths = PatientPaths(tmp_path / name, "01")
        inputs = spikes.Inputs([once.meg], [events], [once.channels])
        spikes.run(inputs, paths, spikes.Config(min_baseline_s=10), Progress())
        found[name] = read_json(paths.qc("spikes")) | {
            "table": pd.read_csv(paths.spike_events, sep="\t")
        }
    assert found["once"]["n_used"] == found["twice"]["n_used"] == 16
    assert found["twice"]["snr_db"] == pytest.approx(found["once"]["snr_db"], abs=1)
    reasons = found["twice"]["table"]["reason"]
    assert (reasons == DUPLICATE).sum() >= 16
    assert found["twice"]["rejected_by_reason"][DUPLICATE] == (reasons == DUPLICATE).sum()
    assert any("counts once" in warning for warning in found["twice"]["warnings"])
    assert not any("counts once" in warning for warning in found["once"]["warnings"])
    qc = found["once"]
    assert qc["mean_correlation"] < qc["mean_component_correlation"]
    accepted = qc["table"]["accepted"]
    for column, mean in (
        ("correlation", "mean_component_correlation"),
        ("channel_correlation", "mean_correlation"),
    ):
        assert qc["table"].loc[accepted, column].mean() == pytest.approx(qc[mean], abs=2e-4)
