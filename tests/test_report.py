"""The report: every page marked, nothing invented, nothing fetched, text never taken for markup."""

import contextlib
import re
import shutil
import socket
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from rendered_report import CONFIG, CONTACT, laid_out, page_texts
from report_patient import ReportPatient, write_report_patient

import reports
from pipeline.errors import InvalidInput
from pipeline.files import read_json, sha256
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.image_qc import MethodQC
from reports import content, reading, render
from reports.figures.style import FONT_FAMILY
from reports.reading import read_patient

RENDER_S = 60.0  # of processor time, which does not depend on what else the computer does


@pytest.fixture
def complete(rendered) -> ReportPatient:
    return rendered


@pytest.fixture(scope="module")
def sparse(tmp_path_factory) -> ReportPatient:
    """No iEEG, no resection, no head points, a dipole fit that failed; another array."""
    folder = tmp_path_factory.mktemp("sparse")
    patient = write_report_patient(folder / "out", array="ctf275", complete=False)
    reports.run(patient.inputs, patient.paths, reports.Config(page_size="Letter"), Progress())
    return patient


def pdf_objects(path: Path) -> bytes:
    """A PDF with its compressed streams opened, to look for what it declares."""
    raw = path.read_bytes()
    opened = [raw]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", raw, flags=re.DOTALL):
        with contextlib.suppress(zlib.error):
            opened.append(zlib.decompress(stream))
    return b"".join(opened)


def test_writes_what_it_promises(complete):
    assert all(path.exists() for path in reports.writes(complete.paths))
    assert complete.paths.report_pdf.read_bytes().startswith(b"%PDF-")
    quality = read_json(complete.paths.qc("report"))
    assert quality["n_pages"] <= 20
    assert complete.paths.report_pdf.stat().st_size < 15e6
    assert set(quality["figures"]) == {p.name for p in complete.paths.figures.iterdir()}
    assert len(quality["figures"]) >= 9


def test_pdf_is_tagged_and_carries_its_typeface(complete):
    pdf = pdf_objects(complete.paths.report_pdf)
    assert b"/MarkInfo" in pdf and b"/StructTreeRoot" in pdf and b"/Lang" in pdf
    assert b"pdfuaid" in pdf
    assert FONT_FAMILY.replace(" ", "-").encode() in pdf and b"/FontFile" in pdf


@pytest.mark.parametrize("page_size", ["A4", "Letter"])
def test_every_page_is_marked_and_numbered(complete, page_size):
    _, document = laid_out(complete, reports.Config(page_size=page_size))
    texts = page_texts(document)
    assert len(texts) >= 6
    for number, text in enumerate(texts, 1):
        assert content.NOTICE in text
        assert f"sub-01 · page {number} of {len(texts)}" in " ".join(text.split())
    width = document.pages[0].width
    assert width == pytest.approx({"A4": 210 / 25.4, "Letter": 8.5}[page_size] * 96, abs=0.5)


def test_drawn_again_without_a_network_gives_the_same_bytes(complete, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the report opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    shutil.copytree(complete.paths.output_dir, tmp_path / "out")
    again = PatientPaths(tmp_path / "out", "01")
    objects = [path for path in reports.writes(again) if path.suffix == ".dcm"]
    assert len(objects) > 4, "the T1w’s slices among them"
    for file in (again.report_pdf, again.report_html, *again.figures.iterdir()):
        file.unlink()
    without_template = reports.Inputs(complete.inputs.t1w)
    started = time.process_time()
    reports.run(without_template, again, CONFIG, Progress())
    assert time.process_time() - started < RENDER_S
    assert _pictures_and_pages(again) == _pictures_and_pages(complete.paths)
    assert not any(path.exists() for path in objects), "without template nothing identifying stays"


def _pictures_and_pages(paths: PatientPaths) -> dict[str, object]:
    hashes = {file.name: sha256(file) for file in (paths.report_html, *paths.figures.iterdir())}
    # Not its bytes: WeasyPrint names pictures by where they lie.
    pages = [page.extract_text() for page in PdfReader(paths.report_pdf).pages]
    return hashes | {"pages": pages}


def test_the_same_document_gives_the_same_bytes(complete, tmp_path):
    _, document = laid_out(complete, reports.Config())
    files = tmp_path / "a.pdf", tmp_path / "b.pdf"
    for file in files:
        render.write_pdf(document, file, "sub-01")
    assert sha256(files[0]) == sha256(files[1])


def test_no_picture_of_an_earlier_run_stays(complete):
    kept = {file.name for file in complete.paths.figures.iterdir()}
    quality = read_json(complete.paths.qc("report"))
    assert kept == set(quality["figures"])


@pytest.mark.parametrize("page_size", ["A4", "Letter"])
@pytest.mark.parametrize("which", ["complete", "sparse"])
def test_the_summary_and_each_section_keep_to_their_pages(which, page_size, request):
    _, document = laid_out(request.getfixturevalue(which), reports.Config(page_size=page_size))
    texts = [" ".join(text.split()) for text in page_texts(document)]
    surgery = "After surgery" if which == "complete" else "Before surgery"
    assert surgery in texts[0] and "Not assessable" in texts[0]
    assert "Coordinates: scanner RAS" in texts[0]  # its last line
    assert "Identification and indication" in texts[1]
    assert 8 <= len(texts) <= 20


def test_sections_stand_in_the_order_of_the_reporting_guideline(complete):
    html, _ = laid_out(complete, reports.Config())
    order = [
        "Identification and indication",
        "<h3>Acquisition</h3>",
        "Methods of analysis",
        "Findings: spikes",
        "Findings: source",
        "Findings: comparison",
        "Interpretation aid",
        "Impression and clinical correlation",
    ]
    places = [html.index(title) for title in order]
    assert places == sorted(places)


def test_finding_is_that_of_the_map(complete):
    read = read_patient(complete.inputs, complete.paths)
    html, _ = laid_out(complete, reports.Config())
    assert read.head.region_label[np.argmax(read.finding.peak_map)] == "left superiortemporal"
    assert "left superior temporal gyrus" in html and "Left temporal lobe" in html
    assert "The maximum lies inside the resection" in html
    assert "Engel IA" in html
    assert "4 of 24 contacts are SOZ, as marked in channels.tsv:status_description" in html


def test_names_with_markup_are_text(complete):
    read = read_patient(complete.inputs, complete.paths)
    assert CONTACT in set(read.contacts["name"])
    html, document = laid_out(complete, CONFIG)
    assert "<script" not in html
    assert CONFIG.centre in " ".join(page_texts(document)[0].split())


def test_missing_parts_are_said_to_be_not_assessable(sparse):
    html, document = laid_out(sparse, reports.Config())
    first = " ".join(page_texts(document)[0].split())
    assert "no iEEG contacts are given" in first
    assert "no resection mask is given" in first
    assert "co-registration cannot be judged" in first
    assert "made to fail" in first
    assert "AMBER" in first
    assert "Axial gradiometers" in html and "Magnetometers" not in html
    assert html.count("not assessable") > 5
    assert "nan" not in " ".join(page_texts(document)).lower().split()
    assert "no iEEG contacts are given (electrodes.tsv); the method failed: made to fail" in html
    figures = read_json(sparse.paths.qc("report"))["figures"]
    assert not any("coregistration" in name for name in figures)


@pytest.mark.parametrize(
    "address", ["https://example.org/logo.png", "ftp://example.org/a", "file:///etc/hostname"]
)
def test_other_addresses_are_refused(tmp_path, address):
    with pytest.raises(InvalidInput, match="may not open"):
        render.lay_out(f'<img src="{address}" alt="">', tmp_path)


def test_sections_can_be_chosen_and_reordered(complete):
    html, _ = laid_out(complete, reports.Config(sections=("spikes", "summary")))
    assert html.index('id="spikes"') < html.index('id="summary"')
    assert 'id="provenance"' not in html
    with pytest.raises(ValueError, match="no section 'weather'"):
        reports.Config(sections=("weather",))


def test_unknown_page_size_is_refused():
    with pytest.raises(ValueError, match="page_size is 'A5'; allowed is A4 or Letter"):
        reports.Config(page_size="A5")


def test_reads_what_decides_the_report(complete):
    listed = {path.name for path in reports.reads(complete.inputs, complete.paths)}
    assert complete.paths.metrics.name in listed
    assert complete.paths.sources("lcmv").name in listed
    assert complete.paths.bootstrap("generic").name in listed
    assert complete.paths.resection.name in listed
    assert Path(complete.inputs.t1w).name in listed
    assert complete.paths.report_pdf.name not in listed


def test_methods_that_gave_no_map_are_told_with_their_reasons(complete, monkeypatch):
    quality = reading.read_image_qc(complete.paths)
    failed = MethodQC(assessable=False, reason="it is not trained", found=None)
    without = replace(quality, methods={"convdip": failed, "ecd": quality.methods["ecd"]})
    monkeypatch.setattr(reading, "read_image_qc", lambda _: without)
    solutions = {"ecd": reading._read_solutions(complete.paths)["ecd"]}
    monkeypatch.setattr(reading, "_read_solutions", lambda _: solutions)
    with pytest.raises(InvalidInput) as caught:
        read_patient(complete.inputs, complete.paths)
    told = "convdip is not assessable (it is not trained); ecd gives a point"
    assert told in caught.value.message and "sloreta" in caught.value.hint


def test_without_any_map_the_error_names_the_file(complete, tmp_path):
    with pytest.raises(InvalidInput, match="run the earlier stages first"):
        reports.run(complete.inputs, PatientPaths(tmp_path, "01"), reports.Config(), Progress())
