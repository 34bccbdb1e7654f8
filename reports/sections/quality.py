"""What every stage measured about itself."""

from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import picture, key_values with context %}
{% if imaged %}
<p class="verdict-line {{ verdict.colour }}"><span class="symbol">{{ verdict.symbol }}</span> <strong>{{ verdict.colour | upper }}</strong>, {{ verdict.meaning }}.
Limits: fewer than {{ thresholds.ENOUGH_SPIKES }} spikes or an SNR below {{ thresholds.GOOD_SNR_DB | number("dB") }}, head points further than {{ thresholds.GOOD_COREGISTRATION_MM | number("mm") }} from the scalp in the median, a network that errs by more than {{ thresholds.GOOD_HELD_OUT_MM | number("mm") }} on synthetic spikes of this head, more than {{ (100 * thresholds.MANY_BAD_CHANNELS) | number("%") }} bad channels, more than {{ (100 * thresholds.MANY_REJECTED) | number("%") }} rejected spikes or any warning give amber; fewer than {{ thresholds.FEW_SPIKES }} spikes, below {{ thresholds.POOR_SNR_DB | number("dB") }}, further than {{ thresholds.POOR_COREGISTRATION_MM | number("mm") }} or an error of more than {{ thresholds.POOR_HELD_OUT_MM | number("mm") }} give red.</p>
{% endif %}
<h3>Head model and co-registration</h3>
<p>{{ head_model_sentence }} {{ coregistration_sentence }}</p>
{{ picture("coregistration") }}
{{ picture("surfaces") }}
<h3>Recording</h3>
<ul class="recording-facts">{% for text in spike_sentences %}<li>{{ text }}</li>{% endfor %}</ul>
{% if clinical_sentences %}
<h3>Contacts and resection on the T1w</h3>
<ul class="recording-facts">{% for text in clinical_sentences %}<li>{{ text }}</li>{% endfor %}</ul>
{% endif %}
<div class="keep">
<h3>Personalization</h3>
<p>{{ personalization_sentence }}</p>
{{ picture("training") }}
{% if before_and_after %}
<table class="before">
<caption>Error on held-out synthetic spikes of this head, mm: mean ± standard deviation (median)</caption>
<thead><tr><th scope="col">Distance</th><th scope="col" class="n">Generic weights, before</th><th scope="col" class="n">Personalized weights, after</th></tr></thead>
<tbody>
{% for name, before, after in before_and_after %}
<tr><th scope="row">{{ name }}, mm</th><td class="n">{{ before }}</td><td class="n">{{ after }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
</div>
<h3>Numbers of every stage</h3>
{% for stage in stages %}
<div class="keep">
<h4>{{ stage.title }}</h4>
{% if stage.warnings %}
<ul class="warnings">{% for text in stage.warnings %}<li><span class="symbol">▲</span> Warning: {{ text }}</li>{% endfor %}</ul>
{% else %}
<p class="small">No warnings.</p>
{% endif %}
{% if stage.rows %}
<table class="quads">
<colgroup><col class="name"><col class="value"><col class="gap"><col class="name"><col class="value"></colgroup>
<tbody>
{% for name, value, other_name, other_value in stage.rows %}
<tr><th scope="row">{{ name }}</th><td>{{ value }}</td><td class="gap"></td><th scope="row">{{ other_name }}</th><td>{{ other_value }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endif %}
</div>
{% endfor %}
"""
SECTION = Section(
    title="Quality",
    order=70,
    template=TEMPLATE,
    about=About.PATIENT,
    figures=("coregistration", "surfaces", "training"),
    starts_page=False,
)
