"""The report as one HTML file for the screen: nothing is loaded from anywhere, the cortex turns."""

import io
from collections.abc import Sequence
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

from pipeline.files import write_text
from reports import render, viewer
from reports.figures.style import FONT_FAMILY
from reports.fonts import font_files
from reports.parts import Part
from reports.pictures import Studio
from reports.translation import ENGLISH, typeface


def write_html(
    content: dict,
    parts: list[Part],
    studios: Sequence[Studio],
    path: Path,
    language: str = ENGLISH,
) -> None:
    """Write the report's parts and, where there is a map, the viewer; fonts and pictures inside.

    The viewer shows the types of spikes that `studios` are of.

    Raises
    ------
    MissingResource
        A file of the typeface is not there.
    """
    templates = render.environment(render.data_uri)
    imaged = [studio for studio in studios if studio.patient.imaged]
    page = content | {
        "sections": render.bodies(templates, parts),
        "viewer": viewer.scene(imaged) if imaged else None,
        "viewer_part": _place_of_viewer(parts).anchor if imaged else None,
        "scripts": viewer.scripts() if imaged else (),
        "css": "".join(
            (render.TEMPLATES / name).read_text(encoding="utf-8")
            for name in ("report.css", "screen.css")
        )
        + render.css_of_language(language),
    }
    template = templates.get_template("screen.html.j2")
    letters = set(template.render(page | {"scripts": ()}))
    page["css"] = _font_faces("".join(sorted(letters)), language) + page["css"]
    write_text(path, template.render(page))


def _place_of_viewer(parts: list[Part]) -> Part:
    """The first part about a source; the first of all where none is."""
    return next((part for part in parts if part.section.id == "source"), parts[0])


def _font_faces(letters: str, language: str) -> str:
    """@font-face rules that carry the typeface, cut down to `letters`."""
    options = subset.Options(layout_features=[], notdef_outline=True)
    options.drop_tables.append("FFTM")  # FontForge's time stamps
    rules = []
    face = typeface(language)
    further = [] if face is None else [(*face, "normal", "normal")]
    for family, file, weight, slant in [(FONT_FAMILY, *each) for each in font_files()] + further:
        font = TTFont(file, recalcTimestamp=False)  # the same report, the same bytes
        cut = subset.Subsetter(options)
        cut.populate(text=letters)
        cut.subset(font)
        stored = io.BytesIO()
        font.save(stored)
        uri = render.data_uri_of(stored.getvalue(), "font/ttf")
        rules.append(
            f'@font-face {{ font-family: "{family}"; src: url("{uri}"); '
            f"font-weight: {weight}; font-style: {slant} }}\n"
        )
    return "".join(rules)
