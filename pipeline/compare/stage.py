"""The compare stage: every method's map against the contacts and the resection."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline import METHODS
from pipeline.compare import metrics
from pipeline.compare.config import Config, Inputs
from pipeline.compare.references import Head, SozReference, read_head, soz_reference
from pipeline.compare.rows import Table, defined, sidecar
from pipeline.compare.surgery import ResectionReference, resection_reference
from pipeline.files import read_json, read_npz, write_json, write_text
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.template import SUBLOBAR_NAMES


@dataclass(frozen=True)
class Estimate:
    """What one method found; a dipole has a maximum alone.

    Attributes
    ----------
    method : str
    max_mm : ndarray, (3,)
    max_sublobar : int
    peak_map : ndarray, (994,), or None
    extent : ndarray of bool, (994,), or None
    """

    method: str
    max_mm: np.ndarray
    max_sublobar: int
    peak_map: np.ndarray | None = None
    extent: np.ndarray | None = None


def run(inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress) -> None:
    """Write the metrics of all methods and the contacts in the T1w's frame.

    What the data do not allow is a row without value that says why; only files that contradict
    themselves or the head raise InvalidInput.
    """
    for stale in (paths.contacts, paths.resection):
        stale.unlink(missing_ok=True)
        stale.with_name(stale.name.split(".")[0] + ".json").unlink(missing_ok=True)
    head = read_head(paths)
    no_outcome = None if inputs.outcome else "participants.tsv states no outcome of surgery"
    qc = {"warnings": [], "outcome": inputs.outcome, "outcome_reason": no_outcome}
    with progress.step("place contacts and resection in the head"):
        soz, no_soz = soz_reference(inputs, paths, head, qc, progress)
        resected, no_resection = resection_reference(inputs, paths, head, config, qc, progress)
    for warning in qc["warnings"]:
        progress.warn(warning)
    table = Table([])
    imaged = read_json(paths.qc("image"))["methods"]
    with progress.step("compare", total=len(imaged)) as step:
        personalized = None
        for method in (name for name in METHODS if name in imaged):
            if not imaged[method]["assessable"]:
                for reference in ("soz", "resection", "model"):
                    names = defined(reference, method)
                    table.add_absent(
                        method, names, f"the method failed: {imaged[method]['reason']}"
                    )
                continue
            estimate = _read_estimate(paths, method, head)
            personalized = estimate if method == "personalized" else personalized
            add_soz(table, estimate, soz, no_soz, head)
            add_resection(table, estimate, resected, no_resection, head, config.seed)
            _add_model(table, estimate, personalized, imaged[method])
            step.advance()
    write_text(paths.metrics, table.tsv())
    write_json(paths.metrics.with_suffix(".json"), sidecar())
    write_json(paths.qc("compare"), qc)


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    distributed = [paths.sources(method) for method in METHODS if method != "ecd"]
    return [
        inputs.t1w,
        *inputs.electrodes,
        *inputs.channels,
        *inputs.coordsystem,
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
        paths.qc("image"),
        paths.dipole,
        *distributed,
    ]


def writes(paths: PatientPaths) -> list[Path]:
    return [paths.metrics, paths.metrics.with_suffix(".json"), paths.qc("compare")]


def add_soz(
    table: Table, estimate: Estimate, soz: SozReference | None, reason: str | None, head: Head
) -> None:
    """Add one method's rows against the contacts; with `reason`, rows without value."""
    method, names = estimate.method, defined("soz", estimate.method)
    if soz is None:
        table.add_absent(method, names, reason)
        return
    contacts = soz.contacts
    max_to_contact = metrics.nearest_distance_mm(estimate.max_mm[None], contacts.pos_mri_mm)[0]
    if reason is None:
        _add_soz_marks(table, estimate, soz, max_to_contact, head)
    else:
        table.add_absent(
            method,
            [name for name in names if name not in ("max_to_contact", "sampled_share")],
            reason,
        )
    table.add(method, "max_to_contact", max_to_contact)
    if estimate.extent is not None:
        share = metrics.sampled_share(
            head.region_pos_mm[estimate.extent],
            head.region_area_mm2[estimate.extent],
            contacts.pos_mri_mm,
        )
        table.add(method, "sampled_share", share)


def _add_soz_marks(table, estimate, soz, max_to_contact, head) -> None:
    method = estimate.method
    soz_mm = soz.contacts.pos_mri_mm[soz.contacts.soz]
    has_soz = _as_mask(soz.contact_sublobar[soz.contacts.soz])
    found_mm = (
        estimate.max_mm[None] if estimate.extent is None else head.region_pos_mm[estimate.extent]
    )
    error = metrics.soz_localisation_error_mm(soz_mm, found_mm)
    for name, value in zip(
        ("soz_localisation_error", "soz_to_estimate", "estimate_to_soz"), error, strict=True
    ):
        table.add(method, name, value)
    max_to_soz = metrics.nearest_distance_mm(estimate.max_mm[None], soz_mm)[0]
    table.add(method, "max_to_soz", max_to_soz)
    concordant = bool(has_soz[estimate.max_sublobar])
    if not concordant and max_to_contact > metrics.SAMPLED_MM:
        table.add(
            method,
            "sublobar_concordance",
            None,
            f"not sampled: no contact within {metrics.SAMPLED_MM:.0f} mm of the maximum",
        )
    else:
        table.add(method, "sublobar_concordance", float(concordant))
    if estimate.extent is None:
        return
    found = _as_mask(head.region_sublobar[estimate.extent])
    sensitivity, specificity = metrics.sublobar_sensitivity_specificity(found, has_soz)
    table.add(method, "sublobar_sensitivity", sensitivity, "no sublobar region holds the SOZ")
    table.add(method, "sublobar_specificity", specificity, "the SOZ is in all sublobar regions")
    _, sampled = metrics.sublobar_sensitivity_specificity(
        found, has_soz, _as_mask(soz.contact_sublobar)
    )
    table.add(
        method,
        "sublobar_specificity_sampled",
        sampled,
        "every sublobar region with contacts holds SOZ contacts",
    )


def add_resection(
    table: Table,
    estimate: Estimate,
    resected: ResectionReference | None,
    reason: str | None,
    head: Head,
    seed: int,
) -> None:
    """Add one method's rows against the resection; with `reason`, rows without value."""
    method = estimate.method
    if resected is None:
        table.add_absent(method, defined("resection", method), reason)
        return
    if estimate.extent is not None:
        extent, area = estimate.extent, head.region_area_mm2
        true = resected.resected
        names = ["resection_sensitivity"] + [
            f"resection_specificity{which}" for which in ("", "_close", "_far")
        ]
        if true.any():
            values = metrics.balanced_specificity(extent, true, area, head.region_pos_mm, seed)
            for name, value in zip(
                names, (metrics.sensitivity(extent, true, area), *values), strict=True
            ):
                table.add(method, name, value, "there are no unresected regions to draw from")
        else:
            table.add_absent(
                method, names, "no region lies in the resection by more than the share that counts"
            )
        dispersion = metrics.spatial_dispersion_mm(
            estimate.peak_map[extent], resected.mask.distance_mm(head.region_pos_mm[extent])
        )
        table.add(method, "spatial_dispersion", dispersion)
    point = estimate.max_mm[None]
    table.add(method, "max_in_resection", float(resected.mask.holds(point)[0]))
    table.add(method, "max_to_resection_edge", resected.mask.edge_distance_mm(point)[0])


def _add_model(table: Table, estimate: Estimate, personalized: Estimate | None, imaged) -> None:
    if estimate.method == "ecd":
        table.add("ecd", "goodness_of_fit", imaged["gof_percent"])
        table.add("ecd", "confidence_volume", imaged["confidence_volume_cm3"])
    else:
        table.add(estimate.method, "extent_area", imaged["extent_area_cm2"])
    if estimate.method != "personalized":
        distance = (
            None if personalized is None else np.linalg.norm(estimate.max_mm - personalized.max_mm)
        )
        reason = "the personalized network was not asked for"
        table.add(estimate.method, "max_to_personalized", distance, reason)


def _read_estimate(paths: PatientPaths, method: str, head: Head) -> Estimate:
    if method == "ecd":
        max_mm = np.array(read_json(paths.dipole)["pos_mri_mm"])
        region = int(head.nearest_region(max_mm[None])[0][0])
        return Estimate(method, max_mm, int(head.region_sublobar[region]))
    stored = read_npz(paths.sources(method))
    region = int(stored["peak_map"].argmax())
    return Estimate(
        method,
        head.region_pos_mm[region],
        int(head.region_sublobar[region]),
        stored["peak_map"],
        stored["extent"],
    )


def _as_mask(sublobar: np.ndarray) -> np.ndarray:
    mask = np.zeros(len(SUBLOBAR_NAMES), bool)
    mask[sublobar] = True
    return mask
