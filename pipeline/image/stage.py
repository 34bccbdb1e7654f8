"""The image stage: every method's solution for the averaged spike."""

from pathlib import Path

import nibabel as nib
import numpy as np

from pipeline import METHODS
from pipeline.errors import InvalidInput
from pipeline.files import read_json, write_json
from pipeline.image import bootstrap, conventional, maps, networks, outputs
from pipeline.image.cmem import cmem
from pipeline.image.config import Config, Inputs
from pipeline.image.dipole import fit_dipole
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.projection import whitener
from pipeline.records.head import INNER_SKULL, Head, read_head
from pipeline.records.solution import (
    Point,
    Solution,
    distances_between_maxima,
    distributed,
    write_distributed,
    write_point,
)
from pipeline.records.spike import Spike, read_spike
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
    spike = read_spike(paths)
    head = read_head(paths, spike.ch_names)
    qc = {"warnings": _peak_warnings(spike), **_constants(spike, config), "methods": {}}
    for warning in qc["warnings"]:
        progress.warn(warning)

    t1w = nib.load(inputs.t1w)
    with progress.step("find the cortex in the T1w"):
        ribbon = maps.ribbon_vertices(t1w.affine, t1w.shape[:3], head.layers_mri_mm)
    solve = _Solver(head, spike, paths, config)
    solutions: dict[str, Solution] = {}
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
                solutions[method] = solution
                if isinstance(solution, Point):
                    write_point(paths, solution)
                else:
                    write_distributed(paths, method, solution)
                    values = maps.vertex_values(solution.peak_map, head.vertex_region)
                    outputs.write_cortex_maps(paths, method, values)
                    outputs.write_volume(paths, method, t1w, values, ribbon)
                about = {"assessable": True, "reason": None}
                qc["methods"][method] = about | solution.describe(head)
            step.advance()
    if config.bootstrap_resamples:
        with progress.step("resample the spikes"):
            for method, network in solve.networks.items():
                qc["methods"][method]["bootstrap"] = _bootstrap(
                    method, network, head, spike, solutions[method].max_region, paths, config
                )
    qc["distance_between_maxima_mm"] = distances_between_maxima(solutions, head)
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

    def __init__(self, head: Head, spike: Spike, paths: PatientPaths, config: Config):
        self.head, self.spike, self.paths, self.config = head, spike, paths, config
        self._forward = None
        self.networks: dict[str, networks.Network] = {}

    def __call__(self, method: str) -> Solution:
        spike, config = self.spike, self.config
        if method == "ecd":
            return self._dipole()
        times_s = spike.average.times
        if method in NETWORKS:
            network = self.networks[method] = networks.prepare(method, self.head, spike, self.paths)
            activity, times_s = network.solve(spike.average.data), network.times_s
        elif method == "cmem":
            activity, times_s = self._cmem()
        elif method == "lcmv":
            activity = conventional.lcmv(
                spike.average,
                spike.epochs,
                self._region_forward(),
                spike.noise_cov,
                config.lcmv_reg,
                config.lcmv_window_s,
            )
        else:
            activity = conventional.minimum_norm(
                spike.average, self._region_forward(), spike.noise_cov, method, config.snr
            )
        try:
            return distributed(activity, times_s, config.peak_window_s, outputs.UNITS[method])
        except ValueError as error:
            raise InvalidInput(
                f"the {method} solution has no extent: {error}",
                file=self.paths.average,
                hint="check the averaged spike and the leadfield in the report's quality page",
            ) from error

    def _region_forward(self):
        if self._forward is None:
            head = self.head
            self._forward = conventional.region_forward(
                self.spike.average.info, head.trans, head.leadfield, head.region_pos_mri_mm
            )
        return self._forward

    def _cmem(self) -> tuple[np.ndarray, np.ndarray]:
        """cMEM at the networks' 125 Hz, because it solves every sample anew.

        Its noise model is the same variance in all channels, so that it takes data that are white.
        """
        head, spike, average = self.head, self.spike, self.spike.average
        whiten = whitener(spike.noise_matrix / average.nave)
        data = whiten @ average.data
        _, times_s = networks.samples_through_peak(average.times, average.info["sfreq"])
        activity = cmem(
            data[:, np.isin(average.times, times_s)],
            whiten @ (spike.projector @ head.leadfield),
            data[:, average.times < CMEM_BASELINE_END_S],
            region_adjacency(head.vertex_region, load_template().faces),
            self.config.snr,
        )
        return activity, times_s

    def _dipole(self) -> Point:
        head = self.head
        fit = fit_dipole(
            self.spike.average,
            self.spike.noise_cov,
            head.trans,
            head.surfaces[INNER_SKULL].pos_mm,
            self.config.peak_window_s,
            self.config.dipole_step_s,
        )
        region = int(head.nearest_region(fit["pos_mri_mm"])[0])
        return Point(
            **fit,
            nearest_region=region,
            nearest_label=str(head.region_label[region]),
            nearest_sublobar=head.sublobar(region),
        )


def _bootstrap(
    method: str,
    network: networks.Network,
    head: Head,
    spike: Spike,
    max_region: int,
    paths: PatientPaths,
    config: Config,
) -> dict:
    """Image resampled averages, write them, and return their summary; the same draws for all."""
    spikes = spike.epochs.get_data(picks=spike.ch_names, verbose="error")
    weights = bootstrap.draw_weights(len(spikes), config.bootstrap_resamples, config.seed)
    arrays = bootstrap.summarise(
        bootstrap.resampled_peak_maps(network, spikes, weights, config.peak_window_s)
    )
    summary = bootstrap.describe(arrays, max_region, head.region_pos_mri_mm, head.region_area_mm2)
    outputs.write_bootstrap(paths, method, arrays, summary, head.vertex_region)
    return summary


def _remove_earlier_results(paths: PatientPaths) -> None:
    """A method that is not asked for any more, or fails now, must not leave an old result."""
    paths.qc("image").unlink(missing_ok=True)
    for method in METHODS:
        for file in (*outputs.method_files(paths, method), *outputs.bootstrap_files(paths, method)):
            file.unlink(missing_ok=True)


def _constants(spike: Spike, config: Config) -> dict:
    return {
        "n_channels": len(spike.ch_names),
        "n_spikes": int(spike.average.nave),
        "peak_window_s": config.peak_window_s,
        "minimum_norm_snr": config.snr,
        "lcmv_regularisation": config.lcmv_reg,
        "lcmv_window_s": config.lcmv_window_s,
        "cmem_baseline_end_s": CMEM_BASELINE_END_S,
        "field_power_peak_s": field_power_peak_s(spike.average),
    }


def field_power_peak_s(average) -> float:
    """When the field of the average is strongest, all sensor types weighing the same."""
    types = np.array(average.get_channel_types())
    power = np.zeros(len(average.times))
    for kind in np.unique(types):
        data = average.data[types == kind]
        power += (data**2).sum(0) / (data**2).sum()
    return float(average.times[power.argmax()])


def _peak_warnings(spike: Spike) -> list[str]:
    peak_s = field_power_peak_s(spike.average)
    if abs(peak_s) <= MAX_PEAK_OFFSET_S:
        return []
    return [
        f"The averaged field is strongest {peak_s * 1000:.0f} ms from the instant that is imaged: "
        "the spikes may be poorly aligned or ride on a slow wave."
    ]
