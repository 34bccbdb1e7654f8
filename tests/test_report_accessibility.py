"""The PDF for those who hear or print it: tags, alternatives, bookmarks, language, order, cut words."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from pypdf import PdfReader
from pypdf.generic import DictionaryObject, IndirectObject
from skimage.color import rgb2lab

from reports.figures import style
from reports.figures.consistency import consistency
from reports.specification import read_sections


@pytest.fixture(scope="module")
def pdf(rendered) -> PdfReader:
    return PdfReader(rendered.paths.report_pdf)


@pytest.fixture(scope="module")
def elements(pdf) -> list[DictionaryObject]:
    """The structure tree's elements in reading order."""
    found = []

    def walk(node):
        node = node.get_object() if isinstance(node, IndirectObject) else node
        if isinstance(node, list):
            for kid in node:
                walk(kid)
        elif isinstance(node, DictionaryObject):
            if "/S" in node:
                found.append(node)
            if "/K" in node:
                walk(node["/K"])

    walk(pdf.trailer["/Root"]["/StructTreeRoot"]["/K"])
    return found


def kinds(elements) -> list[str]:
    return [str(element["/S"]) for element in elements]


def test_declares_itself_accessible(pdf):
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"] == True  # noqa: E712 (a PDF boolean)
    assert root["/Lang"].startswith("en")
    assert root["/ViewerPreferences"]["/DisplayDocTitle"] == True  # noqa: E712
    assert "pdfuaid" in root["/Metadata"].get_data().decode()
    assert pdf.metadata.title == "MEG spike source report, sub-01"


def test_every_picture_has_an_alternative_text(elements):
    figures = [element for element in elements if element["/S"] == "/Figure"]
    assert len(figures) >= 12
    for figure in figures:
        assert len(str(figure.get("/Alt", ""))) > 15


def test_headings_do_not_skip_a_level(elements):
    levels = [int(kind[2:]) for kind in kinds(elements) if kind[:2] == "/H" and kind[2:].isdigit()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_tables_have_header_cells_with_a_scope(elements):
    headers = [element for element in elements if element["/S"] == "/TH"]
    assert kinds(elements).count("/Table") >= 8
    assert len(headers) > 50


def test_bookmarks_lead_to_the_sections(pdf):
    top = [entry.title for entry in pdf.outline if not isinstance(entry, list)]
    assert top == [section.title for section in read_sections() if section.id != "overview"]


def test_fonts_are_embedded_and_of_one_family(pdf):
    names = set()
    for page in pdf.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            font = font.get_object()
            inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            descriptor = inner["/FontDescriptor"].get_object()
            assert any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))
            names.add(str(inner["/BaseFont"]).split("+")[-1].replace(",", "-"))
    assert names and all(name.startswith("DejaVu-Sans") for name in names)


def test_every_page_has_a_tab_order_that_follows_the_structure(pdf):
    assert all(page.get("/StructParents") is not None for page in pdf.pages)


@pytest.mark.parametrize("colours", [style.SOURCE_MAP, style.SHARE_MAP])
def test_sequential_maps_are_uniform_and_survive_greyscale(colours):
    lab = rgb2lab(colours(np.linspace(0, 1, 65))[:, :3])
    steps = np.diff(lab[:, 0])
    assert (steps > 0).all() or (steps < 0).all()


def test_the_field_map_is_uniform_and_as_dark_at_both_ends():
    lab = rgb2lab(style.FIELD_MAP(np.linspace(0, 1, 65))[:, :3])
    step = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    for half in (step[:31], step[33:]):
        assert half.max() < 1.5 * half.min()
    assert abs(lab[0, 0] - lab[-1, 0]) < 3
    assert lab[32, 0] > 95


def test_no_words_are_cut_off_beside_the_single_spikes():
    rng = np.random.default_rng(0)
    figure = consistency(
        np.linspace(-0.5, 0.5, 126),
        rng.normal(size=(148, 126)),
        rng.uniform(-1, 1, 250),
        rng.uniform(0, 2, 250),
        np.arange(250) < 148,
    )
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    legends = [text for axes in figure.axes[-1:] for text in axes.get_legend().get_texts()]
    words = [
        text
        for axes in figure.axes
        for text in (*axes.get_children(), axes.xaxis.label, axes.yaxis.label)
        if isinstance(text, Text) and text.get_text()
    ]
    assert len(words) >= 6 and len(legends) == 2
    for text in words + legends:
        box, sheet = text.get_window_extent(), figure.bbox
        assert sheet.x0 <= box.x0 < box.x1 <= sheet.x1, text.get_text()
        assert sheet.y0 <= box.y0 < box.y1 <= sheet.y1, text.get_text()
