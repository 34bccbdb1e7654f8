"""What a physician says of a patient: read strictly, printed where it belongs, never a box."""

import re
from dataclasses import replace

import pytest
from pypdf import PdfReader
from rendered_report import html_of, page_texts

import reports
from bids_app.dataset.participants import find_clinical_file, is_virtual
from pipeline.errors import InvalidInput
from reports import content, render
from reports.clinical_file import read_clinical_file
from reports.glyphs import lacking, printable, sentence_about
from reports.reading import read_patient
from reports.specification import read_sections

GIVEN = """
indication = "Focal epilepsy, non-lesional"
age = 34
medication = "Levetiracetam 2 × 1000 mg"
vigilance = "awake, drowsy towards the end"
impression = "Right temporal; please confirm."
"""


def write(tmp_path, text):
    file = tmp_path / "sub-01_clinical.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_letters_that_can_be_printed():
    assert lacking("Zürich, Ωmega, Ж, ≥ 5 mm²\u00a0·") == []
    assert lacking("東京 A 東") == ["京", "東"]
    assert printable("Clinic 東") == "Clinic [U+6771]"
    assert sentence_about("indication", "plain") is None
    told = sentence_about("indication", "ไทย")
    assert "indication" in told and "U+0E44" in told and "ไ" not in told


@pytest.mark.parametrize("name", ["centre", "indication", "date"])
def test_options_with_boxes_are_refused(name):
    with pytest.raises(ValueError, match=rf"{name} has characters .*U\+6771"):
        reports.Config(**{name: "東"})


def test_clinical_file_is_read(tmp_path):
    read = read_clinical_file(write(tmp_path, GIVEN))
    assert read.indication == "Focal epilepsy, non-lesional"
    assert read.rows == [
        ("Age at the recording", "34 years"),
        ("Medication", "Levetiracetam 2 × 1000 mg"),
        ("Vigilance during the recording", "awake, drowsy towards the end"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = 'Secret Person'", "a key that is not known"),
        ("age = 'x", "no valid TOML"),
        ("age = 400", "age is no text or age in years"),
        ("semiology = ['Secret Person']", "semiology is no text"),
        ("medication = 'Secret Person 東'", r"medication has characters .*U\+6771"),
        ("free_text = '" + "Secret " * 1000 + "'", "more than 4000 characters"),
    ],
)
def test_faults_are_told_without_the_text(tmp_path, text, reason):
    with pytest.raises(InvalidInput, match=reason) as error:
        read_clinical_file(write(tmp_path, text))
    assert "Secret" not in str(error.value)


def test_files_of_the_dataset_are_found(tmp_path):
    (tmp_path / "sub-01").mkdir()
    assert find_clinical_file(tmp_path, "01") is None
    beside = write(tmp_path, GIVEN)
    assert find_clinical_file(tmp_path, "01") == beside
    inside = write(tmp_path / "sub-01", GIVEN)
    assert find_clinical_file(tmp_path, "01") == inside
    table = "participant_id\tvirtual\nsub-01\tyes\nsub-02\tn/a\n"
    (tmp_path / "participants.tsv").write_text(table)
    assert [is_virtual(tmp_path, label) for label in ("01", "02", "03")] == [True, False, False]


def test_report_prints_it_and_says_that_the_patient_is_virtual(rendered, tmp_path):
    inputs = replace(rendered.inputs, clinical=write(tmp_path, GIVEN), virtual="yes")
    read = read_patient(inputs, rendered.paths)
    config = reports.Config(sections=("acquisition", "interpretation", "provenance"))
    text = content.build(read, rendered.paths, config)
    html = html_of(text, read_sections("", config.sections))
    document = render.lay_out(html, rendered.paths.figures)
    pages = page_texts(document)
    assert len(pages) > 1
    assert all("Virtual patient" in page and "Research use only" in page for page in pages)
    assert "Indication: Focal epilepsy, non-lesional" in html
    assert "Levetiracetam 2 × 1000 mg" in html
    assert re.search(r"<textarea[^>]*>Right temporal; please confirm.</textarea>", html)
    file = tmp_path / "report.pdf"
    render.write_pdf(document, file, "x" * 32)
    fields = PdfReader(file).get_fields()
    assert set(fields) == {"impression", "signature"}
    assert fields["impression"]["/V"].strip() == "Right temporal; please confirm."


def test_a_bad_clinical_file_is_told_and_stops_nothing(rendered, tmp_path):
    inputs = replace(rendered.inputs, clinical=write(tmp_path, "colour = 'red'"))
    read = read_patient(inputs, rendered.paths)
    assert read.clinical.rows == [] and not read.virtual
    assert read.clinical_fault == "the clinical file has a key that is not known"
