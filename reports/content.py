"""One patient's results as the plain values, sentences and tables that the templates show."""

from pathlib import Path

import numpy as np

from pipeline import __version__
from pipeline.methods import METHODS
from pipeline.methods._method import Method, NetworkMethod, PointMethod
from pipeline.paths import PatientPaths
from pipeline.records.solution import Point
from pipeline.text import along
from reports import (
    acquisition,
    deep,
    findings,
    interpretation,
    personalization,
    provenance,
    quality,
    render,
)
from reports.comparison import Metrics, agreement
from reports.config import Config
from reports.dipoles import average_sentence
from reports.figures import sensors
from reports.onset import onset_s, why_not_assessable
from reports.patient import Patient
from reports.region import region_sentence
from reports.relation import soz_relation
from reports.sections import SECTIONS
from reports.sections._section import About
from reports.surgery import surgery
from reports.wording import (
    NOT_ASSESSABLE,
    coordinates,
    count,
    gyrus,
    method_name,
    number,
    sentence,
)

NOTICE = "Research use only — not for diagnosis"
VIRTUAL = "Virtual patient, no such person"
N_REGIONS_SHOWN = 10
# More methods side by side than their names have room for go into another table.
COLUMNS_OF_METRICS = 7


def notice(virtual: bool) -> str:
    """What stands on every page."""
    return f"{VIRTUAL} · {NOTICE}" if virtual else NOTICE


def build(patient: Patient, paths: PatientPaths, config: Config) -> dict:
    """Everything but the pictures that the templates need, of a patient and one type of spikes."""
    measured = quality.measures(patient)
    cite = provenance.Citations()
    date = config.date or provenance.analysis_date(patient)
    verdict = findings.verdict(
        measured, quality.warnings_for_verdict(patient), quality.doubts(patient)
    )
    common = {
        "notice": notice(patient.virtual),
        "clinical": patient.clinical.rows,
        "clinical_fault": patient.clinical_fault,
        "impression": patient.clinical.impression,
        "of_sections": {
            name: SECTIONS[name].content(patient)
            for name in SECTIONS
            if _can_stand(SECTIONS[name].about, patient)
        },
        "sub": patient.sub,
        "modality": patient.modality.label,
        "type_title": patient.type_title,
        "centre": config.centre,
        "indication": config.indication or patient.clinical.indication,
        "logo": render.data_uri(Path(config.logo)) if config.logo else None,
        "date": date,
        "identification": acquisition.identification(patient, config, date),
        "recording": acquisition.recording(patient),
        "analysis": acquisition.analysis(patient),
        "imaged": patient.imaged,
        "verdict": verdict,
        "thresholds": findings,
        "head_model_sentence": quality.head_model_sentence(patient),
        "coregistration_sentence": quality.coregistration_sentence(patient),
        "clinical_sentences": quality.clinical_sentences(patient),
        "stages": quality.stage_blocks(patient),
        "spike_sentences": quality.spike_sentences(patient),
        "personalization_sentence": personalization.personalization_sentence(patient),
        "before_and_after": personalization.before_and_after(patient),
        "run_times": provenance.run_times(patient),
        "software": provenance.software(),
        "inputs": provenance.input_hashes(patient, paths),
        "options": provenance.option_rows(patient),
        "card": personalization.model_card(patient, paths),
        "cite": cite,
        "methods": _methods(patient, measured),
        "measured": measured,
        "metric_definitions": Metrics(patient).definitions() if patient.imaged else [],
        "not_assessable": NOT_ASSESSABLE,
    }
    spikes = {"spikes": _spikes(patient, measured)} if patient.average is not None else {}
    return common | spikes | (_of_map(patient, measured) if patient.imaged else {})


def _can_stand(about: About, patient: Patient) -> bool:
    """Whether a section about one type of spikes, or about none, has what it tells of."""
    there = {About.PATIENT: True, About.SPIKES: patient.average is not None}
    return there.get(about, about is About.SOURCE and patient.imaged)


def _of_map(patient: Patient, measured: findings.Measures) -> dict:
    """What the templates need of a type that is imaged."""
    metrics = Metrics(patient)
    word, checks = findings.support(patient, measured)
    groups, notes = metrics.groups()
    return {
        "answers": interpretation.answers(patient, metrics, measured, word, checks),
        "agreement": agreement(patient),
        "place": findings.place(patient),
        "average_dipole": average_sentence(patient),
        "deep_sentence": deep.page_one_sentence(patient),
        "map_sentence": _map_sentence(patient, measured),
        "extent_sentence": findings.extent_sentence(patient),
        "support_word": word,
        "grade_meaning": findings.grade_of(patient, measured)[1],
        "checks": checks,
        "soz_relation": soz_relation(patient, metrics),
        "surgery": surgery(patient, metrics),
        "missing": _missing(patient, metrics),
        "regions": _first_regions(patient),
        "columns_of_metrics": COLUMNS_OF_METRICS,
        "method_columns": [method_name(name) for name in patient.methods],
        "metric_groups": groups,
        "metric_notes": notes,
        "has_intervals": metrics.has_intervals,
        "region_sentence": region_sentence(patient),
        "points": _points(patient),
        "window": patient.window,
        "finding_name": patient.finding_name,
        "same_weights_sentence": patient.same_weights_sentence,
    }


def _methods(patient: Patient, measured: findings.Measures) -> dict:
    """What the methods text says of this run."""
    spikes = patient.qc.spikes
    low_hz, high_hz = spikes.filter.highpass_hz, spikes.filter.lowpass_hz
    return {
        "version": __version__,
        "n_spikes": measured.n_accepted or "the accepted",
        "band": f"{number(low_hz)} to {number(high_hz, 'Hz')}",
        "sfreq": number(spikes.sfreq_hz, "Hz"),
        "noise": spikes.noise_covariance.source,
        "modality": patient.modality,
        "template": patient.qc.headmodel.cortex.head_model != "freesurfer",
        "fine_tuned": patient.personalization_used,
        "beside": _beside(patient),
        "cards": _cards(patient),
    }


def _cards(patient: Patient) -> list[str]:
    """How the methods that are trained for each head were trained for this one."""
    methods = {} if patient.qc.image is None else patient.qc.image.methods
    return [sentence(method.card) for method in methods.values() if method.card]


def _beside(patient: Patient) -> list[Method]:
    """The methods whose maps stand beside the personalized network's, networks last."""
    beside = [METHODS[name] for name in patient.solutions if not METHODS[name].fine_tuned]
    return sorted(beside, key=lambda method: isinstance(method, NetworkMethod))


def _map_sentence(patient: Patient, measured: findings.Measures) -> str:
    n = (
        count(measured.n_accepted, "averaged spike")
        if measured.n_accepted
        else "the averaged spike"
    )
    method = method_name(patient.finding_method)
    if METHODS[patient.finding_method].fine_tuned:
        method = "the network personalized to this head"
        if not measured.personalization_used:
            method = "the generic network, which personalization to this head did not improve"
    return (
        f"Maximum of the mean absolute activity over {patient.window} around the peak of {n}, by "
        f"{method}."
    )


def _missing(patient: Patient, metrics: Metrics) -> list[str]:
    missing = metrics.not_assessable(patient.finding_method)
    for method in patient.methods:
        if method not in patient.solutions:
            asked = method in patient.image.methods
            reason = patient.image.methods[method].reason if asked else "it was not computed"
            missing.append(sentence(f"{method_name(method)}: {reason}"))
    if reason := why_not_assessable(patient):
        missing.append(sentence(f"Onset of the spike: {reason}"))
    if reason := deep.why_not_assessable(patient):
        missing.append(sentence(f"Deep structures: {reason}"))
    return missing


def _spikes(patient: Patient, measured: findings.Measures) -> dict:
    qc = patient.qc.spikes
    assert qc.agreement is not None  # there is one of each average
    onset = onset_s(patient)
    names = acquisition.sensor_names(patient)
    at_peak = []
    for kind in sensors.channel_types(patient.evoked):
        unit, scale = sensors.shown_unit(kind)
        data = patient.evoked.get_data(picks=kind) * scale
        peak = data[:, np.abs(patient.evoked.times).argmin()]
        at_peak.append((names[kind], number(np.ptp(peak), unit)))
    return {
        "accepted": measured.n_accepted,
        "rejected": measured.n_rejected,
        "reasons": _rejections(patient),
        "snr": number(measured.snr_db, "dB", 1),
        "snr_definition": qc.snr_definition,
        "onset": NOT_ASSESSABLE if onset is None else number(onset * 1000, "ms", 0),
        "correlation": number(qc.agreement.mean_correlation, digits=2),
        "component_correlation": number(qc.agreement.mean_component_correlation, digits=2),
        "at_peak": at_peak,
    }


def _rejections(patient: Patient) -> list[tuple[str, int]]:
    table = patient.spike_events
    if table.empty:
        return []
    rejected = table[table["accepted"].astype(str).str.lower() == "false"]
    reasons = rejected["reason"].fillna("no reason given").astype(str).str.split(" (", regex=False)
    return [(reason, int(n)) for reason, n in reasons.str[0].value_counts().items()]


def _first_regions(patient: Patient) -> list[dict]:
    found, head = patient.finding, patient.head
    order = np.argsort(-found.peak_map, kind="stable")[:N_REGIONS_SHOWN]
    order = order[100 * found.share[order] >= 0.5]  # what would be printed as 0 % is none
    return [
        {
            "rank": rank,
            "gyrus": gyrus(head.region_label[region]),
            "sublobar": head.sublobar(region),
            "pos": [along(axis, mm) for axis, mm in enumerate(head.region_pos_mri_mm[region])],
            "share": number(100 * found.share[region], digits=0),
            "area": number(head.region_area_mm2[region], digits=0),
            "in_extent": bool(found.extent[region]),
        }
        for rank, region in enumerate(order, 1)
    ]


def _points(patient: Patient) -> list[dict]:
    """Of every method that gives one place: its heading, and what it found or None."""
    told = []
    for name in patient.methods:
        method, found = METHODS[name], patient.solutions.get(name)
        if isinstance(method, PointMethod):
            dipole = _dipole(found) if isinstance(found, Point) else None
            told.append({"heading": method.heading, "dipole": dipole})
    return told


def _dipole(dipole: Point) -> dict:
    return {
        "pos": coordinates(dipole.pos_mri_mm),
        "gof": number(dipole.gof_percent, "%", 0),
        "volume": number(dipole.confidence_volume_cm3, "cm³"),
        "moment": number(abs(dipole.moment_am) * 1e9, "nA·m", 0),
        "label": gyrus(dipole.nearest_label),
        "good": findings.explains_well(dipole),
        "threshold": number(findings.GOOD_DIPOLE_PERCENT, "%", 0),
    }
