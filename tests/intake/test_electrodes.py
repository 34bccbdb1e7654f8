"""EEG from BIDS: electrodes in the head frame whatever the digitiser's axes, and what is refused."""

import json

import mne
import numpy as np
import pytest
import scipy.io
from eeg_folder import LANDMARKS_M, NAMES, Folder

from bids_app.dataset.query import Query
from bids_app.dataset.runs import find_recordings
from pipeline.errors import InvalidInput
from pipeline.headmodel.electrodes import check_electrodes, electrode_doubts
from pipeline.modality import modality_of, own_projectors, re_referenced, sensor_names
from pipeline.readers import called, companions, is_recording
from pipeline.spikes.filtering import common_signal
from pipeline.spikes.marks import channel_marks
from pipeline.spikes.recording import check_unit, open_recording


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_electrodes_come_into_the_head_frame_from_any_axes_and_unit(folder):
    info = open_recording(folder.raw).info
    assert modality_of(info).label == "EEG" and sensor_names(info) == NAMES
    for channel, name in zip(info["chs"], NAMES, strict=False):
        assert channel["loc"][:3] == pytest.approx(folder.places_m[name], abs=1e-6)
        assert not channel["loc"][3:6].any()
    assert info["dev_head_t"]["trans"].tolist() == np.eye(4).tolist()
    assert {file.name.split("_")[-1] for file in companions(folder.raw)} == {
        "channels.tsv",
        "electrodes.tsv",
        "coordsystem.json",
    }
    assert is_recording(folder.raw) and called(folder.raw) == "EEG"
    assert not electrode_doubts(info)
    check_electrodes(info, folder.raw)


def test_a_channel_without_electrode_is_told(folder):
    notes: list[str] = []
    channel_marks(open_recording(folder.raw), folder.raw, None, notes)
    assert len(notes) == 1 and notes[0].startswith("1 EEG channels of") and "'X1'" in notes[0]


def test_without_places_nothing_is_put_in_their_stead(folder):
    for file in folder.eeg.glob("*electrodes.tsv"):
        file.unlink()
    with pytest.raises(InvalidInput, match="22 of 22 EEG channels have no electrode whose place"):
        open_recording(folder.raw)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.landmarks_m.pop("NAS"), "without nasion, LPA and RPA"),
        (lambda f: setattr(f, "unit", "furlong"), "no unit that is known"),
    ],
)
def test_electrodes_in_no_known_frame_are_refused(folder, spoil, message):
    folder.landmarks_m = dict(LANDMARKS_M)
    spoil(folder)
    folder.write()
    with pytest.raises(InvalidInput, match=message):
        open_recording(folder.raw)


def test_tables_of_the_whole_dataset_and_decimal_commas_are_read(folder, tmp_path):
    """As BIDS lets sidecars be inherited, and as a spreadsheet of another country writes numbers."""
    (tmp_path / "dataset_description.json").write_text("{}")
    for name in ("channels.tsv", "coordsystem.json"):
        (file,) = folder.eeg.glob(f"*_{name}")
        file.rename(tmp_path / file.name.removeprefix("sub-01_"))
    (table,) = folder.eeg.glob("*_electrodes.tsv")
    table.write_text(table.read_text().replace(".", ","))
    info = open_recording(folder.raw).info
    for channel, name in zip(info["chs"], NAMES, strict=False):
        assert channel["loc"][:3] == pytest.approx(folder.places_m[name], abs=1e-6)
    assert {tmp_path, folder.eeg} == {file.parent for file in companions(folder.raw)}


def test_of_several_spaces_the_one_with_landmarks_is_read(folder):
    for kind, text in (
        ("electrodes.tsv", "name\tx\ty\tz\nFp1\t1\t2\t3\n"),
        ("coordsystem.json", "{}"),
    ):
        (folder.eeg / f"sub-01_space-IXI549Space_{kind}").write_text(text)
    assert sensor_names(open_recording(folder.raw).info) == NAMES


@pytest.mark.parametrize("stated", [[1, 2, 3], "n/a", {"NAS": 3, "LPA": "n/a", "RPA": [0, 1]}])
def test_landmarks_of_another_type_are_named_as_the_cause(folder, stated):
    (file,) = folder.eeg.glob("*_coordsystem.json")
    said = json.loads(file.read_text()) | {"AnatomicalLandmarkCoordinates": stated}
    file.write_text(json.dumps(said))
    with pytest.raises(InvalidInput, match="without nasion, LPA and RPA"):
        open_recording(folder.raw)


def test_unlike_references_and_few_electrodes_are_refused(folder):
    folder.write(reference=["Cz"] * 10 + ["A1"] * 12)
    with pytest.raises(InvalidInput, match="EEG channels have 2 different references"):
        open_recording(folder.raw)
    folder.write(type=["EEG"] * 18 + ["MISC"] * 4)
    with pytest.raises(InvalidInput, match="the recording has 18 EEG channels"):
        open_recording(folder.raw)


def test_names_on_the_other_side_are_refused_and_a_template_is_doubted(folder):
    folder.places_m = {name: m * [-1, 1, 1] for name, m in folder.places_m.items()}
    folder.write()
    with pytest.raises(InvalidInput, match="18 of 18 electrodes lie on the other side"):
        check_electrodes(open_recording(folder.raw).info, folder.raw)
    system = mne.channels.make_standard_montage("colin27_1005").get_positions()["ch_pos"]
    folder.places_m = {name: 0.93 * system[name] + [0, 0.01, 0] for name in NAMES}
    folder.write()
    (doubt,) = electrode_doubts(open_recording(folder.raw).info)
    assert doubt.grave and "21 electrodes are those of the 10-20 system's template" in doubt.text


def test_electrodes_at_the_other_end_of_the_head_are_refused(folder):
    """The axis from back to front of the other sign, beside landmarks that are right: all sides are right."""
    folder.places_m = {name: m * [1, -1, 1] for name, m in folder.places_m.items()}
    folder.write()
    message = r"16 of 16 frontal, parietal and occipital electrodes lie at the other end"
    with pytest.raises(InvalidInput, match=message):
        check_electrodes(open_recording(folder.raw).info, folder.raw)


def test_volts_are_asked_for(folder):
    raw = open_recording(folder.raw).load_data()
    check_unit(raw, folder.raw)
    raw._data *= 1e6
    with pytest.raises(InvalidInput, match=r"EEG channels vary by .* V in the median"):
        check_unit(raw, folder.raw)


def test_what_all_channels_share_is_taken_out(folder):
    info = open_recording(folder.raw).info
    info = mne.pick_info(info, range(len(NAMES)))
    data = np.random.default_rng(1).standard_normal((len(NAMES), 50))
    shared = data + np.sin(np.arange(50))
    assert re_referenced(shared, info) == pytest.approx(re_referenced(data, info))
    spoilt = shared.copy()
    spoilt[3] += 100
    assert common_signal(spoilt) - common_signal(data) == pytest.approx(
        np.sin(np.arange(50)), abs=0.5
    )
    judged, (reference,) = own_projectors(info)
    assert not judged and reference["data"]["ncol"] == len(NAMES)


def test_eeg_is_found_where_there_is_no_meg(folder, tmp_path):
    notes: list[str] = []
    found = find_recordings(tmp_path / "sub-01", Query(), notes)
    assert found.runs == [folder.raw] and notes == []
    meg = tmp_path / "sub-01" / "meg" / "sub-01_task-rest_meg.fif"
    meg.parent.mkdir()
    meg.write_bytes(folder.raw.read_bytes())
    found = find_recordings(tmp_path / "sub-01", Query(), notes)
    assert found.runs == [meg] and notes == ["1 EEG recordings were not used: MEG is imaged alone."]


def as_edf(path, names, data, n_bytes):
    """EDF (2 bytes a sample) or BDF (3) of records of a second: what these formats say, written plainly."""
    largest = 2 ** (8 * n_bytes - 1) - 1
    limits = (-500.0, 500.0, -largest - 1, largest)  # µV and digits
    n = len(names)

    def cells(*widths_and_texts):
        return b"".join(str(text).ljust(width).encode() for width, text in widths_and_texts)

    n_records = data.shape[1] // 250
    start = cells((80, "X"), (80, "X"), (8, "01.01.20"), (8, "10.00.00"), (8, 256 * (n + 1)))
    per_channel = [(16, names), (80, [""] * n), (8, ["uV"] * n)]
    per_channel += [(8, [f"{limit:.0f}"] * n) for limit in limits]
    per_channel += [(80, [""] * n), (8, [250] * n), (32, [""] * n)]
    version = b"0       " if n_bytes == 2 else b"\xffBIOSEMI"
    kind = "" if n_bytes == 2 else "24BIT"
    header = version + start + cells((44, kind), (8, n_records), (8, 1), (4, n))
    header += b"".join(cells((width, text)) for width, texts in per_channel for text in texts)
    low, high, lowest, highest = limits
    digits = np.rint((1e6 * data - low) / (high - low) * (highest - lowest) + lowest).astype("<i4")
    blocks = digits[:, : 250 * n_records].reshape(n, n_records, 250).transpose(1, 0, 2)
    path.write_bytes(header + blocks[..., None].view("u1")[..., :n_bytes].tobytes())


def as_eeglab(path, names, data):
    """As EEGLAB keeps it: a structure EEG with the data in microvolts."""
    channels = np.array([(name,) for name in names], dtype=[("labels", object)])
    scipy.io.savemat(
        path,
        {
            "EEG": {
                "setname": "a",
                "data": 1e6 * data,
                "srate": 250.0,
                "nbchan": len(names),
                "pnts": data.shape[1],
                "trials": 1,
                "xmin": 0.0,
                "xmax": data.shape[1] / 250,
                "chanlocs": channels,
                "event": np.zeros((0, 0)),
                "epoch": np.zeros((0, 0)),
                "ref": "common",
                "icawinv": np.zeros((0, 0)),
                "icaweights": np.zeros((0, 0)),
                "icasphere": np.zeros((0, 0)),
            }
        },
    )


def as_brainvision(path, raw):
    mne.export.export_raw(path, raw, "brainvision", overwrite=True, verbose="error")


@pytest.mark.parametrize(
    ("ending", "tolerance_v"), [("edf", 1e-8), ("bdf", 1e-10), ("set", 1e-12), ("vhdr", 1e-9)]
)
def test_every_format_of_bids_gives_the_same_recording(folder, ending, tolerance_v):
    fif = mne.io.read_raw_fif(folder.raw, preload=True, verbose="error")
    data = fif.get_data()
    path = folder.raw.with_suffix(f".{ending}")
    if ending == "vhdr":
        as_brainvision(path, fif)
    elif ending == "set":
        as_eeglab(path, fif.ch_names, data)
    else:
        as_edf(path, fif.ch_names, data, 2 if ending == "edf" else 3)
    folder.raw.unlink()
    raw = open_recording(path)
    assert modality_of(raw.info).label == "EEG" and sensor_names(raw.info) == NAMES
    np.testing.assert_allclose(raw.get_data(), data, rtol=0, atol=tolerance_v)
    check_unit(raw, path)
    for channel, name in zip(raw.info["chs"], NAMES, strict=False):
        assert channel["loc"][:3] == pytest.approx(folder.places_m[name], abs=1e-6)
    assert find_recordings(folder.eeg.parent, Query(), []).runs == [path]
