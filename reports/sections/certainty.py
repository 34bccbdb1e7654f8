"""How sure: the region that holds the source, what it follows from, and what each grade meant."""

from dataclasses import asdict

from reports.patient import Patient
from reports.sections._section import About, Section
from reports.wording import number

TEMPLATE = """\
{% set own = of_sections.certainty %}
<p>{{ region_sentence }}</p>
<p>Certainty: <strong>{{ support_word }}</strong> ({{ grade_meaning }}).</p>
{% if own.grades %}
<table>
<caption>What each grade meant on unseen virtual patients, whose head model, co-registration, noise and folding were wrong as in patients: distance of the map’s centre from that of the source</caption>
<thead><tr><th scope="col">Grade</th><th scope="col">Radius of the region</th><th scope="col" class="n">Spikes</th><th scope="col" class="n">Median, mm</th><th scope="col" class="n">90th percentile, mm</th><th scope="col" class="n">Within 15 mm</th><th scope="col" class="n">In the region</th></tr></thead>
<tbody>
{% for grade in own.grades %}
<tr><th scope="row">{{ grade.name }}{% if grade.own %} (this map){% endif %}</th><td>{{ grade.radius }}</td><td class="n">{{ grade.n_spikes }}</td><td class="n">{{ grade.median }}</td><td class="n">{{ grade.percentile_90 }}</td><td class="n">{{ grade.within }}</td><td class="n">{{ grade.covered }}</td></tr>
{% endfor %}
</tbody>
</table>
<p class="small">The region’s radius follows from how far averages of resampled spikes scatter, the SNR of the average, the distance to sLORETA’s maximum, the area of the map’s hill, the sensors’ sensitivity there and the head model, by a rule that was calibrated on simulated patients. What these lack, such as several sources at a time, it does not know.</p>
{% endif %}
"""


def content(patient: Patient) -> dict:
    """What each grade meant; empty where no region is known."""
    found = patient.image.methods[patient.finding_method].region
    if found is None:
        return {"grades": []}
    least = [0.0, *(each.up_to_radius_mm for each in found.grades)]
    last = found.grades[-1]
    return {
        "grades": [
            asdict(each)
            | {
                "own": each.name == found.grade,
                "radius": f"above {number(low, 'mm', 0)}"
                if each is last
                else f"up to {number(each.up_to_radius_mm, 'mm', 0)}",
                "median": number(each.median_error_mm, digits=1),
                "percentile_90": number(each.percentile_90_error_mm, digits=1),
                "within": f"{100 * each.within_15_mm:.0f}\u00a0%",
                "covered": f"{100 * each.covered:.0f}\u00a0%",
            }
            for low, each in zip(least, found.grades, strict=False)
        ]
    }


SECTION = Section(
    title="Certainty",
    order=45,
    template=TEMPLATE,
    about=About.SOURCE,
    starts_page=False,
    content=content,
)
