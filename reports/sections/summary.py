"""Page one: the finding, how well it is supported, and the quality verdict."""

from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
<div class="finding">
<p class="headline">{% if type_title %}{{ _(type_title) }}: {% endif %}{{ _((place.sublobar | capitalize) ~ " region") }}</p>
<p class="where">{{ _((place.lobe | capitalize) ~ ", " ~ place.gyrus ~ ", at " ~ place.coordinates) }}</p>
<p class="small frames">{{ _(place.frames) }}</p>
<p>{{ _(average_dipole) }}</p>
{% if deep_sentence %}<p>{{ _(deep_sentence) }}</p>
{% endif %}<p>{{ _(map_sentence) }} {{ _(extent_sentence) }}{% if region_sentence %} {{ _(region_sentence) }}{% endif %}</p>
<p class="support">{{ _("Certainty:") }} <strong>{{ _(support_word) }}</strong> ({{ _(grade_meaning) }}).</p>
<table class="checks">
<tbody>
{% for check in checks %}
<tr><td><span class="mark">{{ check.mark }}</span> {{ _(check.word) }}</td><th scope="row">{{ _(check.name) }}</th><td>{{ _(check.result) }}</td><td>{{ _(check.rule) }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
{{ picture("summary") }}
<div class="two">
<div>
<h3>{{ _("Relation to the seizure-onset zone") }}</h3>
{% for text in soz_relation %}<p>{{ _(text) }}</p>{% endfor %}
<h3>{{ _(surgery[0]) }}</h3>
{% for text in surgery[1] %}<p>{{ _(text) }}</p>{% endfor %}
</div>
<div>
{% include "verdict.html.j2" %}
<h3>{{ _("Not assessable") }}</h3>
{% if missing %}
<ul>{% for text in missing %}<li>{{ _(text) }}</li>{% endfor %}</ul>
{% else %}
<p>{{ _("Everything that this report covers could be assessed.") }}</p>
{% endif %}
</div>
</div>
<p class="small reading">{{ _("Interictal spikes mark the irritative zone, which may be larger than, or lie apart from, the seizure-onset zone. Coordinates: scanner RAS of the T1w, each with the letter of its direction.") }}</p>
"""


SECTION = Section(
    title="Summary",
    order=10,
    template=TEMPLATE,
    about=About.SOURCE,
    figures=("summary",),
)
