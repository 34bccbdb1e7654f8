"""What a centre may configure: sections, pictures, logo, name; what is refused before anything runs."""

import base64

import pytest
from report_patient import ReportPatient, write_report_patient

import reports
from bids_app.config import ConfigError, stage_configs
from pipeline.errors import MissingResource
from pipeline.files import read_json
from pipeline.progress import Progress
from reports import fonts, render
from reports.pictures import PICTURES
from reports.specification import ChosenSection, read_sections

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
OTHER_ADDRESSES = ["https://example.org/logo.png", "//example.org/logo.png", "ftp://a/logo.png"]


@pytest.fixture(scope="module")
def patient(tmp_path_factory) -> ReportPatient:
    return write_report_patient(tmp_path_factory.mktemp("configured") / "out")


def specification(tmp_path, text: str) -> str:
    file = tmp_path / "sections.toml"
    file.write_text(text)
    return str(file)


def test_every_picture_is_shown_and_every_figure_is_a_picture():
    shown = [name for section in read_sections() for name in section.figures]
    assert sorted(shown) == sorted(PICTURES)


def test_a_centre_chooses_sections_pictures_logo_and_name(patient, tmp_path):
    logo = tmp_path / "logo.png"
    logo.write_bytes(PIXEL)
    file = tmp_path / "centre.toml"
    file.write_text(
        "[report]\n"
        f'specification = "{specification(tmp_path, CENTRE)}"\n'
        f'logo = "{logo}"\n'
        'centre = "Épilepsie Ω"\n'
        'indication = "Presurgical evaluation"\n'
        'page_size = "Letter"\n'
    )
    config = stage_configs(file, {})["report"]
    reports.run(patient.inputs, patient.paths, config, Progress())
    told = read_json(patient.paths.qc("report"))
    assert told["sections"] == ["source", "summary"]
    html = patient.paths.report_html.read_text(encoding="utf-8")
    assert html.index("Where it comes from") < html.index('id="summary"')
    assert "Presurgical evaluation" in html and "Épilepsie Ω" in html
    assert base64.b64encode(PIXEL).decode() in html
    # A picture for which the section has no place of its own comes at its end.
    assert html.index('class="slices"') < html.index('class="sublobar"') < html.index("</main>")
    assert 'class="cortex"' not in html


CENTRE = """
[[section]]
id = "source"
title = "Where it comes from"
figures = ["sublobar", "slices"]

[[section]]
id = "summary"
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[section]]\nid = "weather"', "no section 'weather'"),
        ('[[section]]\nid = "summary"\nfigures = ["sun"]', "no figure 'sun'"),
        ('[[section]]\nid = "summary"\ncolour = "red"', "no key 'colour'"),
        ('[[section]]\nid = "summary"\n[[section]]\nid = "summary"', "stands twice"),
        ("", r"has no \[\[section\]\]"),
        ("[[section]", "not valid TOML"),
    ],
)
def test_a_faulty_specification_is_refused(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        reports.Config(specification=specification(tmp_path, text))


def test_a_missing_specification_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        reports.Config(specification=str(tmp_path / "none.toml"))


@pytest.mark.parametrize("address", [*OTHER_ADDRESSES, "data:image/png;base64,AAAA"])
def test_a_logo_from_elsewhere_is_refused(address):
    with pytest.raises(ValueError, match="give a file on this computer"):
        reports.Config(logo=address)


def test_a_logo_must_be_a_picture_that_is_there(tmp_path):
    with pytest.raises(ValueError, match="is not there"):
        reports.Config(logo=str(tmp_path / "logo.png"))
    (tmp_path / "logo.txt").write_text("no picture")
    with pytest.raises(ValueError, match=r"is no \.png"):
        reports.Config(logo=str(tmp_path / "logo.txt"))
    (tmp_path / "broken.png").write_bytes(PIXEL[:20])
    with pytest.raises(ValueError, match="cannot be read as a picture"):
        reports.Config(logo=str(tmp_path / "broken.png"))


def test_the_command_line_tells_what_is_wrong_before_it_starts(tmp_path):
    file = tmp_path / "centre.toml"
    file.write_text('[report]\nlogo = "https://example.org/logo.png"\n')
    with pytest.raises(ConfigError, match=r"\[report\] logo .* is an address"):
        stage_configs(file, {})


@pytest.mark.parametrize(
    "inside",
    [
        '<image href="https://example.org/tracker.png" width="9" height="9"/>',
        "<image xlink:href = 'file:///etc/hostname'/>",
        '<rect style="fill: url(https://example.org/a.svg#b)"/>',
        "<style>@import 'https://example.org/a.css';</style>",
    ],
)
def test_a_logo_that_points_elsewhere_is_refused(tmp_path, inside):
    logo = tmp_path / "logo.svg"
    logo.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>')
    with pytest.raises(ValueError, match="points to another file or address"):
        reports.Config(logo=str(logo))


def test_a_logo_that_holds_all_its_parts_is_taken(tmp_path):
    logo = tmp_path / "logo.svg"
    logo.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><defs><g id="a"/></defs>'
        '<use href="#a"/><rect width="9" height="9" style="fill: url(#a)"/></svg>'
    )
    assert reports.Config(logo=str(logo)).logo == str(logo)


def test_without_its_typeface_the_report_is_not_written(monkeypatch, tmp_path):
    monkeypatch.setattr(fonts, "font_folder", lambda: tmp_path)
    with pytest.raises(MissingResource, match=r"typeface DejaVu Sans is missing .*DejaVuSans\.ttf"):
        render.font_faces()


def test_templates_know_which_pictures_they_place():
    source = next(section for section in read_sections() if section.id == "source")
    assert source.unplaced() == []
    quality = ChosenSection("quality", "Quality", ("training", "slices"))
    assert quality.unplaced() == ["slices"]
