"""What the report tells of what the stages found: in words, with reasons, on the page where it belongs."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from rendered_report import laid_out, page_texts
from report_patient import ReportPatient

import reports
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.records.compare_qc import ContactTransformQC
from pipeline.records.status import StageRecord
from pipeline.spikes.config import Config
from pipeline.spikes.type_choice import doubts_of_types
from reports import content, findings, quality, render
from reports.comparison import OUTSIDE_ITS_INTERVAL
from reports.derivatives import read_patient
from reports.pictures import PICTURES, Studio
from reports.specification import read_sections


@pytest.fixture
def complete(rendered) -> ReportPatient:
    return rendered


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
    image = replace(
        stored.qc.image, methods={"personalized": replace(own_qc, bootstrap=None, region=None)}
    )
    read = replace(
        stored,
        metrics=stored.metrics.assign(ci95_low=np.nan, ci95_high=np.nan),
        stability={},
        qc=replace(stored.qc, image=image),
    )
    plain = content.build(read, complete.paths, reports.Config())
    assert "is not assessable" in plain["region_sentence"] and not plain["has_intervals"]
    assert plain["support_word"] == "not assessable"
    own = (read.metrics["method"] == "personalized") & (read.metrics["metric"] == "max_to_soz")
    metrics = read.metrics.copy()
    metrics.loc[own, ["ci95_low", "ci95_high"]] = 1.25, 9.5
    assert 1.25 < metrics.loc[own, "value"].item() < 9.5
    summary = replace(own_qc.bootstrap, n_resamples=200, max_within_mm_95=7.4, region_radius_mm=6.1)
    image = replace(image, methods={"personalized": replace(own_qc, bootstrap=summary)})
    stability = np.where(np.arange(994) % 2, 0.5, 0.49)
    resampled = replace(
        read,
        metrics=metrics,
        stability={"personalized": stability},
        qc=replace(read.qc, image=image),
    )
    built = content.build(resampled, complete.paths, reports.Config())
    held = read.finding.extent & (stability >= 0.5)
    assert held.sum() < read.finding.extent.sum()
    regions = "1 region" if held.sum() == 1 else f"{held.sum()} regions"
    assert f"covers {regions}," in built["extent_sentence"]
    assert "trimmed to what at least half" in built["extent_sentence"]
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
    assert "lies within 12\u00a0mm of" in built["region_sentence"]
    assert "in 90\u00a0% of such spikes: 2.7\u00a0cm³ of cortex" in built["region_sentence"]
    assert "right in 91\u00a0% of 500 spikes of 5 other heads" in built["region_sentence"]
    assert built["support_word"] == "grade B"
    assert "7\u00a0mm from the source in the median" in built["grade_meaning"]
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


def test_two_types_of_spikes_are_no_single_place(complete):
    stored = read_patient(complete.inputs, complete.paths)
    (one,) = stored.qc.spikes.types
    types = (
        replace(one, n_marks=30, share_of_marks=0.6, strongest_on="right"),
        replace(one, number=2, n_marks=2, share_of_marks=0.4, imaged=False),
    )
    doubts = doubts_of_types(types, Config())
    patient = with_quality(complete, "spikes", types=types, doubts=doubts)
    built = content.build(patient, complete.paths, reports.Config())
    sections = read_sections("", ("summary",))
    html = render.to_html({**built, "pictures": {}}, sections, "A4")
    place = findings.place(patient)["sublobar"].capitalize()
    assert f'<p class="headline">Type 1 of 2: {place} region</p>' in html
    assert ["no", "yes"] == sorted(re.findall(r"<td>(yes|no)</td>", html))
    assert "the right side" in html and "the left side" in html
    assert built["verdict"].colour == "red" and doubts[0].text in built["verdict"].reasons
    (one_type,) = [check for check in built["checks"] if "Types" in check.name]
    assert one_type.holds is False
    measured = quality.measures(patient)
    assert (measures_of := quality.measures(stored)).n_of_other_types == 0
    assert (measured.n_of_other_types, measured.n_rejected) == (2, measures_of.n_rejected - 2)
    assert any("2 of other types not imaged" in str(answer) for answer in built["answers"])


def test_no_grade_where_the_head_lies_worse_than_was_simulated(complete):
    patient = read_patient(complete.inputs, complete.paths)
    measured = quality.measures(patient)
    assert findings.grade_of(patient, replace(measured, coregistration_mm=5.0))[0] == "grade B"
    for distance_mm in (5.1, None):
        word, reason = findings.grade_of(patient, replace(measured, coregistration_mm=distance_mm))
        assert word == "not assessable" and reason


def test_a_beamformer_of_little_data_does_not_vote(complete):
    patient = read_patient(complete.inputs, complete.paths)
    rank = sum(patient.qc.spikes.noise_covariance.rank.values())
    filters = patient.qc.spikes.filter
    start_s, end_s = patient.qc.image.lcmv_window_s
    # Two independent samples for each hertz and second, three of them for each rank.
    each = 2 * (filters.lowpass_hz - filters.highpass_hz) * (end_s - start_s)
    enough = int(np.ceil(3 * rank / each))
    for n_spikes, votes in ((enough, True), (enough - 1, False)):
        image = replace(patient.qc.image, n_spikes=n_spikes)
        read = replace(patient, qc=replace(patient.qc, image=image))
        assert findings.may_vote(read, "lcmv") is votes
