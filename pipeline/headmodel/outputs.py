"""The stage's files."""

import mne
import nibabel as nib
import numpy as np
from nibabel.gifti import (
    GiftiCoordSystem,
    GiftiDataArray,
    GiftiImage,
    GiftiLabel,
    GiftiLabelTable,
    GiftiMetaData,
)

from pipeline.fif import scrub_ids
from pipeline.files import atomic_path, write_json
from pipeline.headmodel.cortex import Cortex, region_geometry, sublobar_of_vertices
from pipeline.leadfield import icosphere
from pipeline.paths import PatientPaths
from pipeline.records.document import document
from pipeline.records.head import write_regions
from pipeline.records.headmodel_qc import CortexQC
from pipeline.template import SUBLOBAR_NAMES, load_template
from pipeline.template.cortex import N_VERTICES_HEMI
from pipeline.warp import HeadWarp, write_warp

HEMIS = {"L": ("CortexLeft", 0), "R": ("CortexRight", N_VERTICES_HEMI)}
ANATOMICAL_SECONDARY = {"white": "GrayWhite", "pial": "Pial", "midthickness": "MidThickness"}
GEOMETRIC = {"inflated": "Inflated"}
# NIfTI's code for scanner coordinates; 0 (unknown) for the inflated surface, which is nowhere.
SCANNER, NOWHERE = 1, 0


def write_cortex(paths: PatientPaths, cortex: Cortex) -> None:
    """Write surfaces, region and sublobar labels of both hemispheres and the regions' geometry."""
    template = load_template()
    surfaces = {
        "white": cortex.white_mri_mm,
        "pial": cortex.pial_mri_mm,
        "midthickness": cortex.midthickness_mri_mm,
        "inflated": template.inflated_mm,
    }
    sublobar = sublobar_of_vertices(cortex.region_sublobar)
    region_names = [f"{i:03d} {name}" for i, name in enumerate(cortex.region_label)]
    for hemi, (structure, first) in HEMIS.items():
        half = slice(first, first + N_VERTICES_HEMI)
        n_faces = len(template.faces) // 2
        faces = template.faces[:n_faces] if first == 0 else template.faces[n_faces:] - first
        for name, pos_mm in surfaces.items():
            meta = {"AnatomicalStructurePrimary": structure}
            if name in GEOMETRIC:
                meta["GeometricType"] = GEOMETRIC[name]
            else:
                meta |= {
                    "AnatomicalStructureSecondary": ANATOMICAL_SECONDARY[name],
                    "GeometricType": "Anatomical",
                }
            space = NOWHERE if name in GEOMETRIC else SCANNER
            write_surface(paths.surface(hemi, name), pos_mm[half], faces, meta, space)
        write_labels(
            paths.labels(hemi, "regions"), template.vertex_region[half], region_names, structure
        )
        write_labels(paths.labels(hemi, "sublobar"), sublobar[half], SUBLOBAR_NAMES, structure)
    pos_mm, area_mm2 = region_geometry(cortex.midthickness_mri_mm)
    write_regions(
        paths,
        region_pos_mri_mm=pos_mm,
        region_area_mm2=area_mm2,
        vertex_region=template.vertex_region,
        region_sublobar=cortex.region_sublobar,
        region_label=cortex.region_label,
    )


def write_surface(
    path, pos_mm: np.ndarray, faces: np.ndarray, meta: dict, space: int = SCANNER
) -> None:
    """Write a GIFTI surface: positions (n, 3) in mm, faces (m, 3)."""
    arrays = [
        GiftiDataArray(
            pos_mm.astype(np.float32),
            "NIFTI_INTENT_POINTSET",
            coordsys=GiftiCoordSystem(space, space),
            meta=GiftiMetaData(meta),
        ),
        GiftiDataArray(faces.astype(np.int32), "NIFTI_INTENT_TRIANGLE"),
    ]
    _save(GiftiImage(darrays=arrays), path)


def write_labels(path, value: np.ndarray, names, structure: str) -> None:
    """Write one label per vertex (n,), -1 for none: key 0 is "unknown", key i + 1 is ``names[i]``."""
    table = GiftiLabelTable()
    colours = np.random.default_rng(0).uniform(0.2, 1.0, (len(names) + 1, 3))
    for key, name in enumerate(("unknown", *names)):
        red, green, blue = colours[key] if key else (0.0, 0.0, 0.0)
        label = GiftiLabel(key, red, green, blue, 1.0 if key else 0.0)
        label.label = str(name)  # type: ignore[attr-defined]  # nibabel writes it undeclared
        table.labels.append(label)
    keys = GiftiDataArray((value + 1).astype(np.int32), "NIFTI_INTENT_LABEL")
    meta = GiftiMetaData({"AnatomicalStructurePrimary": structure})
    _save(GiftiImage(darrays=[keys], labeltable=table, meta=meta), path)


def write_scalp_shell(paths: PatientPaths, scalp_mri_mm: np.ndarray | None) -> None:
    """Write the conductor's scalp (642, 3), or make sure that no earlier one is left."""
    if scalp_mri_mm is None:
        paths.scalp_shell.unlink(missing_ok=True)
        return
    _, faces = icosphere(len(scalp_mri_mm))
    write_surface(paths.scalp_shell, scalp_mri_mm, faces, {"GeometricType": "Anatomical"})


def write_mask(path, mask: np.ndarray, affine: np.ndarray) -> None:
    """Write a NIfTI mask (i, j, k) on the T1w's grid."""
    image = nib.Nifti1Image(mask.astype(np.uint8), affine)
    image.set_sform(affine, code=SCANNER)
    image.set_qform(affine, code=SCANNER)
    image.header.set_xyzt_units("mm")
    _save(image, path)


def write_trans(path, trans: mne.Transform) -> None:
    """Write the transform without the machine's address and the time in it."""
    with atomic_path(path) as tmp:
        mne.write_trans(tmp, trans, overwrite=True, verbose="error")
        scrub_ids(tmp)


def write_template_xfm(paths: PatientPaths, warp: HeadWarp, qc: CortexQC) -> None:
    """Write how points of MNI152 come to the T1w, and the sidecar that says by what."""
    write_warp(paths.template_xfm, warp)
    write_json(
        paths.template_xfm.with_suffix(".json"),
        {
            "Description": "Carries points (not images) of MNI152, RAS in mm, to the scanner RAS of the "
            "T1w: affine, plus, where there is one, the displacement of a lattice, trilinear "
            "(lattice_mm, whose indices lattice_to_mni152 takes to MNI152)",
            "Method": qc.mni_transform,
            "Quality": document(qc.mni_transform_quality),
        },
    )


def _save(image, path) -> None:
    with atomic_path(path) as tmp:
        nib.save(image, tmp)
