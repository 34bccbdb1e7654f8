"""From the report's content to HTML and PDF. Nothing is fetched from anywhere but local files."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import jinja2
import matplotlib
import weasyprint
from weasyprint.urls import FatalURLFetchingError, URLFetcher

from pipeline.errors import InvalidInput
from pipeline.files import atomic_path
from reports.figures.style import FONT_FAMILY
from reports.wording import number

PAGE_SIZES = ("A4", "Letter")
PDF_VARIANT = "pdf/ua-1"
_TEMPLATES = files("reports") / "templates"
_FACES = (
    ("DejaVuSans.ttf", "normal", "normal"),
    ("DejaVuSans-Bold.ttf", "bold", "normal"),
    ("DejaVuSans-Oblique.ttf", "normal", "italic"),
)


@dataclass(frozen=True)
class Section:
    """One section of the report: identifier (its template's name too), title, pictures."""

    id: str
    title: str
    figures: tuple[str, ...] = ()


class LocalOnly(URLFetcher):
    """Opens files below `folders` and data URIs; any other address stops the rendering."""

    def __init__(self, folders: tuple[Path, ...]):
        super().__init__(allowed_protocols=("file", "data"), allow_redirects=False)
        self._folders = tuple(folder.resolve() for folder in folders)

    def fetch(self, url, headers=None):
        parts = urlsplit(url)
        if parts.scheme == "data":
            return super().fetch(url, headers)
        if parts.scheme == "file" and parts.netloc in ("", "localhost"):
            path = Path(url2pathname(parts.path)).resolve()
            if any(path.is_relative_to(folder) for folder in self._folders):
                return super().fetch(url, headers)
        raise FatalURLFetchingError(f"the report may not open {url}")


def read_sections(chosen: tuple[str, ...] = ()) -> list[Section]:
    """The sections of the specification, or those of them that are `chosen`, in that order.

    Raises
    ------
    InvalidInput
        A section that the specification does not know.
    """
    stored = tomllib.loads((_TEMPLATES / "sections.toml").read_text(encoding="utf-8"))
    known = {
        entry["id"]: Section(entry["id"], entry["title"], tuple(entry.get("figures", ())))
        for entry in stored["section"]
    }
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise InvalidInput(
            f"The report has no section {unknown[0]!r}",
            hint=f"choose from {', '.join(known)}",
        )
    return [known[name] for name in (chosen or known)]


def to_html(content: dict, sections: list[Section], page_size: str) -> str:
    """The report as an HTML string with its style sheet inside; text is escaped.

    Raises
    ------
    InvalidInput
        A page size other than A4 or Letter.
    """
    if page_size not in PAGE_SIZES:
        raise InvalidInput(
            f"The page size {page_size!r} is unknown", hint=f"use {' or '.join(PAGE_SIZES)}"
        )
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(_TEMPLATES)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    environment.filters["uri"] = lambda path: Path(path).resolve().as_uri()
    css = (_TEMPLATES / "report.css").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        **content, sections=sections, page_size=page_size, css=font_faces() + css
    )


def font_faces() -> str:
    """@font-face rules for the typeface that matplotlib ships, so that text and figures match."""
    folder = _font_folder()
    return "\n".join(
        f'@font-face {{ font-family: "{FONT_FAMILY}"; src: url("{(folder / name).as_uri()}"); '
        f"font-weight: {weight}; font-style: {slant} }}"
        for name, weight, slant in _FACES
    )


def lay_out(html: str, figures: Path) -> weasyprint.Document:
    """The paginated document; `figures` is the only folder beside the fonts that it may read.

    Raises
    ------
    PermissionError
        The HTML asks for anything else.
    """
    fetcher = LocalOnly((figures, _font_folder()))
    try:
        return weasyprint.HTML(string=html, url_fetcher=fetcher).render(pdf_variant=PDF_VARIANT)
    except FatalURLFetchingError as refused:  # not an Exception, and would end the whole program
        raise PermissionError(str(refused)) from refused


def write_pdf(document: weasyprint.Document, path: Path, identifier: str) -> None:
    """Write the PDF; the same document and `identifier` give the same bytes."""
    with atomic_path(path) as tmp:
        document.write_pdf(tmp, pdf_variant=PDF_VARIANT, pdf_identifier=identifier.encode()[:32])


def _font_folder() -> Path:
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"
