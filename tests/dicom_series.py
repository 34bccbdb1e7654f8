"""A T1w as the MR images that it could have been converted from, with a patient who is nobody."""

from pathlib import Path

import nibabel as nib
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

IDENTIFIERS = {
    "PatientName": "Müßig^Änne",
    "PatientID": "H-4711-0815",
    "PatientBirthDate": "19810723",
    "AccessionNumber": "ACC90210",
    "StudyID": "STUDY77",
    "ReferringPhysicianName": "Überweiser^Karl",
}
FILE_PREFIX = "MUESSIG_AENNE"


def write_series(t1w: Path, folder: Path, every: int = 1, **changed: str) -> list[Path]:
    """Write the T1w's sagittal slices, in DICOM's order and character set Latin 1.

    Parameters
    ----------
    every : int
        Write one slice out of so many.
    changed : str
        Attributes that differ from `IDENTIFIERS` or from the T1w's, by keyword.
    """
    image = nib.as_closest_canonical(nib.load(t1w))
    data = np.asarray(image.dataobj, float)
    stored = np.rint(data / data.max() * 4000).astype(np.uint16)
    zooms = image.header.get_zooms()
    study, series, reference = (generate_uid(prefix=None) for _ in range(3))
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    nx, ny, nz = stored.shape
    for number, x in enumerate(range(nx - 1, -1, -every), 1):
        # First pixel: anterior and superior; rows run backwards, columns downwards.
        position = image.affine @ [x, ny - 1, nz - 1, 1]
        header = Dataset()
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        header.SpecificCharacterSet = "ISO_IR 100"
        header.SOPClassUID, header.SOPInstanceUID = MRImageStorage, generate_uid(prefix=None)
        header.ImageType = ["ORIGINAL", "PRIMARY", "M"]
        header.Modality, header.PatientSex = "MR", "F"
        header.StudyDate, header.StudyTime = "20240229", "103000"
        header.StudyInstanceUID, header.SeriesInstanceUID = study, series
        header.FrameOfReferenceUID, header.PositionReferenceIndicator = reference, ""
        header.SeriesNumber, header.InstanceNumber = 3, number
        header.Manufacturer = "Virtual scanners"
        header.Rows, header.Columns = nz, ny
        header.ImagePositionPatient = [f"{v:.4f}" for v in position[:3] * [-1, -1, 1]]
        header.ImageOrientationPatient = _cosines(image.affine)
        header.PixelSpacing = [float(zooms[2]), float(zooms[1])]
        header.SliceThickness = float(zooms[0])
        header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
        header.BitsAllocated = header.BitsStored = 16
        header.HighBit, header.PixelRepresentation = 15, 0
        for keyword, value in (IDENTIFIERS | changed).items():
            setattr(header, keyword, value)
        header.PixelData = np.ascontiguousarray(stored[x, ::-1, ::-1].T).tobytes()
        files.append(folder / f"{FILE_PREFIX}_{number:04d}.dcm")
        header.save_as(files[-1], enforce_file_format=True)
    return files


def _cosines(affine: np.ndarray) -> list[str]:
    backwards, downwards = -affine[:3, 1], -affine[:3, 2]
    cosines = [v / np.linalg.norm(v) * [-1, -1, 1] for v in (backwards, downwards)]
    return [f"{value:.8f}" for value in np.concatenate(cosines)]
