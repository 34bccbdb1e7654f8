"""Methods, references, software, inputs and options."""

from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import key_values with context %}
{% if imaged %}
<h3>Methods</h3>
{% include "methods.html.j2" %}
{% endif %}
{% if metric_definitions %}
<h3>What the metrics mean</h3>
<dl class="definitions">
{% for name, text in metric_definitions %}<div><dt>{{ name }}</dt><dd>{{ text }}.</dd></div>{% endfor %}
</dl>
{% endif %}
{% if cite.cited %}
<h3>References</h3>
<ol class="references">
{% for reference in cite.cited %}<li>{{ reference }}</li>{% endfor %}
</ol>
{% endif %}
<div class="two">
<div>
<h3>Model card of the weights</h3>
{% if card.facts %}
{{ key_values(card.facts) }}
{% else %}
<p>{{ "The weights carry no model card." if imaged else "No weights were used, because nothing is imaged." }}</p>
{% endif %}
</div>
<div>
<h3>Run time and resources</h3>
{% if run_times %}
<table class="run-times">
<thead><tr><th scope="col">Stage</th><th scope="col" class="n">Run time</th><th scope="col" class="n">Peak memory</th></tr></thead>
<tbody>
{% for stage, seconds, memory in run_times %}
<tr><th scope="row">{{ stage }}</th><td class="n">{{ seconds }}</td><td class="n">{{ memory }}</td></tr>
{% endfor %}
</tbody>
</table>
{% else %}
<p>No status file was found, so run times are not known.</p>
{% endif %}
</div>
</div>
{% if card.held_out %}
<div class="keep">
<table class="held-out">
<caption>Generic weights on heads, spikes and backgrounds that training never saw: errors in mm, mean ± standard deviation (median)</caption>
<thead><tr><th scope="col">Sensor SNR, dB</th><th scope="col">Method</th><th scope="col" class="n">Recordings</th><th scope="col" class="n">Found to true, mm</th><th scope="col" class="n">True to found, mm</th><th scope="col" class="n">Maximum to centre, mm</th></tr></thead>
<tbody>
{% for snr, method, n, to_true, to_found, to_centre in card.held_out %}
<tr><td>{{ snr }}</td><td>{{ method }}</td><td class="n">{{ n }}</td><td class="n">{{ to_true }}</td><td class="n">{{ to_found }}</td><td class="n">{{ to_centre }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
{% endif %}
<h3>Software</h3>
<p class="versions">{% for name, number in software %}<span>{{ name }} {{ number }}</span>{{ ", " if not loop.last else "" }}{% endfor %}</p>
<h3>Input files</h3>
{% if inputs %}
<table class="hashes">
<thead><tr><th scope="col">File</th><th scope="col">SHA-256</th></tr></thead>
<tbody>
{% for name, digest in inputs %}<tr><td>{{ name }}</td><td class="hash">{{ digest }}</td></tr>{% endfor %}
</tbody>
</table>
{% else %}
<p>The hashes of the inputs are not known: no status file was found.</p>
{% endif %}
{% if options %}
<h3>Parameters</h3>
{% for stage, rows in options %}
<p class="options"><strong>{{ stage }}</strong>: {% for name, value in rows %}{{ name }} {{ value }}{{ "; " if not loop.last else "." }}{% endfor %}</p>
{% endfor %}
{% endif %}
"""
SECTION = Section(
    title="Methods and provenance",
    order=80,
    template=TEMPLATE,
    about=About.PATIENT,
    starts_page=False,
)
