"""How loud the spike is."""

from reports.sections._section import Section


def content(patient):
    return {"decibels": patient.qc.spikes.average.snr_db}


SECTION = Section(
    title="Loudness", order=35, template="<p>{{ decibels | number }} dB loud.</p>", content=content
)
