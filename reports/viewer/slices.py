"""The T1w and the cortex's regions on one coarse grid, for the viewer's slices."""

import base64
import zlib
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from reports.patient import Patient
from reports.wording import gyrus

STEP_MM = 1.5
CORTEX_REACH_MM = 3.0
"""Voxels nearer than this to the midthickness surface bear its activity."""
_AROUND_MM = 12.0
_BRIGHTEST_PERCENT = 99.5


def slice_scene(patient: Patient) -> dict[str, Any]:
    """Grey values and regions on a grid of `STEP_MM` along scanner RAS; arrays deflated, as base64.

    Their last axis runs fastest: x to the right, y forward, z up, from the corner ``low`` (mm).
    """
    pial_mm = patient.head.surfaces["pial"].pos_mm
    low_mm = np.floor(pial_mm.min(axis=0) - _AROUND_MM)
    high_mm = pial_mm.max(axis=0) + _AROUND_MM
    axes = [
        np.arange(low, high, STEP_MM, dtype=np.float32)
        for low, high in zip(low_mm, high_mm, strict=True)
    ]
    pos_mm = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    grey = patient.t1w.sample(pos_mm)
    top = max(float(np.percentile(grey, _BRIGHTEST_PERCENT)), 1e-12)
    labels, of_region = np.unique(patient.head.region_label, return_inverse=True)
    return {
        "low": low_mm.tolist(),
        "step": STEP_MM,
        "shape": list(grey.shape),
        "t1w": _deflated(np.clip(255 * grey / top, 0, 255), "<u1"),
        "region": _deflated(regions_on_grid(patient, pos_mm), "<i2"),
        "gyri": [gyrus(label) for label in labels],
        "gyrusOfRegion": of_region.tolist(),
        "regionPositions": np.round(patient.head.region_pos_mri_mm, 1).tolist(),
    }


def regions_on_grid(patient: Patient, pos_mm: np.ndarray) -> np.ndarray:
    """The region of each place (..., 3) in or near the cortex, -1 elsewhere."""
    cortex_mm = patient.head.surfaces["midthickness"].pos_mm
    distance_mm, vertex = cKDTree(cortex_mm).query(
        pos_mm.reshape(-1, 3), distance_upper_bound=CORTEX_REACH_MM
    )
    region = np.append(patient.head.vertex_region, -1)  # what is far has no vertex
    found = np.where(np.isfinite(distance_mm), region[vertex], -1)
    return found.reshape(pos_mm.shape[:-1])


def _deflated(values: np.ndarray, kind: str) -> str:
    content = np.ascontiguousarray(values.astype(kind)).tobytes()
    return base64.b64encode(zlib.compress(content, 9)).decode()
