"""Scenarios of virtual patients: does the truth hold what each says?"""

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from bids_app.demo import activity, transients
from bids_app.demo.create import cohort_recipe
from bids_app.demo.scenarios import SCENARIOS
from bids_app.demo.scenarios._scenario import Focus, Shape
from bids_app.demo.sources import Source, discharge, share_marks
from pipeline.files import to_json

ROOT = Path(__file__).parents[1]
SFREQ = 1000.0


def source(focus: Focus, lag_s: float = 0.0) -> Source:
    return Source(focus, None, "", np.ones((1, 2)), np.zeros(2), np.ones(2), lag_s, 0.5, 4.0)


def test_page_tells_what_each_scenario_s_file_says():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "docs/demo.md").read_text(), re.M))
    rows["one_focus"] = rows["one_focus"].replace(" (the default).", ".")
    folder = ROOT / "bids_app/demo/scenarios"
    said = {name: (folder / f"{name}.py").read_text().split('"""')[1] for name in SCENARIOS}
    assert rows == said


def test_marks_are_shared_among_foci_that_have_spikes_of_their_own():
    foci = (Focus(share=3), Focus(share=1), Focus(follows_s=(0.02, 0.03)))
    belongs = share_marks(np.random.default_rng(0), foci, 40, 4)
    assert np.bincount(belongs + 1, minlength=4).tolist() == [4, 30, 10, 0]
    assert share_marks(np.random.default_rng(0), (), 3, 2).tolist() == [-1] * 5


def test_a_focus_discharges_at_its_own_marks_and_a_follower_after_the_first_s():
    peak_s, mark_focus = np.arange(1.0, 9.0), np.array([0, 1, 0, -1, 0, 1, 0, -1])
    sources = [source(Focus()), source(Focus()), source(Focus(follows_s=(0, 1)), lag_s=0.03)]
    trains, amplitude = discharge(
        np.random.default_rng(0), sources, peak_s, mark_focus, 9500, SFREQ
    )
    for train, owner, lag_s in zip(trains, (0, 1, 0), (0, 0, 0.03), strict=True):
        for peak, focus in zip(peak_s, mark_focus, strict=True):
            start = int((peak - 0.4) * SFREQ)
            window = train[0, start : start + 800]
            if focus == owner:
                assert abs(window.argmax() / SFREQ - 0.4 - lag_s) < 0.008
            else:
                assert abs(window).max() < 0.2
    assert np.array_equal(np.isnan(amplitude), mark_focus < 0)


@pytest.mark.parametrize("duration_s", [0.020, 0.035, 0.070])
def test_a_spike_lasts_as_long_as_its_shape_says(duration_s):
    shape = Shape(duration_s=duration_s, slow_wave=(0.0, 0.0))
    train, _ = activity.spike_train(
        np.random.default_rng(1), np.arange(1.0, 41.0), np.zeros(1), 42000, SFREQ, shape
    )
    waves = train[0, 500:40500].reshape(40, 1000)
    widths_s = [(wave > wave.max() / 2).sum() / SFREQ for wave in waves]
    assert np.median(widths_s) == pytest.approx(duration_s, rel=0.1)


def test_a_polyspike_has_its_peaks_before_its_slow_wave():
    shape = Shape(duration_s=0.025, n_peaks=3, slow_wave=(0.4, 0.4))
    train, _ = activity.spike_train(
        np.random.default_rng(1), np.array([1.0]), np.zeros(1), 2500, SFREQ, shape
    )
    wave = train[0] / train[0].max()
    above = np.flatnonzero(np.diff((wave > 0.5).astype(int)) == 1)
    assert len(above) == 3 and np.allclose(np.diff(above), 60, atol=3)
    assert 1.22 < wave.argmin() / SFREQ < 1.30 and wave.min() == pytest.approx(-0.4, abs=0.05)


@pytest.mark.parametrize("name", sorted(transients.KINDS))
def test_transients_stand_where_the_truth_says_and_nowhere_else(name):
    kind, rng = transients.KINDS[name], np.random.default_rng(2)
    middles_s = transients.occurrences_s(rng, kind, 60.0)
    course = transients.course(rng, kind, middles_s, 60000, SFREQ)
    for middle in middles_s:
        near = course[int(middle * SFREQ) - 80 : int(middle * SFREQ) + 80]
        assert near.max() > 0.5
    away = abs(np.arange(60000)[:, None] / SFREQ - middles_s).min(1) > 1.002
    assert away.any() and not course[away].any()


def test_a_recipe_takes_the_scenario_s_numbers_and_can_be_told_from_json():
    thin = cohort_recipe(1, 0, None, SCENARIOS["thin"])
    assert (thin.n_spikes, thin.n_false_marks) == (3, 0) and thin.ieeg
    empty = cohort_recipe(1, 0, None, SCENARIOS["no_source"])
    assert not (empty.ieeg or empty.resection)
    before = cohort_recipe(1, 0, None, SCENARIOS["before_surgery"])
    assert before.ieeg and before.sampled and not before.resection
    beside = cohort_recipe(1, 0, None, SCENARIOS["not_sampled"])
    assert beside.ieeg and beside.resection and not beside.sampled
    kept = [json.loads(to_json(asdict(cohort_recipe(1, 0, None, SCENARIOS[n])))) for n in SCENARIOS]
    assert len({json.dumps(each) for each in kept}) == len(SCENARIOS.names())
