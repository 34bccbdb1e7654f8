"""Keys that several pictures share: the source map's scale and the symbols."""

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures import style


def add_colour_bar(
    figure: Figure,
    box: tuple[float, float, float, float],
    label: str = "mean |activity|, % of maximum",
) -> None:
    """The scale of the source map, as share of its maximum, in figure coordinates."""
    axes = figure.add_axes(box)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 100), style.SOURCE_MAP), cax=axes, orientation="horizontal"
    )
    bar.outline.set_linewidth(0.4)
    axes.set_xlim(100 * style.SHOWN_FROM, 100)
    axes.set_xticks([30, 50, 75, 100])
    axes.tick_params(length=2, pad=1, labelsize=6.5)
    axes.set_xlabel(label, fontsize=6.5, labelpad=1)


def soz_handle(label: str = "SOZ contact") -> Line2D:
    """The key of a contact in the seizure-onset zone, the same in every picture."""
    return contact_handle(style.SOZ_BLUE, 4, label)


def contact_handle(colour: str, size: float, label: str) -> Line2D:
    """The key of a contact: a disc with a black rim."""
    return Line2D(
        [], [], ls="none", marker="o", mfc=colour, mec="black", ms=size, mew=0.5, label=label
    )


def draw_contacts(axes: Axes, right, up, colour: str, size: float, as_rings: bool = False) -> None:
    """Contacts at picture positions `right` and `up`: discs, or rings for those that lie deep."""
    common = {"marker": "o", "ms": size, "ls": "none"}
    if as_rings:
        axes.plot(right, up, mfc="none", mec="black", mew=1.5, **common)
        axes.plot(right, up, mfc="none", mec=colour, mew=0.8, **common)
    else:
        axes.plot(right, up, mfc=colour, mec="black", mew=0.5, **common)


def legend_handles(
    soz: bool, others: bool, resection: bool, deep_as_rings: bool = True
) -> list[Line2D]:
    """Keys for cortex views and slices alike."""
    handles = [
        Line2D([], [], color="black", lw=0.9, label="extent (Otsu)"),
        Line2D([], [], ls="none", marker="+", color="black", ms=6, mew=1.2, label="maximum"),
    ]
    if soz:
        handles.append(soz_handle("SOZ contact (ring: deep)" if deep_as_rings else "SOZ contact"))
    if others:
        handles.append(contact_handle("white", 2, "other contact"))
    if resection:
        handles.append(
            Line2D([], [], color=style.RESECTION_GREEN, lw=1.2, ls="dashed", label="resection")
        )
    return handles
