"""Cortex seen from outside, with the source map, its extent, contacts and resection."""

from dataclasses import dataclass, field

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from scipy.spatial import cKDTree

from pipeline.template.cortex import N_VERTICES_HEMI, vertex_normals
from reports.figures import style
from reports.figures.keys import draw_contacts
from reports.figures.surface import Raster, rasterise

SURFACE_CONTACT_MM = 6.0
HIDDEN_MM = 12.0  # a maximum in the wall of a sulcus is still marked, one on the far side is not
_CASING = [effects.withStroke(linewidth=2.0, foreground="white")]


@dataclass(frozen=True)
class CortexData:
    """What is drawn on the cortex, left hemisphere first.

    Attributes
    ----------
    pial_mm, inflated_mm : ndarray, (20484, 3)
    faces : ndarray of int, (40960, 3)
    sulcal_depth : ndarray, (20484,)
        Positive in sulci.
    share : ndarray, (20484,)
        Source map as share of its maximum, 0 on the medial wall.
    in_extent : ndarray of bool, (20484,)
    in_resection : ndarray of bool, (20484,) or None
    soz_mm, other_contacts_mm : ndarray, (n, 3)
    max_mm : ndarray, (3,)
    """

    pial_mm: np.ndarray
    inflated_mm: np.ndarray
    faces: np.ndarray
    sulcal_depth: np.ndarray
    share: np.ndarray
    in_extent: np.ndarray
    max_mm: np.ndarray
    max_vertex: int
    in_resection: np.ndarray | None = None
    soz_mm: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    other_contacts_mm: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))

    @property
    def side(self) -> str:
        """Hemisphere of the maximum, "L" or "R"."""
        return "L" if self.max_vertex < N_VERTICES_HEMI else "R"

    def hemisphere_faces(self, hemispheres: str) -> np.ndarray:
        left = self.faces[:, 0] < N_VERTICES_HEMI
        return self.faces[{"L": left, "R": ~left, "LR": left | True}[hemispheres]]


def draw_cortex(
    axes: Axes, cortex: CortexData, hemispheres: str, view: str, surface: str = "pial"
) -> None:
    """One view of the pial or inflated surface of `hemispheres` ("L", "R" or "LR")."""
    pos_mm = cortex.pial_mm if surface == "pial" else cortex.inflated_mm
    faces = cortex.hemisphere_faces(hemispheres)
    resected = np.zeros(len(pos_mm)) if cortex.in_resection is None else cortex.in_resection
    values = np.column_stack(
        [
            vertex_normals(pos_mm, cortex.faces),
            np.clip(cortex.sulcal_depth, -1, 1),
            cortex.share,
            cortex.in_extent,
            resected,
        ]
    )
    raster = rasterise(pos_mm, faces, values, view, mm_per_pixel=0.4, closed=True)
    axes.imshow(
        _paint(raster), origin="lower", extent=raster.extent_mm, interpolation="antialiased"
    )
    _outline(axes, raster, raster.values[..., 5], "black", "solid")
    if cortex.in_resection is not None:
        _outline(axes, raster, raster.values[..., 6], style.RESECTION_GREEN, "dashed")
    _draw_contacts(axes, cortex, raster, hemispheres, surface)
    shown_max = pos_mm[cortex.max_vertex]
    if cortex.side in hemispheres and raster.depth_below_surface_mm(shown_max[None])[0] < HIDDEN_MM:
        right, up, _ = raster.project(shown_max[None])[0]
        axes.plot(right, up, "+", color="black", ms=6, mew=1.2, path_effects=_CASING)
    axes.set_aspect("equal")
    axes.set_axis_off()
    mark_sides(axes, raster, hemispheres)


def ranked_views(cortex: CortexData) -> list[tuple[str, str, str]]:
    """Hemispheres, view and its name, those first that show most of the thresholded map."""
    outer, inner = outer_and_inner(cortex.side)
    word = {"L": "Left", "R": "Right"}[cortex.side]
    candidates = [
        (cortex.side, outer, f"{word} hemisphere, lateral"),
        (cortex.side, inner, f"{word} hemisphere, medial"),
        ("LR", "ventral", "From below"),
        ("LR", "dorsal", "From above"),
    ]
    source = np.where(cortex.in_extent, cortex.share, 0)[:, None]
    seen = [
        np.nansum(
            rasterise(
                cortex.pial_mm, cortex.hemisphere_faces(shown), source, view, mm_per_pixel=1.5
            ).values
        )
        for shown, view, _ in candidates
    ]
    return [candidates[i] for i in np.argsort(-np.array(seen), kind="stable")]


def outer_and_inner(side: str) -> tuple[str, str]:
    """From where the lateral and the medial side of a hemisphere are seen."""
    return ("left", "right") if side == "L" else ("right", "left")


def shaded(raster: Raster, rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Grey cortex lit from the viewer's upper left, with colours (height, width, 3) laid on it.

    The raster's first four values are the vertices' normals and the sulcal depth.
    """
    light = raster.axes.T @ np.array([-0.35, 0.45, 0.82])
    normals = raster.values[..., :3]
    length = np.linalg.norm(normals, axis=-1)
    with np.errstate(invalid="ignore"):
        lambert = np.clip((normals @ light) / length, 0, 1)
    grey = 0.78 - 0.14 * raster.values[..., 3]
    shade = 0.50 + 0.50 * lambert
    plain = np.repeat((grey * shade)[..., None], 3, axis=-1)
    colour = rgb * (0.80 + 0.20 * lambert[..., None])
    mixed = (1 - alpha[..., None]) * plain + alpha[..., None] * colour
    return np.where(raster.covered[..., None], np.clip(np.nan_to_num(mixed), 0, 1), 1.0)


def _paint(raster: Raster) -> np.ndarray:
    """The cortex, coloured where the map is strong enough."""
    share = np.nan_to_num(raster.values[..., 4])
    alpha = np.clip((share - style.SHOWN_FROM + 0.03) / 0.06, 0, 1) * 0.95
    return shaded(raster, style.SOURCE_MAP(share)[..., :3], alpha)


def _outline(axes: Axes, raster: Raster, mask: np.ndarray, colour: str, dashes: str) -> None:
    shown = np.nan_to_num(mask)
    if shown.max() <= 0.5 or shown.min() >= 0.5:
        return
    rows, columns = shown.shape
    left, right, bottom, top = raster.extent_mm
    x = left + (np.arange(columns) + 0.5) / columns * (right - left)
    y = bottom + (np.arange(rows) + 0.5) / rows * (top - bottom)
    axes.contour(x, y, shown, [0.5], colors="white", linewidths=1.8)
    axes.contour(x, y, shown, [0.5], colors=colour, linewidths=0.9, linestyles=dashes)


def _draw_contacts(
    axes: Axes, cortex: CortexData, raster: Raster, hemispheres: str, surface: str
) -> None:
    for pos_mm, colour, size in (
        (cortex.other_contacts_mm, "white", 1.6),
        (cortex.soz_mm, style.SOZ_BLUE, 3.6),
    ):
        pos_mm = pos_mm[_on_side(cortex, pos_mm, hemispheres)]
        if not len(pos_mm):
            continue
        if surface == "pial":
            deep = raster.depth_below_surface_mm(pos_mm) > SURFACE_CONTACT_MM
            shown_mm = pos_mm
        else:
            # An inflated surface has no inside: a contact stands at the cortex nearest to it.
            distance_mm, vertex = cKDTree(cortex.pial_mm).query(pos_mm)
            shown_mm = cortex.inflated_mm[vertex]
            facing = raster.depth_below_surface_mm(shown_mm) < HIDDEN_MM
            shown_mm, deep = shown_mm[facing], distance_mm[facing] > SURFACE_CONTACT_MM
        right, up, _ = raster.project(shown_mm).T
        draw_contacts(axes, right[~deep], up[~deep], colour, size)
        draw_contacts(axes, right[deep], up[deep], colour, size, as_rings=True)


def _on_side(cortex: CortexData, pos_mm: np.ndarray, hemispheres: str) -> np.ndarray:
    """Contacts of the shown hemispheres, by the midplane between the two medial surfaces."""
    if hemispheres == "LR":
        return np.ones(len(pos_mm), bool)
    left, right = cortex.pial_mm[:N_VERTICES_HEMI], cortex.pial_mm[N_VERTICES_HEMI:]
    across = right.mean(axis=0) - left.mean(axis=0)
    is_right = (pos_mm - (left.mean(axis=0) + right.mean(axis=0)) / 2) @ across > 0
    return is_right if hemispheres == "R" else ~is_right


def mark_sides(axes: Axes, raster: Raster, hemispheres: str) -> None:
    """L and R above a view of both hemispheres; the letter of a single one in the upper left corner."""
    left, right, _, top = raster.extent_mm
    places = (0.14, 0.86) if hemispheres == "LR" else (0.04,)
    letters = hemispheres if raster.axes[0, 0] > 0 else hemispheres[::-1]
    for letter, share in zip(letters, places, strict=True):
        x = left + share * (right - left)
        axes.text(x, top, letter, ha="center", va="top", fontsize=8, fontweight="bold")
