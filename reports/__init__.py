"""Stage `report`: figures, PDF and HTML, from what the other stages have written.

`reading` makes `derivatives` of the files that a patient's results are in; `findings`, `comparison`,
`relation`, `interpretation`, `acquisition`, `quality` and `provenance` put them into words and
tables; `content` gathers these for the templates; `pictures` draws; `parts` says which sections stand for which type of spikes; `render` makes the PDF and
`screen` the HTML file. `specification` says which sections and pictures the report has.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pipeline.files import write_json
from pipeline.markups import markups
from pipeline.methods import METHODS
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.report_qc import ReportQC, write_report_qc
from reports import acquisition, content, dicom, points, render
from reports.config import Config
from reports.findings import NOTHING_IMAGED, worst
from reports.inputs import Inputs
from reports.onset import onset_s
from reports.parts import Told, parts_of, with_overview, with_translation
from reports.patient import QC_STAGES, Patient
from reports.pictures import Studio
from reports.reading import read_patients
from reports.screen import write_html
from reports.sections import SECTIONS
from reports.sections._section import About
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
    for figure in paths.figures.glob(f"{paths.sub}_desc-*_figure.*"):
        figure.unlink()  # of another type of spikes, or of a map that there is no more
    template = None
    if inputs.dicom_template is not None:
        template = dicom.read_template(inputs.dicom_template, inputs.t1w)
        for warning in template.warnings:
            progress.warn(warning)
    told = [_told(patient, config) for patient in read_patients(inputs, paths)]
    first, patients = told[0], [each.patient for each in told]
    if first.patient.clinical_fault:
        progress.warn(f"The clinical file is not printed: {first.patient.clinical_fault}.")
    sections = with_overview(sections, patients)
    with progress.step("Drawing the report's figures", total=len(sections)) as bar:
        parts = parts_of(sections, told, bar)
    verdict = worst([each.content["verdict"] for each in told if each.patient.imaged])
    for part in parts:
        if SECTIONS[part.section.id].about in (About.PATIENT, About.TYPES):
            part.content["verdict"] = verdict
    parts = with_translation(parts, config.language)
    with progress.step("Writing the PDF", total=1) as bar:
        html = render.to_html(first.content, parts, config.page_size, config.language)
        document = render.lay_out(html, paths.figures, config.language)
        identifier = hashlib.sha256(html.encode()).hexdigest()
        render.write_pdf(document, paths.report_pdf, identifier)
        bar.advance()
    with progress.step("Writing the HTML", total=1) as bar:
        studios = [each.studio for each in told]
        write_html(first.content, parts, studios, paths.report_html, config.language)
        bar.advance()
    marked = points.groups(patients)
    write_json(paths.markups, markups(marked))
    objects = []
    if template is not None:
        with progress.step("Writing the DICOM objects", total=1) as bar:
            shows_face = first.patient.shows_face
            found = _findings(patients)
            objects = dicom.write(template, paths, inputs.t1w, found, marked, shows_face)
            bar.advance()
    figures = (
        sheet.file.name
        for part in parts
        for picture in part.pictures.values()
        for sheet in picture.sheets
    )
    qc = ReportQC(
        warnings=(
            *(
                (f"The clinical file is not printed: {first.patient.clinical_fault}.",)
                if first.patient.clinical_fault
                else ()
            ),
            *(template.warnings if template else ()),
        ),
        n_pages=len(document.pages),
        sections=tuple(part.anchor for part in parts),
        figures=tuple(dict.fromkeys(figures)),
        verdict=NOTHING_IMAGED if verdict is None else verdict.colour,
        dicom=dicom.names(paths, objects),
    )
    write_report_qc(paths, qc)


def _told(patient: Patient, config: Config) -> Told:
    studio = Studio(patient, patient.paths, onset_s(patient), acquisition.sensor_names(patient))
    return Told(patient, studio, content.build(patient, patient.paths, config))


def _findings(patients: Sequence[Patient]) -> list[dicom.Finding]:
    """Of each type that is imaged, the map that the report is about."""
    return [
        dicom.Finding(each.paths, each.finding_method, each.max_mm)
        for each in patients
        if each.imaged
    ]


def reads(inputs: Inputs, paths: PatientPaths) -> list[Path]:
    """Every file that decides what the report says."""
    files = [
        inputs.t1w,
        paths.spike_events,
        paths.noise_cov,
        paths.leadfield,
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
        paths.contact_distances,
        paths.resection,
        paths.metrics,
        paths.metrics.with_suffix(".json"),
        inputs.clinical,
    ]
    for each in paths.of_types_there():
        files += [each.average, each.epochs, each.qc("spikes"), each.qc("image"), each.dipoles]
        for of_method in (each.point, each.sources, each.bootstrap, each.volume):
            files += [of_method(method) for method in METHODS]
    files += [paths.surface(hemi, name) for hemi in "LR" for name in ("pial", "white", "inflated")]
    files += [paths.qc(stage) for stage in QC_STAGES]
    return [file for file in dict.fromkeys(files) if file is not None and file.exists()]


def writes(paths: PatientPaths) -> list[Path]:
    """PDF, HTML, points, quality file, DICOM objects; which figures there are depends on the patient."""
    files = [paths.report_pdf, paths.report_html, paths.markups, paths.qc("report")]
    return [*files, *dicom.written(paths)]
