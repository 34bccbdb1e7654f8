"""The equivalent current dipole: one point that explains the spike best."""

from dataclasses import dataclass
from typing import Any

import mne
import numpy as np
from scipy.stats import chi2

from pipeline.compensation import check_references
from pipeline.head_position import HeadPositions
from pipeline.leadfield import star_shaped_remesh, weighted_sensors
from pipeline.methods._method import PointMethod
from pipeline.methods._model import Problem
from pipeline.modality import modality_of, sensor_names
from pipeline.options import option
from pipeline.records.head import INNER_SKULL, SCALP_SHELL, Head
from pipeline.records.solution import Point

# A dipole is fitted in seconds on 642 vertices and in minutes on 2,562, 0.3 mm apart.
_SHELL_VERTICES = 642
_M3_TO_CM3 = 1e6
_STEP_M = 1e-3
_GRID_M = 10e-3
# Steps of the grids around the best place of the one before, each of 2 * reach + 1 places a side.
_FINER_M = (3e-3, 1e-3, 0.3e-3)
_REACH = 3
# mne leaves the weakest orientation out of the fit where it is weaker than this part of the
# strongest: it is nearly radial, and MEG is nearly blind to it.
_SILENT_ORIENTATION = 0.2


@dataclass(frozen=True)
class Options:
    """Instants."""

    dipole_step_s: float = option(
        0.004, "time between two dipole fits around the peak", unit="s", low=0.001, high=0.5
    )


def fit_dipole(
    average: mne.Evoked,
    noise_cov: mne.Covariance,
    trans: mne.Transform,
    inner_skull_mri_mm: np.ndarray,
    window_s: float,
    step_s: float,
    positions: HeadPositions | None = None,
    scalp_mri_mm: np.ndarray | None = None,
) -> dict[str, Any]:
    """Fit one dipole to each of several instants around the peak and keep the best-fitting one.

    Parameters
    ----------
    average : mne.Evoked
        With the references of compensated channels, of which only the places are used.
    noise_cov : mne.Covariance
        Of a single spike; the average's is smaller by the number of spikes averaged.
    trans : mne.Transform
        Head to MRI.
    inner_skull_mri_mm : ndarray, (n, 3)
        Vertices of the inner skull.
    window_s : float
        Width of the window around t = 0.
    step_s : float
        Time between two fits.
    positions : HeadPositions, optional
        Of a head that moved: the dipole's field is then the mean over them, and its place is sought
        on ever finer grids.
    scalp_mri_mm : ndarray, (m, 3), optional
        Vertices of the scalp, which EEG needs.

    Returns
    -------
    fit : dict
        pos_mri_mm, direction_mri, moment_am, gof_percent, confidence_volume_cm3 (of the joint
        95 % ellipsoid of the place, see `location_covariances`; None where the dipole lies at the
        edge of the inner skull, beyond which the fit could not go), time_s.

    Raises
    ------
    InvalidInput
        The channels are compensated and the references are missing.
    """
    bem = conductor(average.info, inner_skull_mri_mm, scalp_mri_mm)
    every = max(1, round(step_s * average.info["sfreq"]))
    n_each_side = int(np.floor(window_s / 2 * average.info["sfreq"] / every + 1e-6))
    half_s = n_each_side * every / average.info["sfreq"]
    instants = average.copy().crop(-half_s - 1e-6, half_s + 1e-6)
    instants = instants.decimate(every, verbose="error")
    if positions is None:
        dipoles, _ = mne.fit_dipole(instants, noise_cov, bem, trans, verbose="error")
    else:
        dipoles = _fit_moved(instants, noise_cov, bem, trans, inner_skull_mri_mm, positions)
    best = int(dipoles.gof.argmax())
    moment_am = dipoles.amplitude[best] * dipoles.ori[best]
    (covariance_m2,) = location_covariances(
        average.info,
        noise_cov,
        average.nave,
        bem,
        trans,
        dipoles.pos[[best]],
        moment_am[None],
        positions,
    )
    volume_cm3 = None if covariance_m2 is None else _M3_TO_CM3 * ellipsoid_volume_m3(covariance_m2)
    return {
        "pos_mri_mm": mne.transforms.apply_trans(trans, dipoles.pos[best]) * 1000,
        "direction_mri": mne.transforms.apply_trans(trans, dipoles.ori[best], move=False),
        "moment_am": float(dipoles.amplitude[best]),
        "gof_percent": float(dipoles.gof[best]),
        "confidence_volume_cm3": volume_cm3,
        "time_s": float(dipoles.times[best]),
    }


def conductor(
    info: mne.Info, inner_skull_mri_mm: np.ndarray, scalp_mri_mm: np.ndarray | None = None
) -> mne.bem.ConductorModel:
    """The conductor in which dipoles are fitted, once the channels are known to be complete.

    Raises
    ------
    InvalidInput
        The channels are compensated and the references are missing.
    """
    check_references(info)
    shell_mri_mm, faces = star_shaped_remesh(inner_skull_mri_mm, _SHELL_VERTICES)
    return modality_of(info).conductor(shell_mri_mm, faces, scalp_mri_mm)


def whitened_gain(
    info: mne.Info,
    noise_cov: mne.Covariance,
    bem: mne.bem.ConductorModel,
    trans: mne.Transform,
    pos_head_m: np.ndarray,
    positions: HeadPositions | None = None,
) -> np.ndarray:
    """Whitened field (n, n_whitened, 3) of a dipole at each place (n, 3), per A·m along x, y, z.

    NaN at places outside the inner skull, where there is no field. Of a head that moved, the mean
    over its `positions`.
    """
    src = mne.setup_volume_source_space(
        pos={
            "rr": mne.transforms.apply_trans(trans, pos_head_m),
            "nn": np.tile([0.0, 0.0, 1.0], (len(pos_head_m), 1)),
        },
        verbose="error",
    )
    whitener = noise_whitener(info, noise_cov)
    field = np.zeros((len(whitener), 1))
    for weight, sensors in weighted_sensors(info, positions):
        forward = modality_of(info).forward(sensors, trans, src, bem)
        field = field + weight * (whitener @ forward["sol"]["data"])
    gain = np.full((len(pos_head_m), len(whitener), 3), np.nan)
    gain[forward["src"][0]["vertno"]] = field.reshape(len(whitener), -1, 3).transpose(1, 0, 2)
    return gain


def noise_whitener(info: mne.Info, noise_cov: mne.Covariance) -> np.ndarray:
    """Whitener (n_whitened, n_sensors) of the sensors that are not bad, projectors included."""
    names = [name for name in sensor_names(info) if name not in info["bads"]]
    picks = mne.pick_channels(info["ch_names"], names, ordered=True)
    return mne.cov.compute_whitener(noise_cov, info, picks=picks, verbose="error")[0]


def location_covariances(
    info: mne.Info,
    noise_cov: mne.Covariance,
    nave: int,
    bem: mne.bem.ConductorModel,
    trans: mne.Transform,
    pos_head_m: np.ndarray,
    moment_head_am: np.ndarray,
    positions: HeadPositions | None = None,
) -> list[np.ndarray | None]:
    """Covariance (3, 3) in m² of each fitted dipole's place, from the noise of the average alone.

    Linearised about the fit: whatever the field of a displaced dipole has in common with that of
    the fitted place, at any moment, tells nothing of the place (Mosher et al. 1993, IEEE Trans
    Biomed Eng 40:471). Errors of the head model and of the co-registration are not in it.

    Parameters
    ----------
    info : mne.Info
        MEG channels with their references, projectors included.
    noise_cov : mne.Covariance
        Of a single spike.
    nave : int
        Spikes averaged.
    pos_head_m, moment_head_am : ndarray, (n, 3)
    positions : HeadPositions, optional
        Of a head that moved.

    Returns
    -------
    covariance_m2 : list of ndarray, (3, 3), or None
        None within a step of the inner skull, outside which there is no field.
    """
    offset_m = _STEP_M * np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])
    around_m = (pos_head_m[:, None] + offset_m).reshape(-1, 3)
    gains = np.sqrt(nave) * whitened_gain(info, noise_cov, bem, trans, around_m, positions)
    return [
        _location_covariance(gain, moment)
        for gain, moment in zip(
            gains.reshape(len(pos_head_m), len(offset_m), -1, 3), moment_head_am, strict=True
        )
    ]


def _location_covariance(gain: np.ndarray, moment_am: np.ndarray) -> np.ndarray | None:
    if np.isnan(gain).any():
        return None
    field = gain[0] @ moment_am
    bases, sizes, _ = np.linalg.svd(gain, full_matrices=False)
    n_fitted = _n_fitted(sizes[0])
    # What each place explains of the field: the more it changes, the better the place is known.
    explained = np.array([basis[:, :n_fitted] @ (basis[:, :n_fitted].T @ field) for basis in bases])
    slope = (explained[1:4] - explained[4:7]) / (2 * _STEP_M)
    return np.linalg.inv(slope @ slope.T)


def _n_fitted(size: np.ndarray) -> int:
    """Orientations that are fitted, by the gain's singular values (3,)."""
    return 3 if size[2] > _SILENT_ORIENTATION * size[0] else 2


def _fit_moved(
    instants: mne.Evoked,
    noise_cov: mne.Covariance,
    bem: mne.bem.ConductorModel,
    trans: mne.Transform,
    inner_skull_mri_mm: np.ndarray,
    positions: HeadPositions,
) -> mne.Dipole:
    """The best dipole at the best of the instants, for mne fits in one position of the head only."""
    info = instants.info
    whitener = noise_whitener(info, noise_cov)
    names = [name for name in sensor_names(info) if name not in info["bads"]]
    white = whitener @ instants.get_data(picks=names)
    places_m = _grid_head_m(inner_skull_mri_mm, trans)
    best, instant, orientation = (np.zeros(3), 0, np.zeros(3))
    for step_m in (*_FINER_M, None):
        gain = whitened_gain(info, noise_cov, bem, trans, places_m, positions)
        inside = ~np.isnan(gain).any((1, 2))
        gain, places_m = gain[inside], places_m[inside]
        bases, sizes, axes = np.linalg.svd(gain, full_matrices=False)
        for index, size in enumerate(sizes):
            bases[index, :, _n_fitted(size) :] = 0
        along = bases.transpose(0, 2, 1) @ white
        explained = (along**2).sum(1)
        part = explained / (white**2).sum(0)
        place, instant = np.unravel_index(part.argmax(), part.shape)
        best, gof = places_m[place], float(part[place, instant])
        orientation = axes[place].T @ (along[place, :, instant] / sizes[place])
        if step_m is not None:
            offsets = np.arange(-_REACH, _REACH + 1) * step_m
            places_m = best + np.stack(np.meshgrid(*[offsets] * 3), -1).reshape(-1, 3)
    amplitude = np.linalg.norm(orientation)
    return mne.Dipole(
        instants.times[[instant]],
        best[None],
        np.array([amplitude]),
        (orientation / amplitude)[None],
        np.array([100 * gof]),
    )


def _grid_head_m(inner_skull_mri_mm: np.ndarray, trans: mne.Transform) -> np.ndarray:
    low, high = inner_skull_mri_mm.min(0) / 1000, inner_skull_mri_mm.max(0) / 1000
    axes = [np.arange(a, b, _GRID_M) for a, b in zip(low, high, strict=True)]
    grid_mri_m = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    return mne.transforms.apply_trans(mne.transforms.invert_transform(trans), grid_mri_m)


def best_instants(
    fields: np.ndarray,
    info: mne.Info,
    noise_cov: mne.Covariance,
    bem: mne.bem.ConductorModel,
    trans: mne.Transform,
    inner_skull_mri_mm: np.ndarray,
    fitted_head_m: np.ndarray,
) -> np.ndarray:
    """The instant of each spike that a dipole at one of many places explains best (n_spikes,).

    The places are those of a coarse grid and those that are known to fit: beside these alone the
    grid's own coarseness would decide about strong spikes.

    Parameters
    ----------
    fields : ndarray, (n_spikes, n_sensors, n_instants)
        In the order of `noise_whitener`.
    fitted_head_m : ndarray, (n, 3)
        Places of dipoles that were fitted at one of the instants.
    """
    grid_m = _grid_head_m(inner_skull_mri_mm, trans)
    gain = whitened_gain(info, noise_cov, bem, trans, np.vstack([grid_m, fitted_head_m]))
    bases = np.linalg.svd(gain[~np.isnan(gain).any((1, 2))], full_matrices=False)[0]
    white = noise_whitener(info, noise_cov) @ fields
    n_spikes, n_white, n_instants = white.shape
    columns = white.transpose(1, 0, 2).reshape(n_white, -1)
    explained = ((bases.transpose(0, 2, 1) @ columns) ** 2).sum(1).max(0)
    return (explained / (columns**2).sum(0)).reshape(n_spikes, n_instants).argmax(1)


def ellipsoid_volume_m3(covariance_m2: np.ndarray, probability: float = 0.95) -> float:
    """Volume of the ellipsoid that holds a normally distributed place with this probability."""
    radius = np.sqrt(chi2.ppf(probability, 3))
    return float(4 / 3 * np.pi * radius**3 * np.sqrt(np.linalg.det(covariance_m2)))


def scalp_of(head: Head) -> np.ndarray | None:
    """Vertices (n, 3), mm, of the conductor's scalp, where it has one."""
    shell = head.surface(SCALP_SHELL)
    return None if shell is None else shell.pos_mm


def fit(problem: Problem, options: Options) -> Point:
    """The dipole with the cortex that is nearest to it."""
    model = problem.model
    head = model.head
    found = fit_dipole(
        problem.spike.average_with_references,
        model.noise_cov,
        head.trans,
        head.surfaces[INNER_SKULL].pos_mm,
        problem.window_s,
        options.dipole_step_s,
        problem.spike.positions,
        scalp_of(head),
    )
    region = int(head.nearest_region(found["pos_mri_mm"])[0])
    return Point(
        **found,
        nearest_region=region,
        nearest_label=str(head.region_label[region]),
        nearest_sublobar=head.sublobar(region),
    )


METHOD = PointMethod(
    label="Single dipole",
    short="dipole",
    order=60,
    marker="X",
    colour="#9a3f8a",
    sentence="one equivalent current dipole",
    options=Options,
    by_default=True,
    fit=fit,
    heading="Single equivalent dipole",
)
