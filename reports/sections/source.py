"""Where the spike's map has its maximum, and how far it reaches."""

from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
{{ picture("cortex") }}
{{ picture("slices") }}
{{ picture("neighbours") }}
{{ picture("onset") }}
{{ picture("timecourses") }}
{{ picture("stability") }}
<div class="keep">
<table class="regions">
<caption>The regions with the strongest activity, ten at most ({{ finding_name }}, mean absolute activity over {{ window }} around the peak)</caption>
<thead>
<tr><th scope="col" class="n">Rank</th><th scope="col">Gyrus</th><th scope="col">Sublobar region</th>
<th scope="col" class="n">R/L, mm</th><th scope="col" class="n">A/P, mm</th><th scope="col" class="n">S/I, mm</th>
<th scope="col" class="n">Activity, % of max.</th><th scope="col" class="n">Area, mm²</th><th scope="col">In extent</th></tr>
</thead>
<tbody>
{% for row in regions %}
<tr><td class="n">{{ row.rank }}</td><td>{{ row.gyrus }}</td><td>{{ row.sublobar }}</td>
{% for value in row.pos %}<td class="n">{{ value }}</td>{% endfor %}
<td class="n">{{ row.share }}</td><td class="n">{{ row.area }}</td><td>{{ "yes" if row.in_extent else "no" }}</td></tr>
{% endfor %}
</tbody>
</table>
<p class="small">Coordinates: scanner frame of the T1w, by their letters. Gyri after Desikan and Killiany. One region is one of 994 segments of the cortex; neighbouring regions of one gyrus bear the same name.</p>
</div>
"""
SECTION = Section(
    title="Findings: source",
    order=40,
    template=TEMPLATE,
    about=About.SOURCE,
    figures=("cortex", "slices", "neighbours", "onset", "timecourses", "stability"),
    starts_page=False,
)
