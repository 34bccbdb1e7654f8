"""Which channels see the brain is said in one place."""

import re
from pathlib import Path

import mne
import numpy as np
import pytest
from mne.channels.montage import read_meg_canonical_info

from pipeline.modality import (
    MODALITIES,
    field_picks,
    modality_of,
    picks_of_type,
    recording_picks,
    reference_picks,
    sensor_names,
    sensor_picks,
    sensor_types,
)

ROOT = Path(__file__).parents[1]
_NAMED = re.compile(
    r"""["'`](?:mag|grad|eeg)["'`]|\bmeg=(?:True|["'])|\beeg=|\bref_meg\b|FIFFV_(?:COIL|MEG|REF)"""
)
# Files outside `pipeline/modality` that name types of channels, and why they may.
ALLOWED = {
    "pipeline/spikes/artefacts.py": "mne makes a heart signal from magnetometers alone",
    "pipeline/spikes/maxfilter.py": "signal-space separation is of MEG alone",
    "reports/figures/sensors.py": "mne draws a length of gradients only as of a magnetometer",
    "reports/wording.py": "words of the names of quality figures",
    "pipeline/names.py": "how the names of recordings end in BIDS",
    "pipeline/readers/_electrodes.py": "BIDS's types of channels to mne's",
    "bids_app/demo/dataset.py": "the folder that a virtual patient's EEG is written to",
    "bids_app/demo/electrodes.py": "virtual patients are recorded with one cap",
    "bids_app/demo/patient.py": "virtual patients are recorded with two arrays of MEG",
    "bids_app/demo/recording.py": "virtual patients are recorded with two arrays of MEG",
}


def test_no_other_file_names_types_of_channels():
    files = (
        path for top in ("pipeline", "reports", "bids_app") for path in (ROOT / top).rglob("*.py")
    )
    named = {
        str(path.relative_to(ROOT))
        for path in files
        if path.parent != ROOT / "pipeline/modality" and _NAMED.search(path.read_text())
    }
    assert named == set(ALLOWED)


@pytest.fixture
def info():
    """EEG and EOG beside two sensors, one of them bad, and a reference."""
    names = ["E1", "M1", "EOG", "R1", "G1", "ECG"]
    info = mne.create_info(names, 100.0, ["eeg", "mag", "eog", "ref_meg", "grad", "ecg"])
    info["bads"] = ["M1"]
    return info


def test_channels_are_told_apart(info):
    assert sensor_picks(info).tolist() == [1, 4] and sensor_names(info) == ["M1", "G1"]
    assert reference_picks(info).tolist() == [3]
    assert field_picks(info).tolist() == [1, 4], "nothing was compensated"
    assert recording_picks(info, references=False).tolist() == [1, 2, 4, 5]
    assert recording_picks(info, references=True).tolist() == [1, 2, 3, 4, 5]
    assert picks_of_type(info, "grad").tolist() == [4]
    assert modality_of(info) is MODALITIES["meg"]
    with pytest.raises(ValueError, match="no sensors"):
        modality_of(mne.pick_info(info, [0, 2, 5]))


@pytest.mark.parametrize(
    ("array", "name", "label"),
    [
        ("neuromag", ["Neuromag Vectorview or TRIUX"], "Magnetometers"),
        ("ctf275", ["CTF"], "Axial gradiometers"),
    ],
)
def test_arrays_are_known_by_their_coils(array, name, label):
    info = read_meg_canonical_info(array)
    meg = modality_of(info)
    assert meg.array(info) == name and meg.labels(info)["mag"] == label


@pytest.mark.parametrize("name", MODALITIES.names())
def test_every_modality_says_what_its_sensors_measure(name):
    modality = MODALITIES[name]
    low, high = modality.plausible_leadfield
    assert 0 < low < high
    for kind, found in modality.types.items():
        assert sensor_types()[kind] is found
        assert 0 < found.noise < found.largest_ptp, "noise lies below what is beyond the brain"
        assert found.label and found.shown_unit and found.leadfield_unit
        assert 0.1 < found.largest_ptp * found.shown_scale < 1e6, "shown in numbers people can read"


def test_a_sphere_serves_for_a_field_and_silences_radial_dipoles():
    info = read_meg_canonical_info("ctf151")
    info = mne.pick_info(info, sensor_picks(info)[:20])
    meg, centre_m = modality_of(info), np.array([0.0, 0.0, 0.04])
    source = {"rr": np.array([[0.0, 0.0, 0.09]]), "nn": np.array([[0.0, 0.0, 1.0]])}
    src = mne.setup_volume_source_space(pos=source, verbose="error")
    trans = mne.transforms.Transform("head", "mri")
    field = meg.forward(info, trans, src, meg.sphere(centre_m), ignore_ref=True)["sol"]["data"]
    assert np.abs(field[:, 2]).max() < 1e-6 * np.abs(field[:, 0]).max()
