"""Options of the report stage."""

import re
from dataclasses import dataclass
from pathlib import Path

from matplotlib.image import imread

from pipeline.options import check_options, option
from reports.glyphs import sentence_about
from reports.render import IMAGE_TYPES
from reports.specification import read_sections
from reports.translation import ENGLISH, LANGUAGES, typeface

PAGE_SIZES = ("A4", "Letter")
_POINTS_ELSEWHERE = re.compile(
    r"""href\s*=\s*["'](?!\#|data:)|url\(\s*["']?(?!\#|data:)|@import|<!ENTITY""", re.IGNORECASE
)


@dataclass(frozen=True)
class Config:
    """Options of the report."""

    page_size: str = option("A4", "size of the PDF's pages", choices=PAGE_SIZES)
    centre: str = option("", "name of the centre, printed on each page", empty=True)
    indication: str = option(
        "", "why the centre records MEG, printed under Identification", empty=True
    )
    logo: str = option(
        "", "PNG, JPEG or SVG file on this computer; no address", file=True, empty=True
    )
    date: str = option("", "date to print; by default that of the analysis", empty=True)
    language: str = option(
        ENGLISH,
        "language in which page one stands before its English original, which stays authoritative",
        choices=LANGUAGES,
    )
    specification: str = option(
        "", "TOML file with the report's sections; empty: spikefocus's own", file=True, empty=True
    )
    sections: tuple[str, ...] = option(
        (), "sections in the order wanted; empty for those of the specification", empty=True
    )

    def __post_init__(self):
        check_options(self)
        for name in ("centre", "indication", "date"):
            if why := sentence_about(name, getattr(self, name)):
                raise ValueError(why)
        read_sections(self.specification, self.sections)
        typeface(self.language)
        if self.logo:
            _check_logo(self.logo)


def _check_logo(logo: str) -> None:
    """Refuse addresses, missing files and what is no picture, before anything is computed."""
    if "://" in logo or logo.startswith(("//", "data:")):
        raise ValueError(f"logo {logo!r} is an address; give a file on this computer")
    if Path(logo).suffix.lower() not in IMAGE_TYPES:
        raise ValueError(f"logo {logo!r} is no {', '.join(IMAGE_TYPES)} file")
    if not Path(logo).is_file():
        raise ValueError(f"logo {logo!r} is not there")
    if Path(logo).suffix.lower() == ".svg":
        # Drawn, it would lack what it points to, in the PDF without a word.
        if _POINTS_ELSEWHERE.search(Path(logo).read_text(encoding="utf-8", errors="replace")):
            raise ValueError(f"logo {logo!r} points to another file or address; put it inside")
        return
    try:
        imread(logo)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"logo {logo!r} cannot be read as a picture") from error
