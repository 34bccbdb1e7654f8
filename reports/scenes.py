"""From a patient's results to what the pictures draw, all in the T1w's scanner RAS."""

import mne
import nibabel as nib
import numpy as np
from nilearn import datasets

from pipeline.records.solution import Distributed
from reports.figures.cortex import CortexData
from reports.figures.slices import SliceData, Volume
from reports.patient import Patient

_AROUND_BRAIN_MM = 12.0


def landmarks_mm(info: mne.Info, trans: mne.Transform) -> dict[str, np.ndarray]:
    """Digitised landmarks by name, carried to the T1w's scanner RAS, mm."""
    kinds = mne.io.constants.FIFF
    names = {
        kinds.FIFFV_POINT_NASION: "nasion",
        kinds.FIFFV_POINT_LPA: "LPA",
        kinds.FIFFV_POINT_RPA: "RPA",
    }
    return {
        names[int(point["ident"])]: 1000 * mne.transforms.apply_trans(trans, point["r"])
        for point in info["dig"] or ()
        if point["kind"] == kinds.FIFFV_POINT_CARDINAL
    }


def sensors_mm(info: mne.Info, trans: mne.Transform) -> np.ndarray:
    """Sensor positions (n_channels, 3) in the T1w's scanner RAS, mm."""
    device = np.array([channel["loc"][:3] for channel in info["chs"]])
    in_head = mne.transforms.apply_trans(info["dev_head_t"], device)
    return mne.transforms.apply_trans(trans, in_head) * 1000


def bare_cortex(patient: Patient) -> CortexData:
    """The patient's cortex with nothing on it."""
    pial = patient.head.surfaces["pial"]
    n_vertices = len(pial.pos_mm)
    return CortexData(
        pial_mm=pial.pos_mm,
        inflated_mm=patient.head.surfaces["inflated"].pos_mm,
        faces=pial.faces,
        sulcal_depth=_sulcal_depth(),
        share=np.zeros(n_vertices),
        in_extent=np.zeros(n_vertices, bool),
        max_mm=np.zeros(3),
        max_vertex=0,
    )


def _sulcal_depth() -> np.ndarray:
    """Of fsaverage5: the mesh is the same in every head, and the depth only shades."""
    template = datasets.fetch_surf_fsaverage("fsaverage5")
    depth = [nib.load(template[f"sulc_{side}"]).agg_data() for side in ("left", "right")]
    return np.concatenate(depth)


def cortex_data(patient: Patient, found: Distributed) -> CortexData:
    """One method's map, the resection and the contacts on the patient's cortex."""
    vertex_region = patient.head.vertex_region
    inside = vertex_region >= 0
    pial = patient.head.surfaces["pial"]
    max_mm = found.max_mri_mm(patient.head)
    own = np.flatnonzero(vertex_region == found.max_region)
    nearest = own[np.linalg.norm(pial.pos_mm[own] - max_mm, axis=1).argmin()]
    resected = None
    if patient.resection is not None:
        resected = patient.resection.sample(pial.pos_mm) > 0.5
    return CortexData(
        pial_mm=pial.pos_mm,
        inflated_mm=patient.head.surfaces["inflated"].pos_mm,
        faces=pial.faces,
        sulcal_depth=_sulcal_depth(),
        share=np.where(inside, found.share[vertex_region], 0),
        in_extent=inside & found.extent[vertex_region],
        max_mm=max_mm,
        max_vertex=int(nearest),
        in_resection=resected,
        soz_mm=patient.soz_mm,
        other_contacts_mm=patient.other_contacts_mm,
    )


def slice_data(patient: Patient) -> SliceData:
    """The map, the resection and the contacts on the T1w, around the maximum."""
    pial = patient.head.surfaces["pial"].pos_mm
    share, threshold = None, None
    if patient.source_volume is not None:
        peak = patient.finding.peak_map.max()
        share = Volume(patient.source_volume.data / peak, patient.source_volume.affine)
        threshold = patient.finding.otsu_threshold / peak
    return SliceData(
        t1w=patient.t1w,
        low_mm=pial.min(axis=0) - _AROUND_BRAIN_MM,
        high_mm=pial.max(axis=0) + _AROUND_BRAIN_MM,
        at_mm=patient.max_mm if patient.imaged else pial.mean(axis=0),
        share=share,
        threshold=threshold,
        resection=patient.resection,
        soz_mm=patient.soz_mm,
        other_contacts_mm=patient.other_contacts_mm,
    )
