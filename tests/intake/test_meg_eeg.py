"""A recording that has MEG and EEG: either is imaged alone, or both together, and which is never guessed."""

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info

from benchmarks.eeg_heads import joined
from bids_app.config import ConfigError
from bids_app.dataset.empty_room import find_empty_room
from bids_app.dataset.query import Query
from bids_app.dataset.recordings import imaged_datatype
from bids_app.dataset.runs import Recordings, find_recordings
from bids_app.parsers import bids_app_parser
from bids_app.selection import finder
from pipeline.errors import InvalidInput
from pipeline.headmodel.electrodes import check_electrodes, electrode_doubts
from pipeline.leadfield import icosphere, vertex_leadfield
from pipeline.modality import (
    MODALITIES,
    modality_of,
    modality_of_types,
    not_imaged,
    picks_against_average,
    put_aside,
    re_referenced,
    sensor_picks,
    sensor_pos_head_m,
)
from pipeline.progress import Progress
from pipeline.spikes.detecting import require_measured
from pipeline.spikes.filtering import load_filtered
from pipeline.spikes.maxfilter import decision
from pipeline.spikes.recording import check_unit, open_recording

N_MEG, NAMES = 306, "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2 AF7 AF8".split()


def both(n_electrodes=21, unplaced=0) -> mne.Info:
    """A helmet 12 cm around the head's centre and electrodes on a sphere of 9 cm, of any place by angle."""
    helmet = read_meg_canonical_info("neuromag")
    names = NAMES[:n_electrodes]
    cap = mne.create_info(names, 125.0, "eeg")
    system = mne.channels.make_standard_montage("colin27_1005").get_positions()["ch_pos"]
    rng = np.random.default_rng(0)
    for number, (channel, name) in enumerate(zip(cap["chs"], names, strict=True)):
        channel["loc"][:] = 0
        if number >= unplaced:
            channel["loc"][:3] = system[name] + rng.normal(0, 0.01, 3)
    with helmet._unlock():
        helmet["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    return joined(helmet, cap)


def recorded(folder, info, seconds=20.0):
    """Saved as a participant's recording of MEG, with an EOG channel."""
    rng = np.random.default_rng(1)
    scale = {"mag": 3e-13, "grad": 8e-12, "eeg": 2e-5}
    sizes = np.array([scale[kind] for kind in info.get_channel_types()])
    with info._unlock():
        info["sfreq"], info["lowpass"] = 250.0, 125.0
    data = sizes[:, None] * rng.standard_normal((len(sizes), int(250 * seconds)))
    path = folder / "sub-01" / "meg" / "sub-01_task-rest_meg.fif"
    path.parent.mkdir(parents=True, exist_ok=True)
    mne.io.RawArray(data, info, verbose="error").save(path, overwrite=True, verbose="error")
    return path


def test_what_is_not_imaged_is_put_aside_and_counted():
    for name, n, beside in (("meg", N_MEG, {"EEG": 21}), ("eeg", 21, {"MEG": N_MEG})):
        info = both()
        put_aside(info, MODALITIES[name])
        assert modality_of(info) is MODALITIES[name] and len(sensor_picks(info)) == n
        assert not_imaged(info) == beside
    info = both()
    put_aside(info, MODALITIES["meg_eeg"])
    assert modality_of(info) is MODALITIES["meg_eeg"] and not_imaged(info) == {}
    assert len(sensor_picks(info)) == N_MEG + 21 and sensor_picks(info)[-1] == N_MEG + 20
    assert modality_of_types({"mag": 102, "grad": 204}) is MODALITIES["meg"]
    assert modality_of_types({"mag": 102, "eeg": 21}) is MODALITIES["meg_eeg"]
    assert modality_of_types({"eeg": 21}) is MODALITIES["eeg"]


def test_references_of_a_helmet_are_put_aside_with_it():
    info = mne.create_info(["M1", "R1", "E1"], 100.0, ["mag", "ref_meg", "eeg"])
    with info._unlock():
        info["comps"] = [{"kind": 1}]
    info["chs"][2]["loc"][:3] = 0.1
    kept = info.copy()
    put_aside(kept, MODALITIES["meg"])
    assert kept.get_channel_types() == ["mag", "ref_meg", "misc"] and len(kept["comps"]) == 1
    put_aside(info, MODALITIES["eeg"])
    assert info.get_channel_types() == ["misc", "misc", "eeg"] and info["comps"] == []


def test_projectors_of_what_is_put_aside_go_with_it():
    info = both()
    of_meg, of_electrodes, applied = (
        mne.Projection(
            active=active,
            desc=str(names[0]),
            data={
                "nrow": 1,
                "ncol": 2,
                "row_names": None,
                "col_names": names,
                "data": np.eye(2)[:1],
            },
        )
        for names, active in (
            (info["ch_names"][:2], False),
            (NAMES[:2], False),
            (info["ch_names"][2:4], True),
        )
    )
    info["projs"].extend([of_meg, of_electrodes, applied])
    put_aside(info, MODALITIES["eeg"])
    assert [each["desc"] for each in info["projs"]] == [of_electrodes["desc"], applied["desc"]]


def test_electrodes_need_no_maxfilter(tmp_path):
    info = both()
    with info._unlock():
        info["maxshield"] = True
    path = tmp_path / "sub-01_task-rest_meg.fif"
    assert decision(info, path, "auto") == (True, "recorded with internal active shielding")
    put_aside(info, MODALITIES["eeg"])
    for mode in ("auto", "on", "off"):
        assert decision(info, path, mode) == (False, "MEG is not imaged")


def test_the_average_reference_is_of_electrodes_alone():
    info = both()
    data = np.random.default_rng(2).standard_normal((N_MEG + 21, 7))
    found = re_referenced(data, info)
    assert np.array_equal(found[:N_MEG], data[:N_MEG])
    assert found[N_MEG:] == pytest.approx(data[N_MEG:] - data[N_MEG:].mean(0))
    turned = re_referenced(data.T, info, axis=1)
    assert turned == pytest.approx(found.T)
    assert picks_against_average(info).tolist() == list(range(N_MEG, N_MEG + 21))


def test_the_field_together_is_that_of_each():
    """Electrodes see what they see alone; a helmet sees through three shells what it sees through one."""
    directions, faces = icosphere(642)
    inner, scalp = 75.0 * directions, 88.0 * icosphere(2562)[0]
    info, rng = both(), np.random.default_rng(3)
    for channel in info["chs"][N_MEG:]:
        channel["loc"][:3] *= 0.088 / np.linalg.norm(channel["loc"][:3])
    direction, normal = rng.normal(size=(2, 30, 3))
    pos_mm = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    pos_mm *= rng.uniform(30, 60, 30)[:, None]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    trans = mne.transforms.Transform("head", "mri")

    def field(picks):
        own = mne.pick_info(info, picks)
        conductor = modality_of(own).conductor(inner, faces, scalp)
        return vertex_leadfield(own, trans, conductor, pos_mm, normal)

    together = field(np.arange(N_MEG + 21))
    assert together[N_MEG:] == pytest.approx(field(np.arange(N_MEG, N_MEG + 21)), rel=1e-6)
    meg = field(np.arange(N_MEG))
    apart = np.linalg.norm(together[:N_MEG] - meg, axis=0) / np.linalg.norm(meg, axis=0)
    assert np.median(apart) < 0.02
    low, high = MODALITIES["meg_eeg"].plausible_leadfield
    assert low < 20 * np.median(np.abs(together).max(0)) < high


def test_a_motion_takes_helmet_and_electrodes_along():
    info, motion = both(), np.eye(4)
    motion[:3, 3] = 0.01, -0.02, 0.005
    moved = MODALITIES["meg_eeg"].moved(info, motion)
    shift = sensor_pos_head_m(moved) - sensor_pos_head_m(info)
    assert shift == pytest.approx(np.tile(motion[:3, 3], (N_MEG + 21, 1)), abs=1e-7)


def test_a_recording_is_opened_as_what_is_asked_for(tmp_path):
    path = recorded(tmp_path, both())
    labels = {name: modality_of(open_recording(path, name).info).label for name in MODALITIES}
    assert labels == {"meg": "MEG", "eeg": "EEG", "meg_eeg": "MEG and EEG"}
    info = open_recording(path).info
    assert modality_of(info) is MODALITIES["meg"] and not_imaged(info) == {"EEG": 21}
    for name in MODALITIES:
        check_unit(open_recording(path, name), path)


def test_a_recording_without_one_of_both_is_refused_by_the_true_cause(tmp_path):
    path = recorded(tmp_path, both(n_electrodes=8))
    for name in ("eeg", "meg_eeg"):
        with pytest.raises(InvalidInput, match="the recording has 8 EEG channels") as refused:
            open_recording(path, name)
    assert "leave MEG and EEG by --modality out" in refused.value.hint
    path = recorded(tmp_path, both(unplaced=5))
    with pytest.raises(InvalidInput, match="5 of 21 EEG channels have no electrode"):
        open_recording(path, "meg_eeg")
    assert len(sensor_picks(open_recording(path).info)) == N_MEG


def test_each_part_has_its_own_unit(tmp_path):
    path = recorded(tmp_path, both())
    raw = open_recording(path, "meg_eeg").load_data()
    raw._data[N_MEG:] *= 1e6
    with pytest.raises(InvalidInput, match=r"EEG channels vary by .* V in the median"):
        check_unit(raw, path)
    raw = open_recording(path, "meg_eeg").load_data()
    raw._data[:N_MEG] *= 1e15
    with pytest.raises(InvalidInput, match=r"MEG channels vary by .* T"):
        check_unit(raw, path)


def test_what_electrodes_share_is_taken_out_of_them_alone(tmp_path):
    """A reference electrode's 100 times larger wave changes no judgement of channels."""
    info = both()
    path = recorded(tmp_path, info)
    stats = []
    for size in (0.0, 2e-3):
        raw = open_recording(path, "meg_eeg").load_data()
        raw._data[N_MEG:] += size * np.sin(2 * np.pi * 7 * raw.times)
        stats.append(load_filtered(raw, path, (1.0, 40.0), 125.0, Progress())[1].in_band_std)
    meg, electrodes = np.split(stats[1] / stats[0], [N_MEG], axis=0)
    assert meg == pytest.approx(1) and 0.7 < np.median(electrodes) < 1.4


def test_electrodes_beside_a_helmet_are_held_against_their_names():
    info = both()
    check_electrodes(info, None)
    assert electrode_doubts(info) == ()
    for channel in info["chs"][N_MEG:]:
        channel["loc"][0] *= -1
    with pytest.raises(InvalidInput, match="lie on the other side than their names say"):
        check_electrodes(info, None)
    put_aside(info, MODALITIES["meg"])
    check_electrodes(info, None)


def test_files_are_those_of_what_is_asked_for(tmp_path):
    path = recorded(tmp_path, both())
    folder, notes = path.parents[1], []
    for name in ("", "meg", "eeg", "meg_eeg"):
        assert imaged_datatype(folder, name) == "meg"
    beside = folder / "eeg" / "sub-01_task-rest_eeg.vhdr"
    beside.parent.mkdir()
    beside.write_text("")
    assert imaged_datatype(folder, "eeg") == "eeg" and imaged_datatype(folder) == "meg"
    assert find_recordings(folder, Query(modality="meg_eeg"), notes).runs == [path]
    assert notes == ["1 EEG recordings were not used: MEG and EEG of one recording are imaged."]
    found = find_recordings(folder, Query(modality="eeg"), notes := [])
    assert found.runs == [beside] and notes == ["1 MEG recordings were not used: EEG is imaged."]


def test_an_empty_room_says_nothing_of_electrodes(tmp_path):
    path = recorded(tmp_path, both())
    room = path.with_name("sub-01_task-noise_meg.fif")
    there = Recordings([path], [room])
    for name in ("eeg", "meg_eeg"):
        assert find_empty_room(tmp_path, there, path, [], name) is None


@pytest.mark.parametrize("name", ["eeg", "meg_eeg"])
def test_spikes_are_looked_for_in_meg_alone(tmp_path, name):
    words = [str(tmp_path), str(tmp_path / "out"), "participant", "--modality", name]
    args = bids_app_parser().parse_args([*words, "--detect-spikes"])
    with pytest.raises(ConfigError, match="measured on MEG alone"):
        finder(args, [], ("spike",))
    path = tmp_path / "sub-01_meg.fif"
    with pytest.raises(InvalidInput, match="MEG alone"):
        require_measured([path], name)
    require_measured([path])
