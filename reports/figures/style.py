"""One look for all pictures: typeface, colours that survive colour blindness and greyscale."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from skimage.color import lab2rgb

from pipeline.files import atomic_path

FONT_FAMILY = "DejaVu Sans"
FULL_WIDTH_IN = 7.0
RASTER_DPI = 220

INK = "#1b1f24"
QUIET = "#6a737d"
RULE = "#c9ced4"

# Okabe & Ito's colours, each used for one thing throughout the report and always together with
# a marker or a line style of its own, so that nothing hangs on hue.
SOZ_BLUE = "#56b4e9"
RESECTION_GREEN = "#009e73"
PEAK_VERMILION = "#d55e00"
ONSET_BLUE = "#0072b2"

# The brighter end of inferno: perceptually uniform, rising in lightness, and distinct from the
# grey of cortex and MRI at its dark end.
SOURCE_MAP = LinearSegmentedColormap.from_list(
    "source", matplotlib.colormaps["inferno"](np.linspace(0.32, 1.0, 256))
)
# A field's two polarities: straight lines in CIELAB from blue over white to red, so that equal
# steps look equal, and equally light at both ends. Greyscale shows the strength; the polarity is
# in the contours, dashed where negative.
_FIELD_LAB = np.array([[34.0, 8.0, -48.0], [97.0, 0.0, 0.0], [34.0, 54.0, 36.0]])
FIELD_MAP = LinearSegmentedColormap.from_list(
    "field",
    lab2rgb(
        np.stack([np.interp(np.linspace(0, 2, 257), (0, 1, 2), lab) for lab in _FIELD_LAB.T], -1)
    ),
)
# Shares of a region's area: from white to the source map's own orange.
SHARE_MAP = LinearSegmentedColormap.from_list(
    "share",
    lab2rgb(np.linspace([100.0, 0.0, 0.0], [72.0, 28.0, 62.0], 256)),
)
SHOWN_FROM = 0.3  # share of the maximum below which the source map is left transparent

_RC = {
    "font.family": FONT_FAMILY,
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "figure.dpi": RASTER_DPI,
    "savefig.dpi": RASTER_DPI,
    "savefig.facecolor": "white",
    # Paths, not text: the PDF then needs no font lookup inside pictures, and alt texts carry
    # what the picture says.
    "svg.fonttype": "path",
    "svg.hashsalt": "spikefocus",
    # Two dollar signs in a name are no formula.
    "text.parse_math": False,
    "path.simplify_threshold": 0.2,
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw inside this block, whatever the user's own matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def save(figure: Figure, path: Path) -> None:
    """Write `figure` as PNG or SVG, by the ending; the same figure gives the same bytes."""
    metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else {"Software": None}
    with house_style(), atomic_path(path) as tmp:
        figure.savefig(tmp, metadata=metadata)
