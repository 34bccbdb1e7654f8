"""The single spikes' own dipoles: one row each, and what their cluster is like."""

from dataclasses import dataclass
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from pipeline.files import atomic_path, write_json, write_text
from pipeline.paths import PatientPaths
from pipeline.tables import described, numbers, read_tsv, to_tsv

_COLUMNS = {
    "spike": ("Number among the accepted marks, in the order of the events file", None),
    "x": ("Position, right positive, scanner RAS of the T1w", "mm"),
    "y": ("Position, anterior positive, scanner RAS of the T1w", "mm"),
    "z": ("Position, superior positive, scanner RAS of the T1w", "mm"),
    "direction_x": ("Direction of the moment, of unit length, along the same axes", None),
    "direction_y": ("Direction of the moment, of unit length, along the same axes", None),
    "direction_z": ("Direction of the moment, of unit length, along the same axes", None),
    "moment": ("Size of the moment", "nA m"),
    "goodness_of_fit": ("Share of the whitened field's power that the dipole explains", "%"),
    "confidence_volume": (
        "Of the joint 95 % ellipsoid of the position, from the noise of the single spike alone, "
        "without errors of head model and co-registration; n/a at the edge of the inner skull",
        "cm3",
    ),
    "latency": ("Instant of the fit relative to the spike's aligned peak: the best-fitting", "s"),
    "peak_x": ("Position of the dipole that is fitted at the peak, scanner RAS of the T1w", "mm"),
    "peak_y": ("Position of the dipole that is fitted at the peak, scanner RAS of the T1w", "mm"),
    "peak_z": ("Position of the dipole that is fitted at the peak, scanner RAS of the T1w", "mm"),
    "peak_goodness_of_fit": ("Goodness of fit at the peak", "%"),
    "included": ("Whether the dipole meets the criteria and counts for the cluster", None),
    "reason": ("Which criteria it does not meet", None),
}
_XYZ = ("x", "y", "z")


@dataclass(frozen=True, eq=False)
class SpikeDipoles:
    """Dipoles of n single spikes.

    Attributes
    ----------
    pos_mri_mm, direction_mri : ndarray, (n, 3)
        Scanner RAS of the T1w; directions of unit length.
    moment_nam, gof_percent, latency_s : ndarray, (n,)
        At the best-fitting instant; latencies relative to the aligned peak.
    confidence_volume_cm3 : ndarray, (n,)
        Of the joint 95 % ellipsoid of the place; NaN at the edge of the inner skull.
    peak_pos_mri_mm : ndarray, (n, 3)
    peak_gof_percent : ndarray, (n,)
        Of the dipole at the aligned peak.
    reason : tuple of str
        Which criteria each does not meet; empty where it is included.
    """

    pos_mri_mm: np.ndarray
    direction_mri: np.ndarray
    moment_nam: np.ndarray
    gof_percent: np.ndarray
    confidence_volume_cm3: np.ndarray
    latency_s: np.ndarray
    peak_pos_mri_mm: np.ndarray
    peak_gof_percent: np.ndarray
    reason: tuple[str, ...]

    @property
    def included(self) -> np.ndarray:
        return np.array([not reason for reason in self.reason], bool)


@dataclass(frozen=True, kw_only=True)
class DipoleCluster:
    """Where the included dipoles lie and how close together.

    Attributes
    ----------
    centre_mri_mm : tuple of float, (3,)
        Their mean.
    semi_axes_mm : tuple of float, (3,)
        Of the ellipsoid that holds a further dipole with 95 %, longest first.
    axes_mri : tuple of tuple of float, (3, 3)
        Unit vectors along them, one each.
    volume_cm3 : float
        Of that ellipsoid.
    direction_mri : tuple of float, (3,)
        Mean direction, of unit length.
    direction_spread_deg : float
        Root of the mean squared angle to it.
    """

    centre_mri_mm: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    axes_mri: tuple[tuple[float, float, float], ...]
    volume_cm3: float
    direction_mri: tuple[float, float, float]
    direction_spread_deg: float


@dataclass(frozen=True, kw_only=True)
class DipolesQC:
    """What came of fitting every accepted spike.

    Attributes
    ----------
    n_fitted, n_included : int
    least_gof_percent, most_volume_cm3 : float
    moment_nam : tuple of float, (2,)
        Between which a moment may lie; with these the criteria of inclusion.
    cluster : DipoleCluster or None
        Of the included ones.
    reason : str or None
        Why there is none.
    cluster_of_all : DipoleCluster or None
        Of all fitted dipoles, whether they meet the criteria or not; None where they are too few.
    """

    n_fitted: int
    n_included: int
    least_gof_percent: float
    most_volume_cm3: float
    moment_nam: tuple[float, float]
    cluster: DipoleCluster | None
    reason: str | None
    cluster_of_all: DipoleCluster | None


def write_dipoles(paths: PatientPaths, dipoles: SpikeDipoles, in_head: mne.Dipole) -> None:
    """Write the table with its sidecar, and the same dipoles in head coordinates as mne reads them."""
    write_text(paths.dipoles, to_tsv(_table(dipoles), "%.6g"))
    write_json(paths.dipoles.with_suffix(".json"), described(_COLUMNS))
    with atomic_path(paths.dipole_file) as tmp:
        in_head.save(tmp, overwrite=True, verbose="error")


def read_dipoles(paths: PatientPaths) -> SpikeDipoles:
    """Read the table; `InvalidInput` where it lacks a column."""
    table = read_tsv(paths.dipoles, tuple(_COLUMNS), [])
    value = {name: numbers(table[name])[0] for name in _COLUMNS if name not in _TEXT}

    def vectors(prefix: str = "") -> np.ndarray:
        return np.stack([value[prefix + axis] for axis in _XYZ], axis=1)

    return SpikeDipoles(
        pos_mri_mm=vectors(),
        direction_mri=vectors("direction_"),
        moment_nam=value["moment"],
        gof_percent=value["goodness_of_fit"],
        confidence_volume_cm3=value["confidence_volume"],
        latency_s=value["latency"],
        peak_pos_mri_mm=vectors("peak_"),
        peak_gof_percent=value["peak_goodness_of_fit"],
        reason=tuple("" if reason == "n/a" else reason for reason in table["reason"]),
    )


def dipole_files(paths: PatientPaths) -> list[Path]:
    """Table, sidecar and mne's file."""
    return [paths.dipoles, paths.dipoles.with_suffix(".json"), paths.dipole_file]


_TEXT = ("included", "reason")


def _table(dipoles: SpikeDipoles) -> pd.DataFrame:
    values = (
        np.arange(1, len(dipoles.moment_nam) + 1),
        *dipoles.pos_mri_mm.T,
        *dipoles.direction_mri.T,
        dipoles.moment_nam,
        dipoles.gof_percent,
        dipoles.confidence_volume_cm3,
        dipoles.latency_s,
        *dipoles.peak_pos_mri_mm.T,
        dipoles.peak_gof_percent,
        ["true" if included else "false" for included in dipoles.included],
        [reason or np.nan for reason in dipoles.reason],
    )
    return pd.DataFrame(dict(zip(_COLUMNS, values, strict=True)))
