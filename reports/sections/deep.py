"""Whether a source in a deep structure explains the spike as well as cortex, and how well that is told."""

from reports.deep import content
from reports.sections._section import About, Section

TEMPLATE = """\
{% if deep %}
<p><strong>{{ deep.statement }}</strong></p>
<p>The maps of this report know sources in cortex alone: a focus in hippocampus or amygdala appears in them as cortex beside it. Here the best dipole of any direction in each deep structure is held against the best patch of cortex. {{ deep.rule }} Outlines: {{ deep.origin }}.</p>
<div class="keep">
<table class="deep-structures">
<caption>Deep structures, best first</caption>
<thead><tr><th scope="col">Structure</th><th scope="col" class="n">Explained, %</th><th scope="col" class="n">More than cortex, points</th><th scope="col" class="n">Moment, nA·m</th><th scope="col">Best place</th><th scope="col">Explains the spike</th></tr></thead>
<tbody>
{% for name, explained, less, moment, place, verdict in deep.structures %}
<tr><th scope="row">{{ name }}</th><td class="n">{{ explained }}</td><td class="n">{{ less }}</td><td class="n">{{ moment }}</td><td>{{ place }}</td><td>{{ verdict }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
<div class="keep">
<table class="deep-rates">
<caption>{{ deep.caption }}</caption>
<thead><tr><th scope="col">Source truly in</th><th scope="col" class="n">Averages</th><th scope="col" class="n">Deep better, %</th><th scope="col" class="n">As well, %</th><th scope="col" class="n">Deep worse, %</th><th scope="col" class="n">Right structure best, %</th></tr></thead>
<tbody>
{% for place, n, better, alike, worse, named in deep.rates %}
<tr><th scope="row">{{ place }}</th><td class="n">{{ n }}</td><td class="n">{{ better }}</td><td class="n">{{ alike }}</td><td class="n">{{ worse }}</td><td class="n">{{ named }}</td></tr>
{% endfor %}
</tbody>
</table>
<p class="small">Each of these averages has one source, in a deep structure or in a patch of cortex, in a head whose model is wrong as a patient’s is. What discharges in both at once, as mesial temporal spikes often do, was not simulated. Spikes of the hippocampus alone seldom stand out in MEG: that an average does is itself a reason to think of cortex. Moment: of the two directions that the sensors see best.</p>
</div>
{% else %}
<p>{{ deep_reason }}</p>
{% endif %}
"""


SECTION = Section(
    title="Deep structures",
    order=47,
    template=TEMPLATE,
    about=About.SOURCE,
    starts_page=False,
    content=content,
)
