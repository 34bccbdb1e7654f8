"""Recordings in the makers' own formats, as mne-bids writes them into BIDS."""

import json
import shutil
from pathlib import Path

import mne
import mne_bids
import numpy as np
import pytest
from fake_anatomy import make_head, save_volume
from scipy.spatial import cKDTree

from bids_app.cli import main
from bids_app.exit_codes import ExitCode
from pipeline import headmodel
from pipeline.errors import InvalidInput
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.modality import MODALITIES, modality_of, not_imaged, put_aside
from pipeline.paths import PatientPaths
from pipeline.readers import READERS, companions, is_recording, open_raw
from pipeline.spikes.marks import channel_marks
from pipeline.spikes.recording import open_recording
from pipeline.spikes.runs import marked_stretches
from pipeline.warp import apply_affine

VENDORS = Path("../shared/data/vendors")
needs_recordings = pytest.mark.skipif(
    not VENDORS.is_dir(), reason="the makers' recordings are not beside this checkout"
)
KIT, BTI = VENDORS / "kit", VENDORS / "bti"
CTF = VENDORS / "ctf" / "testdata_ctf_short_discontinuous.ds"
CTF_HEADER_BYTES = 8


def _kit(recording, markers, points):
    """mne-bids keeps the files that a recording was opened with."""
    digitised = [str(KIT / f"{points}.{kind}") for kind in ("elp", "hsp")]
    return mne.io.read_raw_kit(KIT / recording, markers, *digitised, verbose="error")


SOURCES = {
    "ctf": lambda: mne.io.read_raw_ctf(CTF, verbose="error"),
    "kit160": lambda: _kit("MQKIT_125_2sec.con", str(KIT / "MQKIT_125.mrk"), "MQKIT_125"),
    "kit157": lambda: _kit("test.sqd", [str(KIT / "test_mrk.sqd")] * 2, "test"),
    "ricoh": lambda: mne.io.read_raw_kit(next(VENDORS.glob("ricoh/*.con")), verbose="error"),
    "bti": lambda: mne.io.read_raw_bti(
        BTI / "test_pdf_linux", BTI / "test_config_linux", str(BTI / "test_hs_linux")
    ),
}
# Head points, and between which distances (mm) the sensors lie from the nearest digitised point.
PLACED = {
    "kit160": (2340, 10, 75),
    "kit157": (500, 20, 180),
    "ricoh": (57, 20, 110),
    "bti": (3560, 10, 60),
    "ctf": (8, 4, 180),
}


def in_bids(root: Path, vendor: str, run: str | None = "01") -> Path:
    """The recording as mne-bids writes it."""
    with mne.use_log_level("error"):
        raw = SOURCES[vendor]()
        raw.info["line_freq"] = 50
        path = mne_bids.BIDSPath(root=root, subject="01", task="rest", run=run, datatype="meg")
        mne_bids.write_raw_bids(raw, path, verbose="error")
    (found,) = [each for each in (root / "sub-01" / "meg").iterdir() if is_recording(each)]
    return found


@needs_recordings
def test_electrodes_beside_a_helmet_are_counted_and_not_imaged():
    for vendor, beside in (("ctf", {"EEG": 8}), ("ricoh", {})):
        info = SOURCES[vendor]().info
        put_aside(info, MODALITIES["meg"])
        assert modality_of(info).label == "MEG" and not_imaged(info) == beside


@needs_recordings
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("vendor", PLACED)
@pytest.mark.parametrize("run", ["01", None])
def test_recording_is_read_and_placed_as_by_the_makers_own_files(tmp_path, vendor, run):
    path = in_bids(tmp_path, vendor, run)
    raw, source = open_raw(path), SOURCES[vendor]()
    assert raw.ch_names == source.ch_names
    assert np.allclose(raw.get_data(stop=50), source.get_data(stop=50))
    assert np.allclose(raw.info["dev_head_t"]["trans"], source.info["dev_head_t"]["trans"])
    landmarks, head_points = digitised_points_head_m(raw.info, path)
    n_points, nearest_mm, furthest_mm = PLACED[vendor]
    assert len(head_points) == n_points
    picks = mne.pick_types(raw.info, meg=True, ref_meg=False)
    device_m = np.array([raw.info["chs"][pick]["loc"][:3] for pick in picks])
    head_m = mne.transforms.apply_trans(raw.info["dev_head_t"], device_m)
    digitised = np.vstack([head_points, *(place[None] for place in landmarks.values())])
    distance_mm = 1000 * cKDTree(digitised).query(head_m)[0]
    assert nearest_mm < distance_mm.min() and distance_mm.max() < furthest_mm
    with pytest.raises(InvalidInput, match="the recording lasts"):
        open_recording(path)


@pytest.fixture(scope="module")
def t1w(tmp_path_factory):
    head = make_head()
    folder = tmp_path_factory.mktemp("anat")
    save_volume(head.t1w, folder / "sub-01_T1w.nii.gz")
    voxel = {
        name: apply_affine(np.linalg.inv(head.t1w.affine), pos_mm[None])[0].tolist()
        for name, pos_mm in head.landmarks_mri_mm.items()
    }
    described = {"AnatomicalLandmarkCoordinates": voxel}
    (folder / "sub-01_T1w.json").write_text(json.dumps(described))
    return folder


@needs_recordings
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("vendor", PLACED)
def test_preflight_refuses_a_short_recording_for_nothing_but_that(tmp_path, t1w, capsys, vendor):
    recording = in_bids(tmp_path / "bids", vendor)
    shutil.copytree(t1w, tmp_path / "bids" / "sub-01" / "anat")
    stem = recording.name.split("_meg")[0]
    events = "onset\tduration\ttrial_type\n" + "0.1\t0\tspike\n" * 6
    (recording.parent / f"{stem}_events.tsv").write_text(events)
    folders = [str(tmp_path / "bids"), str(tmp_path / "output"), "participant"]
    code = main([*folders, "--skip-bids-validation", "--preflight", "--json"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    wrong = [
        one["detail"]
        for one in findings
        if one["subject"] == "sub-01" and one["state"] not in ("ok", "note")
    ]
    assert code == ExitCode.ALL_FAILED
    assert wrong and all("the recording lasts" in each for each in wrong), wrong


@needs_recordings
def test_bti_names_of_the_acquisition_find_their_channels(tmp_path):
    """Other programs write A1 where mne writes MEG 001."""
    path = in_bids(tmp_path, "bti")
    raw, table, notes = open_raw(path), tmp_path / "channels.tsv", []
    rows = ["A17\tMEGMAG\tbad", "A248\tMEGMAG\tgood", "MLzA\tMEGREFMAG\tbad", "X9\tMISC\tbad"]
    table.write_text("\n".join(["name\ttype\tstatus", *rows]) + "\n")
    assert list(channel_marks(raw, path, table, notes)) == ["MEG 017", "RFM 001"]
    (note,) = notes
    assert "1 of 4 names" in note and "'X9'" in note
    (found,) = path.parent.glob("*_channels.tsv")
    assert channel_marks(raw, path, found, notes) == {} and len(notes) == 1


@needs_recordings
def test_kit_without_a_head_shape_is_placed_by_landmarks_and_coils(tmp_path):
    path = in_bids(tmp_path, "kit157")
    whole = open_raw(path).info["dev_head_t"]["trans"]
    next(path.parent.glob("*acq-HSP_headshape.*")).unlink()
    raw = open_raw(path)
    assert np.array_equal(raw.info["dev_head_t"]["trans"], whole)
    landmarks, head_points = digitised_points_head_m(raw.info, path)
    assert len(head_points) == 0 and landmarks["lpa"][0] < -0.05 and landmarks["nasion"][1] > 0.07


@needs_recordings
def test_kit_empty_room_needs_no_markers_but_a_patient_does(tmp_path):
    path = in_bids(tmp_path, "kit160")
    room = shutil.copy(path, path.with_name("sub-01_task-noise_meg.con"))
    raw = open_raw(room)
    assert raw.info["dev_head_t"] is None and len(raw.ch_names) == len(open_raw(path).ch_names)
    for markers in path.parent.glob("*_markers.*"):
        markers.unlink()
    with pytest.raises(InvalidInput, match="lacks its markers"):
        open_recording(path)


def touch(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).touch()
    return [folder / name for name in names]


@pytest.mark.parametrize(
    ("markers", "used"),
    [
        (
            [
                "sub-01_task-rest_acq-run01pre_markers.mrk",
                "sub-01_task-rest_acq-run01post_markers.mrk",
            ],
            [0, 1],
        ),
        (["sub-01_task-rest_acq-run01_markers.sqd", "sub-01_task-rest_acq-run02_markers.sqd"], [0]),
        (["sub-01_task-rest_run-01_markers.mrk", "sub-01_task-rest_run-02_markers.mrk"], [0]),
        (["sub-01_task-rest_run-01_markers.mrk", "sub-01_markers.mrk"], [0]),
        (["sub-01_task-other_markers.mrk", "sub-01_markers.MRK", "._sub-01_markers.mrk"], [1]),
        (["sub-01_acq-pre_markers.txt", "sub-01_acq-post_markers.txt"], [0, 1]),
        (["sub-01_task-rest_acq-run10_markers.mrk"], []),
    ],
)
def test_markers_are_those_of_the_run(tmp_path, markers, used):
    files = touch(tmp_path, *markers)
    found = companions(tmp_path / "sub-01_task-rest_run-01_meg.con")
    assert found == sorted(files[i] for i in used)


@pytest.mark.parametrize(
    "names",
    [
        ("sub-01_acq-ELP_headshape.pos", "sub-01_acq-HSP_headshape.pos"),
        ("sub-01_acq-elp_headshape.txt", "sub-01_acq-hsp_headshape.txt"),
        ("sub-01_headshape.elp", "sub-01_headshape.hsp"),
        ("sub-01_electrodes.txt", "sub-01_headshape.txt"),
    ],
)
def test_points_are_told_apart_by_name(tmp_path, names):
    (markers, *points) = touch(tmp_path, "sub-01_markers.mrk", *names)
    touch(tmp_path, "sub-01_task-rest_channels.tsv", "sub-01_task-rest_meg.json")
    (recording,) = touch(tmp_path, "sub-01_task-rest_meg.sqd")
    patient = headmodel.Inputs(tmp_path / "T1w.nii.gz", None, None, [recording])
    read = headmodel.reads(patient, PatientPaths(tmp_path, "01"))
    assert {recording, markers, *points} < set(read)
    assert companions(recording) == sorted([markers, *points])
    points[0].unlink()
    with pytest.raises(InvalidInput, match="lacks its ELP"):
        open_raw(recording)


@needs_recordings
def test_file_of_points_is_known_by_its_content_and_suffix_case_does_not_matter(tmp_path):
    path = in_bids(tmp_path, "kit160")
    for file in list(path.parent.glob("*_headshape.pos")):
        file.rename(file.with_suffix(".POS"))
    odd = path.rename(path.with_suffix(".CON"))
    assert is_recording(odd)
    assert open_raw(odd).info["dev_head_t"] is not None


def bti_folder(folder: Path, **names: str) -> Path:
    folder.mkdir()
    for source in ("pdf", "config", "hs"):
        if source in names:
            shutil.copyfile(BTI / f"test_{source}_linux", folder / names[source])
    return folder


@needs_recordings
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["sub-01_task-rest_meg", "sub-01_task-rest_meg.pdf"])
@pytest.mark.parametrize("data", ["c,rfDC", "e,rfhp1.0Hz", "C,RFHP0.1HZ", "test_pdf_linux"])
def test_bti_folder_with_any_name_of_the_data(tmp_path, name, data):
    folder = bti_folder(tmp_path / name, pdf=data, config="Config", hs="hs_file")
    touch(folder, "e,rfhp1.0Hz,COH", "._config", "notes.txt")
    assert is_recording(folder)
    raw = open_raw(folder)
    assert len(mne.pick_types(raw.info, meg=True, ref_meg=False)) == 248
    assert len(raw.info["dig"]) == 3563


@needs_recordings
@pytest.mark.filterwarnings("ignore")
def test_bti_folder_without_head_shape_supposes_no_place_of_the_head(tmp_path):
    raw = open_raw(bti_folder(tmp_path / "a_meg", pdf="c,rfDC", config="config"))
    assert raw.info["dev_head_t"] is None
    with pytest.raises(InvalidInput, match="no digitised landmarks"):
        digitised_points_head_m(raw.info, tmp_path)


@needs_recordings
def test_bti_folder_without_its_parts_is_told(tmp_path):
    with pytest.raises(InvalidInput, match="lacks config"):
        open_raw(bti_folder(tmp_path / "a_meg", pdf="c,rfDC"))
    unclear = bti_folder(tmp_path / "b_meg", pdf="one", config="config")
    touch(unclear, "two")
    with pytest.raises(InvalidInput, match="lacks one file of data"):
        open_raw(unclear)


@pytest.fixture
def ctf(tmp_path):
    path = in_bids(tmp_path, "ctf")
    for file in path.iterdir():
        file.chmod(0o644)
    path.chmod(0o755)
    return path


@needs_recordings
def test_ctf_parts_are_read_together_and_a_missing_one_is_told(ctf):
    whole = open_raw(ctf).get_data()
    first = next(ctf.glob("*.meg4"))
    content = first.read_bytes()
    trial = (len(content) - CTF_HEADER_BYTES) // 2
    second = first.with_suffix(".1_meg4")
    first.write_bytes(content[: CTF_HEADER_BYTES + trial])
    second.write_bytes(content[:CTF_HEADER_BYTES] + content[CTF_HEADER_BYTES + trial :])
    assert np.array_equal(open_raw(ctf).get_data(), whole)
    second.rename(first.with_suffix(".2_meg4"))
    with pytest.raises(InvalidInput, match="part of the split recording is missing"):
        open_raw(ctf)


@needs_recordings
def test_ctf_bad_channels_segments_and_markers_are_read(ctf):
    (ctf / "BadChannels").write_text("MLC12\nMRT31\n")
    # Times count from the trigger, which in this recording lies 2 s before the first sample.
    (ctf / "bad.segments").write_text("1 2.25 2.5\n")
    (ctf / "MarkerFile.mrk").write_text(
        "NUMBER OF MARKERS:\n1\n\nNAME:\nspike\n\nNUMBER OF SAMPLES:\n1\n\nLIST OF SAMPLES:\n"
        "TRIAL NUMBER\t\tTIME FROM SYNC POINT (in seconds)\n+0\t\t+2.3\n"
    )
    raw = open_raw(ctf)
    assert [name.split("-")[0] for name in raw.info["bads"]] == ["MLC12", "MRT31"]
    marked = raw.annotations.onset[raw.annotations.description == "spike"]
    assert marked == pytest.approx([0.3], abs=1e-3)
    ((start_s, stop_s, reason),) = marked_stretches(raw, None)
    assert (start_s, stop_s) == pytest.approx((0.25, 0.5), abs=1e-3)
    assert reason == "marked in the recording"


@needs_recordings
@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("BadChannels", "MLC12\nXYZ99\n", "names a channel that is not there"),
        ("bad.segments", "1 0.25\n", "line without trial, start and end"),
    ],
)
def test_ctf_list_that_cannot_be_used_is_named(ctf, file, content, message):
    (ctf / file).write_text(content)
    with pytest.raises(InvalidInput, match=message) as told:
        open_recording(ctf)
    assert told.value.file.name == file


@needs_recordings
@pytest.mark.parametrize("ending", ["res4", "meg4", "hc"])
def test_ctf_file_that_is_missing_is_named(ctf, ending):
    next(ctf.glob(f"*.{ending}")).unlink()
    with pytest.raises(InvalidInput, match=rf"the CTF folder lacks its \.{ending} file"):
        open_recording(ctf)


@needs_recordings
def test_ctf_files_that_are_not_needed_may_be_missing(ctf):
    for ending in ("acq", "infods", "newds", "cls", "dsc", "cfg"):
        for file in ctf.glob(f"*.{ending}"):
            file.unlink()
    assert open_raw(ctf).info["dev_head_t"] is not None


@needs_recordings
def test_ctf_folder_that_was_renamed_alone_is_told(ctf):
    renamed = ctf.rename(ctf.with_name("sub-01_task-other_meg.ds"))
    with pytest.raises(InvalidInput, match="not named as the folder"):
        open_recording(renamed)


def test_what_is_a_recording_is_said_by_its_name(tmp_path):
    stem = "sub-01_task-rest"
    suffixes = {suffix for name in READERS for suffix in READERS[name].suffixes}
    assert suffixes == {".fif", ".ds", ".con", ".sqd", "", ".pdf", ".vhdr", ".edf", ".bdf", ".set"}
    (tmp_path / f"{stem}_meg.pdf").touch()
    for name in (f"{stem}_meg.fif", f"{stem}_meg.DS", f"{stem}_meg.sqd", f"{stem}_meg"):
        assert is_recording(tmp_path / name), name
    for name in (
        f"._{stem}_meg.fif",
        f"{stem}_meg.json",
        f"{stem}_meg.edf",
        f"{stem}_markers.sqd",
        f"{stem}_meg.pdf",
        f"{stem}_events.tsv",
    ):
        assert not is_recording(tmp_path / name), name
    with pytest.raises(InvalidInput, match="format that is not read"):
        open_raw(tmp_path / f"{stem}_meg.kdf")
