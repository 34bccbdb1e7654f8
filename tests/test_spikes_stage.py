"""The spikes stage on a simulated recording whose flaws are known."""

import json
import re
from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest
from mne.proj import make_projector
from spikes_recording import FLAT, NOISY, Recording, simulate

from pipeline import spikes
from pipeline.errors import InvalidInput
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.spike import read_positions
from pipeline.records.spikes_qc import imaged_types

SHORT = {"duration_s": 30, "sfreq": 500.0, "n_spikes": 10, "n_wrong": 0, "aux": False}


class Listening(Progress):
    def __init__(self):
        self.warnings = []

    def warn(self, message):
        self.warnings.append(message)


def inputs_of(*recordings: Recording, empty_room: Path | None = None) -> spikes.Inputs:
    return spikes.Inputs(
        [r.meg for r in recordings],
        [r.events for r in recordings],
        [r.channels for r in recordings],
        empty_room,
    )


def run(folder: Path, inputs: spikes.Inputs, **options):
    paths, progress = PatientPaths(folder, "01"), Listening()
    spikes.run(inputs, paths, spikes.Config(**options), progress)
    return paths, json.loads(paths.qc("spikes").read_text()), progress


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("long"), duration_s=70, n_spikes=20, n_wrong=4)


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """30 s with 10 spikes and neither heart nor eye channel."""
    folder = tmp_path_factory.mktemp("short")
    return simulate(folder, **SHORT, seed=1)


@pytest.fixture(scope="module")
def result(recording, tmp_path_factory):
    return run(tmp_path_factory.mktemp("out"), inputs_of(recording))


def table_of(paths) -> pd.DataFrame:
    return pd.read_csv(paths.spike_events, sep="\t", na_values="n/a", keep_default_na=False)


def test_only_the_bad_channels_are_dropped(result):
    paths, qc, _ = result
    assert set(qc["bad_channels"]) == {NOISY, FLAT}
    assert "flat" in qc["bad_channels"][FLAT] and "noisy" in qc["bad_channels"][NOISY]
    average = mne.read_evokeds(paths.average, 0, verbose="error")
    assert len(average.ch_names) == 304 and not {NOISY, FLAT} & set(average.ch_names)
    assert average.info["bads"] == []


def test_wrong_annotations_are_rejected_and_true_ones_kept(recording, result):
    paths, qc, _ = result
    table = table_of(paths)
    wrong = np.abs(table["onset"].to_numpy()[:, None] - recording.wrong_s).min(axis=1) < 0.01
    accepted = (table["accepted"].astype(str).str.lower() == "true").to_numpy()
    assert wrong.sum() == 4 and not accepted[wrong].any()
    assert accepted[~wrong].sum() >= 19
    assert table.loc[~accepted, "reason"].notna().all()
    assert qc["n_annotated"] == 24 and qc["n_used"] == accepted.sum()
    assert sum(qc["rejected_by_reason"].values()) == qc["n_rejected"] == (~accepted).sum()


def test_spikes_are_aligned_to_their_true_peaks(recording, result):
    table = table_of(result[0])
    peak = table.loc[table["accepted"].astype(str).str.lower() == "true", "peak"].to_numpy()
    error = np.abs(peak[:, None] - recording.true_peak_s).min(axis=1)
    assert np.median(error) <= 0.004 and error.max() <= 0.012


def test_average_has_the_true_topography_and_its_peak_at_zero(recording, result):
    average = mne.read_evokeds(result[0].average, 0, verbose="error")
    assert average.info["sfreq"] == 500
    assert average.times[[0, -1]] == pytest.approx([-0.5, 0.5])
    peak = average.data[:, average.time_as_index(0)[0]]
    true = np.array([recording.topography[recording.ch_names.index(n)] for n in average.ch_names])
    true = make_projector(average.info["projs"], average.ch_names)[0] @ true
    for kind in ("mag", "grad"):
        picks = mne.pick_types(average.info, meg=kind)
        assert np.corrcoef(peak[picks], true[picks])[0, 1] > 0.95
    grad = np.linalg.norm(average.data[mne.pick_types(average.info, meg="grad")], axis=0)
    assert abs(average.times[grad.argmax()]) <= 0.004


def test_all_files_share_channels_and_projectors(result):
    paths, qc, _ = result
    average = mne.read_evokeds(paths.average, 0, verbose="error")
    epochs = mne.read_epochs(paths.epochs, verbose="error")
    covariance = mne.read_cov(paths.noise_cov, verbose="error")
    assert average.ch_names == epochs.ch_names == covariance.ch_names
    assert len(epochs) == average.nave == qc["n_used"]
    assert np.allclose(epochs.average().data, average.data, atol=1e-6 * np.abs(average.data).max())
    names = [p["desc"] for p in average.info["projs"]]
    assert names and names == [p["desc"] for p in epochs.info["projs"]]
    assert names == [p["desc"] for p in covariance["projs"]]
    assert all(p["active"] for p in average.info["projs"])
    assert names == [entry["name"] for entry in qc["projectors"] if entry["kept"]]
    vector = average.info["projs"][0]["data"]
    picks = [average.ch_names.index(name) for name in vector["col_names"]]
    assert np.abs(vector["data"] @ average.data[picks]).max() < 1e-4 * np.abs(average.data).max()


def test_heart_and_eyes_are_found_and_spare_the_spike(result):
    _, qc, progress = result
    assert qc["artefacts"]["heart"]["done"] and qc["artefacts"]["eyes"]["done"]
    assert re.search(r"6\d beats", qc["artefacts"]["heart"]["note"])
    assert all(
        removed <= 0.3 for removed in qc["projectors_together_spike_power_removed_by_type"].values()
    )
    for entry in qc["projectors"]:
        assert entry["kept"] == (entry["spike_power_removed_with_kept"] <= 0.3)
        assert entry["kept"] or any(entry["name"] in warning for warning in progress.warnings)
    assert progress.warnings == qc["warnings"]


def test_nothing_of_the_patient_is_copied(result):
    for file in spikes.writes(result[0]):
        content = file.read_bytes()
        assert b"Mustermann" not in content and b"Erika" not in content and b"4711" not in content
    average = mne.read_evokeds(result[0].average, 0, verbose="error")
    assert average.info["meas_date"] is None
    assert average.info["subject_info"] is None


def test_the_same_input_gives_the_same_bytes(recording, result, tmp_path):
    again, _, _ = run(tmp_path, inputs_of(recording))
    for first, second in zip(spikes.writes(result[0]), spikes.writes(again), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_files_read_are_all_listed(recording):
    listed = spikes.reads(inputs_of(recording), PatientPaths(Path("out"), "01"))
    assert {recording.meg, recording.events, recording.channels} <= set(listed)


def test_missing_heart_and_eye_channels_are_said(short, tmp_path):
    _, qc, progress = run(tmp_path, inputs_of(short), min_baseline_s=5)
    assert qc["artefacts"]["eyes"]["note"] == "not done: no EOG channel"
    assert any("eye movements" in warning for warning in progress.warnings)
    # Ten spikes in 30 s leave the heart to the magnetometers or to a plain word.
    assert qc["artefacts"]["heart"]["note"]


def test_too_little_baseline_falls_back_on_the_empty_room_with_a_warning(short, tmp_path):
    with pytest.raises(InvalidInput, match="free of spikes"):
        run(tmp_path, inputs_of(short), min_baseline_s=25)
    raw = mne.io.read_raw_fif(short.meg, preload=True, verbose="error")
    rng = np.random.default_rng(0)
    scale = np.where(np.array(raw.get_channel_types()) == "mag", 7e-14, 7e-12)
    raw._data = rng.normal(size=raw._data.shape) * scale[:, None]
    room = tmp_path / "sub-emptyroom_task-noise_meg.fif"
    raw.save(room, verbose="error")
    _, qc, progress = run(tmp_path, inputs_of(short, empty_room=room), min_baseline_s=25)
    assert qc["noise_covariance"]["source"] == "empty room"
    assert any("empty room" in warning for warning in progress.warnings)


def test_a_run_with_another_head_position_is_used_with_its_own(short, tmp_path):
    moved = simulate(tmp_path, **SHORT, name="sub-01_task-rest_run-3", seed=3, head_shift_m=0.008)
    paths, qc, progress = run(tmp_path / "out", inputs_of(short, moved), min_baseline_s=5)
    assert [entry["file"] for entry in qc["runs"]] == [short.meg.name, moved.meg.name]
    assert qc["runs_left_out"] == [] and qc["head_movement"] == "not measured"
    assert any("8.0 mm and 0.0 degrees" in w and moved.meg.name in w for w in progress.warnings)
    table = table_of(paths)
    in_moved = (
        (table.loc[table["accepted"].astype(str).str.lower() == "true", "file"]) == moved.meg.name
    )
    positions = read_positions(paths)
    assert positions.of_spike.tolist() == in_moved.astype(int).tolist()
    np.testing.assert_allclose(positions.dev_head_t[:, 0, 3], [0.003, 0.011])
    of_average = qc["head_positions"]
    assert of_average["n_positions"] == 2 and of_average["largest_distance_mm"] == 8.0


def test_a_head_that_lay_still_leaves_no_positions(result):
    paths, qc, _ = result
    assert not paths.head_positions.exists() and qc["head_positions"]["n_positions"] == 1


def test_a_head_that_is_known_to_have_kept_still_changes_no_byte(short, tmp_path):
    (tmp_path / "followed").mkdir()
    meg = tmp_path / "followed" / short.meg.name
    meg.hardlink_to(short.meg)
    table = np.zeros((29, 10))
    table[:, 0], table[:, 7] = np.arange(29) + 0.5, 0.99
    place = mne.io.read_raw_fif(meg, verbose="error").info["dev_head_t"]["trans"]
    table[:, 1:4] = mne.transforms.rot_to_quat(place[:3, :3])
    table[:, 4:7] = place[:3, 3] + np.random.default_rng(0).uniform(-2e-4, 2e-4, (29, 3))
    mne.chpi.write_head_pos(meg.with_name(meg.name.replace("_meg.fif", "_headpos.pos")), table)
    inputs = inputs_of(short)
    alone, qc, _ = run(tmp_path / "a", inputs, min_baseline_s=5)
    followed, told, _ = run(tmp_path / "b", replace(inputs, meg=[meg]), min_baseline_s=5)
    assert (qc["head_movement"], told["head_movement"]) == (
        "not measured",
        "followed by the coils on the head",
    )
    assert not followed.head_positions.exists()
    for name in ("average", "epochs", "noise_cov", "spike_events"):
        first, second = (getattr(paths, name).read_bytes() for paths in (alone, followed))
        assert first == second, name


def refused(tmp_path, inputs, **options) -> str:
    with pytest.raises(InvalidInput) as raised:
        run(tmp_path / "out", inputs, **options)
    assert raised.value.hint
    assert not PatientPaths(tmp_path / "out", "01").average.exists()
    return str(raised.value)


def test_events_of_other_names_are_an_error_that_names_the_option(short, tmp_path):
    said = refused(tmp_path, inputs_of(short), spike_name=("seizure",))
    assert "no spikes" in said and "--spike-name" in said and short.events.name in said
    assert "IED_left" in said


def test_events_without_any_mark_image_nothing(short, tmp_path):
    empty = tmp_path / "empty_events.tsv"
    empty.write_text("onset\tduration\ttrial_type\n10\t1\tBAD_movement\n")
    inputs = spikes.Inputs([short.meg], [empty], [None])
    paths, qc, progress = run(tmp_path, inputs, min_baseline_s=5)
    assert qc["types"] == [] and qc["n_marks"] == 0 and "snr_db" not in qc
    assert "hold no spike" in progress.warnings[0]
    assert progress.warnings[-1] == "Nothing is imaged: no spike is marked in the recordings."
    assert not paths.average.exists() and paths.noise_cov in spikes.writes(paths)


def test_no_events_at_all_is_an_error(short, tmp_path):
    said = refused(tmp_path, spikes.Inputs([short.meg], [None], [None]))
    assert "no spikes" in said and "events.tsv" in said


def test_a_truncated_recording_is_an_error(short, tmp_path):
    cut = tmp_path / short.meg.name
    cut.write_bytes(short.meg.read_bytes()[:1_500_000])
    said = refused(tmp_path, spikes.Inputs([cut], [short.events], [None]))
    assert "truncated" in said and cut.name in said


@pytest.mark.parametrize("content", [b"", b"not a recording", bytes(1000)])
def test_what_is_no_recording_is_an_error(short, tmp_path, content):
    file = tmp_path / "sub-01_task-rest_meg.fif"
    file.write_bytes(content)
    assert file.name in refused(tmp_path, spikes.Inputs([file], [short.events], [None]))


def test_a_missing_recording_is_an_error(short, tmp_path):
    said = refused(tmp_path, spikes.Inputs([tmp_path / "gone_meg.fif"], [short.events], [None]))
    assert "missing" in said


def test_too_few_fitting_spikes_are_averaged_but_not_imaged(short, tmp_path):
    table = pd.read_csv(short.events, sep="\t")
    few = tmp_path / "few_events.tsv"
    table.iloc[[2, 4, 6]].to_csv(few, sep="\t", index=False)
    paths, qc, _ = run(tmp_path, spikes.Inputs([short.meg], [few], [None]), min_baseline_s=5)
    (kind,) = qc["types"]
    assert not kind["imaged"] and kind["reason"].endswith(
        "of 3 fit their own average, and 5 are needed"
    )
    assert paths.average.exists() and imaged_types(paths) == []


def test_annotations_of_nothing_are_not_imaged(short, tmp_path):
    # Midway between spikes, so that all annotations are wrong.
    middle = (short.true_peak_s[1:] + short.true_peak_s[:-1]) / 2
    nothing = tmp_path / "nothing_events.tsv"
    table = pd.DataFrame({"onset": middle, "duration": 0, "trial_type": "spike"})
    table.to_csv(nothing, sep="\t", index=False)
    paths, qc, progress = run(
        tmp_path, spikes.Inputs([short.meg], [nothing], [None]), min_baseline_s=5
    )
    assert imaged_types(paths) == [] and all(kind["reason"] for kind in qc["types"])
    assert progress.warnings[-1].startswith("Nothing is imaged")


def test_a_channel_marked_bad_stays_out_with_its_reason(short, tmp_path):
    table = pd.read_csv(short.channels, sep="\t")
    table.loc[table["name"] == "MEG 0111", "status"] = "bad"
    marked = tmp_path / "channels.tsv"
    table.to_csv(marked, sep="\t", index=False)
    inputs = spikes.Inputs([short.meg], [short.events], [marked])
    paths, qc, _ = run(tmp_path, inputs, min_baseline_s=5)
    assert qc["bad_channels"]["MEG 0111"] == "marked bad in channels.tsv"
    assert "MEG 0111" not in mne.read_evokeds(paths.average, 0, verbose="error").ch_names


def test_artefacts_whose_projectors_are_dropped_are_not_called_removed(recording, tmp_path):
    paths, qc, progress = run(tmp_path, inputs_of(recording), max_projector_overlap=0.0)
    assert not any(artefact["done"] for artefact in qc["artefacts"].values())
    assert all("dropped" in artefact["note"] for artefact in qc["artefacts"].values())
    dropped = [warning for warning in progress.warnings if "was dropped" in warning]
    assert len(dropped) == len(qc["projectors"]) > 0
    assert mne.read_evokeds(paths.average, 0, verbose="error").info["projs"] == []
