"""Single spikes as they were recorded, for a person to accept or to reject."""

from typing import Any

from reports.patient import Patient
from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import picture with context %}
<p>{{ of_sections.traces.judge }}</p>
{% if "traces" in pictures %}
{{ picture("traces") }}
{% else %}
<p>Single spikes: {{ not_assessable }}, because they were not kept.</p>
{% endif %}
"""
_JUDGE = (
    "Spikefocus sorts and averages marks by their fields; whether they are epileptiform is for a "
    "person to judge. "
)


def content(patient: Patient) -> dict[str, Any]:
    """What the reader is asked to do."""
    n = patient.qc.spikes.n_unreviewed
    others = "Heart" if patient.modality.average_reference else "EEG, heart"
    judge = f"{_JUDGE}{others} and eye channels are not shown here."
    if not n:
        return {"judge": judge}
    return {
        "judge": f"No person has reviewed {n} of the marks, which a detector made. To review them, "
        "write accepted or rejected into the column “review” of the table of marks, at the time of the "
        f"mark, and run again with that table (--marks, docs/raw_recordings.md). {judge}"
    }


SECTION = Section(
    title="Findings: single spikes",
    order=32,
    template=TEMPLATE,
    about=About.SPIKES,
    figures=("traces",),
    content=content,
)
