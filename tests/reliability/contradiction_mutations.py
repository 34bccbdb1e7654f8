"""Datasets that contradict themselves: strangers' files, wrong units, values that say nothing."""

import json
import shutil

import mne
import nibabel as nib
import numpy as np
from dataset_mutations import (
    IEEG,
    MASK,
    MEG,
    T1W,
    edit,
    edit_column,
    edit_json,
    mutation,
    put,
    save,
    saved_again,
)


@mutation()
def clinical_file_that_is_broken(bids, rng):
    (bids / "sub-01/sub-01_clinical.toml").write_text("indication = ")


@mutation()
def values_of_the_mask(bids, rng):
    image = nib.load(bids / MASK)
    inside = np.asarray(image.dataobj) > 0
    slope = np.linspace(0.7, 1, inside.shape[2])
    made = (
        100 * inside * slope,
        inside * slope,
        inside + 2.0 * np.roll(inside, 12, 1),
        inside - 1.0,
        255.0 * inside,
    )[rng.integers(5)]
    save(nib.Nifti1Image(made.astype(np.float32), image.affine), bids / MASK)


@mutation()
def places_that_stand_for_none(bids, rng):
    word, share = ("0", "-999")[rng.integers(2)], float(rng.choice([0.2, 0.6]))
    lost = rng.random(200) < share
    for axis in "xyz":
        edit_column(
            bids / f"{IEEG}_electrodes.tsv", axis, lambda cell, i: word if lost[i] else cell
        )


@mutation()
def contacts_of_somebody_else(bids, rng):
    for path in sorted((bids / "sub-01/ieeg").glob("*")):
        path.rename(path.with_name(path.name.replace("sub-01", "sub-02")))


@mutation()
def optional_files_behind_links_out(bids, rng):
    names = (f"{T1W}.json", f"{MEG}_channels.tsv", f"{IEEG}_electrodes.tsv", MASK)
    for name in (*names, "participants.tsv"):
        if rng.random() < 0.5:
            outside = bids.parent / name.replace("/", "_")
            (bids / name).rename(outside)
            (bids / name).symlink_to(outside)


@mutation()
def folders_in_the_place_of_files(bids, rng):
    names = (f"{T1W}.nii.gz", f"{MEG}_meg.fif", f"{MEG}_events.tsv", MASK, f"{T1W}.json")
    path = bids / names[rng.integers(5)]
    path.unlink()
    path.mkdir()


@mutation()
def head_of_a_recording(bids, rng):
    which = rng.integers(5)

    def change(raw):
        motion = raw.info["dev_head_t"]["trans"]
        if which == 0:
            motion[:3, :3] = motion[:3, :3] @ np.diag([-1, 1, 1])
        elif which == 1:
            motion[0, 3] = np.nan
        elif which == 2:
            motion[:3, 3] += 0.4
        elif which == 3:
            for point in raw.info["dig"]:
                point["r"][:] *= 1000
        else:
            raw.info["dig"][9]["r"][:] = np.nan

    saved_again(bids, change)


@mutation()
def unit_of_the_data(bids, rng):
    factor = float(rng.choice([1e15, 1e-9, 2]))

    def change(raw):
        raw._data *= factor

    saved_again(bids, change)


@mutation()
def data_that_are_no_numbers(bids, rng):
    channels = (slice(3, 4), slice(None))[rng.integers(2)]

    def change(raw):
        raw._data[channels, 5000:5400] = np.nan

    saved_again(bids, change)


@mutation()
def events_of_another_run(bids, rng):
    recording = bids / f"{MEG}_meg.fif"
    raw = mne.io.read_raw_fif(recording, preload=True, verbose="error")
    raw._data[:] = raw._data[:, ::-1]
    raw.save(str(recording).replace("run-01", "run-02"), verbose="error")
    events = bids / f"{MEG}_events.tsv"
    if rng.integers(2):
        shutil.copy(events, str(events).replace("run-01", "run-02"))
    else:
        events.rename(bids / "task-rest_events.tsv")


@mutation()
def separators(bids, rng):
    names = (f"{MEG}_events.tsv", f"{MEG}_channels.tsv", f"{IEEG}_electrodes.tsv")
    sign = (";", ",", "   ")[rng.integers(3)]
    edit(bids / names[rng.integers(3)], lambda text: text.replace("\t", sign))


@mutation()
def empty_room_that_is_the_run(bids, rng):
    edit_json(bids / f"{MEG}_meg.json", AssociatedEmptyRoom=f"{MEG}_meg.fif")


@mutation()
def landmarks_that_no_head_has(bids, rng):
    odd = (
        {"NAS": [45, 106, 20], "LPA": [4, 52, 18], "RPA": [6, 52, 18]},
        {"NAS": [0, 90, -40], "LPA": [-75, 0, -45], "RPA": [75, 0, -45]},
    )[rng.integers(2)]
    put(bids / f"{T1W}.json", json.dumps({"AnatomicalLandmarkCoordinates": odd}))
