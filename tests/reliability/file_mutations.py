"""Datasets in which it is not plain which file is what: one change of a small dataset each."""

import shutil
from pathlib import Path

import mne
from dataset_mutations import MASK, T1W, meg_files, mutation, put


def recording(bids) -> Path:
    return next(path for path in meg_files(bids) if path.suffix == ".fif")


@mutation()
def acquisitions_of_one_recording(bids, rng):
    """A second file of the run under another ``acq-``, as it is or as another recording."""
    name = recording(bids)
    other = name.with_name(name.name.replace("task-rest", "task-rest_acq-b"))
    if rng.random() < 0.5:
        shutil.copy(name, other)
    else:
        raw = mne.io.read_raw_fif(name, preload=True, verbose="error")
        raw._data *= rng.uniform(0.5, 2)
        raw.set_meas_date(86400.0 * rng.integers(1000, 20000))
        raw.save(other, verbose="error")


@mutation()
def empty_rooms_of_other_days(bids, rng):
    """Empty rooms under ``sub-emptyroom``, one or several, with and without days."""
    for _ in range(rng.integers(1, 4)):
        day = rng.choice(["20200101", "20210101", "a"])
        folder = bids / f"sub-emptyroom/ses-{day}/meg"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(recording(bids), folder / f"sub-emptyroom_ses-{day}_task-noise_meg.fif")


@mutation()
def pointer_in_place_of_content(bids, rng):
    """Git LFS leaves a small text where the content was not fetched."""
    files = [recording(bids), bids / f"{T1W}.nii.gz", bids / MASK]
    put(
        files[rng.integers(3)],
        "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 5\n",
    )


@mutation()
def surfaces_that_are_not_whole(bids, rng):
    """FreeSurfer's folder after a run that failed, in one of its usual places."""
    places = ["freesurfer", "fastsurfer", "fmriprep/sourcedata/freesurfer", "freesurfer/subjects"]
    folder = bids / "derivatives" / rng.choice(places) / "sub-01/surf"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("lh.white", "rh.white")[: rng.integers(1, 3)]:
        put(folder / name, b"\xff\xff\xfe")


@mutation()
def image_with_contrast_medium(bids, rng):
    """Beside the T1w, or alone."""
    image = bids / f"{T1W}.nii.gz"
    other = image.with_name(image.name.replace("_T1w", "_ce-gadolinium_T1w"))
    (shutil.copy if rng.random() < 0.5 else shutil.move)(image, other)
