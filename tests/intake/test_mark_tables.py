"""Tables and lists of marks as text, on a recording of two seconds: columns, units, origins."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.errors import InvalidInput
from pipeline.mark_files import MARK_FORMATS
from pipeline.mark_files._ctf import check_dataset, entries, trials_of
from pipeline.mark_files._format import (
    Reading,
    duration_of,
    first_time,
    from_first_sample,
    inside,
    of_another_recording,
)

# Two seconds, which began half a second after the acquisition.
RAW = SimpleNamespace(n_times=200, first_samp=50, info={"sfreq": 100.0})


def read(tmp_path, *rows, **said):
    (tmp_path / "a.csv").write_text("\n".join(rows))
    return MARK_FORMATS["table"].read(tmp_path / "a.csv", RAW, Reading(**said))


def test_a_recordings_length_and_begin_are_in_seconds():
    assert duration_of(RAW) == 2.0 and first_time(RAW) == 0.5


def test_marks_may_lie_50_ms_beyond_the_ends():
    times_s = np.array([-0.06, -0.05, 0, 2.0, 2.05, 2.06])
    assert inside(times_s, RAW).tolist() == [False, True, True, True, True, False]


@pytest.mark.parametrize(
    ("times_s", "origin", "expected", "told"),
    [
        ([0.6, 1.0], "first-sample", [0.6, 1.0], None),
        ([0.6, 1.0], "acquisition", [0.1, 0.5], None),
        # Half a second before, the first would lie before the recording; or the last behind it.
        ([0.1, 1.0], None, [0.1, 1.0], "the first stored sample"),
        ([0.6, 2.4], None, [0.1, 1.9], "the acquisition's begin"),
        ([0.1, 2.4], None, [0.1, 2.4], None),
        ([], None, [], None),
    ],
)
def test_times_begin_where_all_marks_lie_in_the_recording(
    times_s, origin, expected, told, tmp_path
):
    notes: list[str] = []
    found = from_first_sample(np.array(times_s), RAW, tmp_path / "a.eve", origin, notes)
    assert found == pytest.approx(expected)
    assert len(notes) == (told is not None) and (told is None or told in notes[0])


def test_times_that_may_begin_at_either_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"acquisition, 0\.5 s before"):
        from_first_sample(np.array([0.6, 1.0]), RAW, tmp_path / "a.eve", None, [])
    same = SimpleNamespace(n_times=200, first_samp=0, info={"sfreq": 100.0})
    assert from_first_sample(np.array([0.6]), same, tmp_path / "a.eve", None, []) == 0.6


@pytest.mark.parametrize(
    ("unit", "onset", "onset_s", "duration_s"),
    [
        ("s", "1.5", 1.5, 0.5),
        ("ms", "1500", 1.5, 0.0005),
        ("us", "1500000", 1.5, 5e-7),
        ("min", "0.025", 1.5, 30.0),
    ],
)
def test_a_table_is_in_the_unit_that_is_said(tmp_path, unit, onset, onset_s, duration_s):
    marks = read(tmp_path, "onset,duration,label", f"{onset},0.5,spike", unit=unit)
    assert marks.onset_s == pytest.approx(onset_s) and marks.name == ("spike",)
    assert marks.duration_s == pytest.approx(duration_s)


def test_samples_count_by_the_sampling_rate(tmp_path):
    marks = read(tmp_path, "onset", "30", "240", unit="samples", count_from="acquisition")
    assert marks.onset_s == pytest.approx([-0.2, 1.9])
    assert marks.duration_s.tolist() == [0, 0] and marks.name == ("", "")


def test_columns_are_taken_by_name_or_number_from_one(tmp_path):
    rows = "a;Onset;Name;b", "9;0.5;IED;7", "9;1.5;n/a;8"
    assert read(tmp_path, *rows).name == ("IED", "")
    by_number = read(tmp_path, *rows, columns={"onset": "2", "name": "4"})
    assert by_number.onset_s.tolist() == [0.5, 1.5] and by_number.name == ("7", "8")
    # Without a header the first row is a mark, too.
    bare = read(tmp_path, "0.5\tx", "1.5\ty", columns={"onset": "1", "name": "2"})
    assert bare.onset_s.tolist() == [0.5, 1.5] and bare.name == ("x", "y")
    for column in ("0", "5", "nothing"):
        with pytest.raises(InvalidInput, match="no column"):
            read(tmp_path, *rows, columns={"name": column})
    with pytest.raises(InvalidInput, match="no column 'onset'"):
        read(tmp_path, "x,y", "1,2")


def test_a_row_that_is_no_number_is_named(tmp_path):
    with pytest.raises(InvalidInput, match="2 of 3 onsets are no numbers, the first in row 2"):
        read(tmp_path, "onset", "1", "x", "y")


def a_list(*rows, stated=1, dataset="/data/one.ds"):
    counted = f"NAME:\nspike\nNUMBER OF SAMPLES:\n{len(rows)}\nLIST OF SAMPLES:\nTRIAL\tTIME\n"
    return "\n".join(
        [
            f"PATH OF DATASET:\n{dataset}\n\nNUMBER OF MARKERS:\n{stated}\n",
            counted + "\n".join(rows),
        ]
    )


def test_a_list_of_markers_holds_as_many_rows_as_it_states(tmp_path):
    file = tmp_path / "MarkerFile.mrk"
    file.write_text(a_list("+0\t0.5", "+1\t0.7"))
    assert entries(file, "MARKERS", "SAMPLES") == [("spike", [["+0", "0.5"], ["+1", "0.7"]])]
    twice = a_list("+0\t0.5", stated=2) + "\n" + a_list("+3\t0.1").split("\n", 6)[-1]
    file.write_text(twice)
    assert [rows for _, rows in entries(file, "MARKERS", "SAMPLES")] == [
        [["+0", "0.5"]],
        [["+3", "0.1"]],
    ]
    for broken in (a_list("+0\t0.5", stated=2), a_list("+0\t0.5", "")):
        file.write_text(broken)
        with pytest.raises(InvalidInput, match="ends early"):
            entries(file, "MARKERS", "SAMPLES")
    with pytest.raises(InvalidInput, match="no such list"):
        entries(tmp_path / "ClassFile.cls", "CLASSES", "TRIALS")


def test_a_list_may_name_its_folder_or_what_the_folders_lists_name(tmp_path):
    folder, file = tmp_path / "renamed.ds", tmp_path / "own.mrk"
    folder.mkdir()
    (folder / "MarkerFile.mrk").write_text(a_list(dataset="/data/one.ds"))
    for dataset in ("/elsewhere/one.ds", "/elsewhere/renamed.ds"):
        file.write_text(a_list(dataset=dataset))
        check_dataset(file, folder)
    file.write_text(a_list(dataset="/data/other.ds"))
    with pytest.raises(InvalidInput, match="another dataset"):
        check_dataset(file, folder)
    (folder / "MarkerFile.mrk").unlink()
    check_dataset(file, folder)


def test_lists_may_follow_each_other_without_a_line_between(tmp_path):
    file = tmp_path / "MarkerFile.mrk"
    one, other = a_list("+0\t0.5", stated=2), a_list("+3\t0.1").split("\n", 5)[-1].lstrip()
    file.write_text(f"{one}\n{other.replace('spike', 'other')}")
    assert [name for name, _ in entries(file, "MARKERS", "SAMPLES")] == ["spike", "other"]


@pytest.mark.parametrize("filenames", [(), (None,), ("/data/raw.fif",)])
def test_a_recording_of_another_maker_has_no_trials(filenames, tmp_path):
    with pytest.raises(InvalidInput, match="no CTF folder"):
        trials_of(SimpleNamespace(filenames=filenames), tmp_path / "own.mrk")


def test_trials_are_told_by_the_recordings_own_header(monkeypatch, tmp_path):
    header = {"no_trials": 3.0, "nsamp": 600, "sfreq": 300.0, "pre_trig_pts": 150}
    monkeypatch.setattr("pipeline.mark_files._ctf._read_res4", lambda folder: header)
    raw = SimpleNamespace(filenames=(tmp_path / "one.ds" / "one.meg4",))
    found = trials_of(raw, tmp_path / "own.mrk")
    assert (found.folder, found.n) == (tmp_path / "one.ds", 3)
    assert (found.length_s, found.zero_s) == (2.0, 0.5)


def test_the_remedy_of_marks_of_another_recording(tmp_path):
    usual = of_another_recording("why", tmp_path)
    assert usual.hint == "give the marks that were made in this recording"
    assert of_another_recording("why", tmp_path, "own remedy").hint == "own remedy"


@pytest.mark.parametrize(
    ("name", "is_table"),
    [
        ("a.csv", True),
        ("a.TSV", True),
        ("a.txt", True),
        ("a_eve.txt", False),
        ("a.eve", False),
        ("a.fif", False),
    ],
)
def test_tables_are_told_by_their_endings(tmp_path, name, is_table):
    assert MARK_FORMATS["table"].fits(tmp_path / name, b"", False) is is_table


def test_an_onset_that_is_missing_is_no_number(tmp_path):
    with pytest.raises(InvalidInput, match="1 of 2 onsets are no numbers, the first in row 2"):
        read(tmp_path, "onset,label", "1,a", "n/a,b")


def test_the_first_line_says_what_parts_the_columns(tmp_path):
    marks = read(tmp_path, "onset;label", "0,5;a,b,c", "1,5;d")
    assert marks.onset_s.tolist() == [0.5, 1.5] and marks.name == ("a,b,c", "d")


def test_the_first_column_has_the_number_one(tmp_path):
    marks = read(tmp_path, "begin,what", "0.5,IED", columns={"onset": "1", "name": "2"})
    assert marks.onset_s.tolist() == [0.5] and marks.name == ("IED",)
