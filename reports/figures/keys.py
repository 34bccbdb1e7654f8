"""Keys that several pictures share: the source map's scale and the symbols."""

from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures import style


def add_colour_bar(figure: Figure, box: tuple[float, float, float, float]) -> None:
    """The scale of the source map, as share of its maximum, in figure coordinates."""
    axes = figure.add_axes(box)
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 100), style.SOURCE_MAP), cax=axes, orientation="horizontal"
    )
    bar.outline.set_linewidth(0.4)
    axes.set_xlim(100 * style.SHOWN_FROM, 100)
    axes.set_xticks([30, 50, 75, 100])
    axes.tick_params(length=2, pad=1, labelsize=6.5)
    axes.set_xlabel("mean |activity|, % of maximum", fontsize=6.5, labelpad=1)


def legend_handles(
    soz: bool, others: bool, resection: bool, deep_as_rings: bool = True
) -> list[Line2D]:
    """Keys for cortex views and slices alike."""
    handles = [
        Line2D([], [], color="black", lw=0.9, label="extent (Otsu)"),
        Line2D([], [], ls="none", marker="+", color="black", ms=6, mew=1.2, label="maximum"),
    ]
    if soz:
        handles.append(
            Line2D(
                [],
                [],
                ls="none",
                marker="o",
                mfc=style.SOZ_BLUE,
                mec="black",
                ms=4,
                mew=0.5,
                label="SOZ contact (ring: deep)" if deep_as_rings else "SOZ contact",
            )
        )
    if others:
        handles.append(
            Line2D(
                [],
                [],
                ls="none",
                marker="o",
                mfc="white",
                mec="black",
                ms=2,
                mew=0.5,
                label="other contact",
            )
        )
    if resection:
        handles.append(
            Line2D([], [], color=style.RESECTION_GREEN, lw=1.2, ls="dashed", label="resection")
        )
    return handles
