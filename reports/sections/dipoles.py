"""Each accepted spike's own dipole, and how close together these lie."""

from typing import Any

from reports import dipoles
from reports.patient import Patient
from reports.sections._section import About, Section

TEMPLATE = """\
{% set own = single_dipoles %}
{% from "macros.html.j2" import picture with context %}
{% if own %}
<p>Each averaged spike’s own equivalent current dipole, fitted at the aligned peak and within the {{ own.window }} around it where it fits best; the latter is told.{% if not imaged %} These spikes are not imaged together: {{ own.not_imaged }}. A dipole fits one spike with its noise, and no certainty was measured for its place.{% endif %} {{ own.criteria }} {{ own.reason }}</p>
{% if own.rows %}
{{ picture("dipoles") }}
<div class="keep">
<table class="cluster">
<caption>The cluster of single dipoles</caption>
<thead><tr><th scope="col">Measure</th><th scope="col">Of those that count</th><th scope="col">Of all that were fitted</th></tr></thead>
<tbody>
{% for name, chosen, everyone in own.cluster %}
<tr><th scope="row">{{ name }}</th><td>{{ chosen }}</td><td>{{ everyone }}</td></tr>
{% endfor %}
</tbody>
</table>
<p class="small">The ellipsoid holds one further dipole of this kind with 95 %, were they drawn from a normal distribution. It tells how tight the cluster is, not how near it lies to the source: errors of head model and co-registration move all dipoles alike. Spread of orientation: root of the mean squared angle to the mean direction.</p>
</div>
<div class="keep">
<table class="single-dipoles">
<caption>The best-fitting single dipoles, {{ own.rows | length }} of {{ own.n }}</caption>
<thead><tr><th scope="col" class="n">Spike</th><th scope="col">Position</th><th scope="col">Nearest to</th><th scope="col" class="n">Latency, ms</th><th scope="col" class="n">Moment, nA·m</th><th scope="col" class="n">Fit, %</th><th scope="col" class="n">Volume, cm³</th><th scope="col">Counts</th></tr></thead>
<tbody>
{% for row in own.rows %}
<tr><th scope="row" class="n">{{ row.spike }}</th><td>{{ row.pos }}</td><td>{{ row.label }}</td><td class="n">{{ row.latency }}</td><td class="n">{{ row.moment }}</td><td class="n">{{ row.gof }}</td><td class="n">{{ row.volume }}</td><td>{{ row.counts }}</td></tr>
{% endfor %}
</tbody>
</table>
<p class="small">Latency: relative to the aligned peak. Fit: share of the whitened field’s power that the dipole explains, over all channels. Volume: joint 95 % confidence volume of the place, from the noise of the single spike alone. All dipoles, and those fitted at the peak, stand in the file of dipoles (TSV; .dip for MNE).</p>
</div>
{% else %}
<p>No place is told: noise alone has a best-fitting dipole too. All dipoles stand in the file of dipoles (TSV; .dip for MNE).</p>
{% endif %}
{% else %}
<p>Dipoles of single spikes: {{ not_assessable }}, because none were fitted.</p>
{% endif %}
"""


def content(patient: Patient) -> dict[str, Any]:
    """Criteria, cluster and rows; None where no dipoles were fitted."""
    found = patient.dipoles_qc
    if found is None or patient.dipoles is None:
        return {"single_dipoles": None}
    told = {
        "window": patient.window,
        "not_imaged": patient.spike_type.reason if patient.spike_type else "",
        "criteria": dipoles.criteria_sentence(found),
        "reason": dipoles.reason_sentence(found),
        "cluster": dipoles.cluster_rows(found),
        "rows": dipoles.single_rows(patient),
        "n": found.n_fitted,
    }
    return {"single_dipoles": told}


SECTION = Section(
    title="Findings: dipoles of single spikes",
    order=45,
    about=About.SPIKES,
    template=TEMPLATE,
    figures=("dipoles",),
    starts_page=False,
    content=content,
)
