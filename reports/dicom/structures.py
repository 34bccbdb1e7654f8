"""Points as a DICOM RT Structure Set (PS3.3 A.19): the object in which planning systems take points.

Each is a region of interest of its own with its name, drawn as one point in the frame of reference
of the T1w.
"""

from collections.abc import Sequence
from datetime import datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage
from pydicom.valuerep import format_number_as_ds

from pipeline import __version__
from pipeline.markups import Group, NamedPoint
from reports.dicom.objects import NAME, NOTICE, SERIES_NUMBERS, cut, new_uid
from reports.dicom.template import Template

# The standard wants the study as a reference to a class that it has retired since.
_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
_BITS = 255


def points(groups: Sequence[Group], template: Template, now: datetime) -> Dataset:
    """All points of all groups, numbered through."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.update(template.identity)
    made.SOPClassUID, made.SOPInstanceUID = RTStructureSetStorage, new_uid()
    made.SeriesInstanceUID, made.Modality = new_uid(), "RTSTRUCT"
    made.SeriesNumber, made.InstanceNumber = SERIES_NUMBERS["points"], 1
    made.SeriesDescription = f"Dipoles and contacts, {NOTICE.lower()}"
    made.Manufacturer = made.ManufacturerModelName = NAME
    made.SoftwareVersions, made.OperatorsName = __version__, ""
    made.StructureSetLabel = "Spikes research"
    made.StructureSetDescription = (
        f"{NOTICE}, not for diagnosis or treatment. Intracranial contacts, maxima and dipoles of "
        "spikes as points in the frame of the T1w."
    )
    made.StructureSetDate, made.StructureSetTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.ApprovalStatus = "UNAPPROVED"
    reference = template.images[0].FrameOfReferenceUID
    made.FrameOfReferenceUID = reference
    made.PositionReferenceIndicator = template.images[0].get("PositionReferenceIndicator", "")
    made.ReferencedFrameOfReferenceSequence = [_images(template, reference)]
    made.StructureSetROISequence, made.ROIContourSequence = [], []
    made.RTROIObservationsSequence = []
    every = [(group, point) for group in groups for point in group.points]
    for number, (group, point) in enumerate(every, 1):
        made.StructureSetROISequence.append(_roi(number, group, point, reference))
        made.ROIContourSequence.append(_contour(number, group, point))
        made.RTROIObservationsSequence.append(_observation(number))
    return made


def _images(template: Template, reference: str) -> Dataset:
    """The frame of reference with the series that shows it."""
    series = Dataset()
    series.SeriesInstanceUID = template.images[0].SeriesInstanceUID
    series.ContourImageSequence = []
    for image in template.images:
        item = Dataset()
        item.ReferencedSOPClassUID = image.SOPClassUID
        item.ReferencedSOPInstanceUID = image.SOPInstanceUID
        series.ContourImageSequence.append(item)
    study = Dataset()
    study.ReferencedSOPClassUID = _STUDY_CLASS
    study.ReferencedSOPInstanceUID = template.identity.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = reference
    frame.RTReferencedStudySequence = [study]
    return frame


def _roi(number: int, group: Group, point: NamedPoint, reference: str) -> Dataset:
    roi = Dataset()
    roi.ROINumber, roi.ReferencedFrameOfReferenceUID = number, reference
    roi.ROIName = cut(_one_value(point.name))
    roi.ROIDescription = f"{group.name}: {point.description}"[:1024]
    roi.ROIGenerationAlgorithm = "AUTOMATIC"
    return roi


def _contour(number: int, group: Group, point: NamedPoint) -> Dataset:
    drawn = Dataset()
    drawn.ContourGeometricType, drawn.NumberOfContourPoints = "POINT", 1
    drawn.ContourData = [format_number_as_ds(value) for value in point.pos_lps_mm]
    contour = Dataset()
    contour.ROIDisplayColor = [round(_BITS * part) for part in group.rgb]
    contour.ContourSequence = [drawn]
    contour.ReferencedROINumber = number
    return contour


def _observation(number: int) -> Dataset:
    observation = Dataset()
    observation.ObservationNumber = observation.ReferencedROINumber = number
    observation.RTROIInterpretedType, observation.ROIInterpreter = "", ""
    return observation


def _one_value(text: str) -> str:
    """Without the character that separates values in DICOM."""
    return text.replace("\\", "/")
