"""The report as one HTML file for the screen: nothing is loaded from anywhere, the cortex turns."""

import io
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from pipeline.files import write_text
from reports import render, viewer
from reports.figures.style import FONT_FAMILY
from reports.pictures import Studio
from reports.specification import ChosenSection


def write_html(content: dict, sections: list[ChosenSection], studio: Studio, path: Path) -> None:
    """Write the report's sections and the viewer, fonts and pictures inside.

    Raises
    ------
    MissingResource
        A file of the typeface is not there.
    """
    templates = render.environment(render.data_uri)
    ids = [section.id for section in sections]
    page = content | {
        "sections": render.bodies(templates, content, sections),
        "viewer": viewer.scene(studio),
        "viewer_section": "source" if "source" in ids else ids[0],
        "scripts": viewer.scripts(),
        "css": "".join(
            (render.TEMPLATES / name).read_text(encoding="utf-8")
            for name in ("report.css", "screen.css")
        ),
    }
    template = templates.get_template("screen.html.j2")
    letters = set(template.render(page | {"scripts": ()}))
    page["css"] = _font_faces("".join(sorted(letters))) + page["css"]
    write_text(path, template.render(page))


def _font_faces(letters: str) -> str:
    """@font-face rules that carry the typeface, cut down to `letters`."""
    options = subset.Options(layout_features=[], notdef_outline=True)
    options.drop_tables.append("FFTM")  # FontForge's time stamps
    rules = []
    for file, weight, slant in render.font_files():
        font = TTFont(file, recalcTimestamp=False)  # the same report, the same bytes
        cut = subset.Subsetter(options)
        cut.populate(text=letters)
        cut.subset(font)
        stored = io.BytesIO()
        font.save(stored)
        uri = render.data_uri_of(stored.getvalue(), "font/ttf")
        rules.append(
            f'@font-face {{ font-family: "{FONT_FAMILY}"; src: url("{uri}"); '
            f"font-weight: {weight}; font-style: {slant} }}\n"
        )
    return "".join(rules)
