"""Marks of other programs: each format ends at the same three moments, wherever its times begin."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

import mne
import numpy as np
import pytest
from marked_recording import (
    FIRST_SAMP,
    MEG,
    SAMPLES,
    SPIKES_S,
    WRITERS,
    besa,
    brainvision,
    csv_with_commas,
    fif_annotations,
    read,
    write_annotations,
    write_edf,
    write_eeg,
    write_marked_dataset,
)

from pipeline.errors import InvalidInput
from pipeline.mark_files import MARK_FORMATS
from pipeline.mark_files._format import Reading
from pipeline.mark_files._reading import read_marks
from pipeline.readers import open_raw

VENDORS = Path(__file__).parents[2] / "../shared/data/vendors"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return write_marked_dataset(tmp_path_factory.mktemp("marks") / "bids")


@pytest.fixture
def recording(dataset):
    return dataset / MEG, open_raw(dataset / MEG)


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_every_format_gives_the_same_moments(write, recording, tmp_path):
    path, said = write(tmp_path, recording)
    table = read(path, recording, **said).table
    # EEG at 200 Hz and times in milliseconds are a sample off at most.
    np.testing.assert_allclose(table["onset"], SPIKES_S, atol=0.0051)
    np.testing.assert_allclose(table["sample"], SAMPLES - FIRST_SAMP, atol=1)
    kind = "sharp_wave" if write is brainvision else "spike"
    kind = "interictal_discharge" if write in (fif_annotations, besa, csv_with_commas) else kind
    assert set(table["trial_type"]) == {kind}


def test_every_format_has_a_test():
    tested = "".join(write.__name__ for write in WRITERS)
    others = {"ctf_markers", "ctf_classes", "table"}
    assert [n for n in MARK_FORMATS if n not in tested.replace("besa", "besa_events")] == sorted(
        others
    )


def test_annotations_without_a_date_begin_where_all_lie_in_the_recording(recording, tmp_path):
    write_annotations(tmp_path / "a-annot.fif", recording, None)
    found = read(tmp_path / "a-annot.fif", recording)
    np.testing.assert_allclose(found.table["onset"], SPIKES_S)
    assert "counted from the first stored sample" in found.notes[0]


def test_a_date_that_was_made_anonymous_is_taken_for_the_same_day(recording, tmp_path):
    measured = recording[1].info["meas_date"]
    write_annotations(tmp_path / "a-annot.fif", recording, measured + timedelta(days=400))
    read_back = read(tmp_path / "a-annot.fif", recording)
    np.testing.assert_allclose(read_back.table["onset"], SPIKES_S)
    assert "400 days apart" in read_back.notes[0]
    write_annotations(tmp_path / "b-annot.fif", recording, measured - timedelta(hours=5))
    with pytest.raises(InvalidInput, match=r"another recording: .* 5\.0 h before"):
        read(tmp_path / "b-annot.fif", recording)


@pytest.mark.parametrize("write", [write_eeg, write_edf])
def test_eeg_of_another_length_is_of_another_recording(write, recording, tmp_path):
    file = tmp_path / ("a.vhdr" if write is write_eeg else "a.edf")
    write(file, 75)
    with pytest.raises(InvalidInput, match=r"another recording: .* 75\.0 s and the MEG 60\.0 s"):
        read(file, recording)


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"NUMBER OF MARKERS:\n3\n"])
@pytest.mark.parametrize(
    "name", ["a-eve.fif", "a.eve", "a.evt", "a.mrk", "a.edf", "a.csv", "a.doc"]
)
def test_damaged_files_are_named_in_a_sentence(name, content, recording, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path / name, recording)
    assert refused.value.file.name == name and refused.value.hint


def ctf(folder, markers="", classes=""):
    source = VENDORS / "ctf/testdata_ctf_short_discontinuous.ds"
    if not source.exists():
        pytest.skip("the makers' recordings are not beside this checkout")
    copy = shutil.copytree(source, folder / "testdata_ctf_short_discontinuous.ds")
    (copy / "MarkerFile.mrk").write_text(markers)
    if classes:
        text = (copy / "ClassFile.cls").read_text()
        (copy / "ClassFile.cls").write_text(
            re.sub(
                r"TRIALS:\n0\n(.*\n)TRIAL NUMBER\n",
                rf"TRIALS:\n1\n\1TRIAL NUMBER\n{classes}\n",
                text,
            )
        )
    return copy


def markers(*rows, dataset="/data/testdata_ctf_short_discontinuous.ds"):
    listed = "".join(f"{trial:+d}\t\t{time:+.6f}\n" for trial, time in rows)
    return (
        f"PATH OF DATASET:\n{dataset}\n\n\nNUMBER OF MARKERS:\n1\n\n\nCLASSGROUPID:\n3\nNAME:\nspike\n"
        f"COMMENT:\n\nNUMBER OF SAMPLES:\n{len(rows)}\nLIST OF SAMPLES:\nTRIAL NUMBER\t\tTIME FROM "
        f"SYNC POINT (in seconds)\n{listed}\n\n"
    )


def times(folder):
    """Length of a trial and where its time zero lies in it, s."""
    header = mne.io.ctf.res4._read_res4(folder)
    return header["nsamp"] / header["sfreq"], header["pre_trig_pts"] / header["sfreq"]


def test_ctf_markers_count_trials_and_their_time_zero(tmp_path):
    folder = ctf(tmp_path, markers((0, 0.0)))
    length, zero = times(folder)
    assert zero  # else the test could not fail
    (folder / "MarkerFile.mrk").write_text(markers((0, 0.25 - zero), (1, 0.5 - zero)))
    raw = open_raw(folder)
    found = read_marks(folder, raw, folder, Reading())
    np.testing.assert_allclose(found.onset_s, [0.25, length + 0.5], atol=1e-5)
    # mne reads the same from the folder.
    is_spike = raw.annotations.description == "spike"
    np.testing.assert_allclose(found.onset_s, raw.annotations.onset[is_spike], atol=1e-5)


def test_ctf_markers_of_another_recording(tmp_path):
    folder = ctf(tmp_path, markers())
    raw = open_raw(folder)
    other = tmp_path / "MarkerFile.mrk"
    other.write_text(markers((7, 0.25)))
    with pytest.raises(InvalidInput, match="another recording: they name the trial 8"):
        read_marks(other, raw, folder, Reading())
    other.write_text(markers((0, 0.25), dataset="/data/somebody_else.ds"))
    with pytest.raises(InvalidInput, match="another dataset"):
        read_marks(other, raw, folder, Reading())
    other.write_text(markers((0, 0.25), (1, 0.5))[:-18])
    with pytest.raises(InvalidInput, match="ends early"):
        read_marks(other, raw, folder, Reading())


def test_ctf_classes_hold_whole_trials(tmp_path):
    folder = ctf(tmp_path, markers(), "+1")
    found = read_marks(folder / "ClassFile.cls", open_raw(folder), folder, Reading())
    assert found.name == ("BAD",)
    np.testing.assert_allclose([found.onset_s[0], found.duration_s[0]], [times(folder)[0]] * 2)


@pytest.mark.parametrize("kind", ["kit", "bti"])
def test_triggers_of_kit_and_bti_count_from_the_first_sample(kind, recording):
    """mne cuts recordings at a later first sample, from which its events do not count."""
    if not VENDORS.exists():
        pytest.skip("the makers' recordings are not beside this checkout")
    if kind == "kit":
        raw = mne.io.read_raw_kit(VENDORS / "kit/MQKIT_125_2sec.con", preload=True, verbose="error")
    else:
        files = [VENDORS / f"bti/test_{each}_linux" for each in ("pdf", "config", "hs")]
        raw = mne.io.read_raw_bti(*files, preload=True, verbose="error")
    channel = raw.ch_names[mne.pick_types(raw.info, meg=False, stim=True)[0]]
    raw._data[raw.ch_names.index(channel)] = 0
    raw._data[raw.ch_names.index(channel), 200] = 7
    raw.crop(0.1)
    found = MARK_FORMATS["triggers"].read(recording[0], raw, Reading(channel=channel))
    assert raw.first_samp > 0 and found.name == ("7",)
    np.testing.assert_allclose(found.onset_s * raw.info["sfreq"], 200 - raw.first_samp)
