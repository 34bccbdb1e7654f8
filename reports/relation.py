"""How the finding lies to the seizure-onset zone and to the resection, in sentences."""

from reports.comparison import Metrics
from reports.findings import place
from reports.patient import Patient
from reports.wording import NOT_ASSESSABLE, count, number, sentence

MOSTLY_UNSEEN = 0.5


def soz_relation(patient: Patient, metrics: Metrics) -> list[str]:
    """Distances to the SOZ contacts, concordance, and what the implantation could have seen."""
    method = patient.finding_method
    told = [_contacts_sentence(patient)]
    distance = metrics.value(method, "max_to_soz")
    if distance is None:
        told.append(_not_assessable(metrics, method, "max_to_soz"))
    else:
        error = metrics.value(method, "soz_localisation_error")
        told.append(
            f"The maximum lies {number(distance, 'mm', 0)} from the nearest SOZ contact"
            f"{metrics.aside(method, 'max_to_soz')}; SOZ and "
            f"extent lie {number(error, 'mm', 0)} apart in the mean of both directions (SOZ "
            "localisation error)."
        )
        told.append(_concordance(patient, metrics))
    seen = metrics.value(method, "sampled_share")
    if seen is not None:
        told.append(
            f"{number(100 * float(seen), '%', 0)} of the extent’s area lies within 20 mm of a contact"
            + (": most of it was out of the implantation’s sight." if seen < MOSTLY_UNSEEN else ".")
        )
    return [text for text in told if text]


def resection_relation(patient: Patient, metrics: Metrics) -> list[str]:
    """Whether the maximum was removed, how far from the edge it lies, and the outcome."""
    method = patient.finding_method
    inside = metrics.value(method, "max_in_resection")
    compared = patient.qc.compare
    if inside is None:
        told = [_not_assessable(metrics, method, "max_in_resection")]
    else:
        edge = number(metrics.value(method, "max_to_resection_edge"), "mm", 0)
        resected = None if compared is None else compared.resection.resected
        size = f" ({number(resected.resection_volume_cm3, 'cm³')})" if resected else ""
        where = "inside" if inside else "outside"
        told = [f"The maximum lies {where} the resection{size}, {edge} from its edge."]
        spread = metrics.value(method, "spatial_dispersion")
        if spread is not None:
            told.append(
                f"The extent’s regions lie {number(spread, 'mm', 0)} from the resection in the "
                "weighted mean (spatial dispersion)."
            )
    if compared is not None and compared.outcome:
        told.append(f"Outcome as given in the dataset: {compared.outcome}.")
    return told


def _contacts_sentence(patient: Patient) -> str:
    if patient.qc.compare is None:
        return ""
    contacts = patient.qc.compare.contacts
    counts = contacts.contact_counts
    if not counts.contacts or not counts.soz:
        return ""
    rule = contacts.contact_rules["soz"]
    read = f", as marked in {rule}" if rule else ""
    return f"{counts.soz} of {count(counts.contacts, 'contact')} are SOZ{read}."


def _concordance(patient: Patient, metrics: Metrics) -> str:
    method = patient.finding_method
    concordant = metrics.value(method, "sublobar_concordance")
    region = place(patient)["sublobar"]
    if concordant is None:
        reason = metrics.reason(method, "sublobar_concordance")
        return sentence(f"sublobar concordance is {NOT_ASSESSABLE}: {reason}; this is no miss")
    if concordant:
        return f"Concordant: the {region} region holds SOZ contacts."
    return f"Discordant: the {region} region was sampled and holds no SOZ contact."


def _not_assessable(metrics: Metrics, method: str, metric: str) -> str:
    return sentence(f"{NOT_ASSESSABLE}: {metrics.reason(method, metric)}")
