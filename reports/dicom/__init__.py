"""The report and its map as DICOM objects for a hospital's archive and neuronavigation.

Made only where a DICOM template is given, whose patient and study they carry on. Identifiers go
from the template's headers into these objects and nowhere else: not into logs, status files,
file names or messages.
"""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import nibabel as nib
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.files import atomic_path, read_npz
from pipeline.paths import PatientPaths
from pipeline.records.report_qc import read_report_qc
from reports.dicom.template import Template, discreet, read_template

__all__ = ["Template", "read_template", "remove_earlier", "write", "written"]


def write(
    template: Template,
    paths: PatientPaths,
    findings: Sequence[tuple[PatientPaths, str]],
    shows_face: bool,
) -> list[Path]:
    """Write the PDF, and the extent and the map of each type of spikes, below ``sub-X/dicom``.

    `findings` has each type's files and the method whose map it is; `shows_face` says whether a
    person can be recognised in the PDF's pictures.

    Raises
    ------
    InvalidInput
        The template's headers do not allow a DICOM object.
    """
    # It takes seconds to import, and most patients have no template.
    from reports.dicom import objects

    with discreet():
        made = {
            "desc-report_document": objects.encapsulated_pdf(
                paths.report_pdf.read_bytes(), template, datetime.now(), shows_face
            ),
        }
        for own, method in findings:
            volume = nib.load(own.volume(method))
            values = np.asarray(volume.dataobj, np.float32)
            sources = read_npz(own.sources(method))
            extent = values > np.float32(sources["otsu_threshold"])
            unit = str(sources["unit"]) if "unit" in sources else "relative"
            name, placed = own.name_of_type(method), (volume.affine, template)
            told = f"{method}, type {own.spike_type}" if len(findings) > 1 else method
            made |= {
                f"space-T1w_desc-{name}_seg": objects.segmentation(extent, *placed, told),
                f"space-T1w_desc-{name}_map": objects.parametric_map(values, *placed, told, unit),
            }
        files = []
        for name, dataset in made.items():
            files.append(_folder(paths) / f"{paths.sub}_{name}.dcm")
            with atomic_path(files[-1]) as tmp, _for_the_owner(tmp) as stream:
                dataset.save_as(stream, enforce_file_format=True)
    return files


def written(paths: PatientPaths) -> list[Path]:
    """What the report's quality file says was written."""
    if not paths.qc("report").exists():
        return []
    try:
        return [_folder(paths) / name for name in read_report_qc(paths).dicom]
    except InvalidInput:  # damaged: that it is not what the stage wrote tells enough
        return []


def remove_earlier(paths: PatientPaths) -> None:
    """Delete the objects of an earlier run: a report without template must not keep identifiers."""
    for file in earlier_objects(paths):
        file.unlink()


def earlier_objects(paths: PatientPaths) -> list[Path]:
    """The objects that any run wrote."""
    return sorted(_folder(paths).glob(f"{paths.sub}_*.dcm"))


def _for_the_owner(file: Path) -> BinaryIO:
    """A new file with a patient's identity: nobody else may read it."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _folder(paths: PatientPaths) -> Path:
    return paths.folder / "dicom"
