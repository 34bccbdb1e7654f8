"""Each accepted spike's own equivalent current dipole, and the cluster that these make.

Clinics read spikes one by one: a dipole at the peak and one at the best-fitting instant around it,
those that describe their spike well enough, and how close together these lie (Bagić et al. 2011,
J Clin Neurophysiol 28:348; Hari et al. 2018, Clin Neurophysiol 129:1720).
"""

from dataclasses import dataclass

import mne
import numpy as np
from scipy.stats import f as f_distribution

from pipeline.leadfield import sensors_at
from pipeline.methods.ecd import (
    best_instants,
    conductor,
    ellipsoid_volume_m3,
    location_covariances,
    scalp_of,
)
from pipeline.options import option
from pipeline.paths import PatientPaths
from pipeline.records.dipoles import DipoleCluster, DipolesQC, SpikeDipoles, write_dipoles
from pipeline.records.head import INNER_SKULL, MeasuredHead
from pipeline.records.spike import Spike

# Fewer leave the ellipsoid's shape to chance.
FEWEST_OF_CLUSTER = 5
_M3_TO_CM3 = 1e6


@dataclass(frozen=True)
class Criteria:
    """Which single spikes' dipoles count; each centre has its own, and the report states them."""

    dipole_least_gof_percent: float = option(
        80.0, "least goodness of fit of a single spike's dipole", unit="%", low=0, high=100
    )
    dipole_most_volume_cm3: float = option(
        1.0, "largest 95 % confidence volume of a single spike's dipole", unit="cm3", above=0
    )
    dipole_moment_nam: tuple[float, float] = option(
        (50.0, 500.0), "between which a single spike's dipole moment lies", unit="nA m", low=0
    )

    def unmet(self, gof_percent: float, volume_cm3: float, moment_nam: float) -> str:
        """The criteria that a dipole does not meet, in words; empty where it meets all."""
        weakest, strongest = self.dipole_moment_nam
        failed = []
        if gof_percent < self.dipole_least_gof_percent:
            failed.append(f"goodness of fit below {self.dipole_least_gof_percent:g} %")
        if np.isnan(volume_cm3):
            failed.append("at the edge of the inner skull")
        elif volume_cm3 > self.dipole_most_volume_cm3:
            failed.append(f"confidence volume above {self.dipole_most_volume_cm3:g} cm3")
        if not weakest <= moment_nam <= strongest:
            failed.append(f"moment outside {weakest:g} to {strongest:g} nA m")
        return ", ".join(failed)


def fit_single_spikes(
    spike: Spike, head: MeasuredHead, window_s: float, step_s: float, criteria: Criteria
) -> tuple[SpikeDipoles, mne.Dipole]:
    """Fit one dipole to each single spike, at its peak and where it fits best around it.

    The best-fitting instant is found on a grid of dipoles; the fit itself goes between its places.

    Parameters
    ----------
    spike : Spike
        Read with its single spikes.
    head : MeasuredHead
    window_s : float
        Width of the window around the aligned peak in which the best-fitting instant is sought.
    step_s : float
        Between the instants.

    Returns
    -------
    found : SpikeDipoles
    in_head : mne.Dipole
        The same dipoles in mne's head coordinates, their latencies as times.

    Raises
    ------
    InvalidInput
        The channels are compensated and the references are missing.
    """
    trans, times_s = head.trans, spike.average.times
    skull_mm = head.surfaces[INNER_SKULL].pos_mm
    instants = _instants(times_s, window_s, step_s)
    fields = spike.single_spikes[:, :, instants]
    peak = int(np.abs(times_s[instants]).argmin())
    places = _of_each_place(spike)
    fits = [
        _fit(fields[own], peak, spike, info, trans, skull_mm, scalp_of(head))
        for own, info in places
    ]
    order = np.argsort(np.concatenate([own for own, _ in places]))
    dipoles, at_peak = (_joined([fit[i] for fit in fits], order) for i in (0, 1))
    best = np.concatenate([fit[2] for fit in fits])[order]
    volume_cm3 = np.concatenate([fit[3] for fit in fits])[order]
    moment_nam, latency_s = 1e9 * dipoles.amplitude, times_s[instants][best]
    found = SpikeDipoles(
        pos_mri_mm=1000 * mne.transforms.apply_trans(trans, dipoles.pos),
        direction_mri=mne.transforms.apply_trans(trans, dipoles.ori, move=False),
        moment_nam=moment_nam,
        gof_percent=dipoles.gof,
        confidence_volume_cm3=volume_cm3,
        latency_s=latency_s,
        peak_pos_mri_mm=1000 * mne.transforms.apply_trans(trans, at_peak.pos),
        peak_gof_percent=at_peak.gof,
        reason=tuple(map(criteria.unmet, dipoles.gof, volume_cm3, moment_nam)),
    )
    in_head = mne.Dipole(
        latency_s,
        dipoles.pos,
        dipoles.amplitude,
        dipoles.ori,
        dipoles.gof,
        name="single spikes",
    )
    return found, in_head


def cluster(pos_mri_mm: np.ndarray, direction_mri: np.ndarray) -> DipoleCluster:
    """Centre, tightness and orientation of dipoles (n, 3), at least `FEWEST_OF_CLUSTER`.

    The ellipsoid is the prediction region of a further dipole, were these drawn from a normal
    distribution (Johnson & Wichern 2007, eq. 5-33): of few dipoles it is larger than their own.
    """
    n, centre_mm = len(pos_mri_mm), pos_mri_mm.mean(0)
    variances_mm2, axes = np.linalg.eigh(np.cov(pos_mri_mm.T))
    radius = np.sqrt(3 * (n**2 - 1) / (n * (n - 3)) * f_distribution.ppf(0.95, 3, n - 3))
    semi_axes_mm = radius * np.sqrt(np.maximum(variances_mm2, 0))[::-1]
    direction = direction_mri.sum(0) / np.linalg.norm(direction_mri.sum(0))
    angle_deg = np.degrees(np.arccos(np.clip(direction_mri @ direction, -1, 1)))
    return DipoleCluster(
        centre_mri_mm=tuple(centre_mm.tolist()),
        semi_axes_mm=tuple(semi_axes_mm.tolist()),
        axes_mri=tuple(tuple(axis) for axis in axes.T[::-1].tolist()),
        volume_cm3=float(4 / 3 * np.pi * np.prod(semi_axes_mm) / 1000),
        direction_mri=tuple(direction.tolist()),
        direction_spread_deg=float(np.sqrt((angle_deg**2).mean())),
    )


def describe(found: SpikeDipoles, criteria: Criteria) -> DipolesQC:
    """How many dipoles count, and the clusters of these and of all, or why there is none."""
    chosen = {"included": found.included, "all": np.full(len(found.reason), True)}
    clusters = {
        name: cluster(found.pos_mri_mm[which], found.direction_mri[which])
        if which.sum() >= FEWEST_OF_CLUSTER
        else None
        for name, which in chosen.items()
    }
    n, n_included = len(found.reason), int(found.included.sum())
    return DipolesQC(
        n_fitted=n,
        n_included=n_included,
        least_gof_percent=criteria.dipole_least_gof_percent,
        most_volume_cm3=criteria.dipole_most_volume_cm3,
        moment_nam=criteria.dipole_moment_nam,
        cluster=clusters["included"],
        reason=None
        if clusters["included"]
        else f"{n_included} of {n} single dipoles meet the criteria, fewer than {FEWEST_OF_CLUSTER}",
        cluster_of_all=clusters["all"],
    )


def write_single_spikes(
    paths: PatientPaths,
    spike: Spike,
    head: MeasuredHead,
    window_s: float,
    step_s: float,
    criteria: Criteria,
) -> DipolesQC:
    """Fit, write and describe the single spikes' dipoles."""
    found, in_head = fit_single_spikes(spike, head, window_s, step_s, criteria)
    write_dipoles(paths, found, in_head)
    return describe(found, criteria)


def _instants(times_s: np.ndarray, window_s: float, step_s: float) -> np.ndarray:
    """Samples around the peak, which is among them."""
    sfreq_hz = (len(times_s) - 1) / (times_s[-1] - times_s[0])
    every = max(1, round(step_s * sfreq_hz))
    n_each_side = int(np.floor(window_s / 2 * sfreq_hz / every + 1e-6))
    return np.abs(times_s).argmin() + every * np.arange(-n_each_side, n_each_side + 1)


def _of_each_place(spike: Spike) -> list[tuple[np.ndarray, mne.Info]]:
    """Spikes in each position of the head, and the sensors around it."""
    where = spike.positions
    if where is None:
        return [(np.arange(len(spike.single_spikes)), spike.sensors)]
    return [
        (np.flatnonzero(where.of_spike == index), sensors_at(spike.sensors, place))
        for index, place in enumerate(where.dev_head_t)
    ]


def _fit(
    fields: np.ndarray,
    peak: int,
    spike: Spike,
    info: mne.Info,
    trans: mne.Transform,
    skull_mm: np.ndarray,
    scalp_mm: np.ndarray | None,
) -> tuple[mne.Dipole, mne.Dipole, np.ndarray, np.ndarray]:
    """Best-fitting dipoles, those at the peak, the best instants, and confidence volumes in cm³.

    Fields (n_spikes, n_channels, n_instants) are of spikes in one position of the head.
    """
    bem = conductor(info, skull_mm, scalp_mm)
    at_peak = _fitted(fields[:, :, peak].T, spike, info, bem, trans)
    best = best_instants(fields, info, spike.noise_cov, bem, trans, skull_mm, at_peak.pos)
    dipoles = _fitted(fields[np.arange(len(fields)), :, best].T, spike, info, bem, trans)
    moment_am = dipoles.amplitude[:, None] * dipoles.ori
    covariances_m2 = location_covariances(
        info, spike.noise_cov, 1, bem, trans, dipoles.pos, moment_am
    )
    volume_cm3 = np.array(
        [np.nan if c is None else _M3_TO_CM3 * ellipsoid_volume_m3(c) for c in covariances_m2]
    )
    return dipoles, at_peak, best, volume_cm3


def _joined(parts: list[mne.Dipole], order: np.ndarray) -> mne.Dipole:
    """Dipoles of several fits, in the order of their spikes."""
    columns = ("times", "pos", "amplitude", "ori", "gof")
    return mne.Dipole(
        *(np.concatenate([getattr(part, name) for part in parts])[order] for name in columns)
    )


def _fitted(
    fields: np.ndarray,
    spike: Spike,
    info: mne.Info,
    bem: mne.bem.ConductorModel,
    trans: mne.Transform,
) -> mne.Dipole:
    """mne's dipole of each column of fields (n_channels, n), one spike's noise in each."""
    names = info["ch_names"]
    data = np.zeros((len(names), fields.shape[1]))
    data[[names.index(name) for name in spike.ch_names]] = fields
    each = mne.EvokedArray(data, info, nave=1, verbose="error")
    return mne.fit_dipole(each, spike.noise_cov, bem, trans, verbose="error")[0]
