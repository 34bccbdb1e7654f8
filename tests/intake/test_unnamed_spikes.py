"""Tables of marks that are not understood: never "no spikes", and never at another moment unsaid."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InvalidInput
from pipeline.spikes.choice import Annotated, _without_spikes
from pipeline.spikes.config import SPIKE_NAMES
from pipeline.spikes.events import no_spikes, read_events
from pipeline.spikes.meanings import seconds_per_unit
from pipeline.spikes.moments import unlike_samples

HEADER = "onset\tduration\ttrial_type\n"


def read(folder, text):
    file = folder / "sub-01_events.tsv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_events(file, SPIKE_NAMES)


def annotated(events):
    return Annotated(Path("sub-01_run-2_meg.fif"), Path("sub-01_events.tsv"), events, None, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("onset\tduration\ttype\n1\t0\tspike\n2\t0\tIED\n", r"2 rows hold .* not read \(type\)"),
        (HEADER.replace("\n", "\tcomment\n") + "1\t0\tn/a\tspike left\n", r"1 rows .* \(comment\)"),
        ("onset\tduration\n1\t0\n2\t0\n", "2 rows have no name, so that they may be spikes"),
        (HEADER + "1\t0\t\n2\t0\tn/a\n", "2 rows have no name"),
    ],
)
def test_rows_that_are_not_understood_are_not_no_spikes(tmp_path, text, told):
    found = read(tmp_path, text)
    with pytest.raises(InvalidInput, match=told) as raised:
        no_spikes([(tmp_path / "sub-01_events.tsv", found)])
    assert "trial_type" in str(raised.value)
    # Beside a run with spikes it is left out for what it is.
    warnings: list[str] = []
    assert _without_spikes(annotated(found), warnings).reason.startswith("of its events")
    assert len(warnings) == 1 and "sub-01_run-2_meg.fif was left out" in warnings[0]


@pytest.mark.parametrize("text", [HEADER, HEADER + "1\t5\tBAD_jump\n", HEADER + "n/a\tn/a\tn/a\n"])
def test_a_table_that_marks_nothing_says_so(tmp_path, text):
    assert "hold no spike" in no_spikes([(tmp_path / "a", read(tmp_path, text))])


def test_a_run_whose_spikes_have_no_usable_onset_is_not_called_one_without(tmp_path):
    warnings: list[str] = []
    found = read(tmp_path, HEADER + "00:00:04\t0\tspike\n")
    reason = _without_spikes(annotated(found), warnings).reason
    assert "1 spikes have an onset that is no number, such as '00:00:04'" in reason and warnings
    warnings.clear()
    blinks = read(tmp_path, HEADER + "4\t0\tblink\n")
    assert _without_spikes(annotated(blinks), warnings).reason == "no spikes annotated"
    assert warnings == []


def test_a_name_in_another_column_beside_named_spikes_is_told(tmp_path):
    text = "onset\ttrial_type\tdescription\n1\tspike\tspike left\n2\tn/a\tspike right\n3\tn/a\tno spike\n"
    found = read(tmp_path, text)
    assert found.onset_s.tolist() == [1.0]
    assert found.notes == (
        "sub-01_events.tsv: 1 rows hold a spike's name in a column that is not read (description).",
    )


def test_commas_that_part_thousands_are_no_decimal_ones(tmp_path):
    found = read(
        tmp_path, HEADER + "12\t0\tspike\n980\t0\tspike\n1,234\t0\tspike\n2,345\t0\tspike\n"
    )
    assert found.onset_s.tolist() == [12.0, 980.0]
    assert (
        found.lost == "an onset that is no number, such as '1,234'" and found.n_without_onset == 2
    )
    # In order as decimals, that is what they are.
    found = read(tmp_path, HEADER + "1,234\t0\tspike\n2,345\t0\tspike\n12\t0\tspike\n")
    assert found.onset_s.tolist() == [1.234, 2.345, 12.0]


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("[s]", 1), ("(ms)", 1e-3), ("time in seconds", 1), ("in ms", 1e-3), ("", 1)],
)
def test_a_unit_in_brackets_is_one(unit, seconds):
    assert seconds_per_unit("onset", {"Units": unit}, Path("events.json")) == seconds


def test_durations_that_no_spike_has_are_told(tmp_path):
    found = read(tmp_path, HEADER + "12\t70\tspike\n13\t-2\tspike\n14\t0.07\tspike\n")
    assert found.duration_s.tolist() == [0, 0, 0.07]
    assert len(found.notes) == 1 and "2 spikes of" in found.notes[0]


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16"])
def test_a_table_in_wider_characters_is_read(tmp_path, encoding):
    found = read(tmp_path, (HEADER + "1.5\t0\tspike\n").encode(encoding))
    assert found.onset_s.tolist() == [1.5] and found.notes == ()


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (lambda onset_s: 250 * onset_s, False),
        (lambda onset_s: 250 * onset_s + 1, False),
        (lambda onset_s: 250 * (onset_s + 20), False),
        (lambda onset_s: 1000 * onset_s, True),
        (lambda onset_s: 250 * onset_s[::-1], True),
    ],
    ids=["as they are", "from 1", "from the acquisition", "another rate", "another recording"],
)
def test_onsets_and_samples_of_two_bases_of_time_are_told(tmp_path, sample, told):
    onset_s = np.array([3.0, 7.5, 11.2])
    rows = zip(onset_s, np.rint(sample(onset_s)), strict=True)
    text = "onset\tsample\ttrial_type\n" + "".join(f"{a:g}\t{b:g}\tspike\n" for a, b in rows)
    doubts = unlike_samples(annotated(read(tmp_path, text)), 250.0, 20.0)
    assert ["onset and sample" in doubt.text for doubt in doubts] == [True] * told
