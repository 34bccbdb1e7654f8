"""From the report's content to HTML and PDF. Nothing is fetched from anywhere but local files."""

import base64
from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup, escape

from pipeline.errors import InvalidInput
from pipeline.files import atomic_path
from reports.figures.style import FONT_FAMILY
from reports.fonts import font_files, font_folder
from reports.glyphs import printable
from reports.parts import Part
from reports.translation import ENGLISH, typeface
from reports.wording import number

if TYPE_CHECKING:
    import weasyprint

TEMPLATES = files("reports") / "templates"
PDF_VARIANT = "pdf/ua-1"
IMAGE_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".svg": "image/svg+xml",
}


def to_html(content: dict, parts: list[Part], page_size: str, language: str = ENGLISH) -> str:
    """The report for the PDF as an HTML string with its style sheet inside; text is escaped."""
    templates = environment(lambda path: Path(path).resolve().as_uri())
    css = font_faces(language) + (TEMPLATES / "report.css").read_text(encoding="utf-8")
    css += css_of_language(language)
    return templates.get_template("report.html.j2").render(
        content | {"sections": bodies(templates, parts)}, page_size=page_size, css=css
    )


def environment(
    source: Callable[[Path], str], folder: Traversable = TEMPLATES
) -> jinja2.Environment:
    """The templates; `source` makes of a picture's file what an img element shows."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(folder)),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    templates.filters["number"] = number
    templates.filters["source"] = source
    templates.globals["_"] = str  # where nothing is translated
    return templates


def _printable(value):
    """Text from a file so that it can be printed; markup of ours as it is."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def bodies(templates: jinja2.Environment, parts: list[Part]) -> list[tuple[Part, Markup]]:
    """Each part with what stands in it: its section's template, with the pictures that it has."""
    made = []
    for part in parts:
        text = templates.from_string(part.section.template).render(part.content)
        rest = templates.get_template("figures.html.j2").render(
            part.content, names=part.section.unplaced()
        )
        body = Markup(text + rest)
        if (told := part.content.get("_")) is not None:
            body = templates.get_template("translated.html.j2").render(
                {name: escape(text) for name, text in told.language.about.items()},
                body=body,
                gaps=escape(told.gaps),
            )
        made.append((part, Markup(body)))
    return made


def css_of_language(language: str) -> str:
    """What a translated page needs of a style sheet; empty in English."""
    if language == ENGLISH:
        return ""
    face = typeface(language)
    families = f'"{FONT_FAMILY}"' + (f', "{face[0]}"' if face else "")
    return (
        f"section:lang({language}) {{ font-family: {families} }}\n"
        # Other languages take more room, and page one is to stay one page.
        f"section.summary:lang({language}) {{ font-size: 6.8pt }}\n"
        f"section.summary:lang({language}) p {{ line-height: 1.28 }}\n"
        f"section.summary:lang({language}) figure img {{ width: 86mm }}\n"
        ".untranslated { font-style: italic }\n"
    )


def data_uri(path: Path) -> str:
    """A picture's content as an address that needs no file."""
    return data_uri_of(path.read_bytes(), IMAGE_TYPES[path.suffix.lower()])


def data_uri_of(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def font_faces(language: str = ENGLISH) -> str:
    """@font-face rules for the typeface of the figures, so that text and figures match."""
    own = [(FONT_FAMILY, *face) for face in font_files()]
    face = typeface(language)
    further = [] if face is None else [(*face, "normal", "normal")]
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; src: url("{file.as_uri()}"); '
        f"font-weight: {weight}; font-style: {slant} }}"
        for family, file, weight, slant in own + further
    )


def lay_out(html: str, figures: Path, language: str = ENGLISH) -> "weasyprint.Document":
    """The paginated document; `figures` is the only folder beside the fonts that it may read.

    Raises
    ------
    InvalidInput
        The HTML, or a picture in it, asks for anything else.
    """
    # It takes seconds to import: only those who need it wait.
    import weasyprint

    from reports.fetching import FatalURLFetchingError, LocalOnly

    face = typeface(language)
    fonts = (font_folder(), *(() if face is None else (face[1].parent,)))
    fetcher = LocalOnly((figures, *fonts))
    try:
        return weasyprint.HTML(string=html, url_fetcher=fetcher).render(
            pdf_variant=PDF_VARIANT, pdf_forms=True
        )
    except FatalURLFetchingError as refused:  # not an Exception, and would end the whole program
        text = str(refused)
        raise InvalidInput(
            text[:1].upper() + text[1:], hint="take what asks for it out of the report"
        ) from refused


def write_pdf(document: "weasyprint.Document", path: Path, identifier: str) -> None:
    """Write the PDF; the same document and `identifier` give the same bytes."""
    with atomic_path(path) as tmp:
        document.write_pdf(
            tmp, pdf_variant=PDF_VARIANT, pdf_forms=True, pdf_identifier=identifier.encode()[:32]
        )
