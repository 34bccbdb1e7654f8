"""A patient on the template's own geometry, complete up to the stage that a test starts from.

Everything that `headmodel` and `spikes` would have written is there and fits together: fsaverage5
in the frame of nilearn's MNI152 T1w, a real sensor array, spikes from one known patch among
coloured background activity, with a projector applied and a bad channel dropped. Only the head
model is coarse (642 vertices of inner skull, every fourth vertex of the cortex), so that a patient
costs seconds.
"""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd
from nilearn import datasets
from quality_files import HEADMODEL, SPIKES
from scipy.signal import butter, sosfiltfilt

from pipeline.files import write_npz
from pipeline.headmodel.outputs import write_template_xfm
from pipeline.leadfield import star_shaped_remesh, vertex_leadfield
from pipeline.modality.meg import single_shell_bem
from pipeline.paths import PatientPaths
from pipeline.records.headmodel_qc import write_headmodel_qc
from pipeline.records.spikes_qc import write_spikes_qc
from pipeline.template import SUBLOBAR_NAMES, load_template
from pipeline.template.cortex import (
    N_VERTICES_HEMI,
    region_means,
    vertex_areas_mm2,
    vertex_normals,
)
from pipeline.warp import HeadWarp

# FreeSurfer's published matrix from fsaverage (MNI305) to MNI152.
MNI305_TO_MNI152 = np.array(
    [
        [0.9975, -0.0073, 0.0176, -0.0429],
        [0.0146, 1.0009, -0.0024, 1.5496],
        [-0.0130, -0.0093, 0.9971, 1.1840],
        [0, 0, 0, 1],
    ]
)
SFREQ_HZ = 500.0
N_TIMES = 501
N_SPIKES = 30
BAD_CHANNEL_INDEX = 7
VERTEX_STEP = 4
PATCH_CENTRE_MM = (-54.0, 0.0, -18.0)
PATCH_RADIUS_MM = 14.0
PEAK_AFTER_MARK_S = 0.02
SPIKE_PEAK_T = 2e-12
BACKGROUND_STD_T = 1.5e-13
WHITE_NOISE_STD = {"mag": 2e-14, "grad": 1.5e-12}


@dataclass(frozen=True)
class FakePatient:
    """What a test needs to know about the patient that was written.

    Attributes
    ----------
    paths : PatientPaths
    t1w : Path
        nilearn's MNI152 T1w at 2 mm.
    region_pos_mri_mm : ndarray, (994, 3)
    patch : ndarray of int
        The regions that spike, the truth.
    """

    paths: PatientPaths
    t1w: Path
    region_pos_mri_mm: np.ndarray
    patch: np.ndarray


def write_fake_patient(
    output_dir: Path, label: str = "01", array: str = "neuromag", seed: int = 0
) -> FakePatient:
    """Write the files of headmodel and spikes for one participant; the T1w lies in ``input``."""
    paths = PatientPaths(Path(output_dir), label)
    t1w = Path(output_dir).parent / "input" / f"sub-{label}_T1w.nii.gz"
    t1w.parent.mkdir(parents=True, exist_ok=True)
    nib.save(_t1w(), t1w)
    head = _head(array)
    patch = np.flatnonzero(
        np.linalg.norm(head["region_pos_mri_mm"] - PATCH_CENTRE_MM, axis=1) < PATCH_RADIUS_MM
    )
    _write_headmodel(paths, head)
    _write_spikes(paths, head, patch, np.random.default_rng(seed))
    return FakePatient(paths, t1w, head["region_pos_mri_mm"], patch)


def spike_waveform(times_s: np.ndarray) -> np.ndarray:
    """A sharp peak of 1 at t = 0 and a slow wave of the other sign behind it."""
    return np.exp(-((times_s / 0.017) ** 2)) - 0.35 * np.exp(-(((times_s - 0.1) / 0.07) ** 2))


# -- headmodel ------------------------------------------------------------------------
@cache
def _t1w() -> nib.Nifti1Image:
    image = datasets.load_mni152_template(resolution=2)
    stored = nib.Nifti1Image((image.get_fdata() * 1000).astype(np.int16), image.affine)
    stored.set_qform(image.affine, 1)
    stored.set_sform(image.affine, 1)
    return stored


def _to_t1w_mm(pos_mni305_mm: np.ndarray) -> np.ndarray:
    return pos_mni305_mm @ MNI305_TO_MNI152[:3, :3].T + MNI305_TO_MNI152[:3, 3]


@cache
def _head(array: str) -> dict:
    template = load_template()
    head = {
        name: _to_t1w_mm(getattr(template, f"{name}_mni305_mm"))
        for name in ("white", "pial", "midthickness")
    }
    head["inflated"] = template.inflated_mm
    head["scalp"], head["scalp_faces"] = _mne_fsaverage_surface("scalp")
    dense, _ = _mne_fsaverage_surface("inner_skull")
    # What conducts is computed anew where a head moved: minutes with mne's 10,000 vertices.
    head["inner_skull"], head["inner_skull_faces"] = star_shaped_remesh(dense, 642)
    midthickness = head["midthickness"]
    head["region_pos_mri_mm"], head["region_area_mm2"] = _region_geometry(midthickness)

    head["trans"] = _trans()
    head["info"] = _info(array)
    vertices = _thinned_vertices(template.vertex_region)
    per_vertex = vertex_leadfield(
        head["info"],
        head["trans"],
        single_shell_bem(head["inner_skull"], head["inner_skull_faces"]),
        midthickness[vertices],
        vertex_normals(midthickness, template.faces)[vertices],
    )
    mean = region_means(per_vertex.T, np.ones(len(vertices)), template.vertex_region[vertices]).T
    head["leadfield"] = mean * np.bincount(template.vertex_region[template.vertex_region >= 0])
    return head


def _mne_fsaverage_surface(name: str) -> tuple[np.ndarray, np.ndarray]:
    filename = {"inner_skull": "inner_skull-bem", "scalp": "head"}[name]
    folder = Path(mne.__file__).parent / "data" / "fsaverage"
    surface = mne.read_bem_surfaces(folder / f"fsaverage-{filename}.fif", verbose="error")[0]
    return _to_t1w_mm(surface["rr"] * 1000), surface["tris"]


def _region_geometry(pos_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    template = load_template()
    area = vertex_areas_mm2(pos_mm, template.faces)
    mean = region_means(pos_mm, area, template.vertex_region)
    snapped = np.empty_like(mean)
    for region in range(len(mean)):
        own = pos_mm[template.vertex_region == region]
        snapped[region] = own[np.linalg.norm(own - mean[region], axis=1).argmin()]
    inside = template.vertex_region >= 0
    return snapped, np.bincount(template.vertex_region[inside], area[inside])


def _thinned_vertices(vertex_region: np.ndarray) -> np.ndarray:
    order = np.argsort(vertex_region, kind="stable")
    order = order[vertex_region[order] >= 0]
    first_of_region = np.r_[True, np.diff(vertex_region[order]) > 0]
    start = np.maximum.accumulate(np.where(first_of_region, np.arange(len(order)), 0))
    return np.sort(order[(np.arange(len(order)) - start) % VERTEX_STEP == 0])


def _trans() -> mne.Transform:
    path = Path(mne.__file__).parent / "data" / "fsaverage" / "fsaverage-trans.fif"
    head_to_mni305 = mne.read_trans(path)["trans"]
    mni305_to_t1w_m = MNI305_TO_MNI152.copy()
    mni305_to_t1w_m[:3, 3] /= 1000
    # The published matrix scales by 0.3 %; a transform between frames must be rigid.
    u, _, vt = np.linalg.svd((mni305_to_t1w_m @ head_to_mni305)[:3, :3])
    rigid = mni305_to_t1w_m @ head_to_mni305
    rigid[:3, :3] = u @ vt
    return mne.Transform("head", "mri", rigid)


def _info(array: str) -> mne.Info:
    info = mne.channels.read_meg_canonical_info(array)
    placed = np.eye(4)
    placed[:3, 3] = (0.002, 0.0, 0.045)
    with info._unlock():
        info["sfreq"] = SFREQ_HZ
        info["highpass"], info["lowpass"] = 1.0, 40.0
        info["dev_head_t"] = mne.Transform("meg", "head", placed)
    return info


def _write_headmodel(paths: PatientPaths, head: dict) -> None:
    template = load_template()
    for h, hemi in enumerate("LR"):
        half = slice(h * N_VERTICES_HEMI, (h + 1) * N_VERTICES_HEMI)
        in_hemi = (template.faces[:, 0] >= half.start) & (template.faces[:, 0] < half.stop)
        faces = template.faces[in_hemi] - half.start
        for name in ("white", "pial", "midthickness", "inflated"):
            _write_gifti_surface(paths.surface(hemi, name), head[name][half], faces)
        region = template.vertex_region[half]
        sublobar = np.where(region >= 0, template.region_sublobar[region], -1)
        _write_gifti_labels(paths.labels(hemi, "regions"), region, template.region_label)
        _write_gifti_labels(paths.labels(hemi, "sublobar"), sublobar, SUBLOBAR_NAMES)
    _write_gifti_surface(paths.inner_skull, head["inner_skull"], head["inner_skull_faces"])
    _write_gifti_surface(paths.scalp, head["scalp"], head["scalp_faces"])
    t1w = _t1w()
    brain = (np.asarray(t1w.dataobj) > 0).astype(np.uint8)
    nib.save(nib.Nifti1Image(brain, t1w.affine), paths.brain_mask)
    write_npz(
        paths.regions,
        region_pos_mri_mm=head["region_pos_mri_mm"],
        region_area_mm2=head["region_area_mm2"],
        vertex_region=template.vertex_region,
        region_sublobar=template.region_sublobar,
        region_label=template.region_label,
    )
    info = head["info"]
    write_npz(
        paths.leadfield,
        leadfield=head["leadfield"],
        ch_names=np.array(info["ch_names"]),
        ch_types=np.array(info.get_channel_types()),
    )
    write_template_xfm(paths, HeadWarp(np.eye(4), None, np.eye(4)), HEADMODEL.cortex)
    paths.trans.parent.mkdir(parents=True, exist_ok=True)
    mne.write_trans(paths.trans, head["trans"], overwrite=True, verbose="error")
    write_headmodel_qc(paths, HEADMODEL)


def _write_gifti_surface(path: Path, pos_mm: np.ndarray, faces: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(
        nib.GiftiImage(
            darrays=[
                nib.gifti.GiftiDataArray(
                    pos_mm.astype(np.float32),
                    "NIFTI_INTENT_POINTSET",
                    coordsys=nib.gifti.GiftiCoordSystem(1, 1),
                ),
                nib.gifti.GiftiDataArray(faces.astype(np.int32), "NIFTI_INTENT_TRIANGLE"),
            ]
        ),
        path,
    )


def _write_gifti_labels(path: Path, value: np.ndarray, names) -> None:
    table = nib.gifti.GiftiLabelTable()
    for key, name in enumerate(("unknown", *names)):
        label = nib.gifti.GiftiLabel(key)
        label.label = str(name)
        table.labels.append(label)
    key = nib.gifti.GiftiDataArray((value + 1).astype(np.int32), "NIFTI_INTENT_LABEL")
    nib.save(nib.GiftiImage(darrays=[key], labeltable=table), path)


# -- spikes ---------------------------------------------------------------------------
def _write_spikes(
    paths: PatientPaths, head: dict, patch: np.ndarray, rng: np.random.Generator
) -> None:
    picks = np.delete(np.arange(len(head["info"]["ch_names"])), BAD_CHANNEL_INDEX)
    info = mne.pick_info(head["info"], picks)
    leadfield = head["leadfield"][picks]
    types = np.array(info.get_channel_types())
    times = (np.arange(N_TIMES) - N_TIMES // 2) / SFREQ_HZ

    topography = leadfield[:, patch].sum(1)
    topography *= SPIKE_PEAK_T / np.abs(topography[types == "mag"]).max()
    amplitude = 1 + 0.2 * rng.standard_normal(N_SPIKES)
    spikes = _recording(leadfield, types, N_SPIKES, rng)
    spikes += amplitude[:, None, None] * topography[:, None] * spike_waveform(times)
    baseline = _recording(leadfield, types, 40, rng)

    info["projs"].extend(_projectors(info, leadfield))
    event_sample = 1000 * np.arange(1, N_SPIKES + 1)
    events = np.column_stack(
        [event_sample, np.zeros_like(event_sample), np.ones_like(event_sample)]
    )
    epochs = mne.EpochsArray(
        spikes, info, events, tmin=times[0], event_id={"spike": 1}, verbose="error"
    ).apply_proj(verbose="error")
    quiet = mne.EpochsArray(baseline, info, tmin=times[0], verbose="error").apply_proj(
        verbose="error"
    )
    noise_cov = mne.compute_covariance(quiet, method="empirical", rank="info", verbose="error")
    epochs.save(paths.epochs, overwrite=True, verbose="error")
    mne.write_evokeds(paths.average, epochs.average(), overwrite=True, verbose="error")
    mne.write_cov(paths.noise_cov, noise_cov, overwrite=True, verbose="error")

    rejected = {"accepted": "false", "correlation": 0.12, "reason": "does not fit the average"}
    accepted = {"accepted": "true", "correlation": 0.93, "reason": "n/a"}
    rows = [
        {
            "onset": sample / SFREQ_HZ,
            "duration": 0.0,
            "file": "sub-01_task-rest_meg.fif",
            "peak": sample / SFREQ_HZ + PEAK_AFTER_MARK_S,
            "amplitude_ratio": round(float(gain), 3),
            **state,
        }
        for sample, gain, state in zip(
            [*event_sample, 40000, 41000],
            [*amplitude, 0.4, 3.1],
            [accepted] * N_SPIKES + [rejected] * 2,
            strict=True,
        )
    ]
    columns = list(rows[0])
    pd.DataFrame(rows)[columns].to_csv(paths.spike_events, sep="\t", index=False)
    qc = replace(SPIKES, n_annotated=N_SPIKES + 2, n_used=N_SPIKES, n_rejected=2)
    write_spikes_qc(paths, qc)


def _recording(leadfield, types, n_epochs: int, rng: np.random.Generator) -> np.ndarray:
    """Coloured activity of all regions, correlated between neighbours, and white sensor noise."""
    band = butter(2, [2, 20], "bandpass", fs=SFREQ_HZ, output="sos")
    mixing = (leadfield @ _smoothing()).astype(np.float32)
    shape = (n_epochs, leadfield.shape[1], N_TIMES)
    data = mixing @ rng.standard_normal(shape, dtype=np.float32)
    data = sosfiltfilt(band, data.astype(float), axis=-1)
    data *= BACKGROUND_STD_T / data[:, types == "mag"].std()
    white = np.array([WHITE_NOISE_STD[kind] for kind in types])
    return data + white[:, None] * rng.standard_normal(data.shape)


@cache
def _smoothing() -> np.ndarray:
    """Kernel (994, 994) of 10 mm, so that neighbouring regions share their background activity."""
    pos = _region_geometry(_to_t1w_mm(load_template().midthickness_mni305_mm))[0]
    distance = np.linalg.norm(pos[:, None] - pos[None], axis=2)
    return np.exp(-((distance / 10) ** 2) / 2)


def _projectors(info: mne.Info, leadfield: np.ndarray) -> list[mne.Projection]:
    """One projector per sensor type, on the field of the orbitofrontal regions (like the eyes')."""
    template = load_template()
    frontal = np.isin(template.region_sublobar, [3, 13])
    projectors = []
    for kind in np.unique(info.get_channel_types()):
        names = [
            name
            for name, own in zip(info["ch_names"], info.get_channel_types(), strict=True)
            if own == kind
        ]
        field = leadfield[np.isin(info["ch_names"], names)][:, frontal].sum(1)
        data = {
            "nrow": 1,
            "ncol": len(names),
            "row_names": None,
            "col_names": names,
            "data": (field / np.linalg.norm(field))[None],
        }
        projectors.append(mne.Projection(data=data, desc=f"{kind}-eyes"))
    return projectors
