"""Page one: the finding, how well it is supported, and the quality verdict."""

from reports.derivatives import Patient
from reports.sections._section import Section
from reports.wording import number

TEMPLATE = """\
{% set own = of_sections.summary %}
{% from "macros.html.j2" import picture with context %}
<div class="finding">
<p class="headline">{% if own.types | length > 1 %}{{ own.imaged }}: {% endif %}{{ place.sublobar | capitalize }} region</p>
{% if own.types | length > 1 %}
<table class="types">
<thead><tr><th scope="col">Type of spikes</th><th scope="col">Marks</th><th scope="col">Share</th><th scope="col">Rate</th><th scope="col">Strongest over</th><th scope="col">Imaged</th></tr></thead>
<tbody>
{% for type in own.types %}
<tr><th scope="row">{{ type.number }}</th><td>{{ type.marks }}</td><td>{{ type.share }}</td><td>{{ type.rate }}</td><td>{{ type.over }}</td><td>{{ type.imaged }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
<p class="where">{{ place.lobe | capitalize }}, {{ place.gyrus }}, at x, y, z = {{ place.coordinates }} mm</p>
<p>{{ map_sentence }} {{ extent_sentence }}{% if region_sentence %} {{ region_sentence }}{% endif %}</p>
<p class="support">Certainty: <strong>{{ support_word }}</strong> ({{ grade_meaning }}).</p>
<table class="checks">
<tbody>
{% for check in checks %}
<tr><td><span class="mark">{{ check.mark }}</span> {{ check.word }}</td><th scope="row">{{ check.name }}</th><td>{{ check.result }}</td><td>{{ check.rule }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
{{ picture("summary") }}
<div class="two">
<div>
<h3>Relation to the seizure-onset zone</h3>
{% for text in soz_relation %}<p>{{ text }}</p>{% endfor %}
<h3>Relation to the resection</h3>
{% for text in resection_relation %}<p>{{ text }}</p>{% endfor %}
</div>
<div>
<div class="verdict {{ verdict.colour }}">
<h3><span class="symbol">{{ verdict.symbol }}</span> Quality: {{ verdict.colour | upper }}, {{ verdict.meaning }}</h3>
{% if verdict.reasons %}
<ul>{% for reason in verdict.reasons %}<li>{{ reason[0] | upper }}{{ reason[1:] }}.</li>{% endfor %}</ul>
{% else %}
<p>Spikes, SNR, co-registration, channels and the network’s error on this head are within the limits in section “Quality”.</p>
{% endif %}
<p class="small">{{ head_model_sentence }}</p>
</div>
<h3>Not assessable</h3>
{% if missing %}
<ul>{% for text in missing %}<li>{{ text }}</li>{% endfor %}</ul>
{% else %}
<p>Everything that this report covers could be assessed.</p>
{% endif %}
</div>
</div>
<p class="small reading">Interictal spikes mark the irritative zone, which may be larger than, or lie apart from, the seizure-onset zone. Coordinates: scanner RAS of the T1w (right, anterior, superior positive).</p>
"""


def content(patient: Patient) -> dict:
    """The types of spikes, where there are several, and which of them the report images."""
    types = patient.qc.spikes.types
    imaged = [each.number for each in types if each.imaged]
    rows = [
        {
            "number": each.number,
            "marks": each.n_marks,
            "share": f"{100 * each.share_of_marks:.0f}\u00a0%",
            "rate": number(each.per_minute, "per minute", 1),
            "over": each.strongest_on
            if each.strongest_on == "both sides"
            else f"the {each.strongest_on} side",
            "imaged": "yes" if each.imaged else "no",
        }
        for each in types
    ]
    which = f"Type {imaged[0]} of {len(types)}" if len(imaged) == 1 else "All types pooled"
    return {"types": rows, "imaged": which}


SECTION = Section(
    title="Summary",
    order=10,
    template=TEMPLATE,
    figures=("summary",),
    content=content,
)
