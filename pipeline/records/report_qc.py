"""What the report stage says about itself."""

from dataclasses import dataclass

from pipeline.files import write_json
from pipeline.paths import PatientPaths
from pipeline.records.document import document, read_record


@dataclass(frozen=True, kw_only=True)
class ReportQC:
    """The stage's quality file: what the report holds, its verdict, and the DICOM objects' names."""

    warnings: tuple[str, ...]
    n_pages: int
    sections: tuple[str, ...]
    figures: tuple[str, ...]
    verdict: str
    dicom: tuple[str, ...]


def read_report_qc(paths: PatientPaths) -> ReportQC:
    """The stage's quality file; `InvalidInput` where it is not what this version writes."""
    return read_record(ReportQC, paths.qc("report"), "run the report stage again")


def write_report_qc(paths: PatientPaths, qc: ReportQC) -> None:
    write_json(paths.qc("report"), document(qc))
