"""The report: every page marked, nothing invented, nothing fetched, text never taken for markup."""

import contextlib
import re
import shutil
import socket
import time
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fake_results import N_RESAMPLES
from pypdf import PdfReader
from rendered_report import CONFIG, CONTACT
from report_patient import ReportPatient, write_report_patient

import reports
from pipeline.errors import InvalidInput
from pipeline.files import read_json, sha256
from pipeline.paths import PatientPaths
from pipeline.progress import Progress
from pipeline.records.compare_qc import ContactTransformQC
from pipeline.records.status import StageRecord
from reports import content, quality, render
from reports.comparison import OUTSIDE_ITS_INTERVAL
from reports.derivatives import read_patient
from reports.figures.style import FONT_FAMILY
from reports.pictures import PICTURES, Picture, Studio
from reports.specification import read_sections

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


@cache
def laid_out(patient: ReportPatient, config: reports.Config):
    """The report with the pictures that the run has left."""
    read = read_patient(patient.inputs, patient.paths)
    sections = read_sections(config.specification, config.sections)
    text = content.build(read, patient.paths, config)
    pictures = {
        re.search(r"desc-(\w+)_", file.name)[1]: Picture(file, "A caption.", "A picture")
        for file in patient.paths.figures.iterdir()
    }
    html = render.to_html({**text, "pictures": pictures}, sections, config.page_size)
    return html, render.lay_out(html, patient.paths.figures)


def page_texts(document) -> list[str]:
    """The text of each page, margin boxes included."""

    def walk(box):
        yield getattr(box, "text", "") or ""
        for child in getattr(box, "children", ()):
            yield from walk(child)

    return [" ".join(walk(page._page_box)) for page in document.pages]


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
    assert quality["n_pages"] <= 12
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
    assert len(objects) == 3
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


@pytest.mark.parametrize("page_size", ["A4", "Letter"])
@pytest.mark.parametrize("which", ["complete", "sparse"])
def test_the_summary_and_each_section_keep_to_their_pages(which, page_size, request):
    _, document = laid_out(request.getfixturevalue(which), reports.Config(page_size=page_size))
    texts = [" ".join(text.split()) for text in page_texts(document)]
    assert "Relation to the resection" in texts[0] and "Not assessable" in texts[0]
    assert "Coordinates: scanner RAS" in texts[0]  # its last line
    assert "Identification and indication" in texts[1]
    assert 8 <= len(texts) <= 12


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


def test_without_any_map_the_error_names_the_file(complete, tmp_path):
    with pytest.raises(InvalidInput, match="run the earlier stages first"):
        reports.run(complete.inputs, PatientPaths(tmp_path, "01"), reports.Config(), Progress())


def with_quality(patient: ReportPatient, stage: str, **changes):
    """The patient as read, with other entries in one stage's quality file."""
    read = read_patient(patient.inputs, patient.paths)
    changed = replace(getattr(read.qc, stage), **changes)
    return replace(read, qc=replace(read.qc, **{stage: changed}))


def test_silent_regions_are_not_among_the_strongest(complete):
    read = read_patient(complete.inputs, complete.paths)
    share = np.zeros(994)
    share[[17, 40, 41]] = 1.0, 0.006, 0.004
    finding = {read.finding_method: replace(read.finding, peak_map=share)}
    read = replace(read, solutions=read.solutions | finding)
    rows = content.build(read, complete.paths, reports.Config())["regions"]
    assert [row["share"] for row in rows] == ["100", "1"]


def test_personalization_is_told_in_words(complete):
    helped = content.build(
        read_patient(complete.inputs, complete.paths), complete.paths, reports.Config()
    )
    assert "Personalization was used" in helped["personalization_sentence"]
    assert (
        "was 5.1\u00a0mm before and 4.2\u00a0mm after (mean fall 0.90 ± 0.20\u00a0mm"
        in helped["personalization_sentence"]
    )
    failed = content.build(
        with_quality(complete, "personalize", improved=False), complete.paths, reports.Config()
    )
    assert "Personalization was not used" in failed["personalization_sentence"]
    assert failed["verdict"].colour == "green"
    assert "generic network" in failed["map_sentence"]
    assert (helped["finding_name"], failed["finding_name"]) == (
        "Personalized network",
        "Generic network",
    )
    same = "the personalized network has the generic one’s weights"
    pages = [
        render.to_html({**built, "pictures": {}}, read_sections(chosen=("comparison",)), "A4")
        for built in (helped, failed)
    ]
    assert [same in page for page in pages] == [False, True]


def test_a_warning_of_any_stage_is_shown_and_changes_the_verdict(complete):
    warned = with_quality(complete, "image", warnings=("the spikes ride on a slow wave",))
    built = content.build(warned, complete.paths, reports.Config())
    assert built["verdict"].colour == "amber"
    html = render.to_html(
        {**built, "pictures": {}}, read_sections(chosen=("summary", "quality")), "A4"
    )
    assert "Warning: The spikes ride on a slow wave." in html


def test_intervals_and_stability_are_told_where_spikes_were_resampled(complete, tmp_path):
    stored = read_patient(complete.inputs, complete.paths)
    own_qc = stored.qc.image.methods["personalized"]
    image = replace(stored.qc.image, methods={"personalized": replace(own_qc, bootstrap=None)})
    read = replace(
        stored,
        metrics=stored.metrics.assign(ci95_low=np.nan, ci95_high=np.nan),
        stability={},
        qc=replace(stored.qc, image=image),
    )
    plain = content.build(read, complete.paths, reports.Config())
    assert plain["resampling_sentence"] == "" and not plain["has_intervals"]
    own = (read.metrics["method"] == "personalized") & (read.metrics["metric"] == "max_to_soz")
    metrics = read.metrics.copy()
    metrics.loc[own, ["ci95_low", "ci95_high"]] = 1.25, 9.5
    assert 1.25 < metrics.loc[own, "value"].item() < 9.5
    summary = replace(own_qc.bootstrap, n_resamples=200, max_within_mm_95=7.4, region_radius_mm=6.1)
    image = replace(image, methods={"personalized": replace(own_qc, bootstrap=summary)})
    stability = np.linspace(0, 1, 994)
    resampled = replace(
        read,
        metrics=metrics,
        stability={"personalized": stability},
        qc=replace(read.qc, image=image),
    )
    built = content.build(resampled, complete.paths, reports.Config())
    assert "In 95\u00a0% of 200 averages" in built["resampling_sentence"]
    assert "within 7\u00a0mm" in built["resampling_sentence"]
    extent = read.finding.extent
    area = read.head.region_area_mm2
    held = area[extent & (stability >= 0.5)].sum() / area[extent].sum()
    assert f"and {100 * held:.0f}\u00a0% of the extent’s area" in built["resampling_sentence"]
    assert OUTSIDE_ITS_INTERVAL not in built["metric_notes"]
    metrics.loc[own, "value"] = 9.6
    outside = content.build(replace(resampled, metrics=metrics), complete.paths, reports.Config())
    assert OUTSIDE_ITS_INTERVAL in outside["metric_notes"]
    assert "95\u00a0% interval 1.2 to 9.5\u00a0mm" in " ".join(built["soz_relation"])
    cells = [row["cells"][0] for g in built["metric_groups"] for row in g["rows"]]
    assert [cell["interval"] for cell in cells if "interval" in cell] == ["(1.2–9.5)"]
    paths = PatientPaths(tmp_path, "01")
    paths.figures.mkdir(parents=True)
    drawn = PICTURES["stability"](Studio(resampled, paths, -0.014, {}))
    assert drawn.file.is_file() and "Stability" in drawn.caption
    assert PICTURES["stability"](Studio(read, paths, -0.014, {})) is None


def test_what_the_stages_resampled_and_carried_is_told(complete):
    built = content.build(
        read_patient(complete.inputs, complete.paths), complete.paths, reports.Config()
    )
    assert f"of {N_RESAMPLES} averages of resampled spikes" in built["resampling_sentence"]
    assert built["has_intervals"]
    contacts, mask = built["clinical_sentences"]
    assert "_electrodes.tsv (ScanRAS)" in contacts
    assert mask == "Resection mask: given in the space of the pre-operative T1w."
    answers = " ".join(answer for _, answer in built["answers"])
    nearest = read_json(complete.paths.qc("compare"))["nearest_contacts"]["personalized"]["soz"]
    assert f"from the nearest SOZ contact ({nearest['name']})." in answers


def test_registrations_are_told_with_their_figures_of_merit(complete):
    carried = ContactTransformQC(
        file="sub-01_electrodes.tsv",
        space="ACPC",
        method="rigid",
        quality={"inverse_consistency_mm": 0.42},
    )
    compared = read_patient(complete.inputs, complete.paths).qc.compare
    changed = with_quality(
        complete,
        "compare",
        contacts=replace(compared.contacts, contact_transforms=(carried,)),
        resection=replace(
            compared.resection,
            resection_space="carried",
            resection_registration={"brain_shift_p95_mm": 3.1, "correlation_deformed": 0.91},
        ),
    )
    assert quality.clinical_sentences(changed) == [
        "Contacts of sub-01_electrodes.tsv (ACPC): rigid (inverse consistency 0.42\u00a0mm).",
        "Resection mask: carried (brain shift 95th percentile 3.1\u00a0mm, "
        "correlation deformed 0.91).",
    ]


def test_a_template_head_is_called_one(complete):
    _, document = laid_out(complete, reports.Config())
    assert "Template head model" in " ".join(page_texts(document)[0].split())


def test_hashes_and_options_come_from_the_status_file(complete):
    inputs = {"sub-01_T1w.nii.gz": "a" * 64, complete.paths.leadfield.name: "b" * 64}
    options = {"snr": 3.0, "window_s": [-0.5, 0.5], "generic_model": "/home/me/own.safetensors"}
    record = StageRecord(
        state="done",
        key="0",
        seconds=61.0,
        cpu_seconds=100.0,
        cores=2.0,
        peak_memory_mb=900,
        peak_gpu_memory_mb=None,
        warnings=(),
        inputs=inputs,
        outputs={},
        options=options,
    )
    status = SimpleNamespace(stages={"image": record}, updated="2026-11-25T04:42:38+00:00")
    read = replace(read_patient(complete.inputs, complete.paths), status=status)
    built = content.build(read, complete.paths, reports.Config())
    assert built["inputs"] == [("sub-01_T1w.nii.gz", "a" * 64), ("generic weights", "0" * 64)]
    assert built["options"] == [
        (
            "image",
            [
                ("SNR", "3"),
                ("window", "\u22120.5\u00a0s, 0.5\u00a0s"),
                ("generic model", "own.safetensors"),
            ],
        )
    ]
