"""A report with everything that a report may have, drawn once for the tests that look at it."""

import pickle
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from dicom_series import FILE_PREFIX, write_series
from report_patient import ReportPatient, write_report_patient

import reports
from pipeline.progress import Progress
from reports import content, render
from reports.parts import Part
from reports.pictures import Picture
from reports.reading import read_patient
from reports.specification import read_sections

CONTACT = "<script>alert(1)</script>"
CONFIG = reports.Config(centre="Clinic </script><script>alert(2)</script> & Co")


@dataclass(frozen=True)
class RenderedReport(ReportPatient):
    """With DICOM objects, and names that try to be markup.

    Attributes
    ----------
    said : tuple of str
        What the stage told while it ran.
    """

    said: tuple[str, ...]


class _Listening(Progress):
    def __init__(self):
        self.said = []

    def info(self, message):
        self.said.append(message)

    warn = info


def draw_report(root: Path) -> None:
    patient = write_report_patient(root / "out", rename_contact=("LT1", CONTACT))
    series = root / FILE_PREFIX
    write_series(patient.inputs.t1w, series)
    stale = patient.paths.of_type(2).figure("summary", "png")
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.write_bytes(b"the map of a type that an earlier run had found")
    inputs, progress = replace(patient.inputs, dicom_template=series), _Listening()
    reports.run(inputs, patient.paths, CONFIG, progress)
    rendered = RenderedReport(patient.paths, inputs, tuple(progress.said))
    (root / "rendered.pickle").write_bytes(pickle.dumps(rendered))


def read_rendered(root: Path) -> RenderedReport:
    return pickle.loads((root / "rendered.pickle").read_bytes())


@cache
def laid_out(patient: ReportPatient, config: reports.Config):
    """The report with the pictures that the run has left."""
    read = read_patient(patient.inputs, patient.paths)
    sections = read_sections(config.specification, config.sections)
    text = content.build(read, patient.paths, config)
    pictures = {
        re.search(r"desc-(\w+)_", file.name)[1]: Picture(file, "A caption.", "A picture")
        for file in patient.paths.figures.iterdir()
    }
    html = html_of(text, sections, pictures, config.page_size)
    return html, render.lay_out(html, patient.paths.figures)


def html_of(text: dict, sections, pictures=(), page_size: str = "A4") -> str:
    """The report of a patient with one type of spikes, which needs no overview."""
    parts = [
        Part(section, section.title, section.id, text | text["of_sections"][section.id] | own)
        for section in sections
        if section.id != "overview"
        for own in [
            {"pictures": {name: pictures[name] for name in section.figures if name in pictures}}
        ]
    ]
    return render.to_html(text, parts, page_size)


def page_texts(document) -> list[str]:
    """The text of each page, margin boxes included."""

    def walk(box):
        yield getattr(box, "text", "") or ""
        for child in getattr(box, "children", ()):
            yield from walk(child)

    return [" ".join(walk(page._page_box)) for page in document.pages]
