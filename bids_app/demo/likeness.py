"""How alike the true head and another model of it are: their fields, region by region."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from bids_app.demo.cortex import TrueCortex
from bids_app.demo.recording import is_leading
from pipeline.files import read_npz
from pipeline.leadfield import region_leadfield
from pipeline.paths import PatientPaths
from pipeline.records.head import read_head
from pipeline.template import load_template
from pipeline.template.cortex import N_REGIONS, N_VERTICES, vertex_normals

# All of them would cost as much as all the rest of a virtual patient.
COMPARED_REGIONS = np.arange(0, N_REGIONS, 5)

FieldOf = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Field (n_channels, n) of unit dipoles at positions (n, 3), mm, along normals (n, 3)."""


def compared_fields(
    field_of: FieldOf, cortex: TrueCortex, smooth_mm: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Leadfields of `COMPARED_REGIONS` on the true cortex and on the one without its folding.

    Parameters
    ----------
    field_of : callable
    cortex : TrueCortex
    smooth_mm : ndarray, (20484, 3)

    Returns
    -------
    true, smooth : ndarray of float32, (n_channels, n_compared)
    """
    template = load_template()
    kept = np.isin(template.vertex_region, COMPARED_REGIONS)
    smooth_normal = vertex_normals(smooth_mm, template.faces)
    # In one go: what the sensors cost is paid once.
    both = field_of(
        np.vstack([cortex.pos_mri_mm[:N_VERTICES][kept], smooth_mm[kept]]),
        np.vstack([cortex.normal_mri[:N_VERTICES][kept], smooth_normal[kept]]),
    )
    true, smooth = (
        region_leadfield(field, template.vertex_region[kept])[:, COMPARED_REGIONS]
        for field in np.split(both, 2, axis=1)
    )
    return true.astype(np.float32), smooth.astype(np.float32)


def correlation_summary(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Median and 5th percentile over regions of the Pearson correlation of their fields.

    Parameters
    ----------
    one, other : ndarray, (n_channels, n_regions)
        Of channels of one type.
    """
    a, b = (each.astype(float) - each.mean(0, dtype=float) for each in (one, other))
    norms = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
    correlation = np.einsum("ij,ij->j", a, b) / norms
    return {
        "median": float(np.median(correlation)),
        "percentile_5": float(np.percentile(correlation, 5)),
    }


def estimate_likeness(paths: PatientPaths, truth_dir: Path) -> dict[str, float]:
    """How far the pipeline's head lies from the truth, as `benchmarks/real_head.py` measures it.

    Returns
    -------
    likeness : dict
        ``leadfield_correlation`` and ``leadfield_correlation_5``, `correlation_summary` on axial
        channels; ``same_vertex_mm``, the median distance of corresponding vertices, and
        ``surface_mm``, that of the estimate's vertices from the true surface.
    """
    truth = read_npz(truth_dir / f"{paths.sub}_truth.npz")
    found = read_npz(paths.leadfield)
    axial = found["ch_names"][is_leading(found["ch_types"].tolist())].tolist()
    rows = [[each["ch_names"].tolist().index(name) for name in axial] for each in (truth, found)]
    fit = correlation_summary(
        truth["compared_leadfield"][rows[0]], found["leadfield"][rows[1]][:, COMPARED_REGIONS]
    )
    cortex = load_template().vertex_region >= 0
    found_mm = read_head(paths).surfaces["midthickness"].pos_mm[cortex]
    apart_mm = np.linalg.norm(found_mm - truth["cortex_mri_mm"][cortex], axis=1)
    away_mm = cKDTree(truth["dense_cortex_mri_mm"]).query(found_mm)[0]
    return {
        "leadfield_correlation": fit["median"],
        "leadfield_correlation_5": fit["percentile_5"],
        "same_vertex_mm": float(np.median(apart_mm)),
        "surface_mm": float(np.median(away_mm)),
    }
