"""The report and its map as DICOM objects for a hospital's archive and neuronavigation.

Made only where a DICOM template is given, whose patient and study they carry on. Identifiers go
from the template's headers into these objects and nowhere else: not into logs, status files,
file names or messages.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import nibabel as nib
import numpy as np

from pipeline.errors import InvalidInput
from pipeline.files import atomic_path, read_npz
from pipeline.markups import Group
from pipeline.paths import PatientPaths
from pipeline.records.report_qc import read_report_qc
from reports.dicom.template import Template, discreet, read_template

__all__ = ["Finding", "Template", "read_template", "remove_earlier", "write", "written"]


@dataclass(frozen=True, eq=False)
class Finding:
    """A map that goes into DICOM objects.

    Attributes
    ----------
    paths : PatientPaths
        Of its type of spikes.
    method : str
    max_mri_mm : ndarray, (3,)
        Its maximum, scanner RAS of the T1w.
    """

    paths: PatientPaths
    method: str
    max_mri_mm: np.ndarray


def write(
    template: Template,
    paths: PatientPaths,
    t1w: Path,
    findings: Sequence[Finding],
    points: Sequence[Group],
    shows_face: bool,
) -> list[Path]:
    """Write the objects below ``sub-X/dicom``.

    The PDF, the points, and of each finding the extent, the map and the T1w with the source burned
    in. `shows_face` says whether a person can be recognised in the PDF's pictures.

    Raises
    ------
    InvalidInput
        The template's headers do not allow a DICOM object.
    """
    # It takes seconds to import, and most patients have no template.
    from reports.dicom import burned_in, objects, structures

    now = datetime.now()
    with discreet():
        pdf = paths.report_pdf.read_bytes()
        made = {"desc-report_document": objects.encapsulated_pdf(pdf, template, now, shows_face)}
        if any(group.points for group in points):
            made["space-T1w_desc-points_rtstruct"] = structures.points(points, template, now)
        image = nib.load(t1w)
        head = np.asarray(image.dataobj).reshape(image.shape[:3])
        for found in findings:
            own, method = found.paths, found.method
            volume = nib.load(own.volume(method))
            values = np.asarray(volume.dataobj, np.float32)
            sources = read_npz(own.sources(method))
            extent = values > np.float32(sources["otsu_threshold"])
            unit = str(sources["unit"]) if "unit" in sources else "relative"
            name, placed = own.name_of_type(method), (volume.affine, template)
            of_type = f"type {own.spike_type}" if len(findings) > 1 else ""
            told = f"{method}, {of_type}" if of_type else method
            burned = burned_in.burned_in_series(
                head, image.affine, extent, found.max_mri_mm, template, method, of_type
            )
            series = f"space-T1w_desc-{name}BurnedIn_T1w"
            made |= {f"{series}/slice-{n:04d}": one for n, one in enumerate(burned, 1)}
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


def names(paths: PatientPaths, objects: Sequence[Path]) -> tuple[str, ...]:
    """The objects' paths below ``sub-X/dicom``, as the report's quality file has them."""
    return tuple(file.relative_to(_folder(paths)).as_posix() for file in objects)


def earlier_objects(paths: PatientPaths) -> list[Path]:
    """The objects that any run wrote."""
    folder = _folder(paths)
    return sorted([*folder.glob(f"{paths.sub}_*.dcm"), *folder.glob(f"{paths.sub}_*_T1w/*.dcm")])


def _for_the_owner(file: Path) -> BinaryIO:
    """A new file with a patient's identity: nobody else may read it."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _folder(paths: PatientPaths) -> Path:
    return paths.folder / "dicom"
