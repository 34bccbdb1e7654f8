"""Simulated recordings of real sensor arrays on a real head, as a BIDS dataset.

The head lies in scanner RAS by FreeSurfer's reconstruction; the arrays' own device-to-head
transforms place the helmets. Landmarks and head points are drawn on FreeSurfer's outer skin with
noise, so that no surface that the pipeline extracts has a part in them.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd
from mne.transforms import Transform, apply_trans, get_ras_to_neuromag_trans
from scipy.signal import firwin, lfilter
from scipy.spatial import cKDTree

from pipeline.headmodel.anatomy import CarriedHead
from pipeline.headmodel.landmarks import template_landmarks_mni305_mm
from pipeline.headmodel.skull import shell_around_cortex
from pipeline.leadfield import vertex_leadfield
from pipeline.modality.meg import single_shell_bem
from pipeline.template import load_template
from pipeline.template.cortex import vertex_normals
from pipeline.warp import apply_affine

ARRAYS = {
    "vectorview306": "vectorview306-info.fif",
    "ctf151": "ctf-info.fif",
    "magnes248": "magnes3600wh-info.fif",
    "kit160": "kit160-info.fif",
}
SFREQ_HZ, DURATION_S, N_SPIKES = 1000.0, 150.0, 45
LANDMARK_SCATTER_MM, HEAD_POINT_NOISE_MM, N_HEAD_POINTS = 5.0, 2.0, 150
SCALP_TO_COIL_MM = 15.0
SENSOR_NOISE = {"mag": 5e-15, "grad": 3e-13}  # T/sqrt(Hz), T/m/sqrt(Hz)
PATCH_RADIUS_MM = 14.0
N_BACKGROUND = 300
BACKGROUND_TO_SENSOR_NOISE = 2.0
SPIKE_TO_BACKGROUND = 3.0


@dataclass(frozen=True)
class Truth:
    """Where everything truly was: head frame to scanner RAS (m), and the patch (mm)."""

    head_mri: np.ndarray
    patch_centre_mri_mm: np.ndarray


def write_participant(
    bids: Path, label: str, info_file: Path, t1w: Path, head: CarriedHead, skin_mri_mm, seed: int
) -> Truth:
    """Simulate one recording and write the participant's T1w, MEG and events.

    Parameters
    ----------
    head : CarriedHead
        From FreeSurfer's reconstruction.
    skin_mri_mm : ndarray, (n, 3)
        Vertices of FreeSurfer's outer skin.
    """
    rng = np.random.default_rng(seed)
    info = _sensors(info_file)
    montage, head_mri = _digitise(rng, head.affine_mni305_to_mri, skin_mri_mm)
    with info._unlock():
        info["dig"] = montage.dig
        info["dev_head_t"] = _clear_of_scalp(info, head_mri, skin_mri_mm)
    raw, centre_mm = _record(rng, info, head, head_mri)
    _write_meg(bids, label, raw)
    anat = bids / f"sub-{label}" / "anat"
    anat.mkdir(parents=True, exist_ok=True)
    for ending in (".nii.gz", ".json"):
        source = t1w.with_name(t1w.name.removesuffix(".nii.gz") + ending)
        shutil.copyfile(source, anat / f"sub-{label}_T1w{ending}")
    return Truth(head_mri["trans"], centre_mm)


def _write_meg(bids: Path, label: str, raw: mne.io.BaseRaw) -> None:
    """Recording, events and sidecars; by hand, as mne-bids writes KIT sensors from KIT files only."""
    folder = bids / f"sub-{label}" / "meg"
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"sub-{label}_task-rest"
    description = {"Name": "Simulated spikes on a real head", "BIDSVersion": "1.10.0"}
    (bids / "dataset_description.json").write_text(json.dumps(description))
    (bids / "README").write_text("Simulated MEG of real sensor arrays; the T1w is real.\n")
    raw.save(folder / f"{stem}_meg.fif", overwrite=True, verbose="error")
    sidecar = {
        "TaskName": "rest",
        "SamplingFrequency": SFREQ_HZ,
        "PowerLineFrequency": 50,
        "DewarPosition": "upright",
        "SoftwareFilters": "n/a",
        "DigitizedLandmarks": True,
        "DigitizedHeadPoints": True,
    }
    (folder / f"{stem}_meg.json").write_text(json.dumps(sidecar))
    types = [
        {"mag": "MEGMAG", "grad": "MEGGRADPLANAR"}.get(t, "MEGREFMAG")
        for t in raw.get_channel_types()
    ]
    channels = {"name": raw.ch_names, "type": types, "units": "T", "status": "good"}
    pd.DataFrame(channels).to_csv(folder / f"{stem}_channels.tsv", sep="\t", index=False)
    events = {"onset": raw.annotations.onset, "duration": 0.0, "trial_type": "spike"}
    pd.DataFrame(events).to_csv(folder / f"{stem}_events.tsv", sep="\t", index=False)


def _sensors(info_file: Path) -> mne.Info:
    info = mne.io.read_info(info_file, verbose="error")
    info = mne.pick_info(info, mne.pick_types(info, meg=True, ref_meg="auto", exclude=()))
    with info._unlock():
        info["sfreq"], info["highpass"], info["lowpass"] = SFREQ_HZ, 0.0, SFREQ_HZ / 2
        info["line_freq"] = 50.0
        info["projs"], info["bads"] = [], []
    return info


def _digitise(rng, affine_mni305_to_mri, skin_mri_mm):
    """Landmarks near where the template has them, and points all over the hairy scalp and brow."""
    tree = cKDTree(skin_mri_mm)
    true_mm = {}
    for name, pos_mm in template_landmarks_mni305_mm().items():
        near_mm = apply_affine(affine_mni305_to_mri, pos_mm[None])[0]
        near_mm = near_mm + rng.normal(0, LANDMARK_SCATTER_MM / np.sqrt(3), 3)
        true_mm[name] = skin_mri_mm[tree.query(near_mm)[1]]
    mri_head = get_ras_to_neuromag_trans(
        *(true_mm[name] / 1000 for name in ("nasion", "lpa", "rpa"))
    )
    head_m = apply_trans(mri_head, skin_mri_mm / 1000)
    reachable = skin_mri_mm[(head_m[:, 2] > 0.01) & (head_m[:, 1] > -0.09)]
    points_mm = reachable[rng.choice(len(reachable), N_HEAD_POINTS, replace=False)]
    points_mm = points_mm + rng.normal(0, HEAD_POINT_NOISE_MM / np.sqrt(3), points_mm.shape)
    montage = mne.channels.make_dig_montage(
        **{name: apply_trans(mri_head, pos_mm / 1000) for name, pos_mm in true_mm.items()},
        hsp=apply_trans(mri_head, points_mm / 1000),
        coord_frame="head",
    )
    return montage, Transform("head", "mri", np.linalg.inv(mri_head))


def _clear_of_scalp(info, head_mri, skin_mri_mm) -> Transform:
    """The array's own position, raised where this head is taller than the one it was measured on."""
    skin = cKDTree(apply_trans(np.linalg.inv(head_mri["trans"]), skin_mri_mm / 1000))
    picks = mne.pick_types(info, meg=True, ref_meg=False)
    coils = np.array([info["chs"][pick]["loc"][:3] for pick in picks])
    dev_head = info["dev_head_t"]["trans"].copy()
    for _ in range(100):
        if skin.query(apply_trans(dev_head, coils))[0].min() >= SCALP_TO_COIL_MM / 1000:
            break
        dev_head[2, 3] += 0.001
    return Transform("meg", "head", dev_head)


def _record(rng, info, head, head_mri):
    template = load_template()
    cortex = head.cortex
    shell = shell_around_cortex(head.inner_skull_mri_mm, cortex.pial_mri_mm, 2562, 3.0)[:2]
    mid_mm = cortex.midthickness_mri_mm
    normals = vertex_normals(mid_mm, template.faces)
    inside = np.flatnonzero(template.vertex_region >= 0)
    centre = rng.choice(inside)
    same_side = (np.arange(len(mid_mm)) < len(mid_mm) // 2) == (centre < len(mid_mm) // 2)
    facing = normals @ normals[centre] > 0
    near = np.linalg.norm(mid_mm - mid_mm[centre], axis=1) < PATCH_RADIUS_MM
    patch = np.flatnonzero(near & facing & same_side)
    background = rng.choice(inside, N_BACKGROUND, replace=False)
    used = np.concatenate([patch, background])
    gain = vertex_leadfield(info, head_mri, single_shell_bem(*shell), mid_mm[used], normals[used])
    picks = mne.pick_types(info, meg=True, ref_meg=False)
    types = np.array(info.get_channel_types())[picks]
    noise_sd = np.array([SENSOR_NOISE[kind] for kind in types])

    n_times = int(DURATION_S * SFREQ_HZ)
    slow = firwin(501, 12.0, fs=SFREQ_HZ)
    sources = lfilter(slow, 1.0, rng.standard_normal((N_BACKGROUND, n_times)), axis=1)
    ongoing = gain[:, len(patch) :] @ sources
    band_noise = noise_sd * np.sqrt(40.0)
    ongoing *= BACKGROUND_TO_SENSOR_NOISE / np.sqrt(np.mean((ongoing / band_noise[:, None]) ** 2))
    times_s = np.linspace(2, DURATION_S - 2, N_SPIKES) + rng.uniform(-0.5, 0.5, N_SPIKES)
    field = gain[:, : len(patch)].sum(1)
    field *= SPIKE_TO_BACKGROUND * np.sqrt(
        np.mean((ongoing / band_noise[:, None]) ** 2) / np.mean((field / band_noise) ** 2)
    )
    spikes = np.zeros(n_times)
    clock = np.arange(-0.3, 0.5, 1 / SFREQ_HZ)
    shape = np.exp(-((clock / 0.018) ** 2)) - 0.35 * np.exp(-(((clock - 0.12) / 0.07) ** 2))
    for time_s in times_s:
        first = round((time_s - 0.3) * SFREQ_HZ)
        spikes[first : first + len(clock)] += shape * rng.uniform(0.8, 1.2)
    data = np.zeros((len(info["chs"]), n_times))
    white = rng.standard_normal((len(picks), n_times)) * noise_sd[:, None] * np.sqrt(SFREQ_HZ / 2)
    data[picks] = ongoing + white + field[:, None] * spikes
    raw = mne.io.RawArray(data, info, verbose="error")
    raw.set_annotations(mne.Annotations(times_s, 0.0, "spike"))
    return raw, mid_mm[patch].mean(0)
