"""The compare stage: every method's map against the contacts and the resection."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.compare.assess import assess, nearest_contacts
from pipeline.compare.config import Config, Inputs
from pipeline.compare.distances import rows_of, write_distances
from pipeline.compare.one_operation import contacts_beside_mask
from pipeline.compare.references import soz_reference
from pipeline.compare.rows import Table, as_tsv, defined, sidecar
from pipeline.compare.sides import midline_of
from pipeline.compare.surgery import resection_reference
from pipeline.doubts import each_once
from pipeline.errors import InvalidInput
from pipeline.files import read_npz, write_json, write_text
from pipeline.methods import METHODS
from pipeline.methods._method import PointMethod
from pipeline.metrics._case import Case, Estimate, References
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.compare_qc import (
    CompareQC,
    NearContactsQC,
    read_compare_qc,
    write_compare_qc,
)
from pipeline.records.head import SCALP, Head, read_head
from pipeline.records.image_qc import read_image_qc
from pipeline.records.solution import read_distributed, read_point
from pipeline.records.spikes_qc import imaged_types


def run(inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress) -> None:
    """Write the metrics of all types and methods, and the contacts in the T1w's frame.

    What the data do not allow is a row without value that says why.
    """
    for stale in (paths.contacts, paths.contact_distances, paths.resection):
        stale.unlink(missing_ok=True)
        stale.with_name(stale.name.split(".")[0] + ".json").unlink(missing_ok=True)
    head = read_head(paths)
    soz = soz_reference(inputs, paths, head, progress)
    resected = resection_reference(inputs, paths, head, config, progress)
    doubts = each_once(soz.doubts) + each_once(resected.doubts)
    if soz.reference is not None and resected.reference is not None:
        midline_mm = midline_of(head.surfaces[SCALP].pos_mm)
        doubts += contacts_beside_mask(soz.reference.contacts, resected.reference.mask, midline_mm)
    warnings = (*(doubt.text for doubt in doubts), *soz.warnings, *resected.warnings)
    for warning in warnings:
        progress.warn(warning)
    references = References(
        head,
        soz.reference,
        soz.qc.soz_reason,
        resected.reference,
        resected.qc.resection_reason,
        config.seed,
    )
    imaged = imaged_types(paths)
    tables, nearest, distances = [], {}, []
    with progress.step("compare", total=max(1, len(imaged))) as step:
        for each in imaged:
            table, nearest[str(each.spike_type)], own = _compared(each, references)
            tables.append(table)
            distances += own
            step.advance()
    if references.soz is not None:
        write_distances(paths, distances)
    write_text(paths.metrics, as_tsv(tables))
    write_json(paths.metrics.with_suffix(".json"), sidecar(soz.qc, resected.qc))
    no_outcome = None if inputs.outcome else "participants.tsv states no outcome of surgery"
    qc = CompareQC(
        warnings=warnings,
        doubts=doubts,
        outcome=inputs.outcome,
        outcome_reason=no_outcome,
        nearest_contacts=nearest,
        contacts=soz.qc,
        resection=resected.qc,
    )
    write_compare_qc(paths, qc)


def _compared(
    paths: PatientPaths, references: References
) -> tuple[Table, dict[str, NearContactsQC], list[pd.DataFrame]]:
    """One type's metrics, the contacts nearest to each method's maximum, and all their distances."""
    table, nearest, distances = Table([], paths.spike_type), {}, []
    imaged = read_image_qc(paths).methods
    for method in (name for name in METHODS if name in imaged):
        if not imaged[method].assessable:
            reason = f"the method failed: {imaged[method].reason}"
            table.add_absent(method, defined(method), reason)
            continue
        found = _read_estimate(paths, method, references.head)
        estimate = replace(
            found,
            explained_percent=imaged[method].explained_percent,
            not_explained=imaged[method].not_explained or found.not_explained,
        )
        if METHODS[method].fine_tuned:
            references = replace(references, personalized=estimate)
        case = Case(estimate, references)
        assess(table, method, case)
        nearest[method] = nearest_contacts(estimate, references.soz, references.head)
        if references.soz is not None:
            distances.append(rows_of(case, references.soz.contacts, method, paths.spike_type))
    return table, nearest, distances


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    types = paths.of_types_there()
    points = [each.point(method) for each in types for method in METHODS]
    distributed = [each.sources(method) for each in types for method in METHODS]
    resampled = [each.bootstrap(method) for each in types for method in METHODS]
    qualities = [each.qc(stage) for each in types for stage in ("spikes", "image")]
    return [
        inputs.t1w,
        *inputs.electrodes,
        *inputs.channels,
        *inputs.coordsystem,
        *sorted(set().union(*inputs.tables_json.values())),
        *inputs.images,
        *(
            path
            for path in (inputs.resection_mask, inputs.postop_t1w, inputs.contact_labels)
            if path is not None
        ),
        *(paths.surface(hemi, "midthickness") for hemi in "LR"),
        paths.scalp,
        paths.brain_mask,
        paths.regions,
        paths.template_xfm,
        paths.template_xfm.with_suffix(".json"),
        *qualities,
        *points,
        *distributed,
        *resampled,
    ]


def writes(paths: PatientPaths) -> list[Path]:
    """Metrics and QC, and what the QC says of contacts and resection."""
    files = [paths.metrics, paths.metrics.with_suffix(".json"), paths.qc("compare")]
    if not paths.qc("compare").exists():
        return files
    try:
        qc = read_compare_qc(paths)
    except InvalidInput:  # damaged: that it is not what the stage wrote tells enough
        return files
    if qc.contacts.contact_to_cortex_median_mm is not None:
        for table in (paths.contacts, paths.contact_distances):
            files += [table, table.with_suffix(".json")]
    if qc.resection.resection_assessable:
        files.append(paths.resection)
    return files


def _read_estimate(paths: PatientPaths, method: str, head: Head) -> Estimate:
    if isinstance(METHODS[method], PointMethod):
        point = read_point(paths, method)
        region = int(head.nearest_region(point.pos_mri_mm[None])[0][0])
        return Estimate(point.pos_mri_mm, int(head.region_sublobar[region]), point=point)
    solution = read_distributed(paths, method)
    return _of_map(solution.peak_map, solution.extent, head, _resamples(paths, method, head))


def _resamples(paths: PatientPaths, method: str, head: Head) -> tuple[Estimate, ...]:
    """What the method found in averages of resampled spikes, where it was asked to."""
    if not paths.bootstrap(method).exists():
        return ()
    stored = read_npz(paths.bootstrap(method))
    maps = zip(stored["peak_map"], stored["extent"], strict=True)
    return tuple(_of_map(peak_map, extent, head) for peak_map, extent in maps)


def _of_map(
    peak_map: np.ndarray, extent: np.ndarray, head: Head, resamples: tuple[Estimate, ...] = ()
) -> Estimate:
    region = int(peak_map.argmax())
    return Estimate(
        head.region_pos_mri_mm[region],
        int(head.region_sublobar[region]),
        peak_map,
        extent,
        resamples=resamples,
    )
