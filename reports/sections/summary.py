"""Page one: the finding, how well it is supported, and the quality verdict."""

from reports.sections._section import Section

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
<div class="finding">
<p class="headline">{{ place.sublobar | capitalize }} region</p>
<p class="where">{{ place.lobe | capitalize }}, {{ place.gyrus }}, at x, y, z = {{ place.coordinates }} mm</p>
<p>{{ map_sentence }} {{ extent_sentence }}{% if resampling_sentence %} {{ resampling_sentence }}{% endif %}</p>
<p class="support">How sure: this location is <strong>{{ support_word }}</strong>.</p>
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
SECTION = Section(
    title="Summary",
    order=10,
    template=TEMPLATE,
    figures=("summary",),
)
