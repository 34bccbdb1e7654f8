"""iEEG, resection and imaging results of the fake patient, for tests of what comes after them."""

import json
from dataclasses import replace
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import torch
from fake_patient import PATCH_CENTRE_MM, SFREQ_HZ, FakePatient, spike_waveform
from quality_files import IMAGE, PERSONALIZE, REGION

from pipeline import compare, image
from pipeline.files import sha256
from pipeline.image import bootstrap, dipoles, maps, outputs
from pipeline.methods import METHODS
from pipeline.methods._method import NetworkMethod, PointMethod
from pipeline.networks import build_network
from pipeline.records.dipoles import DipolesQC, SpikeDipoles, write_dipoles
from pipeline.records.head import Head, read_measured_head
from pipeline.records.image_qc import BootstrapQC, MethodQC, write_image_qc
from pipeline.records.personalize_qc import write_personalize_qc
from pipeline.records.solution import (
    Distributed,
    Point,
    Solution,
    distances_between_maxima,
    distributed,
)
from pipeline.records.spike import read_spike
from pipeline.weights import save_model

# First contact and last contact of shafts of eight, scanner RAS of the T1w, mm.
SHAFTS_MM = {
    "LT": ((-62, 0, -18), (-34, 0, -18)),
    "LP": ((-62, -40, 10), (-34, -40, 10)),
    "RT": ((62, 0, -18), (34, 0, -18)),
}
N_CONTACTS = 8
N_RESAMPLES = 40
SOZ = ("LT1", "LT2", "LT3", "LT4")
RESECTED = ("LT1", "LT2", "LT3")
RESECTION_RADIUS_MM = 18.0

# Blur in mm, offset of the centre in mm: networks focal, minimum norm wide, as they are in earnest.
_BLOBS = {
    "personalized": (9.0, (0, 0, 0)),
    "generic": (11.0, (2, 8, 4)),
    "sloreta": (22.0, (4, 0, 0)),
    "dspm": (24.0, (8, 0, 0)),
    "lcmv": (14.0, (0, -12, 0)),
    "cmem": (10.0, (-6, 0, 4)),
}


def write_ieeg(patient: FakePatient) -> compare.Inputs:
    """Write contacts, marks, and a resection mask beside the T1w; return compare's inputs."""
    folder = patient.t1w.parent / "ieeg"
    folder.mkdir(exist_ok=True)
    stem = patient.paths.sub
    electrodes = ["name\tx\ty\tz\tsize"]
    channels = ["name\ttype\tunits\tstatus\tstatus_description"]
    for shaft, ends in SHAFTS_MM.items():
        for i, pos in enumerate(np.linspace(*np.array(ends, float), N_CONTACTS), 1):
            name = f"{shaft}{i}"
            electrodes.append("\t".join([name, *(f"{value:.2f}" for value in pos), "2"]))
            marks = [mark for mark, own in (("resect", RESECTED), ("soz", SOZ)) if name in own]
            channels.append(f"{name}\tSEEG\tuV\tgood\t{','.join(marks) or 'n/a'}")
    (folder / f"{stem}_electrodes.tsv").write_text("\n".join(electrodes) + "\n")
    (folder / f"{stem}_channels.tsv").write_text("\n".join(channels) + "\n")
    (folder / f"{stem}_coordsystem.json").write_text(
        json.dumps({"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"})
    )
    mask = folder / f"{stem}_desc-resection_mask.nii.gz"
    nib.save(resection_mask(patient), mask)
    return compare.Inputs(
        electrodes=[folder / f"{stem}_electrodes.tsv"],
        channels=[folder / f"{stem}_channels.tsv"],
        coordsystem=[folder / f"{stem}_coordsystem.json"],
        resection_mask=mask,
        t1w=patient.t1w,
        outcome="Engel IA",
    )


def resection_mask(patient: FakePatient) -> nib.Nifti1Image:
    """A ball around the patch, where there is brain."""
    t1w = nib.load(patient.t1w)
    pos = nib.affines.apply_affine(t1w.affine, np.stack(np.indices(t1w.shape), -1))
    ball = np.linalg.norm(pos - PATCH_CENTRE_MM, axis=-1) < RESECTION_RADIUS_MM
    return nib.Nifti1Image((ball & (t1w.get_fdata() > 0)).astype(np.uint8), t1w.affine)


def write_images(patient: FakePatient, failed: tuple[str, ...] = ()) -> Path:
    """Write what the image stage would have: blobs near the patch, a dipole, the QC file."""
    ch_names = read_spike(patient.paths, epochs=False).ch_names
    head = read_measured_head(patient.paths, ch_names)
    t1w = nib.load(patient.t1w)
    ribbon = maps.ribbon_vertices(t1w.affine, t1w.shape, head.layers_mri_mm)
    rng = np.random.default_rng(0)
    warnings: list[str] = []
    methods, solutions = {}, {}
    for method in image.Config().methods:
        if method in failed:
            methods[method] = MethodQC(assessable=False, reason="made to fail", found=None)
            warnings.append(f"{method} is not assessable: made to fail.")
            continue
        if isinstance(METHODS[method], PointMethod):
            solution = _dipole(head)
        else:
            solution = _blob(method, head, rng)
        outputs.write_solution(patient.paths, method, solution, head, t1w, ribbon)
        resampled = None
        if isinstance(METHODS[method], NetworkMethod):
            resampled = _resample(patient, method, solution, head)
        solutions[method] = solution
        methods[method] = MethodQC(
            assessable=True,
            reason=None,
            found=solution.summary(head),
            bootstrap=resampled,
            region=None if resampled is None else REGION,
            **_explained(solution),
        )
    apart_mm = distances_between_maxima(solutions, head)
    qc = replace(
        IMAGE,
        warnings=tuple(warnings),
        methods=methods,
        distance_between_maxima_mm=apart_mm,
        dipoles=None if "ecd" in failed else _single_dipoles(patient),
    )
    write_image_qc(patient.paths, qc)
    return patient.paths.qc("image")


def _explained(solution: Solution) -> dict:
    """What the image stage says of maps in these units."""
    if isinstance(solution, Point):
        return {}
    if solution.unit in ("A·m", "relative"):
        return {"explained_percent": 71.0}
    return {"not_explained": "its values are scores"}


def _single_dipoles(patient: FakePatient) -> DipolesQC:
    """Write 12 dipoles around the patch, of which every fourth fits too badly to count."""
    n = 12
    rng = np.random.default_rng(2)
    centre_mm = patient.region_pos_mri_mm[patient.patch].mean(0)
    gof_percent = np.where(np.arange(n) % 4 == 0, 60.0, 88.0)
    found = SpikeDipoles(
        pos_mri_mm=centre_mm + rng.normal(0, 4, (n, 3)),
        direction_mri=np.tile([0.0, 0.6, 0.8], (n, 1)),
        moment_nam=np.full(n, 210.0),
        gof_percent=gof_percent,
        confidence_volume_cm3=np.full(n, 0.31),
        latency_s=np.full(n, -0.004),
        peak_pos_mri_mm=np.tile(centre_mm, (n, 1)),
        peak_gof_percent=gof_percent - 2,
        reason=tuple("goodness of fit below 80 %" if gof < 80 else "" for gof in gof_percent),
    )
    in_head = mne.Dipole(
        found.latency_s, np.zeros((n, 3)), np.full(n, 2.1e-7), found.direction_mri, gof_percent
    )
    write_dipoles(patient.paths, found, in_head)
    return dipoles.describe(found, dipoles.Criteria())


def _resample(patient: FakePatient, method: str, solution: Distributed, head: Head) -> BootstrapQC:
    """Write maps that differ a little from that of the average."""
    noise = np.random.default_rng(1).normal(1, 0.1, (N_RESAMPLES, 994))
    arrays = bootstrap.summarise((solution.peak_map * noise).astype(np.float32))
    summary = bootstrap.describe(
        arrays, solution.max_region, head.region_pos_mri_mm, head.region_area_mm2
    )
    outputs.write_bootstrap(patient.paths, method, arrays, summary, head.vertex_region)
    return summary


def _blob(method: str, head: Head, rng: np.random.Generator) -> Distributed:
    blur_mm, offset_mm = _BLOBS[method]
    sfreq_hz = 125.0 if isinstance(METHODS[method], NetworkMethod) else SFREQ_HZ
    times_s = np.arange(-round(0.5 * sfreq_hz) + 1, round(0.5 * sfreq_hz)) / sfreq_hz
    distance = np.linalg.norm(
        head.region_pos_mri_mm - (np.array(PATCH_CENTRE_MM) + offset_mm), axis=1
    )
    activity = np.exp(-((distance / blur_mm) ** 2) / 2)[:, None] * spike_waveform(times_s)
    activity += 0.02 * rng.standard_normal(activity.shape)
    return distributed(activity, times_s, 0.02, METHODS[method].unit)


def _dipole(head: Head) -> Point:
    pos_mri_mm = np.add(PATCH_CENTRE_MM, (8, 2, 4))
    region = int(head.nearest_region(pos_mri_mm)[0])
    return Point(
        pos_mri_mm=pos_mri_mm,
        direction_mri=np.array([0.0, 0.6, 0.8]),
        moment_am=1.2e-7,
        gof_percent=88.0,
        confidence_volume_cm3=0.2,
        time_s=0.0,
        nearest_region=region,
        nearest_label=str(head.region_label[region]),
        nearest_sublobar=head.sublobar(region),
    )


def write_models(patient: FakePatient) -> None:
    """Write a generic and a personalized network with random, different weights, and their QC."""
    generic = patient.t1w.parent / "generic.safetensors"
    for seed, path in ((1, generic), (2, patient.paths.model)):
        torch.manual_seed(seed)
        card = {"network": "compact", "input": "projected"}
        save_model(path, build_network("compact"), card)
    qc = replace(PERSONALIZE, generic_model=str(generic), generic_model_sha256=sha256(generic))
    write_personalize_qc(patient.paths, qc)
