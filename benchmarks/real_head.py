"""Template path against FreeSurfer path on a real head, with four real sensor arrays.

    python benchmarks/real_head.py DATA WORK [--full]

DATA holds ``real_head/bids``, ``real_head/freesurfer`` and ``arrays``; WORK gets the simulated
dataset and the pipeline's outputs. Each array is run through the command line twice, with and
without the FreeSurfer derivatives. Results: ``benchmarks/results/real_head.csv``.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
from real_head_dataset import ARRAYS, Truth, write_participant
from scipy.spatial import cKDTree

from pipeline import STAGES
from pipeline.files import read_json, read_npz
from pipeline.headmodel.anatomy import head_from_freesurfer
from pipeline.headmodel.brain import extract_brain
from pipeline.headmodel.freesurfer import HEMIS, read_reconstruction
from pipeline.headmodel.t1w import read_t1w
from pipeline.paths import PatientPaths
from pipeline.template import load_template
from pipeline.warp import apply_affine

RESULTS = Path(__file__).parent / "results" / "real_head.csv"
SUBJECT = "sub-real01"
# Enough to prove that the stage runs; not the accuracy that the default reaches.
QUICK = "[personalize]\nsteps = 60\nn_test = 100\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--arrays", nargs="+", choices=ARRAYS, default=list(ARRAYS))
    parser.add_argument("--full", action="store_true", help="all stages, with little fine-tuning")
    args = parser.parse_args()
    mne.set_log_level("error")
    freesurfer = args.data / "real_head" / "freesurfer" / SUBJECT
    truths = make_dataset(args.data, args.work, freesurfer, args.arrays)
    rows = []
    for label, truth in truths.items():
        paths, states = {}, {}
        for head_model in ("freesurfer", "template"):
            paths[head_model], states[head_model] = run(args.work, label, head_model, args.full)
        rows += measure(label, truth, paths, states, freesurfer)
        table = pd.DataFrame(rows, columns=["array", "measure", "value", "unit"])
        RESULTS.parent.mkdir(exist_ok=True)
        table.to_csv(RESULTS, index=False, float_format="%.4g", lineterminator="\n")
    print(table.to_string(index=False))


def make_dataset(data: Path, work: Path, freesurfer: Path, arrays: list[str]) -> dict[str, Truth]:
    """Write the BIDS dataset and a SUBJECTS_DIR with the reconstruction under each label."""
    t1w_file = data / "real_head" / "bids" / SUBJECT / "anat" / f"{SUBJECT}_T1w.nii.gz"
    truths, missing = {}, []
    for label in arrays:
        file = work / "truth" / f"{label}.json"
        if file.exists():
            truths[label] = Truth(**{k: np.array(v) for k, v in read_json(file).items()})
        else:
            missing.append(label)
    if missing:
        t1w = read_t1w(t1w_file)
        brain = extract_brain(t1w, t1w_file)
        head = head_from_freesurfer(freesurfer, t1w, brain)
        skin, _ = nib.freesurfer.read_geometry(freesurfer / "bem" / "outer_skin.surf")
        skin_mri_mm = apply_affine(read_reconstruction(freesurfer).to_scanner, skin)
    for label in missing:
        info_file = data / "arrays" / ARRAYS[label]
        seed = 100 + list(ARRAYS).index(label)
        truth = write_participant(
            work / "bids", label, info_file, t1w_file, head, skin_mri_mm, seed
        )
        link = work / "subjects" / f"sub-{label}"
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to(freesurfer)
        file = work / "truth" / f"{label}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({k: v.tolist() for k, v in vars(truth).items()}))
        truths[label] = truth
    return truths


def run(work: Path, label: str, head_model: str, full: bool) -> tuple[PatientPaths, dict]:
    """Run the command line for one participant; the outputs' paths and its status."""
    output = work / f"output_{head_model}"
    config = work / "quick.toml"
    config.write_text(QUICK)
    subjects = str(work / "subjects") if head_model == "freesurfer" else "none"
    command = [sys.executable, "-m", "bids_app.cli", str(work / "bids"), str(output), "participant"]
    command += ["--participant-label", label, "--fs-subjects-dir", subjects, "--nprocs", "2"]
    command += ["--config", str(config), "--skip-bids-validation"]
    command += ["--stage", *(STAGES if full else ("headmodel",))]
    code = subprocess.run(command, check=False).returncode
    paths = PatientPaths(output, label)
    return paths, {"exit_code": code, **read_json(paths.status)}


def measure(label: str, truth: Truth, paths: dict, states: dict, freesurfer: Path) -> list[tuple]:
    """Rows (array, measure, value, unit) for one array."""
    rows = []

    def add(name, value, unit):
        rows.append((label, name, value, unit))

    def add_spread(name, values, unit):
        add(f"{name}, median", np.median(values), unit)
        add(f"{name}, 95 %", np.percentile(values, 95), unit)

    cortex = load_template().vertex_region >= 0
    found = {kind: _cortex(of) for kind, of in paths.items()}
    for name in ("pial", "white"):
        dense_mm = _dense(freesurfer, name)
        away_mm = cKDTree(dense_mm).query(found["template"][name][cortex])[0]
        add_spread(f"template {name} to FreeSurfer {name}, surface distance", away_mm, "mm")
        apart_mm = np.linalg.norm(found["template"][name] - found["freesurfer"][name], axis=1)
        add_spread(f"template {name} to FreeSurfer {name}, same vertex", apart_mm[cortex], "mm")
    fields = {kind: read_npz(of.leadfield) for kind, of in paths.items()}
    types = fields["template"]["ch_types"]
    for kind in np.unique(types):
        ours, theirs = (
            fields[which]["leadfield"][types == kind] for which in ("template", "freesurfer")
        )
        correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, theirs.T, strict=True)]
        add(f"leadfields' correlation per region ({kind}), median", np.median(correlation), "")
        add(f"leadfields' correlation per region ({kind}), 5 %", np.percentile(correlation, 5), "")
        ratio = np.linalg.norm(ours, axis=0) / np.linalg.norm(theirs, axis=0)
        add(f"leadfields' ratio of norms per region ({kind}), median", np.median(ratio), "")
    for kind, of in paths.items():
        qc = read_json(of.qc("headmodel"))
        pial_mm = found["freesurfer"]["pial"]
        head_m = apply_affine(np.linalg.inv(truth.head_mri), pial_mm / 1000)
        placed_mm = 1000 * apply_affine(mne.read_trans(of.trans)["trans"], head_m)
        error_mm = np.linalg.norm(placed_mm - pial_mm, axis=1)
        add(f"{kind}: co-registration error at the cortex, median", np.median(error_mm), "mm")
        add(f"{kind}: head points to scalp, median", qc["head_point_distance_median_mm"], "mm")
        add(f"{kind}: exit code", states[kind]["exit_code"], "")
        for method in ("personalized", "generic", "sloreta"):
            if of.sources(method).exists():
                peak = np.argmax(read_npz(of.sources(method))["peak_map"])
                peak_mm = read_npz(of.regions)["region_pos_mri_mm"][peak]
                off_mm = np.linalg.norm(peak_mm - truth.patch_centre_mri_mm)
                add(f"{kind}: {method} peak to patch centre", off_mm, "mm")
    return rows


def _cortex(paths: PatientPaths) -> dict[str, np.ndarray]:
    return {
        name: np.vstack([nib.load(paths.surface(hemi, name)).agg_data()[0] for hemi in "LR"])
        for name in ("pial", "white")
    }


def _dense(freesurfer: Path, name: str) -> np.ndarray:
    """FreeSurfer's own vertices of both hemispheres, scanner RAS, mm."""
    to_scanner = read_reconstruction(freesurfer).to_scanner
    return np.vstack(
        [
            apply_affine(
                to_scanner, nib.freesurfer.read_geometry(freesurfer / "surf" / f"{hemi}.{name}")[0]
            )
            for hemi in HEMIS
        ]
    )


if __name__ == "__main__":
    main()
