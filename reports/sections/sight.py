"""What could not have been seen: how strong a source must be in each lobe to be shown."""

from typing import Any

import numpy as np

from reports.patient import Patient
from reports.sections._section import About, Section
from reports.wording import count, lobe, number

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
{% if sight %}
<p>That nothing is found in a place means something only where a source would have been shown. {{ sight.told }}</p>
{{ picture("sight") }}
<div class="keep">
<table>
<caption>Smallest moment that would have been shown, nA·m, over the regions of each lobe</caption>
<thead><tr><th scope="col">Lobe</th><th scope="col" class="n">Easiest tenth</th><th scope="col" class="n">Median</th><th scope="col" class="n">Hardest tenth</th></tr></thead>
<tbody>
{% for row in sight.rows %}
<tr><th scope="row">{{ row.lobe }}</th><td class="n">{{ row.easy }}</td><td class="n">{{ row.median }}</td><td class="n">{{ row.hard }}</td></tr>
{% endfor %}
</tbody>
</table>
<p class="small">Method: field of a source over the whole region, normal to the cortex, behind the recording’s projectors, against the noise of single spikes of this recording; head where the head model has it. Strengths fall with the root of the number of spikes. On simulated {{ 'recordings' if modality == 'MEG' else 'MEG recordings (none of ' ~ modality ~ ')' }} of unseen heads sources with an SNR of 5 dB by this formula were imaged in 31 of 32 cases (12 or 30 marks), sources of 0.95 of that strength in 57 of 64, of 0.68 in 2 of 64 and of 0.47 in none of 64. What the map does not know: spikes that nobody marks, sources that cancel each other within a region or spread over several, errors of head model and co-registration.</p>
</div>
{% else %}
<p>What could not have been seen: {{ not_assessable }}, because the noise or the head model’s leadfield is not there.</p>
{% endif %}
"""


def content(patient: Patient) -> dict[str, Any]:
    """The sentence and the rows; None where it is not known."""
    found = patient.sight
    if found is None:
        return {"sight": None}
    spikes = count(found.n_spikes, "averaged spike")
    given = (
        f"No spikes were averaged here, so that the map tells of a focus with {found.n_spikes}"
        if found.assumed
        else f"The map tells of a focus with {spikes}, as many as the type with most marks has"
    )
    told = (
        f"{given}: of each region the moment at which their average would have had an SNR of "
        f"{number(found.snr_db, 'dB', 1)}, which is enough to be imaged."
    )
    lobes = np.array([lobe(label) for label in patient.head.region_label])
    rows = []
    for name in sorted(set(lobes)):
        easy, median, hard = np.percentile(found.moment_nam[lobes == name], (10, 50, 90))
        values = {"easy": easy, "median": median, "hard": hard}
        rows.append({"lobe": name} | {key: number(value) for key, value in values.items()})
    return {"sight": {"told": told, "rows": rows}}


SECTION = Section(
    title="What could not have been seen",
    order=60,
    template=TEMPLATE,
    about=About.PATIENT,
    figures=("sight",),
    starts_page=False,
    content=content,
)
