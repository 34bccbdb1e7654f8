"""Marks that are longer than a spike: looked for as far as chance can be given the same room, and told."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.spikes.averages import Marks, judge
from pipeline.spikes.choice import Annotated
from pipeline.spikes.config import EPOCH_S, Config
from pipeline.spikes.moments import longer_than_searched
from pipeline.spikes.places import spike_places
from pipeline.spikes.presence import presence_of_type

NONE_BAD = np.zeros((0, 2))


def events(duration_s):
    duration_s = np.asarray(duration_s, float)
    return SimpleNamespace(
        onset_s=10 + 2.0 * np.arange(len(duration_s)), duration_s=duration_s, bad_s=NONE_BAD
    )


@pytest.mark.parametrize("sfreq_hz", [125.0, 250.0, 500.0, 1000.0])
@pytest.mark.parametrize("half_width_s", [0.02, 0.1, 0.35])
def test_the_longest_marks_are_judged_against_chance(sfreq_hz, half_width_s):
    config = Config(sfreq_hz=sfreq_hz, template_half_width_s=half_width_s, max_shift_s=0.05)
    places = spike_places(events([1.0] * 6), config, sfreq_hz, int(60 * sfreq_hz), NONE_BAD, 1.0)
    rng = np.random.default_rng(0)
    segments = rng.standard_normal((6, 4, 2 * places.reach + 1)).astype(np.float32)
    baseline = rng.standard_normal((12, 4, round(sfreq_hz))).astype(np.float32)
    every = np.ones(6, bool)
    marks = Marks(segments, segments[:, :0], places.max_shift, 1000 * np.arange(6), ("spike",) * 6)
    selection = judge(marks, every, baseline, np.eye(4), sfreq_hz, config)
    assert len(selection.reasons) == 6
    found = presence_of_type(
        segments, every, baseline, places.max_shift, np.eye(4), sfreq_hz, config
    )
    assert found.n_draws >= 0


def test_a_peak_is_looked_for_within_short_marks_and_in_the_middle_of_long_ones():
    config = Config()
    expected = [0.05, 0.15, config.most_shift_s]
    assert config.shift_s(np.array([0, 0.2, 1.0])) == pytest.approx(expected)
    assert config.template_half_width_s + 2 * config.most_shift_s < EPOCH_S / 2


@pytest.mark.parametrize(("duration_s", "n"), [([0, 0.2, 0.27], 0), ([0.2, 0.5, 1.0], 2)])
def test_long_marks_are_told_with_what_was_searched(duration_s, n):
    run = Annotated(Path("sub-01_meg.fif"), Path("e.tsv"), events(duration_s), None, None)
    doubts = longer_than_searched(run, Config())
    assert [
        f"{n} spikes of sub-01_meg.fif have durations above 0.27 s" in doubt.text
        for doubt in doubts
    ] == [True] * bool(n)


@pytest.mark.parametrize("wrong", [{"max_shift_s": 0.3}, {"template_half_width_s": 0.45}])
def test_options_that_leave_chance_no_room_are_refused(wrong):
    with pytest.raises(ValueError, match=r"together must not exceed 0\.47"):
        Config(**wrong)
