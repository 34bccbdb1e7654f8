"""A patient under a helmet with a cap on, from the dataset to the report: EEG alone, and both together."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import FAST, World

from bids_app.demo.create import create_virtual_patients
from pipeline.files import read_json, read_npz
from pipeline.modality import MODALITIES
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.spike import read_spike

# How far from the true patch the maximum may lie: the head is coarse, the recording short.
MOST_MM = 25.0
# Both together go to the report, EEG alone as far as what they do not share.
RUNS = {
    "eeg": ("--stage", "headmodel", "spikes"),
    "meg_eeg": ("--methods", "sloreta", "ecd", "mne"),
}


def _imaged_patient(root):
    create_virtual_patients(root, 1, 1, "neuromag_eeg64", Progress(), minutes=2.0, small=True)
    (root / "config.toml").write_text(FAST)
    runs = []
    for name, options in RUNS.items():
        arguments = World(root).arguments("--modality", name, *options)
        arguments[1] = str(root / name)
        program = [sys.executable, "-m", "bids_app.cli", *arguments]
        runs.append(subprocess.Popen(program, stderr=subprocess.DEVNULL))
    assert [run.wait() for run in runs] == [0, 0]


@pytest.fixture(scope="module")
def root(made_once):
    return made_once(_imaged_patient)


@pytest.mark.parametrize(("name", "types"), [("eeg", {"eeg"}), ("meg_eeg", {"eeg", "mag", "grad"})])
def test_a_cap_under_a_helmet_is_imaged(root, name, types):
    paths = PatientPaths(root / name, "01")
    info = read_spike(paths, epochs=False).average.info
    assert set(info.get_channel_types()) == types
    used = read_json(paths.qc("spikes"))["n_channels_used"]
    assert set(used) == types and 60 <= used["eeg"] <= 64
    leadfield = read_npz(paths.leadfield)
    electrodes = leadfield["leadfield"][leadfield["ch_types"] == "eeg"]
    assert np.abs(electrodes.mean(0)).max() < 1e-6 * np.abs(electrodes).max(), "average reference"
    (run,) = read_json(paths.qc("spikes"))["runs"]
    assert run.get("not_imaged") == ({"MEG": 306} if name == "eeg" else None)


def test_both_together_lie_where_the_patch_is_and_the_report_says_what_was_not_measured(root):
    paths = PatientPaths(root / "meg_eeg", "01")
    truth = read_npz(root / "truth" / "sub-01_truth.npz")
    methods = read_json(paths.qc("image"))["methods"]
    for method, place in (("sloreta", "max_pos_mri_mm"), ("ecd", "pos_mri_mm")):
        away_mm = np.linalg.norm(truth["patch_mri_mm"] - methods[method][place], axis=1)
        assert away_mm.min() < MOST_MM, method
    label = MODALITIES["meg_eeg"].label
    text = (root / "meg_eeg" / "sub-01_report.html").read_text()
    assert f"{label} spike source" in text and f"calibrated on MEG and not on {label}" in text
    assert "average of the electrodes" in text and "brain, skull and scalp" in text
