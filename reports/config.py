"""Options of the report stage."""

from dataclasses import dataclass, field
from pathlib import Path

from reports.render import IMAGE_TYPES
from reports.specification import read_sections

PAGE_SIZES = ("A4", "Letter")


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
