"""How a NIfTI stores its voxels, looked at before anything is read that its size decides."""

import gzip
import math
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np

from pipeline.absent import require_content
from pipeline.errors import InvalidInput, OutOfMemory
from pipeline.machine import available_memory_bytes

MAX_EXTENSION_BYTES = 2**20
# While voxels are read there are, besides those as stored, the scaled ones (float64) and float32.
_SCALED_BYTES = 12
_HEADERS = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
_GZIP_MAGIC = b"\x1f\x8b"
_SINGLE_FILE = b"n+"  # of the magic: header and voxels are in one file
_CHUNK_BYTES = 2**20
_COLOURS = ("RGB", "RGBA")


def check_storage(path: Path, what: str) -> None:
    """Refuse voxels that are no intensities or are not here, and a header of absurd length.

    Looks at the header's fixed part alone. A file that is no NIfTI is left to its reader.

    Parameters
    ----------
    path : Path
    what : str
        How the image is called in sentences, for example "T1w".

    Raises
    ------
    InvalidInput
        The content is not on this machine, the file is a folder or is named as (un)compressed
        wrongly, its voxels begin within its header, it holds complex numbers, colours or another type that no scanner's image has, or
        more than `MAX_EXTENSION_BYTES` of extensions, which the reader would load whole.
    """
    require_content(path)
    _check_file(Path(path), what)
    header = _fixed_header(Path(path))
    if header is None:
        return
    kind = _kind(header)
    if kind is not None:
        raise InvalidInput(
            f"the {what} stores {kind} instead of one number per voxel",
            file=path,
            hint="convert the DICOM series again, or save the image's magnitude as 16-bit integers",
        )
    header_bytes = header.template_dtype.itemsize
    if bytes(header["magic"]).startswith(_SINGLE_FILE) and header["vox_offset"] < header_bytes:
        raise InvalidInput(
            f"the {what} says that its voxels begin within its header",
            file=path,
            hint="convert the DICOM series again, for example with dcm2niix",
        )
    extension_bytes = float(header["vox_offset"]) - header_bytes
    if extension_bytes > MAX_EXTENSION_BYTES:
        raise InvalidInput(
            f"the {what} has a header of {extension_bytes / 2**20:.0f} MB",
            file=path,
            hint="save the image again without the header's extensions",
        )


def states_voxel_size(path: Path) -> bool:
    """Whether a NIfTI's header gives three voxel sizes: where it does not, readers invent 1 mm.

    A file that is no NIfTI is left to its reader.
    """
    header = _fixed_header(Path(path))
    if header is None:
        return True
    sizes = np.asarray(header["pixdim"][1:4], float)
    return bool(np.isfinite(sizes).all() and (sizes != 0).all())


def require_intact(path: Path, what: str) -> None:
    """Refuse a compressed image whose content is not what was compressed.

    Readers take as many bytes as the header says and stop before the checksum behind them, so that
    they give wrong voxels for a file that was damaged on its way.

    Raises
    ------
    InvalidInput
        The file ends early, its checksum is not that of its content, or something else follows it.
    """
    try:
        with Path(path).open("rb") as stream:
            if stream.read(2) != _GZIP_MAGIC:
                return
        with gzip.open(path) as stream:
            while stream.read(_CHUNK_BYTES):
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(
            f"the {what} is truncated or corrupt",
            file=path,
            hint="copy it again from the original and compare the sizes",
        ) from error


def reading_bytes(image) -> int:
    """Memory that reading all voxels of an opened image takes at its peak."""
    return math.prod(image.shape) * (np.dtype(image.get_data_dtype()).itemsize + _SCALED_BYTES)


def require_memory(image, path: Path, what: str) -> None:
    """Refuse to read what would not fit into the job's memory.

    Raises
    ------
    OutOfMemory
    """
    needed, available = reading_bytes(image), available_memory_bytes()
    if needed > available:
        raise OutOfMemory(
            f"reading the {what} takes {needed / 2**30:.1f} GiB of memory and "
            f"{available / 2**30:.1f} GiB are free",
            file=path,
            hint="give the job more memory, or save the image at about 1 mm as 16-bit integers",
        )


def _check_file(path: Path, what: str) -> None:
    """Refuse a folder, and a file whose name is wrong about compression: readers go by the name.

    Raises
    ------
    InvalidInput
    """
    if path.is_dir():
        raise InvalidInput(
            f"the {what} is a folder instead of a file",
            file=path,
            hint="move the image out of that folder, under this name",
        )
    try:
        with path.open("rb") as stream:
            start = stream.read(4)
    except OSError:  # what cannot be opened is its reader's to report
        return
    packed, named_packed = start.startswith(_GZIP_MAGIC), path.suffix.lower() == ".gz"
    plain = any(int.from_bytes(start, order) in _HEADERS for order in ("little", "big"))
    if named_packed and plain:
        raise InvalidInput(
            f"the {what} is not compressed, though its name ends in .gz",
            file=path,
            hint="rename it to .nii, or compress it with gzip",
        )
    if packed and path.suffix.lower() == ".nii":
        raise InvalidInput(
            f"the {what} is compressed, though its name does not end in .gz",
            file=path,
            hint="rename it to .nii.gz",
        )


def _kind(header) -> str | None:
    """What the voxels are where they are no plain numbers."""
    try:
        dtype = header.get_data_dtype()
    except nib.spatialimages.HeaderDataError:
        return "an unknown type of data"
    if dtype.kind == "c":
        return f"complex numbers ({dtype.name})"
    if dtype.fields is not None:
        return f"colours ({_COLOURS[len(dtype.fields) - 3]})"
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        return f"numbers of {8 * dtype.itemsize} bits"
    return None


def _fixed_header(path: Path):
    """The header without extensions; None where it is none of NIfTI."""
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == _GZIP_MAGIC
        with gzip.open(path) if packed else path.open("rb") as stream:
            start = stream.read(max(_HEADERS))
    except (OSError, EOFError, zlib.error):
        return None
    for size, header_class in _HEADERS.items():
        orders = [order for order in ("little", "big") if int.from_bytes(start[:4], order) == size]
        if orders and len(start) >= size:
            return header_class(start[:size], {"little": "<", "big": ">"}[orders[0]], check=False)
    return None
