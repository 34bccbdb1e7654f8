"""The cortex that can be turned: niivue, spikefocus's own script for it, and its data as text."""

import base64
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
from matplotlib.colors import to_hex, to_rgb
from scipy.spatial import ConvexHull

from pipeline.template.cortex import N_VERTICES_HEMI
from reports.figures import style
from reports.glyphs import printable
from reports.onset import onset_s, propagation
from reports.patient import Patient
from reports.pictures import Studio
from reports.viewer.slices import CORTEX_REACH_MM, slice_scene
from reports.wording import method_name

_FOLDER = files("reports") / "viewer"
_SHOWN_S = (-0.25, 0.35)
_STEP_S = 0.004
_GAP_MM = 6.0  # between the inflated hemispheres, which lie in each other as they are stored
_CONTACT_RADIUS_MM = 2.2
_OTHER_CONTACT_RADIUS_MM = 1.3


def scripts() -> list[str]:
    """The viewer library (see README.md beside it) and the script that uses it."""
    return [
        (_FOLDER / name).read_text(encoding="utf-8")
        for name in ("niivue.umd.js", "slices.js", "cortex.js")
    ]


def scene(studios: Sequence[Studio]) -> dict:
    """What the script draws, arrays as base64 of little-endian numbers.

    Surfaces are float32 positions (mm, scanner RAS of the T1w) and uint16 triangles; every type of
    spikes has the maps of its methods, the one that the report is about first.

    Parameters
    ----------
    studios : sequence of Studio
        One for each type that is imaged.
    """
    patient, cortex = studios[0].patient, studios[0].cortex
    return {
        "surfaces": {
            "pial": _text(cortex.pial_mm, "<f4"),
            "inflated": _text(_apart(cortex.inflated_mm, cortex.pial_mm), "<f4"),
        },
        "faces": _text(cortex.faces, "<u2"),
        "depth": _text(np.clip(cortex.sulcal_depth, -1, 1) * 127, "<i1"),
        "vertexRegion": _text(patient.head.vertex_region, "<i2"),
        "types": [_type_of_spikes(studio) for studio in studios],
        "resection": None if cortex.in_resection is None else _text(cortex.in_resection, "<u1"),
        "contacts": _contacts(patient),
        "slices": slice_scene(patient),
        "colours": _text(255 * style.SOURCE_MAP(np.linspace(0, 1, 256))[:, :3], "<u1"),
        "sozColour": _rgb(style.SOZ_BLUE),
        "resectionColour": _rgb(style.RESECTION_GREEN),
        "shownFrom": style.SHOWN_FROM,
        "cortexReach": CORTEX_REACH_MM,
        "bar": ", ".join(
            to_hex(style.SOURCE_MAP(level)) for level in np.linspace(style.SHOWN_FROM, 1, 9)
        ),
    }


def _type_of_spikes(studio: Studio) -> dict:
    """The maps of one type, its times, and the side on which its source is."""
    patient = studio.patient
    shown = shown_samples(patient.finding.times_s)
    # Where personalization was not used, the generic network's map is the one that stands first.
    same = set() if patient.personalization_used else {"generic"}
    methods = [patient.finding_method, *(name for name in patient.sources if name not in same)]
    return {
        "title": patient.type_title,
        "side": studio.cortex.side,
        "timesMs": np.round(1000 * patient.finding.times_s[shown], 1).tolist(),
        "onsetMs": None if propagation(patient) is None else round(1000 * onset_s(patient), 1),
        "maps": [
            _map(patient, method, patient.finding.times_s[shown])
            for method in dict.fromkeys(methods)
        ],
    }


def shown_samples(times_s: np.ndarray) -> np.ndarray:
    """Indices of the samples that the slider stops at, the peak (0 s) among them.

    No closer than `_STEP_S`, for the sake of the file's size.
    """
    step = max(1, round(_STEP_S / (times_s[1] - times_s[0])))
    samples = np.arange(np.abs(times_s).argmin() % step, len(times_s), step)
    inside = (times_s[samples] >= _SHOWN_S[0]) & (times_s[samples] <= _SHOWN_S[1])
    return samples[inside]


def _map(patient: Patient, method: str, shown_s: np.ndarray) -> dict:
    """|Activity| of each region over time in 255ths of its largest value in what is shown."""
    found, vertex_region = patient.sources[method], patient.head.vertex_region
    # Methods have samples of their own.
    nearest = np.abs(found.times_s[:, None] - shown_s).argmin(axis=0)
    activity = np.abs(found.activity[:, nearest])
    return {
        "name": patient.finding_name if method == patient.finding_method else method_name(method),
        "activity": _text(np.round(255 * activity / activity.max()).T, "<u1"),
        "extent": _text((vertex_region >= 0) & found.extent[vertex_region], "<u1"),
    }


def spheres(pos_mm: np.ndarray, radius_mm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """An icosahedron around each position (n, 3): vertices (12 n, 3) and triangles (20 n, 3)."""
    golden = (1 + np.sqrt(5)) / 2
    rectangle = np.array([[a, b * golden, 0] for a in (-1, 1) for b in (-1, 1)])
    corners = np.vstack([np.roll(rectangle, shift, axis=1) for shift in range(3)])
    corners = corners / np.linalg.norm(corners[0])
    faces = ConvexHull(corners).simplices
    a, b, c = np.moveaxis(corners[faces], 1, 0)
    inward = np.einsum("fi,fi->f", np.cross(b - a, c - a), a) < 0
    faces[inward] = faces[inward][:, ::-1]
    vertices = pos_mm[:, None] + np.asarray(radius_mm)[:, None, None] * corners
    triangles = faces + len(corners) * np.arange(len(pos_mm))[:, None, None]
    return vertices.reshape(-1, 3), triangles.reshape(-1, 3)


def _contacts(patient: Patient) -> dict | None:
    """Balls, and the place and name of each; the names are the clinic's."""
    table = patient.contacts
    if table.empty:
        return None
    pos_mm = table[["x", "y", "z"]].to_numpy(float)
    is_soz = table["soz"].to_numpy(bool)
    radius_mm = np.where(is_soz, _CONTACT_RADIUS_MM, _OTHER_CONTACT_RADIUS_MM)
    vertices, triangles = spheres(pos_mm, radius_mm)
    n_corners = len(vertices) // len(pos_mm)
    return {
        "positions": _text(vertices, "<f4"),
        "faces": _text(triangles, "<u4"),
        "soz": _text(np.repeat(is_soz, n_corners), "<u1"),
        "places": [
            {"name": printable(str(name)), "pos": pos, "soz": bool(soz)}
            for name, pos, soz in zip(
                table["name"], np.round(pos_mm, 1).tolist(), is_soz, strict=True
            )
        ],
    }


def _apart(inflated_mm: np.ndarray, pial_mm: np.ndarray) -> np.ndarray:
    """The two inflated hemispheres beside each other, as long as the brain and where it is."""
    moved = inflated_mm * (np.ptp(pial_mm[:, 1]) / np.ptp(inflated_mm[:, 1]))
    left, right = moved[:N_VERTICES_HEMI], moved[N_VERTICES_HEMI:]
    left[:, 0] -= left[:, 0].max() + _GAP_MM / 2
    right[:, 0] -= right[:, 0].min() - _GAP_MM / 2
    return moved + (_middle(pial_mm) - _middle(moved))


def _middle(pos_mm: np.ndarray) -> np.ndarray:
    return (pos_mm.min(axis=0) + pos_mm.max(axis=0)) / 2


def _text(values: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def _rgb(colour: str) -> list[int]:
    return [round(255 * value) for value in to_rgb(colour)]
