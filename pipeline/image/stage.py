"""The image stage: every method's solution for the averaged spike."""

from itertools import combinations
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.spatial import cKDTree

from pipeline import METHODS
from pipeline.errors import InvalidInput
from pipeline.files import read_json, write_json
from pipeline.image import bootstrap, conventional, maps, networks, outputs
from pipeline.image.cmem import cmem
from pipeline.image.config import Config, Inputs
from pipeline.image.dipole import fit_dipole
from pipeline.image.patient import Patient, read_patient
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.projection import whitener
from pipeline.template import load_template
from pipeline.template.cortex import region_adjacency

NETWORKS = ("personalized", "generic")
MAX_PEAK_OFFSET_S = 0.02
# What cMEM takes for noise of the average lies before this; the spike is at 0.
CMEM_BASELINE_END_S = -0.2


def run(inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress) -> None:
    """Image the averaged spike with every method of `config` and write the results.

    A conventional method that fails is reported as not assessable; a network that fails is an
    error, because the report is about its result.

    Raises
    ------
    InvalidInput
        If the files don't fit together or the spike can't be imaged.
    """
    _remove_earlier_results(paths)
    patient = read_patient(paths)
    qc = {"warnings": _peak_warnings(patient), **_constants(patient, config), "methods": {}}
    for warning in qc["warnings"]:
        progress.warn(warning)

    t1w = nib.load(inputs.t1w)
    with progress.step("find the cortex in the T1w"):
        ribbon = maps.ribbon_vertices(t1w.affine, t1w.shape[:3], patient.layers_mri_mm)
    solve = _Solver(patient, paths, config)
    with progress.step("image the spike", total=len(config.methods)) as step:
        for method in (name for name in METHODS if name in config.methods):
            try:
                solution = solve(method)
            except MemoryError:
                raise  # says nothing about the method
            except Exception as error:
                if method in NETWORKS:
                    raise
                reason = " ".join(str(error).split()) or type(error).__name__
                qc["methods"][method] = {"assessable": False, "reason": reason}
                qc["warnings"].append(f"{method} is not assessable: {reason}.")
                progress.warn(qc["warnings"][-1])
            else:
                found = qc["methods"][method] = {"assessable": True, "reason": None}
                if method == "ecd":
                    write_json(paths.dipole, solution)
                    found |= solution
                else:
                    _write_distributed(paths, method, solution, patient, t1w, ribbon)
                    found |= describe_map(solution, patient)
            step.advance()
    if config.bootstrap_resamples:
        with progress.step("resample the spikes"):
            for method, network in solve.networks.items():
                found = qc["methods"][method]
                found["bootstrap"] = _bootstrap(method, network, patient, found, paths, config)
    qc["distance_between_maxima_mm"] = distances_between_maxima(qc["methods"])
    write_json(paths.qc("image"), qc)


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    surfaces = [
        paths.surface(hemi, name) for hemi in "LR" for name in ("white", "midthickness", "pial")
    ]
    return [
        inputs.t1w,
        *surfaces,
        paths.inner_skull,
        paths.regions,
        paths.trans,
        paths.leadfield,
        paths.average,
        paths.epochs,
        paths.noise_cov,
        paths.model,
        paths.qc("personalize"),
    ]


def writes(paths: PatientPaths) -> list[Path]:
    """The QC file and the files of every method that it says succeeded."""
    qc = paths.qc("image")
    if not qc.exists():
        return [qc]
    methods = read_json(qc)["methods"]
    done = [name for name, found in methods.items() if found["assessable"]]
    resampled = [name for name, found in methods.items() if "bootstrap" in found]
    return [
        qc,
        *(file for name in done for file in outputs.method_files(paths, name)),
        *(file for name in resampled for file in outputs.bootstrap_files(paths, name)),
    ]


class _Solver:
    """Runs a method by name; what several methods share is made once."""

    def __init__(self, patient: Patient, paths: PatientPaths, config: Config):
        self.patient, self.paths, self.config = patient, paths, config
        self._forward = None
        self.networks: dict[str, networks.Network] = {}

    def __call__(self, method: str) -> dict:
        patient, config = self.patient, self.config
        if method == "ecd":
            return self._dipole()
        times_s = patient.average.times
        if method in NETWORKS:
            network = self.networks[method] = networks.prepare(method, patient, self.paths)
            activity, times_s = network.solve(patient.average.data), network.times_s
        elif method == "cmem":
            activity, times_s = self._cmem()
        elif method == "lcmv":
            activity = conventional.lcmv(
                patient.average,
                patient.epochs,
                self._region_forward(),
                patient.noise_cov,
                config.lcmv_reg,
                config.lcmv_window_s,
            )
        else:
            activity = conventional.minimum_norm(
                patient.average, self._region_forward(), patient.noise_cov, method, config.snr
            )
        peak_map = maps.peak_map(activity, times_s, config.peak_window_s)
        try:
            threshold, extent = maps.otsu_extent(peak_map)
        except ValueError as error:
            raise InvalidInput(
                f"the {method} solution has no extent: {error}",
                file=self.paths.average,
                hint="check the averaged spike and the leadfield in the report's quality page",
            ) from error
        return {
            "activity": activity.astype(np.float32),
            "times_s": times_s,
            "peak_map": peak_map,
            "otsu_threshold": np.array(threshold),
            "extent": extent,
        }

    def _region_forward(self):
        if self._forward is None:
            patient = self.patient
            self._forward = conventional.region_forward(
                patient.average.info, patient.trans, patient.leadfield, patient.region_pos_mri_mm
            )
        return self._forward

    def _cmem(self) -> tuple[np.ndarray, np.ndarray]:
        """cMEM at the networks' 125 Hz, because it solves every sample anew.

        Its noise model is the same variance in all channels, so that it takes data that are white.
        """
        patient, average = self.patient, self.patient.average
        whiten = whitener(networks.noise_matrix(patient) / average.nave)
        data = whiten @ average.data
        _, times_s = networks.samples_through_peak(average.times, average.info["sfreq"])
        activity = cmem(
            data[:, np.isin(average.times, times_s)],
            whiten @ networks.projected_leadfield(patient),
            data[:, average.times < CMEM_BASELINE_END_S],
            region_adjacency(patient.vertex_region, load_template().faces),
            self.config.snr,
        )
        return activity, times_s

    def _dipole(self) -> dict:
        patient = self.patient
        fit = fit_dipole(
            patient.average,
            patient.noise_cov,
            patient.trans,
            patient.inner_skull_mri_mm,
            self.config.peak_window_s,
            self.config.dipole_step_s,
        )
        region = nearest_region(fit["pos_mri_mm"], patient)
        return fit | {
            "nearest_region": region,
            "nearest_label": patient.region_label[region],
            "nearest_sublobar": patient.region_sublobar[region],
        }


def nearest_region(pos_mri_mm: np.ndarray, patient: Patient) -> int:
    """The region of the midthickness vertex nearest to a point."""
    inside = np.flatnonzero(patient.vertex_region >= 0)
    _, nearest = cKDTree(patient.layers_mri_mm[1][inside]).query(pos_mri_mm)
    return int(patient.vertex_region[inside[nearest]])


def describe_map(solution: dict, patient: Patient) -> dict:
    """Where a map's maximum lies and how far its extent reaches."""
    region = int(solution["peak_map"].argmax())
    extent = solution["extent"]
    return {
        "max_region": region,
        "max_pos_mri_mm": patient.region_pos_mri_mm[region],
        "max_label": patient.region_label[region],
        "max_sublobar": patient.region_sublobar[region],
        "otsu_threshold": float(solution["otsu_threshold"]),
        "n_extent_regions": int(extent.sum()),
        "extent_area_cm2": float(patient.region_area_mm2[extent].sum() / 100),
    }


def distances_between_maxima(methods: dict[str, dict]) -> dict[str, float]:
    """Distance in mm between the maxima (the dipole's position) of each pair of methods."""
    position = {
        name: np.asarray(found["pos_mri_mm" if name == "ecd" else "max_pos_mri_mm"])
        for name, found in methods.items()
        if found["assessable"]
    }
    return {
        f"{one}-{other}": float(np.linalg.norm(position[one] - position[other]))
        for one, other in combinations(position, 2)
    }


def _write_distributed(paths, method, solution, patient, t1w, ribbon) -> None:
    outputs.write_sources(paths, method, solution)
    values = maps.vertex_values(solution["peak_map"], patient.vertex_region)
    outputs.write_cortex_maps(paths, method, values)
    outputs.write_volume(paths, method, t1w, values, ribbon)


def _bootstrap(method, network, patient: Patient, found: dict, paths, config: Config) -> dict:
    """Image resampled averages, write them, and return their summary; the same draws for all."""
    spikes = patient.epochs.get_data(picks=patient.average.ch_names, verbose="error")
    weights = bootstrap.draw_weights(len(spikes), config.bootstrap_resamples, config.seed)
    arrays = bootstrap.summarise(
        bootstrap.resampled_peak_maps(network, spikes, weights, config.peak_window_s)
    )
    summary = bootstrap.describe(
        arrays, found["max_region"], patient.region_pos_mri_mm, patient.region_area_mm2
    )
    outputs.write_bootstrap(paths, method, arrays, summary, patient.vertex_region)
    return summary


def _remove_earlier_results(paths: PatientPaths) -> None:
    """A method that is not asked for any more, or fails now, must not leave an old result."""
    paths.qc("image").unlink(missing_ok=True)
    for method in METHODS:
        for file in (*outputs.method_files(paths, method), *outputs.bootstrap_files(paths, method)):
            file.unlink(missing_ok=True)


def _constants(patient: Patient, config: Config) -> dict:
    return {
        "n_channels": len(patient.average.ch_names),
        "n_spikes": int(patient.average.nave),
        "peak_window_s": config.peak_window_s,
        "minimum_norm_snr": config.snr,
        "lcmv_regularisation": config.lcmv_reg,
        "lcmv_window_s": config.lcmv_window_s,
        "cmem_baseline_end_s": CMEM_BASELINE_END_S,
        "field_power_peak_s": field_power_peak_s(patient.average),
    }


def field_power_peak_s(average) -> float:
    """When the field of the average is strongest, all sensor types weighing the same."""
    types = np.array(average.get_channel_types())
    power = np.zeros(len(average.times))
    for kind in np.unique(types):
        data = average.data[types == kind]
        power += (data**2).sum(0) / (data**2).sum()
    return float(average.times[power.argmax()])


def _peak_warnings(patient: Patient) -> list[str]:
    peak_s = field_power_peak_s(patient.average)
    if abs(peak_s) <= MAX_PEAK_OFFSET_S:
        return []
    return [
        f"The averaged field is strongest {peak_s * 1000:.0f} ms from the instant that is imaged: "
        "the spikes may be poorly aligned or ride on a slow wave."
    ]
