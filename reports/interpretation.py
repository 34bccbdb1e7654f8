"""Questions that a conference asks of the report, answered from its numbers, with the reading rule.

Every answer stands elsewhere in the report too; here they stand in the order in which one asks.
"""

from pipeline.template.cortex import N_VERTICES_HEMI
from reports.comparison import Metrics
from reports.findings import Check, Measures, grade_of, place
from reports.onset import propagation, why_not_assessable
from reports.patient import Patient
from reports.relation import MOSTLY_UNSEEN
from reports.wording import NOT_ASSESSABLE, listing, lower_first, number, sentence

_BOTH_SIDES = 0.1  # share of the extent on the other side from which it counts as bilateral


def answers(
    patient: Patient, metrics: Metrics, measures: Measures, word: str, checks: list[Check]
) -> list[tuple[str, str]]:
    """Question and answer, in the order of asking."""
    return [
        ("Are the averaged events spikes?", _spikes(patient, measures)),
        (
            "Is the location reliable?",
            _reliable(patient, word, grade_of(patient, measures)[1], checks),
        ),
        ("One side or both?", _sides(patient)),
        ("Did the spike begin where the map is?", _began(patient)),
        ("Is it where seizures start?", _seizures(patient, metrics)),
        ("Could the implantation have seen it?", _seen(patient, metrics)),
        ("Was it removed?", _removed(patient, metrics)),
    ]


def _spikes(patient: Patient, measures: Measures) -> str:
    counts = f"{measures.n_accepted} of {(measures.n_accepted or 0) + (measures.n_rejected or 0)} averaged"
    eye = "the waveforms in section “Spikes” are to be judged by eye."
    if n_unreviewed := patient.qc.spikes.n_unreviewed:
        return (
            f"Not assessable: a detector made {n_unreviewed} of the marks in the recording, and no "
            f"person has reviewed them ({counts}); {eye}"
        )
    return (
        f"They are what was marked in the recording ({counts}). Spikefocus sorts marks by their "
        f"fields, but does not judge what they are: {eye}"
    )


def _reliable(patient: Patient, word: str, meaning: str, checks: list[Check]) -> str:
    unmet = [lower_first(check.name) for check in checks if check.holds is not True]
    because = f" (not met: {listing(unmet)})" if unmet else ""
    weak = "Deep sources" if patient.modality.on_head else "Deep and radial sources"
    return (
        f"Its certainty is {word}: {meaning}{because}. {weak} give weak fields and may be "
        "displaced or missed by any method here."
    )


def _sides(patient: Patient) -> str:
    extent, area = patient.finding.extent, patient.head.region_area_mm2
    vertex_region = patient.head.vertex_region
    on_left = set(vertex_region[:N_VERTICES_HEMI][vertex_region[:N_VERTICES_HEMI] >= 0].tolist())
    left = sum(area[r] for r in extent.nonzero()[0] if r in on_left)
    total = area[extent].sum()
    own, other = ("left", "right") if place(patient)["side"] == "left" else ("right", "left")
    share = (left if own == "left" else total - left) / total
    told = f"{number(100 * share, '%', 0)} of the extent’s area lies on the {own}"
    if 1 - share >= _BOTH_SIDES:
        return f"{told}, {number(100 * (1 - share), '%', 0)} on the {other}: it is bilateral."
    return f"{told}."


def _began(patient: Patient) -> str:
    moved = propagation(patient)
    if moved is None:
        return sentence(f"{NOT_ASSESSABLE}: {why_not_assessable(patient)}")
    told = (
        f"At onset ({number(moved.onset_s * 1000, 'ms', 0)}) the maximum lies in the {moved.gyrus}, "
        f"{number(moved.apart_mm, 'mm', 0)} from that at the peak. "
    )
    if moved.moved:
        return told + "The onset is the better guide; the peak may show propagation."
    return told + "The average shows no propagation; single spikes may still differ."


def _seizures(patient: Patient, metrics: Metrics) -> str:
    method = patient.finding_method
    distance = metrics.value(method, "max_to_soz")
    if distance is None:
        return sentence(f"{NOT_ASSESSABLE}: {metrics.reason(method, 'max_to_soz')}")
    near = patient.nearest_contacts.get(method)
    contact = None if near is None else near.soz
    named = "" if contact is None else f" ({contact.name})"
    concordant = metrics.value(method, "sublobar_concordance")
    verdict = {None: "not sampled, so no verdict", True: "concordant", False: "discordant"}[
        None if concordant is None else bool(concordant)
    ]
    return (
        f"Sublobar comparison with the SOZ: {verdict}; the maximum lies {number(distance, 'mm', 0)} "
        f"from the nearest SOZ contact{named}. Interictal spikes mark the irritative zone, which may be "
        "larger than the SOZ or lie apart from it."
    )


def _seen(patient: Patient, metrics: Metrics) -> str:
    method = patient.finding_method
    seen = metrics.value(method, "sampled_share")
    if seen is None:
        return sentence(f"{NOT_ASSESSABLE}: {metrics.reason(method, 'sampled_share')}")
    told = f"{number(100 * float(seen), '%', 0)} of the extent lies within 20 mm of a contact"
    if seen < MOSTLY_UNSEEN:
        return f"{told}. What was not sampled can be neither confirmed nor refuted: it is no miss."
    return f"{told}."


def _removed(patient: Patient, metrics: Metrics) -> str:
    method = patient.finding_method
    inside = metrics.value(method, "max_in_resection")
    if inside is None:
        return sentence(f"{NOT_ASSESSABLE}: {metrics.reason(method, 'max_in_resection')}")
    where = "inside" if inside else "outside"
    edge = number(metrics.value(method, "max_to_resection_edge"), "mm", 0)
    outcome = None if patient.qc.compare is None else patient.qc.compare.outcome
    after = f" Outcome: {outcome}." if outcome else " The outcome is not given."
    return f"The maximum lies {where} the resection, {edge} from its edge.{after}"
