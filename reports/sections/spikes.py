"""The averaged spike at the sensors, and how alike the single ones are."""

from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
{{ picture("average") }}
<div class="two">
<div>
<h3>Spikes used</h3>
<table class="pairs"><tbody>
<tr><th scope="row">Averaged</th><td>{{ spikes.accepted if spikes.accepted is not none else not_assessable }}</td></tr>
<tr><th scope="row">Rejected</th><td>{{ spikes.rejected if spikes.rejected is not none else not_assessable }}</td></tr>
{% for reason, n in spikes.reasons %}
<tr><th scope="row" class="sub-row">{{ reason }}</th><td>{{ n }}</td></tr>
{% endfor %}
<tr><th scope="row">Mean correlation of a spike with the average of the others, over all channels (whitened)</th><td>{{ spikes.correlation }}</td></tr>
<tr><th scope="row" class="sub-row">in the average’s leading components, by which spikes are judged</th><td>{{ spikes.component_correlation }}</td></tr>
</tbody></table>
</div>
<div>
<h3>The average</h3>
<table class="pairs"><tbody>
<tr><th scope="row">SNR</th><td>{{ spikes.snr }}</td></tr>
<tr><th scope="row">Onset (half rise), relative to the peak</th><td>{{ spikes.onset }}</td></tr>
{% for name, value in spikes.at_peak %}
<tr><th scope="row">{{ name }}: largest minus smallest value at the peak</th><td>{{ value }}</td></tr>
{% endfor %}
</tbody></table>
{% if spikes.snr_definition %}<p class="small">SNR: {{ spikes.snr_definition }}.</p>{% endif %}
</div>
</div>
{{ picture("single") }}
"""
SECTION = Section(
    title="Findings: spikes",
    order=30,
    template=TEMPLATE,
    about=About.SPIKES,
    figures=("average", "single"),
    starts_page=False,
)
