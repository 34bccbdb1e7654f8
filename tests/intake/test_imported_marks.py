"""Marks of several files become one table: which recording they are of, which of them are spikes."""

from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest
from marked_recording import (
    EVENTS,
    MEG,
    N_TIMES,
    NAMES,
    SAMPLES,
    SPIKES_S,
    fif_events,
    read,
    write_marked_dataset,
)

from bids_app.cli import main
from bids_app.dataset.marks import events_of
from bids_app.exit_codes import ExitCode
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.mark_files._format import Reading
from pipeline.mark_files._reading import read_marks
from pipeline.readers import open_raw
from pipeline.spikes.choice import MOST_FALSE_PER_MINUTE, Annotated, Choice
from pipeline.spikes.config import SPIKE_NAMES
from pipeline.spikes.events import VERTEX_LIKE, read_events
from pipeline.spikes.imported import join_marks


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_marked_dataset(tmp_path_factory.mktemp("marks") / "bids")


@pytest.fixture
def recording(dataset):
    return dataset / MEG, open_raw(dataset / MEG)


def test_samples_that_may_begin_at_either_are_refused_until_it_is_said(recording, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("\n".join(map(str, SAMPLES)))
    said = {"columns": {"onset": "1"}, "unit": "samples"}
    with pytest.raises(InvalidInput, match=r"does not tell whether .* acquisition, 20 s before"):
        read(file, recording, **said)
    told = read(file, recording, count_from="acquisition", **said)
    np.testing.assert_allclose(told.table["onset"], SPIKES_S)
    file.write_text("\n".join(map(str, [*SAMPLES, N_TIMES + 100])))
    found = read(file, recording, **said)
    np.testing.assert_allclose(found.table["onset"][:3], SPIKES_S)
    assert "counted from the acquisition's begin" in found.notes[0]


def test_marks_beyond_the_end_are_refused_or_left_out(recording, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("onset\n10\n20\n90.5\n")
    sentence = r"1 of 3 marks lie .* lasts 60\.0 s \(the last mark: 90\.5 s\)"
    with pytest.raises(InvalidInput, match=sentence) as refused:
        read(file, recording)
    assert "--drop-outside" in refused.value.hint
    marks = read_marks(file, recording[1], recording[0], Reading())
    kept = join_marks([(file, marks)], recording[1], NAMES, drop_outside=True)
    assert kept.table["onset"].tolist() == [10, 20] and "left out" in kept.notes[-1]


def test_all_marks_beyond_the_end_tell_why(recording, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("onset\n90\n95\n")
    with pytest.raises(InvalidInput) as refused:
        read(file, recording)
    assert "another one" in refused.value.hint
    file.write_text("onset\n61\n75\n")  # 41 and 55 s behind the first sample
    with pytest.raises(InvalidInput) as refused:
        read(file, recording)
    assert "began 20 s before" in refused.value.hint


def test_two_files_that_disagree_are_refused_and_by_how_much(recording, tmp_path):
    eve, _ = fif_events(tmp_path, recording)
    late = tmp_path / "b.csv"
    late.write_text("\n".join(["onset", *map(str, SPIKES_S + 0.5)]))
    files = [
        (path, read_marks(path, recording[1], recording[0], Reading())) for path in (eve, late)
    ]
    with pytest.raises(InvalidInput, match=r"disagree: 6 of 3 and 3 .* all by \+0\.50 s"):
        join_marks(files, recording[1], NAMES)
    late.write_text("\n".join(["onset", *map(str, SPIKES_S + 0.01)]))
    files[1] = (late, read_marks(late, recording[1], recording[0], Reading()))
    assert join_marks(files, recording[1], NAMES).n_spikes == 3
    late.write_text("onset\tname\n5\tsharp wave\n")  # another kind completes the first
    files[1] = (late, read_marks(late, recording[1], recording[0], Reading()))
    joined = join_marks(files, recording[1], NAMES).table
    assert joined["trial_type"].tolist() == ["sharp_wave", "spike", "spike", "spike"]


def test_codes_that_are_no_spikes_are_listed(recording, tmp_path):
    mne.write_events(tmp_path / "a-eve.fif", EVENTS)
    marks = read_marks(tmp_path / "a-eve.fif", recording[1], recording[0], Reading())
    with pytest.raises(InvalidInput, match=r"none of 3 marks .* its codes are 7"):
        join_marks([(tmp_path / "a-eve.fif", marks)], recording[1], SPIKE_NAMES)


def test_the_command_writes_a_derivative_and_leaves_the_dataset_alone(dataset, tmp_path, capsys):
    before = sorted(dataset.rglob("*"))
    mne.write_events(tmp_path / "a-eve.fif", EVENTS)
    recording = "sub-01/meg/sub-01_task-rest_run-01_meg.fif"
    words = ["import-marks", str(dataset), str(tmp_path / "out"), recording]
    words += [str(tmp_path / "a-eve.fif"), "--spike", "7"]
    assert main(words) == ExitCode.DONE, capsys.readouterr().err
    assert main(words) == ExitCode.DONE  # the same once more changes nothing
    table = events_of(dataset / recording, dataset, tmp_path / "out")
    assert table == tmp_path / "out/sub-01/meg/sub-01_task-rest_run-01_events.tsv"
    np.testing.assert_allclose(read_events(table, SPIKE_NAMES).onset_s, SPIKES_S)
    described = read_json(table.with_suffix(".json"))
    assert described["trial_type"]["HED"] == {"spike": "sc:Spike-morphology"}
    assert read_json(tmp_path / "out/dataset_description.json")["DatasetType"] == "derivative"
    assert sorted(dataset.rglob("*")) == before
    table.write_text(table.read_text().replace("10", "11"))  # a reviewer's work is kept
    assert main(words) == ExitCode.MISSING_RESOURCE
    assert "reviewed" in capsys.readouterr().err
    assert main(["import-marks", str(dataset), str(dataset), recording]) == ExitCode.USAGE
    assert "dataset itself" in capsys.readouterr().err


def test_rejected_marks_are_no_spikes_and_unreviewed_ones_are_counted(tmp_path):
    file = tmp_path / "a_events.tsv"
    rows = ["1\tspike\taccepted", "2\tspike\tRejected", "3\tspike\tunreviewed"]
    file.write_text("\n".join(["onset\ttrial_type\treview", *rows]))
    events = read_events(file, SPIKE_NAMES)
    assert events.onset_s.tolist() == [1, 3] and events.n_unreviewed == 1
    assert "1 marks of a_events.tsv were rejected" in events.notes[0]
    run = Annotated(Path("a_meg.fif"), file, events, None, None)
    (doubt,) = Choice([run], [], []).doubts
    assert doubt.grave and doubt.text.startswith("No person has reviewed 1 of the 2 marks")


@pytest.mark.parametrize(("n_apart", "is_told"), [(1, False), (2, True)])
def test_many_transients_that_were_set_apart_are_told(n_apart, is_told, tmp_path):
    """Two spikes that a person accepted; what a person has looked at is not set apart any more."""
    file = tmp_path / "a_events.tsv"
    rows = [f"{at}\tspike\taccepted" for at in (1, 2)]
    rows += [f"{10 + at}\t{VERTEX_LIKE}\tunreviewed" for at in range(n_apart)]
    rows += ["30\tvertex-like transient\trejected"]
    file.write_text("\n".join(["onset\ttrial_type\treview", *rows]))
    events = read_events(file, SPIKE_NAMES)
    assert (len(events.onset_s), events.n_set_apart) == (2, n_apart)
    doubts = Choice([Annotated(Path("a_meg.fif"), file, events, None, None)], [], []).doubts
    assert [each.grave for each in doubts] == [False] * is_told
    assert all(each.text.startswith(f"The detector set {n_apart} transients") for each in doubts)


def test_the_false_marks_told_are_the_most_that_were_measured():
    results = Path(__file__).parents[2] / "benchmarks/results"
    names = ("detection.csv", "detection_development.csv")
    tables = pd.concat([pd.read_csv(results / name) for name in names])
    assert tables["false_per_minute"].max() == MOST_FALSE_PER_MINUTE
