"""A report with everything that a report may have, drawn once for the tests that look at it."""

import pickle
from dataclasses import dataclass, replace
from pathlib import Path

from dicom_series import FILE_PREFIX, write_series
from report_patient import ReportPatient, write_report_patient

import reports
from pipeline.progress import Progress

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
    inputs, progress = replace(patient.inputs, dicom_template=series), _Listening()
    reports.run(inputs, patient.paths, CONFIG, progress)
    rendered = RenderedReport(patient.paths, inputs, tuple(progress.said))
    (root / "rendered.pickle").write_bytes(pickle.dumps(rendered))


def read_rendered(root: Path) -> RenderedReport:
    return pickle.loads((root / "rendered.pickle").read_bytes())
