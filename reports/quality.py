"""The quality page's content: what each stage measured about itself, in words and rows."""

from collections.abc import Iterator

from pipeline.doubts import Doubt
from pipeline.records.document import document
from reports.findings import Measures
from reports.patient import Patient
from reports.personalization import held_out_error_mm
from reports.wording import count, humanise, listing, lower_first, number, sentence, split_unit

STAGE_TITLES = {
    "headmodel": "Head model and co-registration",
    "spikes": "Recording and spikes",
    "personalize": "Personalization",
    "image": "Source imaging",
    "compare": "Comparison",
}
# Told elsewhere in the report, in sentences or tables of their own.
_TOLD_ELSEWHERE = {
    "warnings",
    "doubts",
    "left_and_right",
    "coregistration",
    "bad_channels",
    "bad_stretches",
    "artefacts",
    "projectors",
    "rejected_by_reason",
    "types",
    "runs",
    "snr_definition",
    "mean_correlation_definition",
    "peak_time_s",
    "methods",
    "dipoles",
    "deep",
    "distance_between_maxima_mm",
    "contact_rules",
    "outcome",
    "soz_reason",
    "head_model_sentence",
    "generic_model",
    "filter",
    "runs_left_out",
    "smallest_correlation",
    "smallest_amplitude_ratio",
    "projectors_together_spike_power_removed",
    "projectors_together_spike_power_removed_by_type",
    "before",
    "after",
    "improved",
    "generic_model_sha256",
    "resection_reason",
    "outcome_reason",
    "nearest_contacts",
    "contact_transforms",
    "resection_space",
    "resection_registration",
}
_LABELS = {
    "n_marks": "Spikes marked, of all types",
    "n_annotated": "Spikes marked",
    "n_unreviewed": "Marks that no person has reviewed",
    "n_used": "Spikes averaged",
    "n_rejected": "Spikes rejected",
    "half_rise_s": "Half rise, relative to the peak",
    "above_lowpass_share": "Share of the average’s power above the pass band",
    "mean_correlation": "Mean correlation with the average of the others, all channels",
    "mean_component_correlation": "The same in the average’s leading components",
    "share_in_head": "Share of the resection mask inside the head",
    "share_in_brain": "Share of the resection mask inside the brain",
    "resected_sublobar": "Sublobar regions resected",
    "presence": "Against spike-free epochs",
    "chance_db": "largest SNR of these",
    "p": "share of these that reach the marks’ SNR, it counted with them",
    "n_draws": "averages of spike-free epochs",
    "n_resected_regions": "Regions resected",
    "contact_counts": "Contacts",
    "contacts": "all",
    "contacts_without_position": "without position",
    "registration_correlation": "Correlation of the T1w with the carried template",
}
_TEMPLATE_CAUTION = "Single gyri can lie several millimetres from their true place."


def measures(patient: Patient) -> Measures:
    """The numbers that verdict and support are decided by."""
    head, spikes = patient.qc.headmodel, patient.qc.spikes
    accepted = patient.spike_events.get("accepted")
    counts = None if accepted is None else accepted.astype(str).str.lower().value_counts()
    return Measures(
        n_accepted=None if counts is None else int(counts.get("true", 0)),
        n_rejected=None if counts is None else int(counts.get("false", 0)),
        snr_db=None if spikes.average is None else spikes.average.snr_db,
        coregistration_mm=head.residuals.head_point_distance_median_mm,
        n_bad_channels=len(spikes.bad_channels),
        n_channels=sum(spikes.n_channels_used.values()),
        head_model=head.cortex.head_model,
        personalization_used=patient.personalization_used,
        held_out_error_mm=held_out_error_mm(patient),
    )


def head_model_sentence(patient: Patient) -> str:
    """How the head model was made, in the words of its stage, with a caution for a template's."""
    cortex = patient.qc.headmodel.cortex
    caution = f" {_TEMPLATE_CAUTION}" if cortex.head_model == "template" else ""
    return sentence(cortex.head_model_sentence) + caution


def coregistration_sentence(patient: Patient) -> str:
    """Residuals of head points and landmarks."""
    qc = patient.qc.headmodel
    placed, residuals = qc.coregistration, qc.residuals
    landmarks = [
        f"nasion {number(residuals.landmark_distance_nasion_mm, 'mm', 1)}",
        f"LPA {number(residuals.landmark_distance_lpa_mm, 'mm', 1)}",
        f"RPA {number(residuals.landmark_distance_rpa_mm, 'mm', 1)}",
    ]
    told = [sentence(f"Co-registration: {placed.coregistration}")]
    missing = residuals.head_points_where_skin_is_missing
    on_skin = residuals.head_points - missing
    left_out = residuals.head_points_left_out - missing
    if not residuals.head_points:
        told.append("No head points were digitised: the residual to the scalp is not assessable.")
    elif not on_skin:
        told.append("No head point lies on the T1w's skin: the residual to it is not assessable.")
    else:
        of_fit = f"; {left_out or 'none'} of them were left out of the fit"
        told.append(
            f"{on_skin} head points lie "
            f"{number(residuals.head_point_distance_median_mm, 'mm', 1)} from the scalp in the "
            f"median (95th percentile {number(residuals.head_point_distance_p95_mm, 'mm', 1)})"
            f"{of_fit if placed.apart is None else ''}."
        )
    if missing:
        told.append(
            f"{count(missing, 'head point')} where the T1w shows no skin: left out of the fit."
        )
    source = qc.anatomy.landmarks
    told.append(f"Digitised landmarks to those of the T1w ({source}): {listing(landmarks)}.")
    told += [sentence(checked) for checked in qc.left_and_right]
    return " ".join(told)


def clinical_sentences(patient: Patient) -> list[str]:
    """How contacts and resection came to the T1w, with the registrations' figures of merit."""
    qc = patient.qc.compare
    if qc is None:
        return []
    told = [
        f"Contacts of {each.file} ({each.space}): {each.method}{_merits(each.quality)}."
        for each in qc.contacts.contact_transforms
    ]
    resection = qc.resection
    if resection.resection_space is not None:
        merits = _merits(resection.resection_registration or {})
        told.append(f"Resection mask: {resection.resection_space}{merits}.")
    return told


def _merits(quality: dict[str, float]) -> str:
    named = [(*split_unit(key), value) for key, value in quality.items()]
    told = ", ".join(f"{lower_first(name)} {number(value, unit)}" for name, unit, value in named)
    return f" ({told})" if told else ""


def stage_blocks(patient: Patient) -> list[dict]:
    """Title, rows and warnings of each stage that left a quality file."""
    return [
        {
            "title": STAGE_TITLES[stage],
            "rows": _side_by_side(list(_rows(document(qc)))),
            "warnings": [sentence(warning) for warning in qc.warnings],
        }
        for stage, qc in patient.qc.by_stage().items()
    ]


def doubts(patient: Patient) -> list[Doubt]:
    """What page one tells whatever else there is to tell."""
    compared = patient.qc.compare
    return [
        *patient.qc.headmodel.doubts,
        *patient.qc.spikes.doubts,
        *_of_finding(patient),
        *(() if compared is None else compared.doubts),
    ]


def _of_finding(patient: Patient) -> list[Doubt]:
    """What speaks against the method whose map the report is about; another's is a warning."""
    if not patient.imaged:
        return []
    doubt = patient.image.methods[patient.finding_method].doubt
    return [] if doubt is None else [doubt]


def warnings_for_verdict(patient: Patient) -> list[str]:
    """Every stage's other warnings, in the order of the stages, but for one with a rule of its own."""
    doubted = {doubt.text for doubt in doubts(patient)}
    return [
        warning
        for stage, qc in patient.qc.by_stage().items()
        for warning in qc.warnings
        if warning not in doubted
        if stage != "personalize" or patient.personalization_used
    ]


def spike_sentences(patient: Patient) -> list[str]:
    """Bad channels, stretches, artefacts and projectors in sentences."""
    qc = patient.qc.spikes
    bad = qc.bad_channels
    sentences = []
    if bad:
        named = [f"{name} ({reason})" for name, reason in list(bad.items())[:8]]
        more = [] if len(bad) <= 8 else [f"{len(bad) - 8} more"]
        sentences.append(f"Bad channels, left out: {listing(named + more)}.")
    else:
        sentences.append("No bad channels were found.")
    stretches = qc.bad_stretches
    if stretches:
        total = sum(stretch.end_s - stretch.start_s for stretch in stretches)
        what = listing(sorted({stretch.reason for stretch in stretches}))
        sentences.append(
            f"{count(len(stretches), 'bad stretch', 'bad stretches')} of {number(total, 's', 0)} in "
            f"all ({what}) were left out."
        )
    for run in qc.runs_left_out:
        sentences.append(sentence(f"run {run.file} was left out: {run.reason}"))
    for kind, name in (("heart", "heart beats"), ("eyes", "eye movements")):
        artefact = qc.artefacts[kind]
        state = "projectors were made" if artefact.done else "not removed"
        sentences.append(sentence(f"fields of {name}: {state} ({artefact.note})"))
    dropped = [projector.name for projector in qc.projectors if not projector.kept]
    if qc.kept_projectors:
        together = number(100 * qc.projectors_together_spike_power_removed, "%", 1)
        sentences.append(
            f"{count(len(qc.kept_projectors), 'artefact projector')} applied, taking {together} of "
            "the spike’s power in all."
        )
    if dropped:
        names = listing(dropped)
        sentences.append(f"Dropped, because the spike would suffer: {names}.")
    return sentences


def _side_by_side(rows: list[tuple[str, str]]) -> list[tuple[str, str, str, str]]:
    """Two names and values in each row of a table, read down the left half first."""
    half = (len(rows) + 1) // 2
    right = [*rows[half:], ("", "")]
    return [(*left, *right[i]) for i, left in enumerate(rows[:half])]


def _rows(qc: dict, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Scalars of a quality file as names and values with units, nested ones after their parent."""
    for key, value in qc.items():
        if key in _TOLD_ELSEWHERE or key.endswith("_definition"):
            continue
        if isinstance(value, dict):
            own = _LABELS.get(key, humanise(key))
            yield from _rows(value, f"{prefix}{lower_first(own) if prefix else own}: ")
            continue
        name, unit = split_unit(key)
        name = _LABELS.get(key, name)
        if prefix:
            name = prefix + lower_first(name)
        if isinstance(value, bool):
            yield name, "yes" if value else "no"
        elif isinstance(value, int | float) or value is None:
            yield name, _quantity(value, unit)
        elif isinstance(value, str) and value:
            yield name, value
        elif isinstance(value, list) and len(value) <= 6 and all(map(_is_plain, value)):
            yield name, ", ".join(_plain(v, unit) for v in value) or "none"


def _quantity(value: float | None, unit: str) -> str:
    """Times below half a second in milliseconds, shares as they are."""
    if unit == "s" and value is not None and 0 < abs(value) < 0.5:
        return number(1000 * value, "ms")
    return number(value, unit)


def _is_plain(value) -> bool:
    return isinstance(value, str | int | float)


def _plain(value, unit: str) -> str:
    return value if isinstance(value, str) else _quantity(value, unit)
