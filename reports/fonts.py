"""The files of the report's typeface, which matplotlib ships."""

from pathlib import Path

import matplotlib

from pipeline.errors import MissingResource
from reports.figures.style import FONT_FAMILY

FACES = (
    ("DejaVuSans.ttf", "normal", "normal"),
    ("DejaVuSans-Bold.ttf", "bold", "normal"),
    ("DejaVuSans-Oblique.ttf", "normal", "italic"),
)


def font_files() -> list[tuple[Path, str, str]]:
    """File, weight and slant of each face of the typeface, which matplotlib ships.

    Raises
    ------
    MissingResource
        One is not there: another typeface would be taken in silence.
    """
    found = [(font_folder() / name, weight, slant) for name, weight, slant in FACES]
    for file, _, _ in found:
        if not file.is_file():
            raise MissingResource(
                f"The report's typeface {FONT_FAMILY} is missing",
                file=file,
                hint="install matplotlib again; the typeface is part of it",
            )
    return found


def font_folder() -> Path:
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"
