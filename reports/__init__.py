"""Stage `report`: figures, PDF and HTML, from what the other stages have written.

The files that a patient's derivatives hold are read by `derivatives`; `findings`, `comparison`,
`relation`, `interpretation`, `acquisition`, `quality` and `provenance` put them into words and
tables; `content` gathers these for the templates; `pictures` draws; `render` makes the PDF and
`screen` the HTML file. `specification` says which sections and pictures the report has.
"""

import hashlib
from pathlib import Path

from pipeline.methods import METHODS
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.report_qc import ReportQC, write_report_qc
from reports import acquisition, content, dicom, render
from reports.config import Config
from reports.derivatives import QC_STAGES, read_patient
from reports.inputs import Inputs
from reports.onset import onset_s
from reports.pictures import PICTURES, Studio
from reports.screen import write_html
from reports.specification import read_sections

__all__ = ["Config", "Inputs", "reads", "run", "writes"]


def run(inputs: Inputs, paths: PatientPaths, config: Config, progress: Progress) -> None:
    """Draw the figures, write the PDF, the HTML file and the quality file.

    Raises
    ------
    InvalidInput
        Results that the report cannot do without are missing, or an option is unknown.
    """
    sections = read_sections(config.specification, config.sections)
    dicom.remove_earlier(paths)
    template = None
    if inputs.dicom_template is not None:
        template = dicom.read_template(inputs.dicom_template, inputs.t1w)
        for warning in template.warnings:
            progress.warn(warning)
    patient = read_patient(inputs, paths)
    text = content.build(patient, paths, config)
    wanted = [name for section in sections for name in section.figures]
    studio = Studio(patient, paths, onset_s(patient), acquisition.sensor_names(patient))
    pictures = {}
    with progress.step("Drawing the report's figures", total=len(wanted)) as bar:
        for name in wanted:
            drawn = PICTURES[name](studio)
            if drawn is not None:
                pictures[name] = drawn
            bar.advance()
    with progress.step("Writing the PDF", total=1) as bar:
        html = render.to_html({**text, "pictures": pictures}, sections, config.page_size)
        document = render.lay_out(html, paths.figures)
        identifier = hashlib.sha256(html.encode()).hexdigest()
        render.write_pdf(document, paths.report_pdf, identifier)
        bar.advance()
    with progress.step("Writing the HTML", total=1) as bar:
        write_html({**text, "pictures": pictures}, sections, studio, paths.report_html)
        bar.advance()
    objects = []
    if template is not None:
        with progress.step("Writing the DICOM objects", total=1) as bar:
            objects = dicom.write(template, paths, patient.finding_method, patient.shows_face)
            bar.advance()
    qc = ReportQC(
        warnings=tuple(template.warnings) if template else (),
        n_pages=len(document.pages),
        sections=tuple(section.id for section in sections),
        figures=tuple(picture.file.name for picture in pictures.values()),
        verdict=text["verdict"].colour,
        dicom=tuple(file.name for file in objects),
    )
    write_report_qc(paths, qc)


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    """Every file that decides what the report says."""
    files = [
        inputs.t1w,
        paths.average,
        paths.epochs,
        paths.spike_events,
        paths.regions,
        paths.scalp,
        paths.head_points,
        paths.brain_mask,
        paths.template_xfm,
        paths.inner_skull,
        paths.trans,
        paths.model,
        paths.training_curve,
        paths.contacts,
        paths.resection,
        paths.metrics,
        paths.metrics.with_suffix(".json"),
    ]
    files += [paths.point(method) for method in METHODS]
    files += [paths.sources(method) for method in METHODS]
    files += [paths.bootstrap(method) for method in METHODS]
    files += [paths.volume(method) for method in METHODS]
    files += [paths.surface(hemi, name) for hemi in "LR" for name in ("pial", "white", "inflated")]
    files += [paths.qc(stage) for stage in QC_STAGES]
    return [file for file in files if file is not None and file.exists()]


def writes(paths: PatientPaths) -> list[Path]:
    """PDF, HTML, quality file, DICOM objects; which figures there are depends on the patient."""
    return [paths.report_pdf, paths.report_html, paths.qc("report"), *dicom.written(paths)]
