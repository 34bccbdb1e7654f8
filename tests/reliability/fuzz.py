"""Broken input files: every one ends in a sentence, within seconds, within a gigabyte.

Each input is read by a forked child under limits of time and memory, by the very functions that
the stages read it with, or by the whole command. `python tests/reliability/fuzz.py --help`.
"""

import argparse
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from mutations import damage, damaged_header, within_gzip
from scipy.spatial import ConvexHull

from bids_app.cli import main
from bids_app.dataset import Query, check_dataset, find_patient
from bids_app.exit_codes import ExitCode, Outcome
from bids_app.failures import explain
from bids_app.status import read_cohort
from pipeline.compare.contacts import resolve_contacts
from pipeline.compare.labels import read_contact_labels
from pipeline.compare.resection import read_resection
from pipeline.compare.spaces import Carried
from pipeline.headmodel.digitisation import digitised_points_head_m
from pipeline.headmodel.freesurfer import (
    HEMIS,
    check_same_image,
    read_reconstruction,
    read_talairach,
)
from pipeline.headmodel.landmarks import read_landmarks
from pipeline.headmodel.t1w import read_t1w
from pipeline.networks import build_network
from pipeline.spikes.config import SPIKE_NAMES
from pipeline.spikes.events import read_events
from pipeline.spikes.marks import read_channels_tsv
from pipeline.spikes.recording import open_recording, read_block
from pipeline.template import load_template
from pipeline.weights import load_model, save_model

# Of CPU time, and of the clock for what waits: the machine may be busy with other work.
CPU_SECONDS = 20
SECONDS = 200.0
MEMORY_MB = 1024
LABEL = "01"


@dataclass(frozen=True)
class Target:
    """One kind of file, an intact one, and what reads it."""

    name: str
    file: Path
    read: Callable[[Path], object]
    change: object
    """Strategy of functions from bytes to bytes."""


def dataset(root: Path) -> Path:
    """A participant of small files, each of which is read as in earnest."""
    sub = root / "bids" / f"sub-{LABEL}"
    for folder in ("anat", "meg", "ieeg"):
        (sub / folder).mkdir(parents=True)
    (root / "bids/dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    (root / "bids/participants.tsv").write_text("participant_id\tengel\nsub-01\tIA\n")
    rng = np.random.default_rng(0)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = -60
    voxels = rng.integers(0, 1000, (40, 40, 40)).astype(np.int16)
    nib.save(nib.Nifti1Image(voxels, affine), sub / "anat/sub-01_T1w.nii")
    nib.save(nib.Nifti1Image(voxels, affine), root / "compressed_T1w.nii.gz")
    landmarks = {"NAS": [20, 38, 15], "LPA": [2, 20, 12], "RPA": [38, 20, 12]}
    sidecar = json.dumps({"AnatomicalLandmarkCoordinates": landmarks})
    (sub / "anat/sub-01_T1w.json").write_text(sidecar)
    mask = root / "bids/derivatives/resection/sub-01/anat/sub-01_desc-resection_mask.nii"
    mask.parent.mkdir(parents=True)
    made_by = json.dumps({"Name": "x", "GeneratedBy": [{"Name": "somebody"}]})
    (root / "bids/derivatives/resection/dataset_description.json").write_text(made_by)
    nib.save(nib.Nifti1Image((voxels > 900).astype(np.uint8), affine), mask)

    info = mne.channels.read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, np.arange(0, 306, 5))
    with info._unlock():
        info["sfreq"] = 250.0
    info.set_montage(
        mne.channels.make_dig_montage(
            nasion=(0, 0.09, 0),
            lpa=(-0.07, 0, 0),
            rpa=(0.07, 0, 0),
            hsp=rng.normal(0, 0.05, (30, 3)),
        )
    )
    raw = mne.io.RawArray(1e-12 * rng.normal(size=(len(info["chs"]), 3000)), info, verbose="error")
    stem = str(sub / "meg/sub-01_task-rest")
    raw.save(f"{stem}_meg.fif", fmt="short", verbose="error")
    Path(f"{stem}_meg.json").write_text('{"AssociatedEmptyRoom": "sub-01/meg/none_meg.fif"}')
    rows = [f"{second}.5\t0.0\tspike\tgood" for second in range(1, 11)]
    Path(f"{stem}_events.tsv").write_text("onset\tduration\ttrial_type\tvalue\n" + "\n".join(rows))
    names = "\n".join(f"{name}\tMEGMAG\tT\tgood\tn/a" for name in raw.ch_names)
    header = "name\ttype\tunits\tstatus\tstatus_description\n"
    Path(f"{stem}_channels.tsv").write_text(header + names)
    contacts = "\n".join(f"A{i}\t{4 * i}\t{i}\t0\t2\tyes" for i in range(1, 11))
    (sub / "ieeg/sub-01_electrodes.tsv").write_text("name\tx\ty\tz\tsize\tsoz\n" + contacts)
    marks = "\n".join(f"A{i}\tSEEG\tuV\tgood\tresect,soz" for i in range(1, 6))
    (sub / "ieeg/sub-01_channels.tsv").write_text(header + marks)
    system = {"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm", "IntendedFor": "x"}
    (sub / "ieeg/sub-01_coordsystem.json").write_text(json.dumps(system))
    freesurfer(root / "freesurfer/sub-01", voxels, affine)
    status = root / "output/sub-01/sub-01_status.json"
    status.parent.mkdir(parents=True)
    status.write_text(json.dumps({"state": "failed", "stages": {"spikes": {"key": "x"}}}))
    card = {"network": "compact", "input": "raw"}
    save_model(root / "small.safetensors", build_network("compact", n_in=60), card)
    return root


def freesurfer(folder: Path, voxels: np.ndarray, affine: np.ndarray) -> None:
    """Two spheres for a brain, in FreeSurfer's files."""
    for name in ("surf", "label", "mri/transforms", "bem"):
        (folder / name).mkdir(parents=True)
    sphere_mm = load_template().sphere_mm[:642]
    faces = ConvexHull(sphere_mm).simplices
    for hemi in HEMIS:
        for name in ("white", "pial", "sphere.reg"):
            nib.freesurfer.write_geometry(folder / f"surf/{hemi}.{name}", sphere_mm, faces)
        colours = np.array([[0, 0, 0, 0, 0], [1, 2, 3, 0, 0]])
        label = np.arange(len(sphere_mm)) % 2
        file = folder / f"label/{hemi}.aparc.annot"
        nib.freesurfer.write_annot(file, label, colours, ["unknown", "precuneus"], fill_ctab=True)
    nib.freesurfer.write_geometry(folder / "bem/inner_skull.surf", sphere_mm, faces)
    nib.save(nib.MGHImage(voxels, affine), folder / "mri/orig.mgz")
    (folder / "mri/transforms/talairach.xfm").write_text(
        "MNI Transform File\n\nTransform_Type = Linear;\nLinear_Transform =\n"
        "1 0 0 2\n0 1 0 3\n0 0 1 4;\n"
    )


def targets(root: Path) -> list[Target]:
    """Every kind of file that comes from outside."""
    bids, sub = root / "bids", root / "bids/sub-01"
    stem = sub / "meg/sub-01_task-rest"
    sphere = np.random.default_rng(0).normal(size=(500, 3))
    scalp_mri_mm = 90 * sphere / np.linalg.norm(sphere, axis=1, keepdims=True)
    ieeg = {kind: [sub / f"ieeg/sub-01_{kind}"] for kind in ("electrodes.tsv", "channels.tsv")}

    def find():
        return find_patient(bids, LABEL, Query(), {}, None, True)

    def recording(path):
        raw = open_recording(path)
        digitised_points_head_m(raw.info, path)
        read_block(raw, path, None, 0, min(raw.n_times, 20_000))

    def contacts(_):
        resolve_contacts(
            ieeg["electrodes.tsv"],
            ieeg["channels.tsv"],
            [sub / "ieeg/sub-01_coordsystem.json"],
            sub / "anat/sub-01_T1w.nii",
            [],
            read_contact_labels(None),
            lambda _: Carried(lambda pos_mm: pos_mm, "not at all"),
            scalp_mri_mm,
        )

    def preflight(_):
        arguments = [str(bids), str(root / "new"), "participant", "--preflight"]
        code = main([*arguments, "--generic-model", str(root / "small.safetensors")])
        if code not in (ExitCode.DONE, ExitCode.ALL_FAILED, ExitCode.INVALID_DATASET):
            raise RuntimeError(f"exit code {code}")

    head = root / "freesurfer/sub-01"
    t1w = read_t1w(sub / "anat/sub-01_T1w.nii")

    def reconstruction(_):
        read_reconstruction(head)

    def same_image(_):
        check_same_image(head, t1w, t1w.data > 500)

    mask = bids / "derivatives/resection/sub-01/anat/sub-01_desc-resection_mask.nii"
    text, binary = damage(text=True), damage(text=False)
    return [
        Target("FIF", Path(f"{stem}_meg.fif"), recording, binary),
        Target("NIfTI header", sub / "anat/sub-01_T1w.nii", read_t1w, damaged_header()),
        Target("NIfTI", sub / "anat/sub-01_T1w.nii", read_t1w, binary),
        Target("NIfTI, compressed", root / "compressed_T1w.nii.gz", read_t1w, binary),
        Target(
            "NIfTI header, compressed",
            root / "compressed_T1w.nii.gz",
            read_t1w,
            damaged_header().map(within_gzip),
        ),
        Target("FreeSurfer sphere", head / "surf/lh.sphere.reg", reconstruction, binary),
        Target("FreeSurfer surface", head / "surf/rh.pial", reconstruction, binary),
        Target("FreeSurfer annotation", head / "label/lh.aparc.annot", reconstruction, binary),
        Target("FreeSurfer skull", head / "bem/inner_skull.surf", reconstruction, binary),
        Target("FreeSurfer image", head / "mri/orig.mgz", same_image, binary),
        Target(
            "FreeSurfer talairach.xfm",
            head / "mri/transforms/talairach.xfm",
            lambda _: read_talairach(head),
            text,
        ),
        Target("NIfTI mask", mask, read_resection, damaged_header()),
        Target(
            "events.tsv", Path(f"{stem}_events.tsv"), lambda p: read_events(p, SPIKE_NAMES), text
        ),
        Target(
            "channels.tsv", Path(f"{stem}_channels.tsv"), lambda p: read_channels_tsv(p, []), text
        ),
        Target("electrodes.tsv", ieeg["electrodes.tsv"][0], contacts, text),
        Target("iEEG channels.tsv", ieeg["channels.tsv"][0], contacts, text),
        Target("coordsystem.json", sub / "ieeg/sub-01_coordsystem.json", contacts, text),
        Target(
            "T1w.json",
            sub / "anat/sub-01_T1w.json",
            lambda path: read_landmarks(path, np.eye(4)),
            text,
        ),
        Target("meg.json", Path(f"{stem}_meg.json"), lambda _: find(), text),
        Target("participants.tsv", bids / "participants.tsv", lambda _: find(), text),
        Target(
            "dataset_description.json",
            bids / "dataset_description.json",
            lambda path: check_dataset(path.parent),
            text,
        ),
        Target(
            "status.json",
            root / "output/sub-01/sub-01_status.json",
            lambda path: read_cohort(path.parents[1]),
            text,
        ),
        Target("safetensors", root / "small.safetensors", load_model, binary),
        Target(
            "dataset_description.json of a derivative",
            bids / "derivatives/resection/dataset_description.json",
            lambda _: find(),
            text,
        ),
        Target("command, events.tsv", Path(f"{stem}_events.tsv"), preflight, text),
        Target("command, T1w.json", sub / "anat/sub-01_T1w.json", preflight, text),
        Target("command, T1w", sub / "anat/sub-01_T1w.nii", preflight, damaged_header()),
        Target("command, FIF", Path(f"{stem}_meg.fif"), preflight, binary),
        Target("command, weights", root / "small.safetensors", preflight, binary),
    ]


def judge(read: Callable, path: Path) -> tuple[str, str, int]:
    """Verdict, detail and memory in MB of reading one input in a child under limits."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 1)
        os.dup2(silent, 2)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (used + 2 * MEMORY_MB * 2**20,) * 2)
        verdict, detail = "accepted", ""
        try:
            read(path)
        except BaseException as error:
            outcome, message, _ = explain(error)
            verdict = "refused" if outcome is Outcome.INVALID_INPUT else "DEFECT"
            last = traceback.format_exception(error)[-1].strip()[:200]
            detail = message if verdict == "refused" else f"{message}: {last}"
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
        os.write(send, json.dumps((verdict, detail[:2000], grown)).encode())
        os._exit(0)
    os.close(send)
    ready, _, _ = select.select([receive], [], [], SECONDS)
    answer = os.read(receive, 65536) if ready else b""
    os.close(receive)
    if not ready:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    if not ready:
        return "DEFECT", f"took longer than {SECONDS:.0f} s", 0
    if not answer:
        return "DEFECT", f"the process ended with {os.waitstatus_to_exitcode(status)}", 0
    verdict, detail, grown = json.loads(answer)
    if grown > MEMORY_MB:
        return "DEFECT", f"took {grown} MB", grown
    return verdict, detail, grown


def fuzz(target: Target, n: int, seed_: int) -> tuple[Counter, list[str], int]:
    """Verdicts of `n` damaged inputs, the defects, and the most memory that one took (MB)."""
    intact = target.file.read_bytes()
    verdicts, defects, most = Counter(), [], [0]

    @seed(seed_)
    @settings(
        max_examples=n,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.change)
    def one(change):
        target.file.write_bytes(change(intact))
        verdict, detail, grown = judge(target.read, target.file)
        verdicts[verdict] += 1
        most[0] = max(most[0], grown)
        if verdict == "DEFECT":
            defects.append(detail)
            keep = target.file.parent / f"{len(defects)}_{target.file.name}.defect"
            keep.write_bytes(target.file.read_bytes())

    try:
        verdict, detail, _ = judge(target.read, target.file)
        if verdict != "accepted":
            defects.append(f"the intact file is refused: {detail}")
        one()
    finally:
        target.file.write_bytes(intact)
    return verdicts, defects, most[0]


def main_fuzz() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=100, help="inputs of each kind")
    parser.add_argument("--commands", type=int, default=10, help="inputs of whole commands")
    parser.add_argument("--only", nargs="+", help="kinds whose name contains one of these")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    total, bad = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for target in targets(dataset(Path(folder))):
            if args.only and not any(word in target.name for word in args.only):
                continue
            started = time.monotonic()
            n = args.commands if target.name.startswith("command") else args.n
            verdicts, defects, most = fuzz(target, n, args.seed)
            total, bad = total + verdicts.total(), bad + len(defects)
            print(
                f"{target.name}: {verdicts['refused']} refused, {verdicts['accepted']} accepted, "
                f"{len(defects)} defects, at most {most} MB, {time.monotonic() - started:.0f} s",
                *dict.fromkeys(defects),
                sep="\n  ",
                flush=True,
            )
    print(f"{total} inputs, {bad} defects")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main_fuzz())
