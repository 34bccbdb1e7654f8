"""EEG in a recording of MEG that its channels.tsv describes otherwise, or whose places stand beside it."""

import mne
import numpy as np
import pytest
from eeg_folder import NAMES, measured_head_m
from mne.channels.montage import read_meg_canonical_info

from pipeline.errors import InvalidInput
from pipeline.modality import modality_of, sensor_names
from pipeline.spikes.marks import channel_marks
from pipeline.spikes.recording import open_recording


def recording(folder, placed=True, more=()):
    """MEG and EEG of 12 s, the electrodes' places in it, with channels of no type beside."""
    info = read_meg_canonical_info("neuromag")
    helmet = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False)[::5])
    with helmet._unlock():
        helmet["sfreq"], helmet["dev_head_t"] = 250.0, mne.Transform("meg", "head", np.eye(4))
    rng = np.random.default_rng(0)
    raw = mne.io.RawArray(1e-12 * rng.standard_normal((len(helmet["chs"]), 3000)), helmet)
    eeg = mne.create_info([*NAMES, *more], 250.0, ["eeg"] * len(NAMES) + ["misc"] * len(more))
    data = 2e-5 * rng.standard_normal((len(NAMES) + len(more), 3000))
    beside = mne.io.RawArray(data, eeg)
    landmarks = {"nasion": [0, 0.1, 0], "lpa": [-0.08, 0, 0], "rpa": [0.08, 0, 0]}
    if placed:
        montage = mne.channels.make_dig_montage(measured_head_m(), **landmarks, coord_frame="head")
        beside.set_montage(montage)
    with beside.info._unlock():
        beside.info["dev_head_t"] = raw.info["dev_head_t"]
    raw.add_channels([beside], force_update_info=True)
    path = folder / "sub-01_task-rest_meg.fif"
    raw.save(path)
    return path


def marked(path, types, modality="meg_eeg"):
    table = path.with_name("sub-01_task-rest_channels.tsv")
    rows = [f"{name}\t{kind}" for name, kind in types.items()]
    table.write_text("\n".join(["name\ttype", *rows]) + "\n")
    raw, notes = open_recording(path, modality), []
    bad = channel_marks(raw, path, table, notes)
    return bad, notes, raw.info


@pytest.mark.parametrize("kind", ["MISC", "EOG", "ECG", "SEEG", "OTHER"])
@pytest.mark.parametrize("modality", ["meg_eeg", "eeg"])
def test_electrodes_that_the_table_calls_something_else_are_bad(tmp_path, kind, modality):
    types = dict.fromkeys(NAMES, "EEG") | {"Fp1": kind, "Fp2": "n/a"}
    bad, notes, info = marked(recording(tmp_path), types, modality)
    assert bad == {"Fp1": "no EEG by channels.tsv"}
    assert notes == [
        "1 EEG channels of the recording are no EEG by sub-01_task-rest_channels.tsv ('Fp1'); they "
        "count as bad."
    ]
    # The head model, which does not read the table, has computed its field all the same.
    assert set(NAMES) <= set(sensor_names(info))


def test_channels_that_the_table_alone_calls_eeg_are_told(tmp_path):
    bad, notes, _ = marked(recording(tmp_path, more=["X1"]), dict.fromkeys([*NAMES, "X1"], "EEG"))
    assert bad == {}
    assert notes == [
        "1 channels that sub-01_task-rest_channels.tsv calls EEG are none in the recording and were not "
        "used ('X1')."
    ]


def test_where_meg_alone_is_imaged_the_electrodes_types_do_not_matter(tmp_path):
    bad, notes, info = marked(recording(tmp_path), dict.fromkeys(NAMES, "MISC"), "")
    assert bad == {} and notes == [] and modality_of(info).label == "MEG"


@pytest.mark.parametrize("modality", ["meg_eeg", "eeg"])
def test_places_beside_a_recording_of_meg_are_not_asked_for(tmp_path, modality):
    path = recording(tmp_path, placed=False)
    with pytest.raises(InvalidInput, match="EEG channels have no electrode") as refused:
        open_recording(path, modality)
    assert "tables beside a recording of MEG are not read" in refused.value.hint
