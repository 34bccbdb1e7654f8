"""Options of the report stage."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.image import imread

from reports.render import IMAGE_TYPES
from reports.specification import read_sections

PAGE_SIZES = ("A4", "Letter")
_POINTS_ELSEWHERE = re.compile(
    r"""href\s*=\s*["'](?!\#|data:)|url\(\s*["']?(?!\#|data:)|@import|<!ENTITY""", re.IGNORECASE
)


@dataclass(frozen=True)
class Config:
    """Options of the report."""

    page_size: str = field(default="A4", metadata={"help": "A4 or Letter"})
    centre: str = field(default="", metadata={"help": "name of the centre, printed on each page"})
    indication: str = field(
        default="", metadata={"help": "why the centre records MEG, printed under Identification"}
    )
    logo: str = field(
        default="", metadata={"help": "PNG, JPEG or SVG file on this computer; no address"}
    )
    date: str = field(
        default="", metadata={"help": "date to print; by default that of the analysis"}
    )
    specification: str = field(
        default="",
        metadata={"help": "TOML file with the report's sections; empty: spikefocus's own"},
    )
    sections: tuple[str, ...] = field(
        default=(),
        metadata={"help": "sections in the order wanted; empty for those of the specification"},
    )

    def __post_init__(self):
        if self.page_size not in PAGE_SIZES:
            raise ValueError(
                f"page_size {self.page_size!r} is unknown; use {' or '.join(PAGE_SIZES)}"
            )
        read_sections(self.specification, self.sections)
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
