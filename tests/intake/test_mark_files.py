"""Marks of other programs: each format ends at the same three moments, wherever its times begin."""

import re
import shutil
from datetime import timedelta
from pathlib import Path

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info

from bids_app.cli import main
from bids_app.dataset.marks import events_of
from bids_app.exit_codes import ExitCode
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.mark_files import MARK_FORMATS
from pipeline.mark_files._format import Reading
from pipeline.mark_files._reading import read_marks
from pipeline.readers import open_raw
from pipeline.spikes.choice import Annotated, Choice
from pipeline.spikes.config import SPIKE_NAMES
from pipeline.spikes.events import read_events
from pipeline.spikes.imported import join_marks

SFREQ, FIRST_SAMP, N_TIMES = 250.0, 5000, 15_000
SPIKES_S = np.array([10.0, 20.5, 31.252])
SAMPLES = np.round(SPIKES_S * SFREQ).astype(int) + FIRST_SAMP
VENDORS = Path(__file__).parents[2] / "../shared/data/vendors"
NAMES = (*SPIKE_NAMES, "7")
EVENTS = np.column_stack([SAMPLES, np.zeros(3, int), np.full(3, 7)])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A recording of a minute whose first stored sample is 20 s behind the acquisition's begin."""
    root = tmp_path_factory.mktemp("marks") / "bids"
    meg = root / "sub-01/meg/sub-01_task-rest_run-01_meg.fif"
    meg.parent.mkdir(parents=True)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    canonical = read_meg_canonical_info("neuromag")
    info = mne.pick_info(canonical, np.arange(40))
    with info._unlock():
        info["sfreq"] = SFREQ
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    data = np.random.default_rng(0).normal(size=(40, N_TIMES)) * 1e-13
    raw = mne.io.RawArray(data, info, first_samp=FIRST_SAMP, verbose="error")
    trigger = np.zeros((1, N_TIMES))
    trigger[0, SAMPLES - FIRST_SAMP] = 7
    stim = mne.create_info(["STI 014"], SFREQ, "stim")
    stim = mne.io.RawArray(trigger, stim, first_samp=FIRST_SAMP, verbose="error")
    raw.add_channels([stim], force_update_info=True)
    raw.set_meas_date(1_600_000_000)
    raw.save(meg, verbose="error")
    return root


@pytest.fixture
def recording(dataset):
    path = dataset / "sub-01/meg/sub-01_task-rest_run-01_meg.fif"
    return path, open_raw(path)


def read(path, recording, **said):
    form = said.pop("form", None)
    marks = read_marks(path, recording[1], recording[0], Reading(**said), form)
    return join_marks([(path, marks)], recording[1], NAMES)


def write_annotations(path, recording, orig_time="own"):
    measured = recording[1].info["meas_date"]
    skipped = 0.0 if orig_time is None else FIRST_SAMP / SFREQ
    origin = measured if orig_time == "own" else orig_time
    mne.Annotations(SPIKES_S + skipped, 0, "IED", origin).save(path)


def write_eeg(path, seconds=60.0):
    eeg = mne.io.RawArray(np.zeros((1, int(seconds * 200))), mne.create_info(["Cz"], 200.0, "eeg"))
    eeg.set_meas_date(1_500_000_000)
    eeg.set_annotations(mne.Annotations(SPIKES_S, 0, "sharp wave"))
    mne.export.export_raw(path, eeg, "brainvision", overwrite=True, verbose="error")


def write_edf(path, seconds=60):
    """EDF+ with one channel of a sample a second, and the marks."""

    def cells(*widths_and_texts):
        return b"".join(str(text).ljust(width).encode() for width, text in widths_and_texts)

    n_bytes = 120
    header = cells(
        *[(8, "0"), (80, "X X X X"), (80, "Startdate X X X X"), (8, "01.01.20"), (8, "10.00.00")],
        *[(8, 768), (44, "EDF+C"), (8, seconds), (8, 1), (4, 2)],
        *[(16, "Cz"), (16, "EDF Annotations"), (80, ""), (80, ""), (8, "uV"), (8, "")],
        *[(8, -100), (8, -1), (8, 100), (8, 1), (8, -32768), (8, -32768), (8, 32767), (8, 32767)],
        *[(80, ""), (80, ""), (8, 1), (8, n_bytes // 2), (32, ""), (32, "")],
    )
    records = []
    for second in range(seconds):
        tal = f"+{second}\x14\x14\x00"
        tal += "".join(f"+{t:g}\x14Spike\x14\x00" for t in SPIKES_S if int(t) == second)
        records.append(b"\0\0" + tal.encode().ljust(n_bytes, b"\0"))
    path.write_bytes(header + b"".join(records))


def fif_annotations(folder, recording):
    write_annotations(folder / "a-annot.fif", recording)
    return folder / "a-annot.fif", {}


def fif_events(folder, recording):
    mne.write_events(folder / "a-eve.fif", EVENTS)
    return folder / "a-eve.fif", {}


def event_text(folder, recording):
    mne.write_events(folder / "a.eve", EVENTS)
    return folder / "a.eve", {}


def old_event_text(folder, recording):
    rows = [f"{FIRST_SAMP} {FIRST_SAMP / SFREQ} 0 0", *(f"{s} {s / SFREQ} 0 7" for s in SAMPLES)]
    (folder / "old.eve").write_text("\n".join(rows))
    return folder / "old.eve", {}


def event_text_from_first_sample(folder, recording):
    rows = ["0 0 0", *(f"{s - FIRST_SAMP} 0 7" for s in SAMPLES)]
    (folder / "b.lst").write_text("\n".join(rows))
    return folder / "b.lst", {}


def besa(folder, recording):
    rows = [f"{t * 1e6:.0f}\t3\t0\tIED left" for t in SPIKES_S]
    stamp = "0\t41\t2020-09-13T12:26:40.000"
    (folder / "a.evt").write_text("\n".join(["Tmu\tCode\tTriNo\tComnt", stamp, *rows]))
    return folder / "a.evt", {}


def edf(folder, recording):
    write_edf(folder / "a.edf")
    return folder / "a.edf", {}


def brainvision(folder, recording):
    write_eeg(folder / "a.vhdr")
    return folder / "a.vmrk", {}


def csv_with_commas(folder, recording):
    rows = [f"IED;{t:.3f}".replace(".", ",") for t in SPIKES_S]
    (folder / "a.csv").write_text("\n".join(["Kind;Zeit", *rows, "blink;3,5"]))
    return folder / "a.csv", {"columns": {"onset": "Zeit", "name": "1"}}


def triggers(folder, recording):
    return recording[0], {}


WRITERS = (
    *(fif_annotations, fif_events, event_text, old_event_text, event_text_from_first_sample, besa),
    *(edf, brainvision, csv_with_commas, triggers),
)


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


@pytest.mark.parametrize("write", [write_eeg, write_edf])
def test_eeg_of_another_length_is_of_another_recording(write, recording, tmp_path):
    file = tmp_path / ("a.vhdr" if write is write_eeg else "a.edf")
    write(file, 75)
    with pytest.raises(InvalidInput, match=r"another recording: .* 75\.0 s and the MEG 60\.0 s"):
        read(file, recording)


def test_codes_that_are_no_spikes_are_listed(recording, tmp_path):
    mne.write_events(tmp_path / "a-eve.fif", EVENTS)
    marks = read_marks(tmp_path / "a-eve.fif", recording[1], recording[0], Reading())
    with pytest.raises(InvalidInput, match=r"none of 3 marks .* its codes are 7"):
        join_marks([(tmp_path / "a-eve.fif", marks)], recording[1], SPIKE_NAMES)


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
        pytest.skip("../shared/data/vendors is not there")
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
        pytest.skip("../shared/data/vendors is not there")
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
    (doubt,) = Choice([run], [], "", []).doubts
    assert doubt.grave and doubt.text.startswith("No person has reviewed 1 of the 2 marks")
