"""What is wrong with one participant is said in one sentence, and the other one is processed."""

import errno
import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from bids_app.exit_codes import ExitCode


def replace(path, write):
    """Put new content in the place of a hard-linked file, leaving the original alone."""
    path.unlink()
    write(path)


def only(folder, pattern):
    found = list(folder.glob(pattern))
    assert len(found) == 1, f"{pattern}: {found}"
    return found[0]


def no_t1w(sub):
    only(sub, "anat/*_T1w.nii.gz").unlink()


def no_meg(sub):
    shutil.rmtree(sub / "meg")


def no_spikes(sub):
    events = only(sub, "meg/*_events.tsv")
    text = events.read_text().replace("spike", "button press")
    replace(events, lambda path: path.write_text(text))


def truncated_fif(sub):
    fif = only(sub, "meg/*_meg.fif")
    content = fif.read_bytes()
    replace(fif, lambda path: path.write_bytes(content[: len(content) // 3]))


def not_a_nifti(sub):
    replace(only(sub, "anat/*_T1w.nii.gz"), lambda path: path.write_text("no image"))


def t1w_without_head(sub):
    t1w = only(sub, "anat/*_T1w.nii.gz")
    image = nib.load(t1w)
    tissue = np.zeros(image.shape, np.float32)
    ball = tuple(slice(n // 2 - 8, n // 2 + 8) for n in image.shape)
    tissue[ball] = np.random.default_rng(0).normal(100, 10, tissue[ball].shape)
    replace(t1w, lambda path: nib.save(nib.Nifti1Image(tissue, image.affine), path))


def no_points(sub):
    """Neither head points in the recording nor landmarks beside the T1w."""
    import mne

    fif = only(sub, "meg/*_meg.fif")
    raw = mne.io.read_raw_fif(fif, preload=True, verbose="error")
    with raw.info._unlock():
        raw.info["dig"] = None
    replace(fif, lambda path: raw.save(path, fmt="short", overwrite=True, verbose="error"))
    sidecar = only(sub, "anat/*_T1w.json")
    content = json.loads(sidecar.read_text())
    content.pop("AnatomicalLandmarkCoordinates", None)
    replace(sidecar, lambda path: path.write_text(json.dumps(content)))


def contacts_of_another_head(sub):
    electrodes = only(sub, "ieeg/*_electrodes.tsv")
    table = pd.read_csv(electrodes, sep="\t")
    table[["x", "y", "z"]] += 400
    replace(electrodes, lambda path: table.to_csv(path, sep="\t", index=False))


def mask_of_another_geometry(sub):
    mask = only(sub.parent / "derivatives/resection" / sub.name, "anat/*_mask.nii.gz")
    image = nib.load(mask)
    affine = image.affine.copy()
    affine[:3, 3] += 400
    moved = nib.Nifti1Image(np.asarray(image.dataobj), affine)
    replace(mask, lambda path: nib.save(moved, path))


@pytest.mark.parametrize(
    ("spoil", "stage", "says"),
    [
        (no_t1w, "inputs", ["No T1-weighted MRI", "anat folder", "sub-02)"]),
        (no_meg, "inputs", ["No MEG recording", "sub-02/meg"]),
        (no_spikes, "spikes", ["spike", "events.tsv"]),
        (truncated_fif, "headmodel spikes", ["_meg.fif"]),
        (not_a_nifti, "headmodel", ["T1w.nii.gz"]),
        (t1w_without_head, "headmodel", ["no brain was found", "T1w.nii.gz"]),
        (no_points, "headmodel", ["head points", "_meg.fif"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_one_bad_patient(world, capfd, spoil, stage, says):
    spoil(world.bids / "sub-02")
    assert world.run() == ExitCode.SOME_FAILED
    assert world.status("01")["state"] == "done"
    status = world.status("02")
    assert status["state"] == "failed"
    assert status["outcome"] == "invalid input"
    assert status["failed_stage"] in stage.split()
    for words in says:
        assert words in status["message"], status["message"]
    assert status["hint"]
    printed = capfd.readouterr().err
    assert status["message"] in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize(
    ("spoil", "reference", "says"),
    [
        (contacts_of_another_head, "soz", "electrodes.tsv"),
        (mask_of_another_geometry, "resection", "resection_mask.nii.gz"),
    ],
)
def test_one_bad_optional_file_stops_nobody(world, spoil, reference, says):
    spoil(world.bids / "sub-02")
    assert world.run() == ExitCode.DONE
    metrics = pd.read_csv(world.output / "sub-02/sub-02_metrics.tsv", sep="\t", dtype=str)
    own = metrics[metrics.reference == reference]
    assert set(own.assessable) == {"false"}
    assert own.reason.str.contains(says, regex=False).all()
    assert (world.output / "sub-02_report.pdf").is_file()


def test_contacts_without_soz_marks_are_not_assessable(world):
    channels = only(world.bids / "sub-02", "ieeg/*_channels.tsv")
    table = pd.read_csv(channels, sep="\t", keep_default_na=False)
    table["status_description"] = "n/a"
    replace(channels, lambda path: table.to_csv(path, sep="\t", index=False))
    assert world.run() == ExitCode.DONE
    metrics = pd.read_csv(world.output / "sub-02/sub-02_metrics.tsv", sep="\t", dtype=str)
    # What the contacts could see at all needs no marks.
    any_contact = metrics.metric.isin(["max_to_contact", "sampled_share"])
    soz = metrics[(metrics.reference == "soz") & ~any_contact]
    assert len(soz) > 0
    assert set(soz.assessable) == {"false"}
    assert soz.reason.notna().all()


def test_disk_full_says_so_and_leaves_nothing_half_written(world, monkeypatch):
    contacts = only(world.bids / "sub-02", "ieeg/*_electrodes.tsv")
    text = contacts.read_text()
    replace(contacts, lambda path: path.write_text(text + "\n"))  # so that a stage has to write

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipeline.files.os.fsync", full)
    assert world.run("--participant-label", "02") == ExitCode.MISSING_RESOURCE
    monkeypatch.undo()
    assert not list(world.output.rglob(".tmp_*"))
    assert world.run("--participant-label", "02") == ExitCode.DONE


def test_unknown_label_beside_a_known_one(world):
    assert world.run("--participant-label", "01", "77") == ExitCode.SOME_FAILED
    assert world.status("01")["state"] == "done"
    assert "not in the dataset" in world.status("77")["message"]
