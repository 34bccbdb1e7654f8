"""Questions of a conference, answered from the report's numbers."""

from reports.sections._section import About, Section

TEMPLATE = """\
<table class="answers">
<tbody>
{% for question, answer in answers %}
<tr><th scope="row">{{ question }}</th><td>{{ answer }}</td></tr>
{% endfor %}
</tbody>
</table>
<div class="impression">
<p><strong>Impression and clinical correlation</strong> are for the physician who reads this report:</p>
<textarea name="impression" aria-label="Impression and clinical correlation">{{ impression }}</textarea>
<p class="signature"><input type="text" name="signature" aria-label="Name, date, signature"> Name, date, signature</p>
</div>
"""
SECTION = Section(
    title="Interpretation aid",
    order=60,
    template=TEMPLATE,
    about=About.SOURCE,
    starts_page=False,
)
