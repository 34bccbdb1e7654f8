"""Page one: the finding, how well it is supported, and the quality verdict."""

from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
<div class="finding">
<p class="headline">{% if type_title %}{{ type_title }}: {% endif %}{{ place.sublobar | capitalize }} region</p>
<p class="where">{{ place.lobe | capitalize }}, {{ place.gyrus }}, at {{ place.coordinates }}</p>
<p class="small frames">{{ place.frames }}</p>
<p>{{ average_dipole }}</p>
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
<h3>{{ surgery[0] }}</h3>
{% for text in surgery[1] %}<p>{{ text }}</p>{% endfor %}
</div>
<div>
{% include "verdict.html.j2" %}
<h3>Not assessable</h3>
{% if missing %}
<ul>{% for text in missing %}<li>{{ text }}</li>{% endfor %}</ul>
{% else %}
<p>Everything that this report covers could be assessed.</p>
{% endif %}
</div>
</div>
<p class="small reading">Interictal spikes mark the irritative zone, which may be larger than, or lie apart from, the seizure-onset zone. Coordinates: scanner RAS of the T1w, each with the letter of its direction.</p>
"""


SECTION = Section(
    title="Summary",
    order=10,
    template=TEMPLATE,
    about=About.SOURCE,
    figures=("summary",),
)
