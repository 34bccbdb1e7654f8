"""The whole pipeline on full-length recordings in each maker's geometry.

    python benchmarks/vendors.py DATA WORK [--vendors ctf kit160 kit157 ricoh bti]

DATA holds ``vendors`` and ``real_head``; WORK gets the simulated dataset and the outputs; makers that
are not named keep their rows. Sensors
and helmet position are those of a real recording in the maker's own format, opened by the product's
reader from BIDS as mne-bids writes it; 45 spikes of one patch are simulated on the real head. CTF's
recording is written natively (``.ds`` with its coil and head-point files), the others as FIF. All
stages run, coarsely. Results: ``benchmarks/results/vendors.csv``.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import mne
import mne_bids
import nibabel as nib
import numpy as np
import pandas as pd
from mne.transforms import apply_trans
from real_head import SUBJECT
from real_head_dataset import Truth, write_participant

from pipeline.files import read_json, read_npz
from pipeline.headmodel.anatomy import head_from_freesurfer
from pipeline.headmodel.brain import extract_brain
from pipeline.headmodel.freesurfer import read_reconstruction
from pipeline.headmodel.t1w import read_t1w
from pipeline.methods import METHODS
from pipeline.methods._method import PointMethod
from pipeline.paths import PatientPaths
from pipeline.readers import is_recording, open_raw
from pipeline.records.solution import read_point
from pipeline.warp import apply_affine

RESULTS = Path(__file__).parent / "results" / "vendors.csv"
COARSE = """
[headmodel]
registration = "affine"
shell_vertices = 642
[personalize]
steps = 20
n_test = 64
"""
CTF_FOLDER = "ctf/testdata_ctf_short_discontinuous.ds"
CTF_HEADER = b"MEG41CP\x00"
# CTF's dewar frame is mne's device frame before a turn by 45 degrees and a lift by 190 mm.
DEWAR_TO_DEVICE = np.array(
    [[np.sqrt(0.5), -np.sqrt(0.5), 0, 0], [np.sqrt(0.5), np.sqrt(0.5), 0, 0], [0, 0, 1, 0.19]]
)
VENDORS = ("ctf", "kit160", "kit157", "ricoh", "bti")
FIRST_SEED = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--vendors", nargs="+", choices=VENDORS, default=list(VENDORS))
    args = parser.parse_args()
    mne.set_log_level("error")
    args.work.mkdir(parents=True, exist_ok=True)
    (args.work / "coarse.toml").write_text(COARSE)
    freesurfer = args.data / "real_head" / "freesurfer" / SUBJECT
    t1w_file = args.data / "real_head" / "bids" / SUBJECT / "anat" / f"{SUBJECT}_T1w.nii.gz"
    t1w = read_t1w(t1w_file)
    brain = extract_brain(t1w, t1w_file)
    head = head_from_freesurfer(freesurfer, t1w, brain)
    skin, _ = nib.freesurfer.read_geometry(freesurfer / "bem" / "outer_skin.surf")
    skin_mri_mm = apply_affine(read_reconstruction(freesurfer).to_scanner, skin)
    tables = {}
    if RESULTS.exists():
        tables = dict(iter(pd.read_csv(RESULTS, keep_default_na=False).groupby("vendor")))
    for vendor in args.vendors:
        info_file = args.work / f"{vendor}-info.fif"
        recording = in_bids(args.data / "vendors", args.work, vendor)
        mne.io.write_info(info_file, open_raw(recording).info, overwrite=True)
        bids = args.work / "bids"
        shutil.rmtree(bids / f"sub-{vendor}", ignore_errors=True)
        seed = FIRST_SEED + VENDORS.index(vendor)
        truth = write_participant(bids, vendor, info_file, t1w_file, head, skin_mri_mm, seed)
        if vendor == "ctf":
            write_native(bids / "sub-ctf" / "meg", args.data / "vendors" / CTF_FOLDER)
        rows = run(args.work, vendor, truth)
        tables[vendor] = pd.DataFrame(rows, columns=["vendor", "measure", "value", "unit"])
        done = pd.concat([tables[name] for name in VENDORS if name in tables])
        done.to_csv(RESULTS, index=False, float_format="%.4g", lineterminator="\n")
    print(done.to_string(index=False))


def in_bids(vendors: Path, work: Path, vendor: str) -> Path:
    """The maker's short recording as mne-bids puts it into BIDS."""
    kit, bti = vendors / "kit", vendors / "bti"

    def digitised(stem):
        return [str(kit / f"{stem}.{kind}") for kind in ("elp", "hsp")]

    raw = {
        "ctf": lambda: mne.io.read_raw_ctf(vendors / CTF_FOLDER),
        "kit160": lambda: mne.io.read_raw_kit(
            kit / "MQKIT_125_2sec.con", str(kit / "MQKIT_125.mrk"), *digitised("MQKIT_125")
        ),
        "kit157": lambda: mne.io.read_raw_kit(
            kit / "test.sqd", str(kit / "test_mrk.sqd"), *digitised("test")
        ),
        "ricoh": lambda: mne.io.read_raw_kit(next(vendors.glob("ricoh/*.con"))),
        "bti": lambda: mne.io.read_raw_bti(
            bti / "test_pdf_linux", bti / "test_config_linux", str(bti / "test_hs_linux")
        ),
    }[vendor]()
    raw.info["line_freq"] = 50
    root = work / "short" / vendor
    shutil.rmtree(root, ignore_errors=True)
    path = mne_bids.BIDSPath(root=root, subject=vendor, task="rest", datatype="meg")
    mne_bids.write_raw_bids(raw, path, verbose="error")
    return next(each for each in (root / f"sub-{vendor}" / "meg").iterdir() if is_recording(each))


def write_native(folder: Path, template: Path) -> None:
    """Put the simulated recording into a CTF folder made from a real one, and remove the FIF."""
    stem = "sub-ctf_task-rest_meg"
    raw = mne.io.read_raw_fif(folder / f"{stem}.fif", preload=True)
    real = mne.io.read_raw_ctf(template)
    raw.resample(real.info["sfreq"])
    target = folder / f"{stem}.ds"
    target.mkdir()
    res4 = next(template.glob("*.res4"))
    (target / f"{stem}.res4").write_bytes(res4.read_bytes())
    counts = np.fromfile(next(template.glob("*.meg4")), ">i4", offset=len(CTF_HEADER))
    # A file of trials, in each one channel after the other.
    trial = counts.reshape(2, len(real.ch_names), -1)[0].copy()
    length = trial.shape[1]
    row = [real.ch_names.index(name) for name in raw.ch_names]
    # Calibrations can be negative, so that a quotient of sizes would not do.
    shown = real.get_data(row)[:, :length]
    unit = np.sum(shown * trial[row], axis=1) / np.sum(trial[row].astype(float) ** 2, axis=1)
    with (target / f"{stem}.meg4").open("wb") as stream:
        stream.write(CTF_HEADER)
        for first in range(0, raw.n_times - length + 1, length):
            trial[row] = np.rint(raw.get_data(start=first, stop=first + length) / unit[:, None])
            stream.write(trial.astype(">i4").tobytes())
    _write_place(target, stem, raw.info)
    (folder / f"{stem}.fif").unlink()


def _write_place(target: Path, stem: str, info: mne.Info) -> None:
    """The coils' places (.hc) and the head points (.pos), both in CTF's frames, cm."""
    landmarks = {int(p["ident"]): p["r"] for p in info["dig"] if int(p["kind"]) == 1}
    left, nasion, right = (landmarks[ident] for ident in (1, 2, 3))
    origin = (left + right) / 2
    x = (nasion - origin) / np.linalg.norm(nasion - origin)
    z = np.cross(x, left - right)
    z /= np.linalg.norm(z)
    axes = np.array([x, np.cross(z, x), z])
    device = apply_trans(np.linalg.inv(info["dev_head_t"]["trans"]), [nasion, left, right])
    dewar = (device - DEWAR_TO_DEVICE[:, 3]) @ DEWAR_TO_DEVICE[:, :3]
    head = ([nasion, left, right] - origin) @ axes.T
    text = ""
    for kind, frame, places in (
        ("standard", "dewar", dewar),
        ("measured", "dewar", dewar),
        ("measured", "head", head),
    ):
        for name, place in zip(("nasion", "left ear", "right ear"), places, strict=True):
            text += f"{kind} {name} coil position relative to {frame} (cm):\n"
            text += "".join(f"\t{a} = {100 * v:.5f}\n" for a, v in zip("xyz", place, strict=True))
    (target / f"{stem}.hc").write_text(text)
    points = [p["r"] for p in info["dig"] if int(p["kind"]) == 4]
    lines = [
        f"{i} " + " ".join(f"{100 * v:.4f}" for v in (point - origin) @ axes.T)
        for i, point in enumerate(points, 1)
    ]
    (target / f"{stem}.pos").write_text("\n".join([str(len(points)), *lines]) + "\n")


def run(work: Path, vendor: str, truth: Truth) -> list[tuple]:
    """Run all stages; rows (vendor, measure, value, unit)."""
    output = work / "output"
    command = [sys.executable, "-m", "bids_app.cli", str(work / "bids"), str(output), "participant"]
    command += ["--participant-label", vendor, "--config", str(work / "coarse.toml")]
    command += ["--skip-bids-validation"]
    code = subprocess.run(command, check=False).returncode
    paths = PatientPaths(output, vendor)
    rows = [(vendor, "exit code", code, "")]
    if not paths.report_pdf.exists():
        return rows
    spikes, headmodel = (read_json(paths.qc(stage)) for stage in ("spikes", "headmodel"))
    channels = sum(spikes["n_channels_used"].values())
    rows += [
        (vendor, "channels used", channels, ""),
        (vendor, "spikes used of 45", spikes["n_used"], ""),
        (vendor, "head points", headmodel["head_points"], ""),
        (vendor, "head points to scalp, median", headmodel["head_point_distance_median_mm"], "mm"),
    ]
    placed = mne.read_trans(paths.trans)["trans"]
    centre_head_m = apply_affine(
        np.linalg.inv(truth.head_mri), truth.patch_centre_mri_mm[None] / 1000
    )
    off_mm = 1000 * apply_affine(placed, centre_head_m)[0] - truth.patch_centre_mri_mm
    rows.append((vendor, "co-registration error at the patch", np.linalg.norm(off_mm), "mm"))
    for method in ("personalized", "generic", "sloreta", "cmem"):
        peak = np.argmax(read_npz(paths.sources(method))["peak_map"])
        peak_mm = read_npz(paths.regions)["region_pos_mri_mm"][peak]
        error_mm = np.linalg.norm(peak_mm - truth.patch_centre_mri_mm)
        rows.append((vendor, f"{method}: maximum to the patch's centre", error_mm, "mm"))
    points = [name for name in METHODS if isinstance(METHODS[name], PointMethod)]
    for method in (name for name in points if paths.point(name).exists()):
        dipole = read_point(paths, method)
        error_mm = np.linalg.norm(dipole.pos_mri_mm - truth.patch_centre_mri_mm)
        rows.append((vendor, f"{METHODS[method].short} to the patch's centre", error_mm, "mm"))
        rows.append((vendor, f"{METHODS[method].short}'s goodness of fit", dipole.gof_percent, "%"))
    return rows


if __name__ == "__main__":
    main()
