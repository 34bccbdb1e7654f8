"""Onsets that are not the moments of the spikes: another run's, or counted from elsewhere."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.errors import InvalidInput
from pipeline.spikes.choice import Annotated
from pipeline.spikes.config import Config
from pipeline.spikes.moments import (
    counted_across_runs,
    counted_from_acquisition,
    same_moments,
    whole_seconds,
)
from pipeline.spikes.movement import _with_fix
from pipeline.tables import read_tsv


def run(number, onset_s, table=None):
    name = f"sub-01_run-{number}_meg.fif"
    events = SimpleNamespace(onset_s=np.asarray(onset_s, float))
    return Annotated(Path(name), Path(table or f"run-{number}_events.tsv"), events, None, None)


ONSETS_S = [3.2, 7.5, 11.1]


def test_two_runs_with_the_same_onsets_are_a_grave_doubt():
    (doubt,) = same_moments([run(1, ONSETS_S), run(2, ONSETS_S), run(3, [3.2, 7.5, 11.2])])
    assert doubt.grave and "sub-01_run-1_meg.fif and of sub-01_run-2_meg.fif" in doubt.text
    assert "seems to be a copy" in doubt.text
    (doubt,) = same_moments([run(1, ONSETS_S, "events.tsv"), run(2, ONSETS_S, "events.tsv")])
    assert "one table (events.tsv) applies to both" in doubt.text


@pytest.mark.parametrize(
    ("onset_s", "told"),
    [
        (np.arange(8) * 7.0, True),
        (np.arange(7) * 7.0, False),
        ([*np.arange(9) * 7.0, 71.3], False),
        (np.arange(8) * 7.1, False),
    ],
)
def test_onsets_that_were_rounded_to_seconds_are_told(onset_s, told):
    texts = [doubt.text for doubt in whole_seconds(run(1, onset_s), Config())]
    assert [
        "All 8 onsets of the spikes of sub-01_run-1_meg.fif are whole seconds" in text
        for text in texts
    ] == ([True] * told)


def test_few_onsets_agree_by_chance():
    assert same_moments([run(1, [3.2, 7.5]), run(2, [3.2, 7.5])]) == ()


@pytest.mark.parametrize(
    ("onset_s", "first_s", "told"),
    [
        ([12, 30, 65], 10, True),
        ([12, 30, 55], 10, False),
        ([5, 30, 65], 10, False),
        ([12, 30, 65], 0, False),
    ],
    ids=["fit only so", "fit as they are", "fit neither way", "begins at once"],
)
def test_onsets_that_fit_only_from_the_acquisition_are_a_grave_doubt(onset_s, first_s, told):
    doubts = counted_from_acquisition(run(1, onset_s), first_s, duration_s=60)
    assert bool(doubts) == told
    assert all(
        doubt.grave and "10.0 s before the first stored sample" in doubt.text for doubt in doubts
    )


@pytest.mark.parametrize(
    ("onset_s", "before_s", "told"),
    [
        ([112, 130, 155], 100, True),
        ([12, 130, 155], 100, False),
        ([12, 30, 55], 100, False),
        ([40, 55, 75], 30, True),
        ([112, 130, 155], 0, False),
    ],
    ids=["joined", "neither way", "fit as they are", "joined, some within", "the first run"],
)
def test_onsets_that_count_on_from_the_runs_before_are_a_grave_doubt(onset_s, before_s, told):
    doubts = counted_across_runs(run(2, onset_s), before_s, duration_s=60)
    assert [doubt.grave for doubt in doubts] == [True] * told
    assert all("as if all were one" in doubt.text for doubt in doubts)


@pytest.mark.parametrize(
    ("sign", "name"), [(";", "semicolons"), (",", "commas"), ("|", "bars"), ("  ", "spaces")]
)
def test_a_table_with_other_separators_is_called_that(tmp_path, sign, name):
    file = tmp_path / "events.tsv"
    file.write_text(sign.join(["onset", "duration", "trial_type"]) + "\n")
    with pytest.raises(InvalidInput, match=f"separated by {name} instead of tabs"):
        read_tsv(file, ("onset",), [])
    with pytest.raises(InvalidInput, match="no column 'name'"):
        read_tsv(file, ("name",), [])


def test_moments_of_a_head_position_file_that_are_no_numbers_are_no_fixes():
    table = np.zeros((4, 10))
    table[:, 7] = [0.99, 0.99, 0, 0.99]
    table[1, 2] = np.nan
    kept, n_lost = _with_fix(table)
    assert n_lost == 2 and np.isfinite(kept).all() and len(kept) == 2
