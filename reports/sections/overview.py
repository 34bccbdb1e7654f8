"""All types of spikes: which are imaged, and where; why nothing is imaged where that is so."""

from collections.abc import Sequence

from reports.dipoles import without_map_sentence
from reports.findings import place
from reports.patient import Patient
from reports.quality import doubts
from reports.sections._section import About, Section
from reports.wording import count, number, sentence

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
<div class="finding">
<p class="headline">{{ _(headline) }}</p>
{% for text in findings %}<p class="where">{{ _(text) }}</p>{% endfor %}
{% if types %}
<table class="types">
<thead><tr><th scope="col">{{ _("Type of spikes") }}</th><th scope="col" class="n">{{ _("Marks") }}</th><th scope="col" class="n">{{ _("Share") }}</th><th scope="col" class="n">{{ _("Rate") }}</th><th scope="col" class="n">{{ _("Averaged") }}</th><th scope="col" class="n">{{ _("SNR") }}</th><th scope="col">{{ _("Strongest over") }}</th><th scope="col">{{ _("Labels") }}</th><th scope="col">{{ _("Place of the maximum") }}</th></tr></thead>
<tbody>
{% for type in types %}
<tr><th scope="row">{{ type.number }}</th><td class="n">{{ type.marks }}</td><td class="n">{{ type.share }}</td><td class="n">{{ _(type.rate) }}</td><td class="n">{{ type.used }}</td><td class="n">{{ _(type.snr) }}</td><td>{{ _(type.over) }}</td><td>{{ type.labels }}</td><td>{{ _(type.place) }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
<p>{{ _(explanation) }}</p>
{% for text in of_single_spikes %}<p>{{ _(text) }}</p>{% endfor %}
</div>
{% for name in type_pictures %}{{ picture(name) }}{% endfor %}
{% if imaged %}
{% include "verdict.html.j2" %}
{% elif reservations %}
<h3>{{ _("What is to be borne in mind") }}</h3>
<ul>{% for text in reservations %}<li>{{ _(text) }}</li>{% endfor %}</ul>
{% endif %}
{% if on_head %}<p class="small reading">{{ _("Interictal spikes mark the irritative zone, which may be larger than, or lie apart from, the seizure-onset zone. A source that is deep or small may leave no spike in EEG: that nothing was found does not show that nothing is there.") }}</p>{% else %}<p class="small reading">{{ _("Interictal spikes mark the irritative zone, which may be larger than, or lie apart from, the seizure-onset zone. A source that is deep, radial or small may leave no spike in MEG: that nothing was found does not show that nothing is there.") }}</p>{% endif %}
"""
_TYPES_TOLD = (
    "Marks are sorted into types by the course of their field over the sensors; each type is averaged and "
    "imaged on its own, and has pages of its own below. Foci whose fields are alike, and foci with few or weak "
    "spikes, count as one type: the number of types is the least that there are."
)
_NOTHING_TOLD = (
    "What was recorded and how it was examined stands below. No place is named, because an image of too few "
    "spikes, or of an average that is no more than its noise, would show a place whatever there is."
)


def content(patients: Sequence[Patient]) -> dict:
    """The table of types, a headline that never names one place where there are several, and doubts."""
    first, imaged = patients[0], [patient for patient in patients if patient.imaged]
    qc = first.qc.spikes
    return {
        "headline": _headline(first, len(imaged)),
        "findings": [_finding(patient) for patient in imaged] if len(imaged) > 1 else [],
        "types": [_row(each, imaged) for each in qc.types],
        "explanation": _TYPES_TOLD if imaged else _NOTHING_TOLD,
        "of_single_spikes": [
            told
            for told in (without_map_sentence(each) for each in patients if not each.imaged)
            if told
        ],
        "on_head": first.modality.on_head,
        "reservations": _reservations(first) if not imaged else [],
    }


def _headline(patient: Patient, n_imaged: int) -> str:
    n_types = len(patient.qc.spikes.types)
    if not n_imaged and not patient.qc.spikes.n_marks:
        return "No spike is marked, and nothing is imaged"
    if not n_imaged:
        return "Nothing is imaged"
    if n_imaged < n_types:
        return f"{count(n_types, 'type')} of spikes, {n_imaged} of them imaged"
    return f"{count(n_types, 'type')} of spikes, each with an image of its own"


def _finding(patient: Patient) -> str:
    found = place(patient)
    return (
        f"Type {patient.paths.spike_type}: {found['sublobar']} region, {found['gyrus']}, at "
        f"{found['coordinates']}"
    )


def _row(each, imaged: Sequence[Patient]) -> dict[str, str]:
    own = [patient for patient in imaged if patient.paths.spike_type == each.number]
    return {
        "number": str(each.number),
        "marks": str(each.n_marks),
        "share": f"{100 * each.share_of_marks:.0f}\u00a0%",
        "rate": number(each.per_minute, "per minute", 1),
        "used": str(each.n_used),
        "snr": "–" if each.snr_db is None else number(each.snr_db, "dB", 1),
        "over": "both sides"
        if each.strongest_on == "both sides"
        else f"the {each.strongest_on} side",
        "labels": ", ".join(f"{label} ({n})" for label, n in each.labels.items()),
        "place": place(own[0])["gyrus"] if own else f"not imaged: {each.reason}",
    }


def _reservations(patient: Patient) -> list[str]:
    """Every doubt, and all that the spikes stage warned of: where nothing is imaged, it is the finding."""
    texts = [doubt.text for doubt in doubts(patient)] + list(patient.qc.spikes.warnings)
    return list(dict.fromkeys(map(sentence, texts)))


SECTION = Section(
    title="Spikes and what was imaged",
    order=11,
    template=TEMPLATE,
    about=About.TYPES,
    content=content,
)
