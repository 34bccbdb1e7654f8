"""Who and what was recorded, and how it was analysed."""

from reports.sections._section import About, Section

TEMPLATE = """\
{% from "macros.html.j2" import key_values with context %}
<div class="two">
<div>
<h3>Identification and indication</h3>
{{ key_values(identification) }}
{% if clinical %}
<h3>Clinical information, as given</h3>
{{ key_values(clinical) }}
{% endif %}
{% if clinical_fault %}<p>The clinical file is not printed: {{ clinical_fault }}.</p>{% endif %}
<h3>Acquisition</h3>
{{ key_values(recording) }}
</div>
<div>
<h3>Methods of analysis</h3>
{{ key_values(analysis) }}
<p class="small">{% if not clinical %}Clinical history, medication and vigilance were not given (sub-X_clinical.toml). {% endif %}{% if modality == "MEG" %}EEG that was recorded beside is not imaged unless it is asked for (--modality). {% endif %}Section “Methods and provenance” has the analysis in full.</p>
</div>
</div>
"""
SECTION = Section(
    title="Identification, acquisition and analysis",
    order=20,
    template=TEMPLATE,
    about=About.PATIENT,
)
