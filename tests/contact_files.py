"""Contact tables as datasets hold them, resolved under a spherical scalp."""

import json
from functools import cache
from pathlib import Path

import numpy as np

from pipeline.compare.contacts import resolve_contacts
from pipeline.compare.frames import T1W as T1W_FRAME
from pipeline.compare.labels import ContactLabels
from pipeline.compare.placing import Carried

T1W = Path("sub-01_T1w.nii.gz")
NAMES = ("A1", "A2", "A3", "A4")
POS_MM = np.array([[-30.0, 0, 0], [-40, 0, 0], [-50, 0, 0], [-60, 0, 0]])
CHANNELS = (
    b"name\ttype\tstatus\tstatus_description\n"
    b"A1\tSEEG\tgood\tsoz\n"
    b'A2\tSEEG\tbad\t"resect,soz"\n'
    b"A3\tSEEG\tgood\tresect\n"
    b"A4\tSEEG\tgood\tn/a\n"
)


def in_t1w(frame):
    """Carries what is in the T1w, and nothing else."""
    if frame.kind != T1W_FRAME:
        return f"nothing carries {frame.space} here"
    return Carried(lambda pos_mm: pos_mm, "as given")


def resolve(
    electrodes, channels, coordsystem, scalp, labels=None, carry=in_t1w, images=(), tables_json=None
):
    return resolve_contacts(
        electrodes,
        channels,
        coordsystem,
        T1W,
        list(images),
        labels or ContactLabels(),
        carry,
        scalp,
        tables_json or {},
    )


@cache
def spherical_scalp() -> np.ndarray:
    """A sphere of 90 mm about (0, -20, 10)."""
    rng = np.random.default_rng(0)
    direction = rng.standard_normal((4000, 3))
    return np.array([0, -20, 10]) + 90 * direction / np.linalg.norm(
        direction, axis=1, keepdims=True
    )


def write_contacts(
    folder,
    electrodes=None,
    channels=None,
    system="ScanRAS",
    unit="mm",
    pos=POS_MM,
    labels=None,
    **coordsystem,
):
    """Write the three files and resolve them."""
    extra = {
        name: dict(zip(NAMES, column, strict=True)) for name, column in (electrodes or {}).items()
    }
    rows = ["\t".join(["name", "x", "y", "z", *extra])]
    for name, xyz in zip(NAMES, pos, strict=True):
        cells = ["n/a" if np.isnan(value) else f"{value:g}" for value in xyz]
        rows.append("\t".join([name, *cells, *(extra[column][name] for column in extra)]))
    files = {"electrodes": [folder / "sub-01_electrodes.tsv"], "channels": []}
    files["electrodes"][0].write_text("\n".join(rows) + "\n")
    if channels is not None:
        files["channels"] = [folder / "sub-01_channels.tsv"]
        files["channels"][0].write_bytes(channels)
    described = {"iEEGCoordinateSystem": system, "iEEGCoordinateUnits": unit, **coordsystem}
    path = folder / "sub-01_coordsystem.json"
    path.write_text(json.dumps(described))
    return resolve(**files, coordsystem=[path], scalp=spherical_scalp(), labels=labels)
