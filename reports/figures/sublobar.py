"""The 20 sublobar regions as a map of cells: extent, SOZ contacts, implantation, resection."""

from dataclasses import dataclass

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from reports.figures import style
from reports.figures.keys import draw_contacts, soz_handle

_COLUMNS, _ROWS = 5, 4
# A hemisphere seen from outside, nose to the left: left edge, lower edge, width, height in cells.
CELLS = {
    "orbitofrontal": (0, 1, 1, 1),
    "prefrontal": (0, 2, 1, 2),
    "premotor": (1, 2, 1, 2),
    "central": (2, 2, 1, 2),
    "superior parietal": (3, 3, 1, 1),
    "inferior parietal": (3, 2, 1, 1),
    "occipital": (4, 1, 1, 2),
    "anterior temporal": (1, 0, 1, 2),
    "lateral posterior temporal": (2, 1, 2, 1),
    "medial posterior temporal": (2, 0, 2, 1),
}
_HATCH = "////"


@dataclass(frozen=True)
class Cell:
    """What is known of one sublobar region.

    Attributes
    ----------
    extent_share : float
        Part of its area that lies in the estimated extent.
    n_contacts, n_soz : int
        Intracranial contacts whose nearest cortex it is, and those of them in the SOZ.
    resected, holds_maximum : bool
    """

    extent_share: float
    n_contacts: int
    n_soz: int
    resected: bool
    holds_maximum: bool


def sublobar_map(cells: dict[str, Cell], implanted: bool, operated: bool) -> Figure:
    """Both hemispheres as schematic maps, the left one on the left, noses outwards.

    Parameters
    ----------
    cells : dict
        By name with side, such as "left central"; all 20.
    implanted, operated : bool
        Whether there are contacts and a resection at all; otherwise their marks are left out.
    """
    with style.house_style():
        figure = Figure(figsize=(style.FULL_WIDTH_IN, 2.95))
        for i, side in enumerate(("left", "right")):
            axes = figure.add_axes((0.515 * i, 0.15, 0.485, 0.79))
            for name, (x, y, width, height) in CELLS.items():
                # The right hemisphere is the left one's mirror image.
                x = x if side == "left" else _COLUMNS - x - width
                _draw_cell(axes, (x, y, width, height), name, cells[f"{side} {name}"], implanted)
            axes.set_xlim(-0.03, _COLUMNS + 0.03)
            axes.set_ylim(-0.03, _ROWS + 0.03)
            axes.set_axis_off()
            axes.set_title(f"{side.capitalize()} hemisphere", loc="center", pad=3)
        _add_key(figure, implanted, operated)
    return figure


def _draw_cell(axes: Axes, box, name: str, cell: Cell, implanted: bool) -> None:
    x, y, width, height = box
    unseen = implanted and not cell.n_contacts
    gap = 0.03
    axes.add_patch(
        Rectangle(
            (x + gap, y + gap),
            width - 2 * gap,
            height - 2 * gap,
            fc=style.SHARE_MAP(cell.extent_share),
            ec=style.RULE if unseen else style.QUIET,
            lw=0.6,
            hatch=_HATCH if unseen else None,
        )
    )
    inset = 0.075
    if cell.resected:
        axes.add_patch(
            Rectangle(
                (x + inset, y + inset),
                width - 2 * inset,
                height - 2 * inset,
                fc="none",
                ec=style.RESECTION_GREEN,
                lw=1.4,
                ls="dashed",
            )
        )
    casing = [effects.withStroke(linewidth=2.2, foreground="white")]
    middle, top = x + width / 2, y + height
    # Long names stand in two lines in narrow cells.
    title = name if width > 1 else name.replace(" ", "\n")
    text = {"ha": "center", "va": "top", "path_effects": casing}
    axes.text(middle, top - 0.13, title, fontsize=6, linespacing=1.0, **text)
    lines = 1 + title.count("\n")
    below = top - 0.16 - 0.19 * lines
    if cell.extent_share > 0 or cell.holds_maximum:
        cross = "  +" if cell.holds_maximum else ""
        share = f"{100 * cell.extent_share:.0f} %{cross}"
        axes.text(middle, below, share, fontsize=7, fontweight="bold", **text)
    if cell.n_contacts:
        told = f"{cell.n_contacts} contacts" if cell.n_contacts > 1 else "1 contact"
        if cell.n_soz:
            told = f"{cell.n_soz} of {cell.n_contacts}"
            draw_contacts(axes, x + 0.16, y + 0.19, style.SOZ_BLUE, 4)
        axes.text(
            x + (0.27 if cell.n_soz else 0.14),
            y + 0.12,
            told,
            fontsize=5.6,
            fontweight="bold" if cell.n_soz else "normal",
            ha="left",
            va="bottom",
            path_effects=casing,
        )


def _add_key(figure: Figure, implanted: bool, operated: bool) -> None:
    axes = figure.add_axes((0.045, 0.095, 0.2, 0.032))
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 100), style.SHARE_MAP), cax=axes, orientation="horizontal"
    )
    bar.outline.set_linewidth(0.4)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.tick_params(length=2, pad=1, labelsize=6.5)
    axes.set_xlabel("part of the region's area in the extent, %", fontsize=6.5, labelpad=1)
    handles = [Line2D([], [], ls="none", marker="+", color="black", ms=6, label="maximum")]
    if implanted:
        handles += [
            soz_handle("SOZ contacts of all contacts"),
            Patch(fc="white", ec=style.RULE, hatch=_HATCH, label="no contact, not sampled"),
        ]
    if operated:
        handles.append(
            Line2D([], [], color=style.RESECTION_GREEN, lw=1.4, ls="dashed", label="resected")
        )
    figure.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.0),
        ncols=len(handles),
        handlelength=1.6,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


def cells_from(
    sublobar_names: list[str],
    region_sublobar: np.ndarray,
    region_area_mm2: np.ndarray,
    extent: np.ndarray,
    max_region: int,
    contact_sublobar: np.ndarray,
    contact_soz: np.ndarray,
    resected: set[str],
) -> dict[str, Cell]:
    """Count contacts and areas per sublobar region.

    Parameters
    ----------
    sublobar_names : list of str
        With side, in the order of the numbers in `region_sublobar`.
    region_sublobar : ndarray of int, (994,)
    region_area_mm2 : ndarray, (994,)
    extent : ndarray of bool, (994,)
    contact_sublobar : ndarray of str, (n_contacts,)
    contact_soz : ndarray of bool, (n_contacts,)
    resected : set of str
    """
    cells = {}
    for number, name in enumerate(sublobar_names):
        own = region_sublobar == number
        area = region_area_mm2[own].sum()
        here = contact_sublobar == name
        cells[name] = Cell(
            extent_share=float(region_area_mm2[own & extent].sum() / area) if area else 0.0,
            n_contacts=int(here.sum()),
            n_soz=int((here & contact_soz).sum()),
            resected=name in resected,
            holds_maximum=bool(own[max_region]),
        )
    return cells
