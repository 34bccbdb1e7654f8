"""A compensated CTF recording keeps what its field is computed with, up to the dipole."""

import mne
import numpy as np
import pandas as pd
import pytest
from compensated_array import GRADE, as_recorded, compensated_info
from spikes_recording import spike_shape

from pipeline import spikes
from pipeline.compensation import check_references, compensation_grade
from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.leadfield import star_shaped_remesh, vertex_leadfield
from pipeline.methods.ecd import fit_dipole
from pipeline.modality.meg import single_shell_bem
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.spike import read_average
from pipeline.records.spikes_qc import MaxFilterQC
from pipeline.spikes.runs import read_empty_room

SFREQ_HZ, DURATION_S = 500.0, 60.0
POS_MM = np.array([[45.0, 20.0, 70.0]])
DIRECTION = np.array([[0.3, -0.9, 0.3]])
TRANS = mne.transforms.Transform("head", "mri")


@pytest.fixture(scope="module")
def skull_mm():
    sphere = np.random.default_rng(0).normal(size=(4000, 3))
    return sphere / np.linalg.norm(sphere, axis=1, keepdims=True) * 72 + [0, 5, 45]


@pytest.fixture(scope="module")
def primary(skull_mm):
    """Field of the source in sensors and references, as if each stood for itself."""
    plain = compensated_info(grade=0)
    with plain._unlock():
        plain["comps"] = []
        for channel in plain["chs"]:
            channel["kind"] = mne.io.constants.FIFF.FIFFV_MEG_CH
    bem = single_shell_bem(*star_shaped_remesh(skull_mm, 642))
    return vertex_leadfield(plain, TRANS, bem, POS_MM, DIRECTION / np.linalg.norm(DIRECTION))[:, 0]


LEFT_ALONE = MaxFilterQC(file="sub-01_meg.ds", done=False, why="no MEGIN recording")


def write(folder, name, primary, grade, references=True):
    """A recording of 14 spikes in little noise, and its events."""
    rng = np.random.default_rng(1)
    info = compensated_info(sfreq=SFREQ_HZ, grade=grade)
    times_s = np.arange(0, DURATION_S, 1 / SFREQ_HZ)
    peak_s = np.linspace(4, DURATION_S - 4, 14)
    course = sum(spike_shape(times_s - peak) for peak in peak_s)
    data = 200e-9 * primary[:, None] * course + 2e-14 * rng.normal(
        size=(len(primary), len(times_s))
    )
    if grade:
        data = as_recorded(info, data)
    raw = mne.io.RawArray(data, info, verbose="error")
    if not references:
        raw.pick("mag")
    folder.mkdir(parents=True, exist_ok=True)
    meg, events = (folder / f"{name}_{end}" for end in ("meg.fif", "events.tsv"))
    raw.save(meg, overwrite=True, verbose="error")
    table = pd.DataFrame({"onset": peak_s, "duration": 0, "trial_type": "spike"})
    table.to_csv(events, sep="\t", index=False)
    return meg, events


def run(output, *recordings):
    paths = PatientPaths(output, "01")
    meg, events = zip(*recordings, strict=True)
    inputs = spikes.Inputs(list(meg), list(events), [None] * len(meg))
    spikes.run(inputs, paths, spikes.Config(min_baseline_s=10), Progress())
    return paths


def test_average_finds_its_dipole_through_the_references(tmp_path, primary, skull_mm):
    paths = run(tmp_path / "out", write(tmp_path, "sub-01_task-rest", primary, GRADE))
    average, sensors = read_average(paths)
    assert len(average.ch_names) == 151 and set(average.get_channel_types()) == {"mag"}
    assert compensation_grade(sensors) == GRADE
    check_references(sensors)
    stored = mne.read_evokeds(paths.average, 0, verbose="error")
    # What the references show of a spike (of the pass band's part of it, the same in all).
    at_peak, shown = stored.data[:, 250], as_recorded(sensors, primary)
    assert np.corrcoef(at_peak[151:], shown[151:])[0, 1] > 0.999
    assert np.median(at_peak[151:] / shown[151:]) == pytest.approx(
        np.median(at_peak[:151] / shown[:151]), rel=0.01
    )
    cov = mne.read_cov(paths.noise_cov, verbose="error")
    found = fit_dipole(stored, cov, TRANS, skull_mm, 0.0, 0.002)
    assert np.linalg.norm(found["pos_mri_mm"] - POS_MM[0]) < 0.5


def test_run_of_another_grade_is_left_out(tmp_path, primary):
    paths = run(
        tmp_path / "out",
        write(tmp_path, "sub-01_task-rest_run-01", primary, GRADE),
        write(tmp_path, "sub-01_task-rest_run-02", primary, 0),
    )
    (left,) = read_json(paths.qc("spikes"))["runs_left_out"]
    assert left["file"] == "sub-01_task-rest_run-02_meg.fif"
    assert "compensation is of grade 0" in left["reason"]


def test_recording_without_its_references_is_refused(tmp_path, primary):
    recording = write(tmp_path, "sub-01_task-rest", primary, GRADE, references=False)
    with pytest.raises(InvalidInput, match="lacks the coefficients"):
        run(tmp_path / "out", recording)


def test_empty_room_is_compensated_like_the_recording(tmp_path, primary):
    raw_room, _ = write(tmp_path, "sub-emptyroom_task-noise", primary, 0)
    same_room, _ = write(tmp_path, "sub-emptyroom_task-same", primary, GRADE)
    info = compensated_info()
    like = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg=False))
    rooms = [
        read_empty_room(file, like, LEFT_ALONE, spikes.Config(), 30, Progress())
        for file in (raw_room, same_room)
    ]
    assert np.allclose(*rooms, atol=1e-3 * np.abs(rooms[1]).max())
