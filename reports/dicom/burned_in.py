"""The T1w as a series of MR images with the source burned in, as navigation systems read it.

A copy for planning: the extent and the maximum are voxels brighter than any of the image, so that
they are seen in every viewer and can be cut out by a threshold. All other voxels keep their values.
"""

from dataclasses import dataclass

import highdicom as hd
import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pydicom.valuerep import format_number_as_ds

from pipeline import __version__
from reports.dicom.geometry import TOLERANCE_MM, as_slices
from reports.dicom.objects import BODY_PART, NAME, NOTICE, SERIES_NUMBERS, cut, new_uid
from reports.dicom.template import ACQUISITION, Template, frames

# Times the brightest voxel of the T1w.
EXTENT_LEVEL, MAXIMUM_LEVEL = 1.25, 1.5
# The maximum is a bright ball in a dark shell, so that it is seen within a bright extent too.
BALL_MM, SHELL_MM = 3.0, 4.5
_FULL_SCALE = 65535
# Bright tissue is shown grey, so that what is burned in stands out as white.
_BRIGHT_PERCENTILE, _BRIGHT_SHOWN = 99.0, 0.7
# What the standard wants of an MR image, where the scanner's own is not at hand: "research mode".
_UNKNOWN_ACQUISITION = {
    "ScanningSequence": "RM",
    "SequenceVariant": "NONE",
    "ScanOptions": "",
    "MRAcquisitionType": "3D",
    "RepetitionTime": None,
    "EchoTime": None,
    "EchoTrainLength": None,
    "PatientPosition": "",
}


@dataclass(frozen=True, eq=False)
class Stored:
    """An image as 16-bit integers without sign: value = slope x pixel + intercept.

    Attributes
    ----------
    pixels : ndarray of uint16
    slope, intercept : float
        1 and 0 where the image holds integers that leave room for what is burned in.
    """

    pixels: np.ndarray
    slope: float
    intercept: float

    @property
    def told(self) -> str:
        """What pixels have to do with the image's values; MR images have no attribute for it."""
        if (self.slope, self.intercept) == (1.0, 0.0):
            return " All other voxels have the T1w's values."
        return (
            f" All other voxels have the T1w's values: {self.slope:.6g} times the pixel plus "
            f"{self.intercept:.6g}."
        )


def as_stored(values: np.ndarray) -> Stored:
    """Store an image so that `MAXIMUM_LEVEL` times its brightest voxel fits; NaN becomes its lowest."""
    values = np.nan_to_num(np.asarray(values, float), nan=np.nanmin(values))
    low, high = values.min(), values.max()
    if low >= 0 and high * MAXIMUM_LEVEL <= _FULL_SCALE and np.array_equal(values, np.rint(values)):
        return Stored(values.astype(np.uint16), 1.0, 0.0)
    slope = float(high - low) * MAXIMUM_LEVEL / _FULL_SCALE or 1.0
    return Stored(np.rint((values - low) / slope).astype(np.uint16), slope, float(low))


def burn_in(
    pixels: np.ndarray, affine_ras: np.ndarray, extent: np.ndarray, max_mri_mm: np.ndarray
) -> np.ndarray:
    """A copy of `pixels` (nx, ny, nz) with the extent (of bool) and the maximum.

    `max_mri_mm` is in scanner RAS, as `affine_ras` is.
    """
    burned, brightest = pixels.copy(), int(pixels.max())
    burned[extent] = np.ceil(EXTENT_LEVEL * brightest)
    voxel, distance_mm = _around(max_mri_mm, affine_ras, pixels.shape)
    burned[tuple(voxel[distance_mm <= SHELL_MM].T)] = pixels.min()
    burned[tuple(voxel[distance_mm <= BALL_MM].T)] = np.ceil(MAXIMUM_LEVEL * brightest)
    return burned


def burned_in_series(
    t1w: np.ndarray,
    affine_ras: np.ndarray,
    extent: np.ndarray,
    max_mri_mm: np.ndarray,
    template: Template,
    method: str,
    of_type: str,
) -> list[Dataset]:
    """MR images of the whole T1w, one per slice, with one source burned in.

    Parameters
    ----------
    t1w, extent : ndarray, (nx, ny, nz)
        The image, and of bool what of it lies in the source.
    affine_ras : ndarray, (4, 4)
        Voxel to scanner RAS, mm.
    max_mri_mm : ndarray, (3,)
        The map's maximum.
    method, of_type : str
        What made the map; the type of spikes, empty where there is one.
    """
    stored = as_stored(t1w)
    bright = float(np.percentile(stored.pixels[stored.pixels > 0], _BRIGHT_PERCENTILE))
    white = bright / _BRIGHT_SHOWN
    burned = burn_in(stored.pixels, affine_ras, extent, max_mri_mm)
    slices, affine_lps = as_slices(burned, affine_ras, template.frame)
    common = _common(template, affine_lps, method, of_type)
    common.WindowCenter, common.WindowWidth = _ds(white / 2), _ds(white)
    common.DerivationDescription += stored.told
    sources, images = _Sources(template), []
    for number, pixels in enumerate(slices):
        image = Dataset()
        image.update(common)
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPInstanceUID, image.InstanceNumber = new_uid(), number + 1
        position_mm = affine_lps[:3, 3] + number * affine_lps[:3, 0]
        image.ImagePositionPatient = [_ds(value) for value in position_mm]
        image.SliceLocation = _ds(position_mm @ _unit(affine_lps[:3, 0]))
        if from_images := sources.of_slice(position_mm):
            image.SourceImageSequence = from_images
        image.Rows, image.Columns = pixels.shape
        image.PixelData = np.ascontiguousarray(pixels, "<u2").tobytes()
        images.append(image)
    return images


def _common(template: Template, affine_lps: np.ndarray, method: str, of_type: str) -> Dataset:
    """What all slices of the series have in common."""
    made = Dataset()
    made.update(template.identity)
    made.SOPClassUID, made.SeriesInstanceUID = MRImageStorage, new_uid()
    made.Modality, made.SeriesNumber = "MR", SERIES_NUMBERS["burned-in T1w"]
    of = f", {of_type}" if of_type else ""
    made.SeriesDescription = cut(f"{NOTICE}: T1w, spike source burned in{of}")
    made.Manufacturer = made.ManufacturerModelName = NAME
    made.SoftwareVersions = __version__
    made.BodyPartExamined = BODY_PART
    made.FrameOfReferenceUID = template.images[0].FrameOfReferenceUID
    made.PositionReferenceIndicator = template.images[0].get("PositionReferenceIndicator", "")
    made.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    made.DerivationDescription = (
        f"{NOTICE}, not for diagnosis or treatment. The T1w of which spikefocus made a source image; "
        f"burned into it are the extent ({EXTENT_LEVEL:g} x the brightest voxel) and the maximum "
        f"(ball of {BALL_MM:g} mm radius, {MAXIMUM_LEVEL:g} x, in a dark shell to {SHELL_MM:g} mm) of "
        f"the spikes' source map ({method}{of})."
    )
    made.ImageComments = f"{NOTICE}. Bright overlay: estimated spike source, not anatomy."
    # "Sufficient to identify the patient and date" (PS3.3 C.7.6.1.1.2): the overlay bears no text.
    made.BurnedInAnnotation = "NO"
    # Navigation registers by the face: the head is whole, as its DICOM original beside it is.
    made.RecognizableVisualFeatures = "YES"
    made.update(_UNKNOWN_ACQUISITION)
    for keyword in ACQUISITION:
        if keyword in template.images[0]:
            made[keyword] = template.images[0][keyword]
    spacing_mm = np.linalg.norm(affine_lps[:3, :3], axis=0)
    along_row, along_column = affine_lps[:3, 2], affine_lps[:3, 1]
    cosines = np.concatenate([_unit(along_row), _unit(along_column)])
    made.ImageOrientationPatient = [_ds(value) for value in cosines]
    made.PixelSpacing = [_ds(spacing_mm[1]), _ds(spacing_mm[2])]
    made.SliceThickness = made.SpacingBetweenSlices = _ds(spacing_mm[0])
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 0
    return made


def _around(
    centre_mri_mm: np.ndarray, affine_ras: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Voxels (n, 3) of a grid within `SHELL_MM` of a place, at least, and their distances (n,)."""
    to_voxel = np.linalg.inv(affine_ras)
    centre = nib.affines.apply_affine(to_voxel, centre_mri_mm)
    reach = SHELL_MM * np.linalg.norm(to_voxel[:3, :3], axis=1)
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, shape).astype(int)
    voxel = np.argwhere(np.ones(np.maximum(high - low, 0), bool)) + low
    places_mm = nib.affines.apply_affine(affine_ras, voxel)
    return voxel, np.linalg.norm(places_mm - centre_mri_mm, axis=1)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _ds(value: float) -> str:
    """A decimal string, which holds 16 characters at most."""
    return format_number_as_ds(float(value))


class _Sources:
    """Which images of the template show a slice."""

    def __init__(self, template: Template):
        normal = np.cross(template.frame.along_row, template.frame.along_column)
        self._normal = normal
        self._shown: list[tuple[float, Dataset, int | None]] = []
        for image in template.images:
            several = "NumberOfFrames" in image
            for number, frame in enumerate(frames(image), 1):
                place_mm = float(frame.position_lps_mm @ normal)
                self._shown.append((place_mm, image, number if several else None))

    def of_slice(self, position_lps_mm: np.ndarray) -> list[Dataset]:
        """Items of a SourceImageSequence; empty where the template was given in part."""
        place_mm = float(position_lps_mm @ self._normal)
        items = []
        for other_mm, image, frame_number in self._shown:
            if abs(other_mm - place_mm) > TOLERANCE_MM:
                continue
            item = Dataset()
            item.ReferencedSOPClassUID = image.SOPClassUID
            item.ReferencedSOPInstanceUID = image.SOPInstanceUID
            if frame_number is not None:
                item.ReferencedFrameNumber = frame_number
            item.PurposeOfReferenceCodeSequence = [
                hd.sr.CodedConcept.from_code(codes.DCM.SourceImageForImageProcessingOperation)
            ]
            items.append(item)
        return items
