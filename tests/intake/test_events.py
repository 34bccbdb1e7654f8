"""Which rows are spikes, however a hospital's tables and sidecars say it."""

import json

import numpy as np
import pytest

from pipeline.errors import InvalidInput
from pipeline.spikes.config import SPIKE_NAMES
from pipeline.spikes.events import no_spikes, read_events
from pipeline.spikes.meanings import hed_names_spike, name_pattern, names_spike

HEADER = "onset\tduration\ttrial_type\n"


def table(tmp_path, text, *sidecars, encoding="utf-8"):
    file = tmp_path / "sub-01_events.tsv"
    file.write_bytes(text.encode(encoding))
    paths = []
    for number, content in enumerate(sidecars):
        paths.append(tmp_path / f"{number}_events.json")
        paths[-1].write_text(content if isinstance(content, str) else json.dumps(content))
    return read_events(file, SPIKE_NAMES, paths)


def test_decimal_commas_are_read_and_told(tmp_path):
    found = table(tmp_path, HEADER + "4,911\t0,02\tspike\n12\t0\tspike\n20,5\t2,5\tBAD_jump\n")
    assert found.onset_s.tolist() == [4.911, 12.0]
    assert found.duration_s.tolist() == [0.02, 0.0]
    assert found.bad_s.tolist() == [[20.5, 23.0]]
    assert any("decimal commas: '4,911' was read as 4.911" in note for note in found.notes)


def test_times_of_day_are_called_no_number(tmp_path):
    found = table(tmp_path, HEADER + "12:30:01\t0\tspike\n12:31:07\t0\tspike\n")
    assert len(found.onset_s) == 0
    with pytest.raises(InvalidInput) as raised:
        no_spikes([(tmp_path / "sub-01_events.tsv", found)])
    said = str(raised.value)
    assert "2 spikes have an onset that is no number, such as '12:30:01'" in said
    assert "seconds" in said and "--spike-name" not in said


def test_an_odd_onset_that_may_be_a_name_is_not_quoted(tmp_path):
    found = table(tmp_path, HEADER + "Mustermann\t0\tspike\n3.5\t0\tspike\n")
    assert found.onset_s.tolist() == [3.5] and found.n_without_onset == 1
    assert found.lost == "an onset that is no number, such as a text"


def test_missing_onsets_are_counted(tmp_path):
    found = table(tmp_path, HEADER + "n/a\t0\tspike\n3.5\t0\tspike\nn/a\t0\teyes\n")
    assert (found.n_without_onset, found.lost) == (1, "no onset")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_case_quotes_and_encodings(tmp_path, encoding):
    text = 'Onset\tDuration\tTrial_Type\n1.0\t0\t"spike\n2.0\t0\tgrößer\n3.0\t0\tspike"\n'
    found = table(tmp_path, text, encoding=encoding)
    assert found.onset_s.tolist() == [1.0, 3.0] and found.n_rows == 3
    assert any("Latin-1" in note for note in found.notes) == (encoding == "latin-1")


@pytest.mark.parametrize(
    "described",
    [
        {"trial_type": {"Levels": {"3": "interictal spike", "4": "blink"}}},
        {"trial_type": {"Levels": {"3": {"Description": "Interictal spike"}, "4": "blink"}}},
        {"Trial_Type": {"Levels": {"3.0": "IED"}}},
        {"trial_type": {"HED": {"3": "Event, (sc:Spike-morphology, Left)", "4": "Blink"}}},
        {"trial_type": {"HED": {"3": "Interictal-finding/Epileptiform-interictal-activity"}}},
        {"trial_type": {"HED": {"3": "sc:Epileptiform-activity"}}},
        {"code": {"HED": {"a": "Sharp-wave-morphology"}}},
    ],
)
def test_spikes_are_named_by_events_json(tmp_path, described):
    text = "onset\ttrial_type\tcode\n1.5\t3\ta\n2.5\t4\tb\n3.5\t3\ta\n4.5\tn/a\tn/a\n"
    found = table(tmp_path, text, described)
    assert found.onset_s.tolist() == [1.5, 3.5]
    assert sum("2 spikes of sub-01_events.tsv are named by events.json" in n for n in found.notes)


def test_sidecars_are_merged_the_specific_one_first(tmp_path):
    text = "onset\ttrial_type\n1.5\t3\n2.5\t4\n"
    by_program = {"trial_type": {"Description": "The type of the event"}}
    general = {"trial_type": {"Levels": {"3": "spike"}}}
    assert table(tmp_path, text, by_program, general).onset_s.tolist() == [1.5]
    other = {"trial_type": {"Levels": {"4": "spike"}}}
    assert table(tmp_path, text, other, general).onset_s.tolist() == [2.5]


@pytest.mark.parametrize(
    "content", ["[1, 2]", "{", '{"trial_type": []}', '{"trial_type": {"Levels": 7, "HED": [1]}}']
)
def test_an_odd_sidecar_stops_nobody(tmp_path, content):
    found = table(tmp_path, HEADER + "1.5\t0\tspike\n", content)
    assert found.onset_s.tolist() == [1.5]
    assert bool(found.notes) == (content in ("[1, 2]", "{"))


@pytest.mark.parametrize(
    ("unit", "factor"), [("s", 1), ("seconds", 1), ("ms", 1e-3), ("Milliseconds", 1e-3)]
)
def test_a_declared_unit_is_honoured(tmp_path, unit, factor):
    described = {"onset": {"Units": unit}, "duration": {"Units": unit}}
    found = table(tmp_path, HEADER + "1500\t40\tBAD\n2500\t0\tspike\n", described)
    assert found.onset_s == pytest.approx([2500 * factor])
    assert found.bad_s[0] == pytest.approx([1500 * factor, 1540 * factor])
    assert len(found.notes) == (2 if factor != 1 else 0)


@pytest.mark.parametrize("unit", ["samples", "datapoints", 5])
def test_a_unit_that_is_none_of_time_is_refused(tmp_path, unit):
    with pytest.raises(InvalidInput, match="no unit of time"):
        table(tmp_path, HEADER + "1500\t0\tspike\n", {"onset": {"Units": unit}})


@pytest.mark.parametrize(
    "text",
    ["no spikes", "No interictal spike", "without clear spikes", "non-epileptiform", "spike-free"],
)
def test_a_denied_spike_is_none(text):
    assert not names_spike(text, name_pattern(SPIKE_NAMES))


@pytest.mark.parametrize("text", ["non-REM spike", "spike no 3", "no. 3, spike", "spike_left"])
def test_other_words_deny_nothing(text):
    assert names_spike(text, name_pattern(SPIKE_NAMES))


@pytest.mark.parametrize(
    ("hed", "is_spike"),
    [
        ("Spike", True),
        ("sc:Spike-and-slow-wave-morphology", True),
        ("(Def/Spike, Onset)", True),
        ("(Def/Spike, Offset)", False),
        ("Wicket-spikes-pattern", False),
        ("Physiologic-pattern/Small-sharp-spikes-pattern", False),
        ("Description/A spike was seen before", False),
        ("Sensory-event, Blink", False),
    ],
)
def test_tags_of_hed(hed, is_spike):
    assert hed_names_spike(hed, name_pattern(SPIKE_NAMES)) == is_spike


def test_a_tag_for_a_whole_column_holds_where_the_column_has_a_value(tmp_path):
    text = "onset\tmark\n1.5\t7\n2.5\tn/a\n"
    assert table(tmp_path, text, {"mark": {"HED": "Spike, Label/#"}}).onset_s.tolist() == [1.5]


def test_stretches_are_named_by_levels_too(tmp_path):
    text = "onset\tduration\tvalue\n1.0\t2.0\t9\n5.0\t0\t1\n"
    found = table(tmp_path, text, {"value": {"Levels": {"9": "Bad segment", "1": "spike"}}})
    assert np.array_equal(found.bad_s, [[1.0, 3.0]]) and found.onset_s.tolist() == [5.0]


@pytest.mark.parametrize(
    "text",
    [
        "spike artifact",
        "artefact: spike",
        "Artefact spike",
        "spikes: none",
        "spike (no)",
        "spike: false",
        "spike rejected",
        "ECG spike",
        "muscle spikes",
        "wicket spike",
        "benign small sharp spike",
        "spike_end",
        "IED offset",
        "end of spike",
    ],
)
def test_what_holds_the_word_and_is_no_spike_is_told_and_not_used(tmp_path, text):
    found = table(tmp_path, HEADER + f"1.0\t0\t{text}\n2.0\t0\tspike\n")
    assert found.onset_s.tolist() == [2.0]
    assert any("1 rows of sub-01_events.tsv hold a spike's name" in note for note in found.notes)


@pytest.mark.parametrize(
    "text",
    [
        "artifact-free spike",
        "spike (artefact-free)",
        "muscle-free spike",
        "spike, no artifact",
        "spike no. 3",
        "spike 3, no seizure",
        "spike onset",
        "spike, offline reading",
    ],
)
def test_what_only_looks_denied_is_a_spike(tmp_path, text):
    found = table(tmp_path, HEADER + f"1.0\t0\t{text}\n")
    assert found.onset_s.tolist() == [1.0] and found.notes == ()


def test_begin_and_end_of_a_spike_are_one(tmp_path):
    rows = "".join(f"{k}.0\t0\tspike_start\n{k}.09\t0\tspike_end\n" for k in range(1, 8))
    assert table(tmp_path, HEADER + rows).onset_s.tolist() == [1, 2, 3, 4, 5, 6, 7]


def test_a_column_that_denies_is_believed_before_one_that_names(tmp_path):
    text = "onset\tduration\ttrial_type\tvalue\n1.0\t0\tno spike\tspike\n2.0\t0\tIED\tspike\n"
    assert table(tmp_path, text).onset_s.tolist() == [2.0]


def test_bad_stretches_without_a_length_are_told(tmp_path):
    text = HEADER + "1\tn/a\tbad_segment\nn/a\t3\tBAD\n5\t0\tbad\n7\t2\tbad\n3\t0\tspike\n"
    found = table(tmp_path, text)
    assert found.bad_s.tolist() == [[7.0, 9.0]]
    assert any(note.startswith("3 bad stretches of sub-01_events.tsv") for note in found.notes)
