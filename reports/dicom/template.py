"""The DICOM images that lend a report the patient's and the study's identifiers."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.valuerep import PersonName

from pipeline.errors import InvalidInput
from reports.dicom.geometry import TOLERANCE_MM, Frame, off_grid_mm, overlaps, voxel_of

PATIENT = ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex")
STUDY = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "StudyDescription",
    "ReferringPhysicianName",
)
# The standard wants these in every object, empty where they are not known.
_NEVER_ABSENT = {*PATIENT, *STUDY} - {"IssuerOfPatientID", "StudyDescription"}
_IMAGE = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "Rows",
    "Columns",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "NumberOfFrames",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)
# How the images were measured, for those that are made from them.
ACQUISITION = (
    "ScanningSequence",
    "SequenceVariant",
    "ScanOptions",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "InversionTime",
    "EchoTrainLength",
    "FlipAngle",
    "MagneticFieldStrength",
    "PatientPosition",
)
_READ = [*PATIENT, *STUDY, *_IMAGE, *ACQUISITION, "SpecificCharacterSet"]
UTF8 = "ISO_IR 192"
# Two scans with one protocol may lie on one grid by chance. Five virtual heads, put on one grid by
# their centres of mass, correlated at most 0.67 with each other (20 pairs); a head with itself 1.
SAME_HEAD_CORRELATION = 0.8
HEAD_SHARE = 0.1  # of the 99th percentile: what is brighter is head, not air or removed face
N_COMPARED_SLICES = 9
_OPTION = "the DICOM template"


@dataclass(frozen=True)
class Template:
    """Identifiers, and the series that the T1w was converted from.

    Attributes
    ----------
    identity : Dataset
        Attributes `PATIENT` and `STUDY`, in UTF-8.
    images : list of Dataset
        Headers of the series, without pixels and with no more than `identity`, `_IMAGE` and
        `ACQUISITION`.
    frame : Frame
        One slice of it, for the orientation.
    warnings : list of str
        For the reader of the report; they hold no identifiers.
    """

    identity: Dataset
    images: list[Dataset]
    frame: Frame
    warnings: list[str]


@contextmanager
def discreet() -> Iterator[None]:
    """Keep the DICOM libraries from printing: their warnings quote names and identifiers.

    For the same reason an error of theirs goes on without its words.
    """
    loggers = [logging.getLogger(name) for name in ("pydicom", "highdicom")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InvalidInput, OSError):
        raise
    except Exception as error:
        where = error.__traceback__
        while where.tb_next is not None:
            where = where.tb_next
        place = f"{Path(where.tb_frame.f_code.co_filename).name}, line {where.tb_lineno}"
        raise InvalidInput(
            f"No DICOM objects can be made from {_OPTION} ({type(error).__name__} in {place})",
            hint="give the T1w's images as the scanner or the archive sent them",
        ) from None
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def read_template(source: Path, t1w: Path) -> Template:
    """Read the identifiers and find the series on whose grid the T1w lies.

    Parameters
    ----------
    source : Path
        A DICOM file, or a folder that is searched with all that is below it.
    t1w : Path
        The T1w as NIfTI, in scanner coordinates.

    Raises
    ------
    InvalidInput
        No DICOM image, images of several patients, or none that the T1w was converted from. The
        text names no file, because files in hospitals bear patients' names.
    """
    with discreet():
        headers = _read_headers(Path(source))
        _check_patient(headers)
        volume = nib.load(t1w)
        series, notes = _matching_series(headers, volume)
        identity = _identity(series[0][1])
        images = [_image(identity, header) for _, header in series]
        return Template(identity, images, next(iter(frames(images[0]))), notes)


def frames(header: Dataset) -> Iterator[Frame]:
    """The slices of an image, plain or multi-frame; none without a position in the patient."""
    shape = (int(header.get("Rows", 0)), int(header.get("Columns", 0)))
    if "PerFrameFunctionalGroupsSequence" not in header:
        groups = [(header, header, header)]
    else:
        shared = header.get("SharedFunctionalGroupsSequence", [Dataset()])[0]
        groups = [
            tuple(
                (one.get(name) or shared.get(name) or [Dataset()])[0]
                for name in (
                    "PlanePositionSequence",
                    "PlaneOrientationSequence",
                    "PixelMeasuresSequence",
                )
            )
            for one in header.PerFrameFunctionalGroupsSequence
        ]
    for position, orientation, measures in groups:
        if not (
            position.get("ImagePositionPatient")
            and orientation.get("ImageOrientationPatient")
            and measures.get("PixelSpacing")
        ):
            return
        cosines = np.array(orientation.ImageOrientationPatient, float)
        yield Frame(
            np.array(position.ImagePositionPatient, float),
            cosines[:3],
            cosines[3:],
            tuple(float(value) for value in measures.PixelSpacing),
            shape,
        )


def _read_headers(source: Path) -> list[tuple[Path, Dataset]]:
    if not source.exists():
        raise InvalidInput(
            "The file or folder of the DICOM template does not exist", hint="check --dicom-template"
        )
    files = sorted(p for p in source.rglob("*") if p.is_file()) if source.is_dir() else [source]
    headers = []
    for file in files:
        try:
            header = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_READ)
        except InvalidDicomError:
            continue  # a folder from a CD also holds viewers and texts
        except OSError as error:  # whose own words name the file
            raise InvalidInput(
                f"A file of the DICOM template cannot be read: {error.strerror}",
                hint="give this program access to it",
            ) from None
        if header.get("SOPInstanceUID") and header.get("StudyInstanceUID") and header.get("Rows"):
            headers.append((file, header))
    if not headers:
        what = "holds no DICOM image" if source.is_dir() else "is no DICOM image"
        raise InvalidInput(
            f"What --dicom-template names {what}",
            hint="give the DICOM series that the T1w was converted from, or one file of it",
        )
    return headers


def _check_patient(headers: list[tuple[Path, Dataset]]) -> None:
    for keyword in PATIENT:
        n = len({str(header.get(keyword) or "") for _, header in headers})
        if n > 1:
            what = (
                f"{n} patients" if keyword == "PatientID" else f"patients that differ in {keyword}"
            )
            raise InvalidInput(
                f"The DICOM template holds images of {what}",
                hint="give the images of this participant alone",
            )
    first = headers[0][1]
    if not first.get("PatientID") and not first.get("PatientName"):
        raise InvalidInput(
            "The DICOM template names no patient", hint="give images that are not de-identified"
        )


def _matching_series(headers, t1w: nib.Nifti1Image) -> tuple[list[tuple[Path, Dataset]], list[str]]:
    by_series: dict[str, list[tuple[Path, Dataset]]] = {}
    for file, header in headers:
        by_series.setdefault(str(header.get("SeriesInstanceUID", "")), []).append((file, header))
    nearest_mm = float("inf")
    likeness: dict[str, float] = {}
    for uid, images in by_series.items():
        slices = [frame for _, header in images for frame in frames(header)]
        if not slices or not all(header.get("FrameOfReferenceUID") for _, header in images):
            continue
        off_mm = max(off_grid_mm(frame, t1w.affine) for frame in slices)
        nearest_mm = min(nearest_mm, off_mm)
        if off_mm <= TOLERANCE_MM and any(
            overlaps(frame, t1w.affine, t1w.shape[:3]) for frame in slices
        ):
            likeness[uid] = _likeness(images, t1w)
    if not likeness:
        far = f", whose voxels lie {nearest_mm:.1f} mm off" if np.isfinite(nearest_mm) else ""
        raise InvalidInput(
            f"The T1w does not lie on the grid of any series of the DICOM template{far}",
            hint="give the DICOM series that the T1w was converted from",
        )
    best = max(likeness, key=lambda uid: -1.0 if np.isnan(likeness[uid]) else likeness[uid])
    if likeness[best] < SAME_HEAD_CORRELATION:
        raise InvalidInput(
            "The DICOM template shows another head than the T1w "
            f"(correlation of their voxels {likeness[best]:.2f})",
            hint="check that the template is this participant's T1w",
        )
    notes = []
    if np.isnan(likeness[best]):
        notes.append(
            "The pixels of the DICOM template could not be read: whether it shows the same head as "
            "the T1w was judged by the grid alone."
        )
    return by_series[best], notes


def _likeness(images: list[tuple[Path, Dataset]], t1w: nib.Nifti1Image) -> float:
    """Correlation of the images' pixels with the T1w's in the head; NaN where unreadable."""
    data = np.asarray(t1w.dataobj, np.float32).reshape(t1w.shape[:3])
    chosen = np.unique(np.linspace(0, len(images) - 1, N_COMPARED_SLICES).astype(int))
    ours, theirs = [], []
    for file, _ in (images[i] for i in chosen):
        try:
            image = pydicom.dcmread(file)
            pixels = np.atleast_3d(pydicom.pixels.apply_rescale(image.pixel_array, image))
        except Exception:  # no decoder for this compression: the caller says so
            return float("nan")
        slices = list(frames(image))
        pixels = pixels.reshape(len(slices), *slices[0].shape)
        step = max(1, len(slices) // N_COMPARED_SLICES)
        for frame, values in list(zip(slices, pixels, strict=True))[::step]:
            row, column = (grid.ravel() for grid in np.indices(frame.shape))
            voxel = np.rint(voxel_of(frame.pixels_lps_mm(row, column), t1w.affine)).astype(int)
            inside = ((voxel >= 0) & (voxel < data.shape)).all(1)
            ours.append(data[tuple(voxel[inside].T)])
            theirs.append(values.ravel()[inside])
    ours, theirs = np.concatenate(ours), np.concatenate(theirs)
    shown = ours > HEAD_SHARE * np.percentile(ours, 99)
    if shown.sum() < 2 or np.ptp(ours[shown]) == 0 or np.ptp(theirs[shown]) == 0:
        return float("nan")
    return float(np.corrcoef(ours[shown], theirs[shown])[0, 1])


def _identity(header: Dataset) -> Dataset:
    """Patient and study in UTF-8, whatever the scanner's character set."""
    identity = Dataset()
    identity.SpecificCharacterSet = UTF8
    for keyword in (*PATIENT, *STUDY):
        value = header.get(keyword)
        if value:
            setattr(identity, keyword, PersonName(str(value)) if "Name" in keyword else str(value))
        elif keyword in _NEVER_ABSENT:
            setattr(identity, keyword, "")
    return identity


def _image(identity: Dataset, header: Dataset) -> Dataset:
    image = Dataset()
    image.update(identity)
    for keyword in (*_IMAGE, *ACQUISITION):
        if keyword in header:
            image[keyword] = header[keyword]
    return image
