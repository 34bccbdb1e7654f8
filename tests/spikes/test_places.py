"""Where spikes and spike-free windows can be taken, on times known by hand."""

import mne
import numpy as np
import pytest

from pipeline.spikes.config import EPOCH_S, Config
from pipeline.spikes.events import EventTable
from pipeline.spikes.places import (
    in_clean_parts,
    marked_stretches,
    spans,
    spike_free_starts,
    spike_places,
)
from pipeline.spikes.selection import DUPLICATE

NONE_BAD = np.empty((0, 2))


def events(onset_s, duration_s=0.0, bad_s=NONE_BAD) -> EventTable:
    onset_s = np.array(onset_s, float)
    return EventTable(
        onset_s,
        np.full(len(onset_s), duration_s),
        bad_s,
        0,
        0,
        "",
        ("spike",) * len(onset_s),
        (),
        (),
    )


def reasons(onset_s, bad_s=NONE_BAD, n_times=2000):
    where = 100.0, n_times, bad_s, 0.0
    return spike_places(events(onset_s), Config(max_shift_s=0.05), *where).reasons


def test_a_spike_lies_in_the_middle_of_its_annotation():
    where = 100.0, 2000, NONE_BAD, 0.2
    found = spike_places(events([3.0, 5.0], 0.2), Config(max_shift_s=0.05), *where)
    assert found.spike_s == pytest.approx([3.1, 5.1])
    assert found.max_shift.tolist() == [15, 15]
    assert found.reach == round(EPOCH_S / 2 * 100) + 2 * 15 + 1
    assert found.reasons == ["", ""]


def test_all_runs_reach_as_far_as_the_longest_spike_of_any_needs():
    found = spike_places(events([]), Config(max_shift_s=0.05), 100.0, 2000, NONE_BAD, 0.2)
    assert found.reach == round(EPOCH_S / 2 * 100) + 2 * 15 + 1 and found.reasons == []


def test_spikes_outside_or_at_the_edge_are_not_used():
    reach_s = (round(EPOCH_S / 2 * 100) + 2 * 5 + 1) / 100
    out, edge = "outside the recording", "too close to the recording's edge"
    for time_s, reason in (
        (-0.01, out),
        (0.0, edge),
        (reach_s - 0.01, edge),
        (reach_s, ""),
        (20 - reach_s, ""),
        (20.01 - reach_s, edge),
        (20.0, edge),
        (20.01, out),
    ):
        assert reasons([time_s]) == [reason]


def test_of_two_marks_within_fifty_milliseconds_the_second_is_a_duplicate():
    assert reasons([5.0, 5.04, 5.1, 6.0, 6.06]) == ["", DUPLICATE, "", "", ""]


def test_a_spike_whose_epoch_meets_a_bad_stretch_is_not_used():
    bad_s = np.array([[8.0, 9.0]])
    half_s = EPOCH_S / 2
    bad = "in a bad stretch"
    early = [8 - half_s - 0.01, 8.5, 9 + half_s - 0.01]
    assert reasons(early, bad_s) == ["", bad, bad]
    late = [8 - half_s + 0.01, 9 + half_s + 0.01]
    assert reasons(late, bad_s) == [bad, ""]


def test_windows_keep_half_a_second_from_spikes():
    starts = spike_free_starts(events([2.0], 0.1), 100.0, 500, np.array([[0.0, 0.4]]), 9)
    assert starts.tolist() == [40, 260, 360]


def test_what_usable_spikes_do_is_told_with_the_reasons_of_the_others():
    assert in_clean_parts(["", ""]) == "lie in clean parts of the recording"
    told = in_clean_parts(["a", "", "b", "b"])
    assert told == "lie in clean parts of the recording (2 b, 1 a)"


def recording(first_samp=0, dated=False):
    info = mne.create_info(1, 100.0, "mag")
    raw = mne.io.RawArray(np.zeros((1, 1000)), info, first_samp=first_samp, verbose="error")
    orig_time = None
    if dated:
        raw.set_meas_date(1e9)
        orig_time = raw.info["meas_date"]
    notes = [(3.0, 1.0, "BAD_jump"), (4.0, 0.0, "bad"), (5.0, 1.0, "spike")]
    onset, duration, description = zip(*notes, strict=True)
    return raw.set_annotations(mne.Annotations(onset, duration, description, orig_time))


@pytest.mark.parametrize(("dated", "start_s"), [(False, 3.0), (True, 1.0)])
def test_stretches_count_from_the_first_sample(dated, start_s):
    found = marked_stretches(recording(200, dated), events([], bad_s=np.array([[6.0, 7.0]])))
    assert found == [
        (6.0, 7.0, "marked in events.tsv"),
        (pytest.approx(start_s), pytest.approx(start_s + 1), "marked in the recording"),
    ]
    assert spans(found) == pytest.approx(np.array([[6, 7], [start_s, start_s + 1]]))
    assert len(marked_stretches(recording(), None)) == 1
    assert spans([]).shape == (0, 2)


def test_a_mark_within_the_length_of_an_earlier_one_is_no_duplicate_of_its_middle():
    """By onset the first comes first, by its middle second: 250 ms lie between the two middles."""
    table = events([30.0, 30.2, 31.0])
    table.duration_s[:] = [0.9, 0.0, 0.0]
    placed = spike_places(table, Config(), 250.0, 250 * 60, NONE_BAD, 0.9)
    assert placed.spike_s.tolist() == [30.45, 30.2, 31.0]
    assert placed.reasons == ["", "", ""]
    table.duration_s[:] = [0.44, 0.0, 0.0]  # middles 20 ms apart
    assert spike_places(table, Config(), 250.0, 250 * 60, NONE_BAD, 0.9).reasons[1] == DUPLICATE
