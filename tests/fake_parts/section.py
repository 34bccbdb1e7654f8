"""How loud the spike is."""

from reports.sections._section import About, Section


def content(patient):
    return {"decibels": patient.qc.spikes.average.snr_db}


SECTION = Section(
    about=About.PATIENT,
    title="Loudness",
    order=35,
    template="<p>{{ decibels | number }} dB loud.</p>",
    content=content,
)
