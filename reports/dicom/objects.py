"""The three DICOM objects: the report as Encapsulated PDF, the extent as Segmentation, the map."""

from datetime import datetime

import highdicom as hd
import numpy as np
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, EncapsulatedPDFStorage, ExplicitVRLittleEndian, generate_uid

from pipeline import __version__
from reports.dicom.geometry import as_slices
from reports.dicom.template import Template

NAME = "spikefocus"
NOTICE = "Research use only"
# The standard has no code for what a map of spikes shows; a scheme of one's own starts with 99.
_SCHEME = "99SPIKEFOCUS"
_SOURCE = Code("SPIKESOURCE", _SCHEME, "Estimated source of interictal spikes")
_ACTIVITY = Code("ACTIVITY", _SCHEME, "Mean absolute source activity at the spike's peak")
_SPATIAL = Code("309825002", "SCT", "Spatial and Relational Concept")
SERIES_NUMBERS = {
    "report": 9701,
    "extent": 9702,
    "map": 9703,
    "burned-in T1w": 9704,
    "points": 9705,
}
BODY_PART = "BRAIN"
_FULL_SCALE = 65535
_NO_SERIAL_NUMBER = "none"  # the standard asks for one; software has none


def encapsulated_pdf(pdf: bytes, template: Template, now: datetime, shows_face: bool) -> Dataset:
    """The report's PDF, byte by byte (PS3.3 A.45.1); `shows_face` if its pictures do."""
    document = Dataset()
    document.file_meta = FileMetaDataset()
    document.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    document.update(template.identity)
    document.SOPClassUID = EncapsulatedPDFStorage
    document.SOPInstanceUID, document.SeriesInstanceUID = new_uid(), new_uid()
    document.Modality = "DOC"
    document.SeriesNumber, document.InstanceNumber = SERIES_NUMBERS["report"], 1
    document.SeriesDescription = f"Spike source report, {NOTICE.lower()}"
    document.Manufacturer = document.ManufacturerModelName = NAME
    document.SoftwareVersions = __version__
    document.ConversionType = "WSD"  # made on a workstation
    document.InstanceCreationDate = document.ContentDate = now.strftime("%Y%m%d")
    document.InstanceCreationTime = document.ContentTime = now.strftime("%H%M%S")
    document.AcquisitionDateTime = ""
    document.BurnedInAnnotation = "NO"  # the pages bear the pseudonym alone
    document.RecognizableVisualFeatures = "YES" if shows_face else "NO"
    document.DocumentTitle = f"Spike source report. {NOTICE}, not for diagnosis"
    document.ConceptNameCodeSequence = []
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocumentLength = len(pdf)
    document.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    return document


def segmentation(
    extent: np.ndarray, affine_ras: np.ndarray, template: Template, method: str
) -> Segmentation:
    """The map's extent (nx, ny, nz) of bool on the T1w's grid."""
    description = SegmentDescription(
        segment_number=1,
        segment_label="Spike source, extent",
        segmented_property_category=_SPATIAL,
        segmented_property_type=_SOURCE,
        algorithm_type="AUTOMATIC",
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=f"{NAME} {method}",
            family=codes.DCM.ArtificialIntelligence,
            version=__version__,
            source=NAME,
        ),
        anatomic_regions=[codes.SCT.Brain],
    )
    made = Segmentation(
        source_images=template.images,
        pixel_array=_volume(extent.astype(np.uint8), affine_ras, template),
        segmentation_type="BINARY",
        segment_descriptions=[description],
        omit_empty_frames=False,
        content_label="SPIKE_SOURCE",
        content_description=cut(f"Extent of the spikes' source, {method}. {NOTICE}"),
        series_description=cut(f"Spike source, extent ({method}), {NOTICE.lower()}"),
        **_common("extent"),
    )
    made.BodyPartExamined = BODY_PART
    made.RecognizableVisualFeatures = "NO"  # the extent lies in the cortex
    return made


def parametric_map(
    values: np.ndarray, affine_ras: np.ndarray, template: Template, method: str, unit: str
) -> ParametricMap:
    """The map (nx, ny, nz), not negative, on the T1w's grid in steps of 1/65535 of its maximum."""
    slope = float(values.max()) / _FULL_SCALE
    stored = np.rint(values / slope).astype(np.uint16)
    mapping = RealWorldValueMapping(
        lut_label="ACTIVITY",
        lut_explanation=cut(f"Mean absolute activity at the peak, {unit}"),
        unit=codes.UCUM.NoUnits,
        value_range=(0, _FULL_SCALE),
        slope=slope,
        intercept=0.0,
        quantity_definition=_ACTIVITY,
    )
    made = ParametricMap(
        source_images=template.images,
        pixel_array=_volume(stored, affine_ras, template),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            hd.VOILUTTransformation(window_center=_FULL_SCALE / 2, window_width=_FULL_SCALE)
        ],
        content_label="SPIKE_MAP",
        content_description=cut(f"Map of the spikes' source, {method}. {NOTICE}"),
        series_description=cut(f"Spike source, map ({method}), {NOTICE.lower()}"),
        **_common("map"),
    )
    made.BodyPartExamined = BODY_PART
    return made


def _volume(array: np.ndarray, affine_ras: np.ndarray, template: Template) -> hd.Volume:
    slices, affine_lps = as_slices(array, affine_ras, template.frame)
    return hd.Volume(
        slices,
        affine_lps,
        coordinate_system="PATIENT",
        frame_of_reference_uid=template.images[0].FrameOfReferenceUID,
    )


def _common(kind: str) -> dict:
    return {
        "series_instance_uid": new_uid(),
        "series_number": SERIES_NUMBERS[kind],
        "sop_instance_uid": new_uid(),
        "instance_number": 1,
        "manufacturer": NAME,
        "manufacturer_model_name": NAME,
        "software_versions": __version__,
        "device_serial_number": _NO_SERIAL_NUMBER,
    }


def new_uid() -> UID:
    """Below 2.25, the root for everybody: from random bits, never from a name or a file."""
    return generate_uid(prefix=None)


def cut(text: str) -> str:
    """At most as long as a DICOM long string."""
    return text[:64]
