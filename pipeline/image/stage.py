"""The image stage: every method's solution for the averaged spike."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import nibabel as nib
import numpy as np
from nibabel.spatialimages import SpatialImage

from pipeline.errors import InvalidInput
from pipeline.image import bootstrap, deep, dipoles, explained, maps, outputs, region
from pipeline.image.config import Inputs, Options
from pipeline.image.other_modality import other_modality_doubt
from pipeline.localisation import NoExtent
from pipeline.methods import METHODS
from pipeline.methods._method import Method, NetworkMethod
from pipeline.methods._model import Model, Problem
from pipeline.modality import modality_of
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.dipoles import DipolesQC, dipole_files
from pipeline.records.head import (
    MeasuredHead,
    at_positions,
    read_measured_head,
)
from pipeline.records.headmodel_qc import read_headmodel_qc
from pipeline.records.image_qc import (
    ExistenceQC,
    ImageQC,
    MethodQC,
    RegionQC,
    read_image_qc,
    write_image_qc,
)
from pipeline.records.personalize_qc import read_personalize_qc
from pipeline.records.solution import Distributed, Solution, distances_between_maxima
from pipeline.records.spike import BASELINE_END_S, Spike, read_spike
from pipeline.records.spikes_qc import imaged_types
from pipeline.template import load_template
from pipeline.template.cortex import region_adjacency

if TYPE_CHECKING:
    from pipeline.methods._network import Network

MAX_PEAK_OFFSET_S = 0.02


def run(inputs: Inputs, paths: PatientPaths, config: Options, progress: Progress) -> None:
    """Image the average of each type of spikes with every method of `config`, and write the results.

    A conventional method that fails is reported as not assessable; a network that fails is an
    error, because the report is about its result. Of a type that is averaged but not imaged, the
    single spikes' dipoles are fitted alone.

    Raises
    ------
    InvalidInput
        If the files don't fit together or a spike can't be imaged.
    """
    _remove_earlier_results(paths)
    imaged = imaged_types(paths)
    for own in _averaged_alone(paths):
        _fit_alone(own, config, progress)
    if not imaged:
        return
    t1w = cast(SpatialImage, nib.load(inputs.t1w))
    spike = read_spike(imaged[0], epochs=False)
    head = read_measured_head(paths, spike.ch_names)
    with progress.step("find the cortex in the T1w"):
        ribbon = maps.ribbon_vertices(t1w.affine, t1w.shape[:3], head.layers_mri_mm)
    adjacency = region_adjacency(head.vertex_region, load_template().faces)
    still = Model(head, spike.average.info, spike.noise_cov, adjacency)
    networks: dict[str, Any] = {}  # head and noise are the same for all types whose head lay still
    for own in imaged:
        spike = read_spike(own)
        if spike.positions is None:
            problem = Problem(still, spike, config.peak_window_s, own, networks)
        else:
            with progress.step("leadfield of the head's positions"):
                model = replace(still, head=at_positions(head, spike.sensors, spike.positions))
            problem = Problem(model, spike, config.peak_window_s, own)
        _image(problem, own, t1w, ribbon, config, progress)


def _image(
    problem: Problem,
    paths: PatientPaths,
    t1w: SpatialImage,
    ribbon: tuple[np.ndarray, np.ndarray],
    config: Options,
    progress: Progress,
) -> None:
    """Image one type of spikes."""
    spike, head = problem.spike, problem.model.head
    warnings = _peak_warnings(spike)
    for warning in warnings:
        progress.warn(warning)
    solutions: dict[str, Solution] = {}
    methods: dict[str, MethodQC] = {}
    chosen = [name for name in METHODS if name in config.methods]
    with progress.step("image the spike", total=len(config.methods)) as step:
        for method in chosen:
            try:
                solution = _solve(method, problem, paths, config)
            except MemoryError:
                raise  # says nothing about the method
            except Exception as error:
                if isinstance(METHODS[method], NetworkMethod):
                    raise
                reason = " ".join(str(error).split()) or type(error).__name__
                methods[method] = MethodQC(assessable=False, reason=reason, found=None)
                warnings.append(f"{method} is not assessable: {reason}.")
                progress.warn(warnings[-1])
            else:
                solutions[method] = solution
                outputs.write_solution(paths, method, solution, head, t1w, ribbon)
                methods[method] = _described(METHODS[method], problem, solution)
                doubt = methods[method].doubt
                for warning in (
                    *([] if doubt is None else [doubt.text]),
                    *_bridging_warnings(method, problem),
                    *_existence_warnings(method, methods[method].existence),
                ):
                    warnings.append(warning)
                    progress.warn(warning)
            step.advance()
    if config.bootstrap_resamples:
        with progress.step("resample the spikes"):
            drawn: dict[Any, dict[str, np.ndarray]] = {}  # networks of the same weights are one
            for method, solution in solutions.items():
                part = METHODS[method]
                if isinstance(part, NetworkMethod) and isinstance(solution, Distributed):
                    network = part.network(problem)
                    if network not in drawn:
                        drawn[network] = _bootstrap(network, problem, config)
                    arrays = drawn[network]
                    resampled = bootstrap.describe(
                        arrays, solution.max_region, head.region_pos_mri_mm, head.region_area_mm2
                    )
                    outputs.write_bootstrap(paths, method, arrays, resampled, head.vertex_region)
                    found = _region(part, problem, solution, arrays["peak_map"], paths)
                    methods[method] = replace(methods[method], bootstrap=resampled, region=found)
    apart_mm = distances_between_maxima(solutions, head)
    singles = _single_dipoles(paths, spike, head, config, progress)
    quality = _quality(spike, config, warnings, methods, apart_mm)
    with progress.step("compare deep structures with cortex"):
        against_cortex = deep.assess(problem, paths)
    write_image_qc(paths, replace(quality, dipoles=singles, deep=against_cortex))


def _described(part: Method, problem: Problem, solution: Solution) -> MethodQC:
    """Where a method's maximum lies, and how much of the field its map explains."""
    found = MethodQC(
        assessable=True,
        reason=None,
        found=solution.summary(problem.model.head),
        card=part.card(problem),
        doubt=part.doubt(problem) or other_modality_doubt(part, problem.model.info),
        existence=_existence(part, problem),
    )
    if not isinstance(solution, Distributed):
        return found
    try:
        return replace(found, explained_percent=explained.explained_percent(problem, solution))
    except explained.NoField as error:
        return replace(found, not_explained=str(error))


def _averaged_alone(paths: PatientPaths) -> list[PatientPaths]:
    """The types of spikes that have an average and are not imaged: too few, or too near the noise."""
    imaged = imaged_types(paths)
    return [each for each in paths.of_types_there() if each not in imaged and each.average.exists()]


def _fit_alone(paths: PatientPaths, config: Options, progress: Progress) -> None:
    """Fit the single spikes' dipoles of a type without an image; warn where that is impossible."""
    spike = read_spike(paths)
    head = read_measured_head(paths, spike.ch_names)
    try:
        singles = _single_dipoles(paths, spike, head, config, progress)
    except InvalidInput as error:
        progress.warn(f"No dipole is fitted to the single spikes: {error.message}.")
        return
    if singles is not None:
        write_image_qc(paths, replace(_quality(spike, config, [], {}, {}), dipoles=singles))


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    surfaces = [
        paths.surface(hemi, name) for hemi in "LR" for name in ("white", "midthickness", "pial")
    ]
    of_types = [
        file
        for each in paths.of_types_there()
        for file in (each.average, each.epochs, each.qc("spikes"), each.head_positions)
        if file != each.head_positions or file.exists()
    ]
    return [
        inputs.t1w,
        *surfaces,
        paths.inner_skull,
        *(file for file in (paths.scalp_shell, paths.deep_leadfield) if file.exists()),
        paths.regions,
        paths.trans,
        paths.leadfield,
        *of_types,
        paths.noise_cov,
        paths.model,
        paths.qc("headmodel"),
        paths.qc("personalize"),
        *sorted(paths.folder.glob("systems/*.safetensors")),
    ]


def writes(paths: PatientPaths) -> list[Path]:
    """Of each type its QC file, and the files of every method that it says succeeded."""
    alone = [each for each in _averaged_alone(paths) if each.qc("image").exists()]
    return [file for each in (*imaged_types(paths), *alone) for file in _written(each)]


def _written(paths: PatientPaths) -> list[Path]:
    qc = paths.qc("image")
    if not qc.exists():
        return [qc]
    try:
        quality = read_image_qc(paths)
    except InvalidInput:  # damaged: that it is not what the stage wrote tells enough
        return [qc]
    methods = quality.methods
    done = [name for name, method in methods.items() if method.assessable]
    resampled = [name for name, method in methods.items() if method.bootstrap is not None]
    return [
        qc,
        *(file for name in done for file in outputs.method_files(paths, name)),
        *(file for name in resampled for file in outputs.bootstrap_files(paths, name)),
        *(dipole_files(paths) if quality.dipoles is not None else ()),
    ]


def _solve(method: str, problem: Problem, paths: PatientPaths, config: Options) -> Solution:
    part = METHODS[method]
    try:
        return part.solve(problem, config.of(part.options))
    except NoExtent as error:
        raise InvalidInput(
            f"the {method} solution has no extent: {error}",
            file=paths.average,
            hint="check the averaged spike and the leadfield in the report's quality page",
        ) from error


def _bootstrap(network: "Network", problem: Problem, config: Options) -> dict[str, np.ndarray]:
    """What `bootstrap.summarise` makes of resampled averages; the same draws for all networks."""
    spikes = problem.spike.single_spikes
    weights = bootstrap.draw_weights(len(spikes), config.bootstrap_resamples, config.seed)
    return bootstrap.summarise(
        bootstrap.resampled_peak_maps(network, spikes, weights, config.peak_window_s)
    )


def _single_dipoles(
    paths: PatientPaths, spike: Spike, head: MeasuredHead, config: Options, progress: Progress
) -> DipolesQC | None:
    """The single spikes' dipoles, where the average's is asked for."""
    if "ecd" not in config.methods:
        return None
    with progress.step("fit a dipole to each spike"):
        return dipoles.write_single_spikes(
            paths,
            spike,
            head,
            config.peak_window_s,
            config.of(METHODS["ecd"].options).dipole_step_s,
            config.of(dipoles.Criteria),
        )


def _region(
    part: NetworkMethod,
    problem: Problem,
    solution: Distributed,
    resampled: np.ndarray,
    paths: PatientPaths,
) -> RegionQC | None:
    """Where the source's centre lies with a stated probability; None for weights without a calibration.

    It was calibrated with the generic weights on MEG: those that fine-tuning has made better have none,
    and no map of EEG.
    """
    trained = read_personalize_qc(paths)
    if trained.generic_model_sha256 != region.load_calibration().generic_sha256:
        return None
    if part.fine_tuned and trained.improved:
        return None
    if not modality_of(problem.model.info).calibrated:
        return None
    head, spike = problem.model.head, problem.spike
    return region.region_of(
        np.vstack([solution.peak_map, resampled]),
        part.network(problem),
        spike.single_spikes,
        spike.projector @ head.leadfield,
        read_headmodel_qc(paths).cortex.head_model == "template",
        head.region_pos_mri_mm,
        head.region_area_mm2,
    )


def _remove_earlier_results(paths: PatientPaths) -> None:
    """A type or a method that is not asked for any more, or fails now, must not leave an old result."""
    for each in paths.of_types_there():
        files = [each.qc("image"), *dipole_files(each)]
        for method in METHODS:
            files += outputs.method_files(each, method) + outputs.bootstrap_files(each, method)
        for file in files:
            file.unlink(missing_ok=True)


def _quality(
    spike: Spike,
    config: Options,
    warnings: list[str],
    methods: dict[str, MethodQC],
    distance_between_maxima_mm: dict[str, float],
) -> ImageQC:
    minimum_norm, lcmv = (config.of(METHODS[name].options) for name in ("dspm", "lcmv"))
    start_s, end_s = lcmv.lcmv_window_s
    return ImageQC(
        warnings=tuple(warnings),
        n_channels=len(spike.ch_names),
        n_spikes=int(spike.average.nave),
        peak_window_s=config.peak_window_s,
        minimum_norm_snr=minimum_norm.snr,
        lcmv_regularisation=lcmv.lcmv_reg,
        lcmv_window_s=(start_s, end_s),
        cmem_baseline_end_s=BASELINE_END_S,
        field_power_peak_s=field_power_peak_s(spike.average),
        methods=methods,
        distance_between_maxima_mm=distance_between_maxima_mm,
    )


def field_power_peak_s(average) -> float:
    """When the field of the average is strongest, all sensor types weighing the same."""
    types = np.array(average.get_channel_types())
    power = np.zeros(len(average.times))
    for kind in np.unique(types):
        data = average.data[types == kind]
        power += (data**2).sum(0) / (data**2).sum()
    return float(average.times[power.argmax()])


def _existence_warnings(method: str, said: ExistenceQC | None) -> list[str]:
    """That a network would rather say that there is nothing."""
    if said is None or said.stands_out:
        return []
    return [
        f"{METHODS[method].label}: it gives a source where it finds one a probability of "
        f"{said.probability:.2f}; 5 % of synthetic recordings without any source exceed "
        f"{said.threshold:.2f}, so that there may be none."
    ]


def _existence(part: Method, problem: Problem) -> ExistenceQC | None:
    if not isinstance(part, NetworkMethod) or not modality_of(problem.model.info).calibrated:
        return None
    return part.network(problem).existence(problem.spike.average.data)


def _bridging_warnings(method: str, problem: Problem) -> list[str]:
    """Which channels a network did not read as they are."""
    part, average = METHODS[method], problem.spike.average
    if not isinstance(part, NetworkMethod):
        return []
    bridged = part.network(problem).bridged_channels(average.data)
    if not bridged:
        return []
    names = ", ".join(average.ch_names[channel] for channel in bridged)
    return [
        f"{part.label}: what the other channels tell took the place of {names}, which neither "
        "sources nor noise explain; mark bad channels in channels.tsv."
    ]


def _peak_warnings(spike: Spike) -> list[str]:
    peak_s = field_power_peak_s(spike.average)
    if abs(peak_s) <= MAX_PEAK_OFFSET_S:
        return []
    return [
        f"The averaged field is strongest {peak_s * 1000:.0f} ms from the instant that is imaged: "
        "the spikes may be poorly aligned or ride on a slow wave."
    ]
