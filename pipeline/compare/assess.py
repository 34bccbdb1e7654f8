"""One method's rows: its estimate against contacts, resection and the other estimates."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.compare import metrics
from pipeline.compare.references import SozReference
from pipeline.compare.rows import Table, defined
from pipeline.compare.surgery import ResectionReference
from pipeline.methods import METHODS
from pipeline.records.head import Head
from pipeline.template import SUBLOBAR_NAMES

PERCENTILES = (2.5, 97.5)
_AT_THE_EDGE = "the dipole lies at the edge of the inner skull, where its fit had to stop"


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
    resamples : tuple of Estimate
        From averages of resampled spikes; empty for methods without.
    """

    method: str
    max_mm: np.ndarray
    max_sublobar: int
    peak_map: np.ndarray | None = None
    extent: np.ndarray | None = None
    resamples: tuple["Estimate", ...] = ()

    def found_mm(self, head: Head) -> np.ndarray:
        """The estimated regions' positions (n, 3); the dipole's for a dipole."""
        return self.max_mm[None] if self.extent is None else head.region_pos_mri_mm[self.extent]


def add_soz(
    table: Table, estimate: Estimate, soz: SozReference | None, reason: str | None, head: Head
) -> None:
    """Add one method's rows against the contacts; with `reason`, rows without value."""
    method, names = estimate.method, defined("soz", estimate.method)
    if soz is None:
        assert reason is not None
        table.add_absent(method, names, reason)
        return
    contacts_mm = soz.contacts.pos_mri_mm
    _add_distances(table, estimate, lambda one: {"max_to_contact": _max_to(one, contacts_mm)})
    if estimate.extent is not None:
        share = metrics.sampled_share(
            head.region_pos_mri_mm[estimate.extent],
            head.region_area_mm2[estimate.extent],
            contacts_mm,
        )
        table.add(method, "sampled_share", share)
    if reason is None:
        _add_soz_marks(table, estimate, soz, head)
    else:
        without_marks = ("max_to_contact", "sampled_share")
        table.add_absent(method, [name for name in names if name not in without_marks], reason)


def _add_soz_marks(table: Table, estimate: Estimate, soz: SozReference, head: Head) -> None:
    method = estimate.method
    soz_mm = soz.contacts.pos_mri_mm[soz.contacts.soz]
    has_soz = _as_mask(soz.contact_sublobar[soz.contacts.soz])

    def distances(one: Estimate) -> dict[str, float]:
        names = ("soz_localisation_error", "soz_to_estimate", "estimate_to_soz")
        errors = metrics.soz_localisation_error_mm(soz_mm, one.found_mm(head))
        return dict(zip(names, errors, strict=True)) | {"max_to_soz": _max_to(one, soz_mm)}

    _add_distances(table, estimate, distances)
    concordant = bool(has_soz[estimate.max_sublobar])
    if not concordant and _max_to(estimate, soz.contacts.pos_mri_mm) > metrics.SAMPLED_MM:
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
    resection: ResectionReference | None,
    reason: str | None,
    head: Head,
    seed: int,
) -> None:
    """Add one method's rows against the resection; with `reason`, rows without value."""
    method = estimate.method
    if resection is None:
        assert reason is not None
        table.add_absent(method, defined("resection", method), reason)
        return
    mask = resection.mask
    if estimate.extent is not None:
        _add_resected_regions(table, estimate, resection.resected, head, seed)
        region_to_mask_mm = mask.distance_mm(head.region_pos_mri_mm)
        _add_distances(
            table,
            estimate,
            lambda one: {"spatial_dispersion": _dispersion_mm(one, region_to_mask_mm)},
        )
    table.add(method, "max_in_resection", float(mask.holds(estimate.max_mm[None])[0]))
    _add_distances(
        table,
        estimate,
        lambda one: {"max_to_resection_edge": float(mask.edge_distance_mm(one.max_mm[None])[0])},
    )


def _add_resected_regions(table, estimate, resected, head, seed) -> None:
    extent, area = estimate.extent, head.region_area_mm2
    names = ["resection_sensitivity"] + [
        f"resection_specificity{which}" for which in ("", "_close", "_far")
    ]
    if not resected.any():
        reason = "no region lies in the resection by more than the share that counts"
        table.add_absent(estimate.method, names, reason)
        return
    values = metrics.balanced_specificity(extent, resected, area, head.region_pos_mri_mm, seed)
    for name, value in zip(
        names, (metrics.sensitivity(extent, resected, area), *values), strict=True
    ):
        reason = "there are no unresected regions to draw from"
        table.add(estimate.method, name, value, reason)


def add_model(
    table: Table, estimate: Estimate, personalized: Estimate | None, imaged: dict
) -> None:
    """Add what a method says of itself and how far it lies from the personalized network."""
    if estimate.extent is None:
        table.add(estimate.method, "goodness_of_fit", imaged["gof_percent"])
        volume_cm3 = imaged["confidence_volume_cm3"]
        table.add(estimate.method, "confidence_volume", volume_cm3, _AT_THE_EDGE)
    else:
        table.add(estimate.method, "extent_area", imaged["extent_area_cm2"])
    if METHODS[estimate.method].fine_tuned:
        return
    if personalized is None:
        reason = "the personalized network was not asked for"
        table.add(estimate.method, "max_to_personalized", None, reason)
        return
    apart_mm = float(np.linalg.norm(estimate.max_mm - personalized.max_mm))
    # Both networks imaged the same resamples, in the same order.
    pairs = zip(estimate.resamples, personalized.resamples, strict=False)
    resampled = [float(np.linalg.norm(one.max_mm - other.max_mm)) for one, other in pairs]
    table.add(estimate.method, "max_to_personalized", apart_mm, ci95=_interval(resampled))


def nearest_contacts(estimate: Estimate, soz: SozReference | None, head: Head) -> dict:
    """The contact nearest to the maximum, of all and of those marked as SOZ, with its cortex."""
    if soz is None:
        return {}
    away_mm = np.linalg.norm(soz.contacts.pos_mri_mm - estimate.max_mm, axis=1)
    found = {}
    for which, chosen in (("any", np.ones(len(away_mm), bool)), ("soz", soz.contacts.soz)):
        if not chosen.any():
            continue
        nearest = int(np.where(chosen, away_mm, np.inf).argmin())
        found[which] = {
            "name": soz.contacts.name[nearest],
            "distance_mm": float(away_mm[nearest]),
            "nearest_label": str(head.region_label[soz.nearest_region[nearest]]),
            "sublobar": SUBLOBAR_NAMES[soz.contact_sublobar[nearest]],
            "to_cortex_mm": float(soz.to_cortex_mm[nearest]),
        }
    return found


def _add_distances(
    table: Table, estimate: Estimate, distances: Callable[[Estimate], dict[str, float]]
) -> None:
    """Add distances with the interval that the resamples give them."""
    resampled = [distances(one) for one in estimate.resamples]
    for name, value in distances(estimate).items():
        table.add(estimate.method, name, value, ci95=_interval([each[name] for each in resampled]))


def _interval(values: list[float]) -> tuple[float, float] | None:
    """The percentile interval of 95 % (Efron and Tibshirani 1993); None without resamples."""
    return tuple(np.percentile(values, PERCENTILES)) if len(values) else None


def _dispersion_mm(estimate: Estimate, region_to_mask_mm: np.ndarray) -> float:
    extent, peak_map = estimate.extent, estimate.peak_map
    assert extent is not None and peak_map is not None  # a dipole has none
    return metrics.spatial_dispersion_mm(peak_map[extent], region_to_mask_mm[extent])


def _max_to(estimate: Estimate, points_mm: np.ndarray) -> float:
    return float(metrics.nearest_distance_mm(estimate.max_mm[None], points_mm)[0])


def _as_mask(sublobar: np.ndarray) -> np.ndarray:
    mask = np.zeros(len(SUBLOBAR_NAMES), bool)
    mask[sublobar] = True
    return mask
