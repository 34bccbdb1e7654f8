"""Intracranial contacts with their distances to what was found, those that matter most first."""

from typing import Any

import pandas as pd

from reports.patient import Patient
from reports.points import marks
from reports.sections._section import About, Section
from reports.wording import coordinates, count, gyrus, number, sentence

N_OF_EACH = 12  # of those in the SOZ, and of the others

TEMPLATE = """\
{% set own = contact_table %}
{% if own.rows %}
<table class="contacts">
<caption>Contacts: the seizure-onset zone first, then the others, nearest to the maximum first ({{ finding_name }})</caption>
<thead><tr><th scope="col">Contact</th><th scope="col">Mark</th><th scope="col" class="n">To the maximum, mm</th><th scope="col" class="n">To the extent, mm</th><th scope="col">Nearest cortex</th><th scope="col" class="n">To cortex, mm</th><th scope="col">Position</th></tr></thead>
<tbody>
{% for row in own.rows %}
<tr><th scope="row">{{ row.name }}</th><td>{{ row.marks }}</td><td class="n">{{ row.to_maximum }}</td><td class="n">{{ row.to_found }}</td><td>{{ row.cortex }}</td><td class="n">{{ row.to_cortex }}</td><td>{{ row.pos }}</td></tr>
{% endfor %}
</tbody>
</table>
<p class="small">{{ own.left_out }} Distances are straight lines: to the maximum, and to the centre of the nearest region of the extent. All contacts with all methods stand in {{ own.file }}.</p>
{% else %}
<p>Contacts: {{ not_assessable }}{% if own.reason %}, because {{ own.reason }}{% endif %}.</p>
{% endif %}
"""


def content(patient: Patient) -> dict[str, Any]:
    """Rows, and how many contacts are left out."""
    table = _with_distances(patient)
    if table.empty:
        compared = patient.qc.compare
        reason = "nothing was compared" if compared is None else compared.contacts.soz_reason
        return {"contact_table": {"rows": [], "reason": reason or "no contact has a position"}}
    table = table.sort_values("to_maximum", kind="stable")
    soz, others = table[table["soz"]], table[~table["soz"]]
    shown = pd.concat([soz[:N_OF_EACH], others[:N_OF_EACH]])
    told = {
        "rows": [_row(row) for row in shown.to_dict("records")],
        "left_out": _left_out(len(soz), len(others)),
        "file": patient.paths.contact_distances.name,
    }
    return {"contact_table": told}


def _with_distances(patient: Patient) -> pd.DataFrame:
    """The contacts with those columns of the method that the report is about."""
    contacts, distances = patient.contacts, patient.contact_distances
    if contacts.empty or distances.empty:
        return contacts[:0]
    own = distances[distances["method"] == patient.finding_method]
    return contacts.merge(own[["name", "to_maximum", "to_found"]], on="name")


def _row(row: dict) -> dict[str, str]:
    return {
        "name": str(row["name"]),
        "marks": marks(row),
        "to_maximum": number(row["to_maximum"], digits=0),
        "to_found": number(row["to_found"], digits=0),
        "cortex": gyrus(row["nearest_label"]),
        "to_cortex": number(row["to_cortex"], digits=0),
        "pos": coordinates((row["x"], row["y"], row["z"])),
    }


def _left_out(n_soz: int, n_others: int) -> str:
    """How many contacts the table lacks."""
    lacking = [
        f"{n - N_OF_EACH} of {n} {name}"
        for n, name in ((n_soz, "contacts in the SOZ"), (n_others, "other contacts"))
        if n > N_OF_EACH
    ]
    if not lacking:
        return f"All {count(n_soz + n_others, 'contact')} are shown."
    return sentence(f"left out, as further from the maximum: {' and '.join(lacking)}")


SECTION = Section(
    title="Findings: intracranial contacts",
    order=51,
    template=TEMPLATE,
    about=About.SOURCE,
    starts_page=False,
    content=content,
)
