"""The map against contacts and resection, and the methods against each other."""

from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
{{ picture("sublobar") }}
{{ picture("methods") }}
{{ picture("maxima") }}
{% include "agreement.html.j2" %}
{% if metric_groups %}
{% for first in range(0, method_columns | length, columns_of_metrics) %}
{% set columns = method_columns[first:first + columns_of_metrics] %}
<div class="keep">
<table class="metrics">
<caption>All methods side by side{% if method_columns | length > columns_of_metrics %}: {{ first + 1 }} to {{ first + columns | length }} of {{ method_columns | length }}{% endif %}</caption>
<colgroup><col class="metric">{% for name in columns %}<col>{% endfor %}</colgroup>
<thead><tr><th scope="col">Metric, unit</th>{% for name in columns %}<th scope="col" class="n">{{ name }}</th>{% endfor %}</tr></thead>
{% for group in metric_groups %}
<tbody>
<tr class="group"><th scope="rowgroup" colspan="{{ columns | length + 1 }}">{{ group.title }}</th></tr>
{% for row in group.rows %}
<tr><th scope="row">{{ row.name }}{% if row.unit %}, {{ row.unit }}{% endif %}</th>
{% if row.none %}
<td class="none" colspan="{{ columns | length }}">{{ not_assessable }}: {{ row.none }}</td>
{% else %}
{% for cell in row.cells[first:first + columns_of_metrics] %}
<td class="n{{ ' missing' if cell.missing }}">{{ cell.text }}{% if cell.note %}<sup>{{ cell.note }}</sup>{% endif %}{% if cell.interval is defined %} <span class="interval">{{ cell.interval }}</span>{% endif %}</td>
{% endfor %}
{% endif %}
</tr>
{% endfor %}
</tbody>
{% endfor %}
</table>
</div>
{% endfor %}
<p class="small">–: not defined for this method. A dipole has no extent: its position stands for both. {{ same_weights_sentence }}{% if has_intervals %} In brackets: 95 % interval over averages of resampled spikes; errors of head model and co-registration, which all spikes share, are not in it.{% endif %}</p>
{% else %}
<p>Comparison with iEEG and resection: {{ not_assessable }}, because the comparison left no metrics.</p>
{% endif %}
{% if metric_notes %}
<ol class="notes">
{% for note in metric_notes %}<li>{{ note }}</li>{% endfor %}
</ol>
{% endif %}
{% for point in points %}
<h3>{{ point.heading }}</h3>
{% set dipole = point.dipole %}
{% if dipole %}
<p>At {{ dipole.pos }}{% if dipole.label %}, nearest to the {{ dipole.label }}{% endif %}; goodness of fit {{ dipole.gof }}, moment {{ dipole.moment }}, 95 % confidence volume {{ dipole.volume }} (joint for the three coordinates, from the noise of the average alone: errors of the head model and of the co-registration are not in it).
{% if not dipole.good %}Below {{ dipole.threshold }} goodness of fit one dipole does not describe the field: its position has no vote in the support of the finding.{% endif %}</p>
{% else %}
<p>{{ not_assessable | capitalize }}: the dipole fit gave no result.</p>
{% endif %}
{% endfor %}
"""
SECTION = Section(
    title="Findings: comparison with iEEG and resection, and of methods",
    order=50,
    template=TEMPLATE,
    about=About.SOURCE,
    figures=("sublobar", "methods", "maxima"),
    starts_page=False,
)
