"""What hospitals' datasets have that a fake one has not: one change of a small dataset each."""

import gzip
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mne
import nibabel as nib
import numpy as np

MEG = "sub-01/meg/sub-01_task-rest_run-01"
IEEG = "sub-01/ieeg/sub-01"
T1W = "sub-01/anat/sub-01_T1w"
MASK = "derivatives/resection/sub-01/anat/sub-01_desc-resection_mask.nii.gz"


@dataclass(frozen=True)
class Mutation:
    """One change.

    Attributes
    ----------
    name : str
    apply : callable
        Given the dataset's folder, whose files are hard links, and a random generator.
    options : tuple of str
        For the command line.
    moves_head : bool
        Whether positions in the T1w are no longer those of the results made beforehand.
    """

    name: str
    apply: Callable[[Path, np.random.Generator], None]
    options: tuple[str, ...] = ()
    moves_head: bool = False


MUTATIONS: list[Mutation] = []


def mutation(*options: str, moves_head: bool = False):
    def keep(function):
        MUTATIONS.append(Mutation(function.__name__, function, options, moves_head))
        return function

    return keep


def put(path: Path, content: bytes | str) -> None:
    """Write a file of its own in the place of a link."""
    path.unlink(missing_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def edit(path: Path, change: Callable[[str], str]) -> None:
    put(path, change(path.read_text()))


def edit_json(path: Path, **changes) -> None:
    put(path, json.dumps(json.loads(path.read_text()) | changes))


def edit_column(path: Path, name: str, change: Callable[[str, int], str]) -> None:
    header, *rows = path.read_text().splitlines()
    at = header.split("\t").index(name)
    cells = [row.split("\t") for row in rows]
    for number, row in enumerate(cells):
        row[at] = change(row[at], number)
    put(path, "\n".join([header, *("\t".join(row) for row in cells)]) + "\n")


def save(image, path: Path) -> None:
    path.unlink(missing_ok=True)
    nib.save(image, path)


def rename_all(folder: Path, old: str, new: str) -> None:
    for path in sorted(folder.rglob(f"*{old}*")):
        path.rename(path.with_name(path.name.replace(old, new)))


def meg_files(bids: Path) -> list[Path]:
    return sorted((bids / "sub-01/meg").glob("*"))


# -- nothing, and what is ignored --------------------------------------------------------------
@mutation()
def nothing(bids, rng):
    """The dataset as it is."""


@mutation()
def companions_of_other_systems(bids, rng):
    for path in [p for p in bids.rglob("sub-01_*") if p.is_file()]:
        path.with_name(f"._{path.name}").write_bytes(rng.bytes(40))
    (bids / ".DS_Store").write_bytes(rng.bytes(40))


@mutation()
def stray_folders(bids, rng):
    for name in ("sub-01_old", "Sub-02", "sub-"):
        (bids / name).mkdir()


# -- which file is what ------------------------------------------------------------------------
@mutation()
def raw_beside_sss(bids, rng):
    for path in meg_files(bids):
        shutil.copy(path, path.with_name(path.name.replace("_run-01_", "_run-01_proc-sss_")))


@mutation()
def functional_run_first(bids, rng):
    for path in meg_files(bids):
        name = path.name.replace("task-rest", "task-aef")
        if not name.endswith("events.tsv"):
            shutil.copy(path, path.with_name(name))


@mutation("--session-label", "meg")
def t1w_in_a_session_of_its_own(bids, rng):
    sub = bids / "sub-01"
    for kind, session in (("meg", "meg"), ("anat", "mri")):
        folder = sub / f"ses-{session}" / kind
        folder.mkdir(parents=True)
        for path in sorted((sub / kind).glob("*")):
            path.rename(folder / path.name.replace("sub-01_", f"sub-01_ses-{session}_"))
        (sub / kind).rmdir()


@mutation()
def second_t1w(bids, rng):
    acq = ("acq-mprage", "ce-gadolinium", "acq-postop", "rec-norm")[rng.integers(4)]
    shutil.copy(bids / f"{T1W}.nii.gz", bids / f"sub-01/anat/sub-01_{acq}_T1w.nii.gz")


@mutation()
def no_t1w(bids, rng):
    (bids / f"{T1W}.nii.gz").unlink()


@mutation()
def no_meg(bids, rng):
    shutil.rmtree(bids / "sub-01/meg")


@mutation()
def content_of_an_annex_that_is_not_here(bids, rng):
    path = bids / (f"{T1W}.nii.gz", f"{MEG}_meg.fif", MASK)[rng.integers(3)]
    path.unlink()
    path.symlink_to("../../.git/annex/objects/aa/bb/MD5E-s1--1.nii.gz/MD5E-s1--1.nii.gz")


@mutation()
def link_out_of_the_dataset(bids, rng):
    path = bids / (f"{T1W}.nii.gz", f"{MEG}_meg.fif", f"{MEG}_events.tsv")[rng.integers(3)]
    outside = bids.parent / f"outside_{path.name}"
    path.rename(outside)
    path.symlink_to(outside)


@mutation()
def empty_room_named_in_the_sidecar(bids, rng):
    room = bids / "sub-emptyroom/ses-20200101/meg/sub-emptyroom_ses-20200101_task-noise_meg.fif"
    room.parent.mkdir(parents=True)
    shutil.copy(bids / f"{MEG}_meg.fif", room)
    stated = (str(room.relative_to(bids)), "nowhere_meg.fif", ["a", 3], 7)[rng.integers(4)]
    edit_json(bids / f"{MEG}_meg.json", AssociatedEmptyRoom=stated)


@mutation()
def two_resection_masks(bids, rng):
    name = ("desc-resectionB_mask", "space-postop_desc-resection_mask")[rng.integers(2)]
    shutil.copy(bids / MASK, (bids / MASK).with_name(f"sub-01_{name}.nii.gz"))


# -- geometry ----------------------------------------------------------------------------------
def coded(bids, sform, qform, change=None, path=f"{T1W}.nii.gz"):
    image = nib.load(bids / path)
    data, affine = np.asarray(image.dataobj), image.affine.copy()
    turned = nib.Nifti1Image(data, affine)
    turned.set_sform(affine, sform)
    turned.set_qform(affine if change is None else change(affine), qform)
    save(turned, bids / path)


@mutation(moves_head=True)
def codes_of_the_t1w(bids, rng):
    coded(bids, *((0, 0), (0, 1), (1, 0), (2, 1))[rng.integers(4)])


@mutation()
def codes_of_the_mask(bids, rng):
    coded(bids, *((0, 0), (0, 1), (1, 0))[rng.integers(3)], path=MASK)


@mutation(moves_head=True)
def sform_and_qform_disagree(bids, rng):
    shift_mm = float(rng.choice([0.5, 3, 200]))

    def moved(affine):
        affine = affine.copy()
        affine[0, 3] += shift_mm
        return affine

    coded(bids, 1, 1, moved)


@mutation(moves_head=True)
def affine_of_the_t1w(bids, rng):
    image = nib.load(bids / f"{T1W}.nii.gz")
    header, affine = image.header, image.affine.copy()
    which = rng.integers(3)
    if which == 0:
        affine[:3, :3] *= 10
    elif which == 1:
        affine[0, 0] = np.nan
    else:
        affine[:3, 2] = affine[:3, 1]
    header.set_sform(affine, 1)
    save(nib.Nifti1Image(np.asarray(image.dataobj), None, header), bids / f"{T1W}.nii.gz")


@mutation()
def mask_somewhere_else(bids, rng):
    image = nib.load(bids / MASK)
    affine = image.affine.copy()
    affine[:3, 3] += float(rng.choice([30, 400]))
    save(nib.Nifti1Image(np.asarray(image.dataobj), affine), bids / MASK)


@mutation()
def mask_of_another_kind(bids, rng):
    image = nib.load(bids / MASK)
    data = np.asarray(image.dataobj)
    made = (
        np.zeros_like(data),
        np.ones_like(data),
        np.stack([data, data], axis=-1),
        data.astype(np.complex64),
    )[rng.integers(4)]
    save(nib.Nifti1Image(made, image.affine), bids / MASK)


@mutation(moves_head=True)
def voxels_of_the_t1w(bids, rng):
    image = nib.load(bids / f"{T1W}.nii.gz")
    data = np.asarray(image.dataobj)
    made = (
        np.zeros_like(data),
        np.full(data.shape, np.nan, np.float32),
        data.astype(np.complex64),
        data.astype(np.float32) - 4096,
        np.stack([data, data], axis=-1),
        data[..., :10],
    )[rng.integers(6)]
    save(nib.Nifti1Image(made, image.affine), bids / f"{T1W}.nii.gz")


@mutation()
def damaged_image(bids, rng):
    path = bids / (f"{T1W}.nii.gz", MASK)[rng.integers(2)]
    content = path.read_bytes()
    at = int(len(content) * rng.uniform(0.3, 0.9))
    which = rng.integers(3)
    if which == 0:
        put(path, content[:at])
    elif which == 1:
        put(path, content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :])
    else:
        plain = gzip.decompress(content)
        put(path, gzip.compress(plain[: len(plain) // 2]))


# -- landmarks ---------------------------------------------------------------------------------
@mutation()
def landmarks(bids, rng):
    odd = ("n/a", [], 3, {"NAS": "n/a"}, {"NAS": [1, 2]}, {"NAS-ses1": [45, 106, 20]}, None)
    edit_json(bids / f"{T1W}.json", AnatomicalLandmarkCoordinates=odd[rng.integers(len(odd))])


@mutation()
def landmarks_far_away(bids, rng):
    far = [float(rng.choice([-400, 900])), 0, 0]
    stored = json.loads((bids / f"{T1W}.json").read_text())["AnatomicalLandmarkCoordinates"]
    edit_json(bids / f"{T1W}.json", AnatomicalLandmarkCoordinates=stored | {"NAS": far})


@mutation()
def sidecar_that_is_no_json(bids, rng):
    name = (f"{T1W}.json", f"{MEG}_meg.json", f"{IEEG}_coordsystem.json")[rng.integers(3)]
    put(bids / name, (b"", b"[]", b"{", b"[" * 100_000, b'{"a": "\xff"}')[rng.integers(5)])


# -- recordings --------------------------------------------------------------------------------
def saved_again(bids, change=None, **options):
    path = bids / f"{MEG}_meg.fif"
    raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    raw = (change and change(raw)) or raw
    path.unlink()
    raw.save(path, verbose="error", **options)


@mutation()
def damaged_recording(bids, rng):
    path = bids / f"{MEG}_meg.fif"
    content = path.read_bytes()
    put(path, content[: int(len(content) * rng.uniform(0.1, 0.99))])


@mutation()
def recording_in_parts(bids, rng):
    path = bids / f"{MEG}_meg.fif"
    raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    whole = path.stat().st_size
    path.unlink()
    raw.save(path, split_size=whole // 2 + 100_000, split_naming="bids", verbose="error")
    parts = sorted((bids / "sub-01/meg").glob("*split-*_meg.fif"))
    which = rng.integers(4)
    if which == 1:
        parts[-1].unlink()
    elif which >= 2 and len(parts) > 1:
        content = parts[which % len(parts)].read_bytes()
        put(parts[which % len(parts)], content[: int(len(content) * 0.6)])


@mutation()
def no_points(bids, rng):
    def change(raw):
        with raw.info._unlock():
            raw.info["dig"] = None

    saved_again(bids, change)


@mutation()
def no_head_position(bids, rng):
    def change(raw):
        with raw.info._unlock():
            raw.info["dev_head_t"] = None

    saved_again(bids, change)


@mutation()
def short_recording(bids, rng):
    seconds = float(rng.choice([5, 12, 30]))
    saved_again(bids, lambda raw: raw.crop(0, seconds))


@mutation()
def few_channels(bids, rng):
    saved_again(bids, lambda raw: raw.pick(raw.ch_names[: int(rng.integers(5, 29))]))


@mutation()
def marked_stretches(bids, rng):
    def change(raw):
        onsets = np.sort(rng.uniform(0, 50, 4))
        raw.set_annotations(mne.Annotations(onsets, 8.0, "BAD_movement", raw.info["meas_date"]))

    saved_again(bids, change)


@mutation()
def all_is_marked_bad(bids, rng):
    length_s = float(rng.choice([40, 59.9]))

    def change(raw):
        raw.set_annotations(mne.Annotations(0.0, length_s, "BAD_all", raw.info["meas_date"]))

    saved_again(bids, change)
