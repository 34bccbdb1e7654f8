"""What the report tells of what the stages found: in words, with reasons, on the page where it belongs."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from quality_files import DEEP, DEEP_BETTER
from rendered_report import html_of, laid_out, page_texts
from report_patient import ReportPatient

import reports
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.records.compare_qc import ContactTransformQC
from pipeline.records.status import StageRecord
from pipeline.spikes.type_choice import doubts_of_each, doubts_of_types
from reports import content, findings, quality, region, render
from reports.comparison import OUTSIDE_ITS_INTERVAL
from reports.parts import Part, with_overview
from reports.pictures import PICTURES, Picture, Studio
from reports.reading import read_patient
from reports.sections import SECTIONS
from reports.specification import own_section, read_sections


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
    pages = [html_of(built, read_sections(chosen=("comparison",))) for built in (helped, failed)]
    assert [same in page for page in pages] == [False, True]


def test_a_warning_of_any_stage_is_shown_and_changes_the_verdict(complete):
    warned = with_quality(complete, "image", warnings=("the spikes ride on a slow wave",))
    built = content.build(warned, complete.paths, reports.Config())
    assert built["verdict"].colour == "amber"
    html = html_of(built, read_sections(chosen=("summary", "quality")))
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
    assert not any("no interval" in note for note in built["metric_notes"])
    paths = PatientPaths(tmp_path, "01")
    paths.figures.mkdir(parents=True)
    drawn = PICTURES["stability"](Studio(resampled, paths, -0.014, {}))
    assert drawn.file.is_file() and "Stability" in drawn.caption
    assert PICTURES["stability"](Studio(read, paths, -0.014, {})) is None


def test_an_interval_without_width_is_told_as_what_it_is(complete):
    stored = read_patient(complete.inputs, complete.paths)
    own = (stored.metrics["method"] == "personalized") & (stored.metrics["metric"] == "max_to_soz")
    metrics = stored.metrics.copy()
    metrics["ci95_low"] = metrics["ci95_high"] = np.nan
    metrics.loc[own, ["value", "ci95_low", "ci95_high"]] = 3.6, 3.6, 3.6
    found = stored.image.methods["personalized"]
    resampled = replace(
        found.bootstrap, n_resamples=200, same_max_region_share=0.995, region_radius_mm=5.98
    )
    methods = stored.image.methods | {"personalized": replace(found, bootstrap=resampled)}
    image = replace(stored.image, methods=methods)
    read = replace(stored, metrics=metrics, qc=replace(stored.qc, image=image))
    built = content.build(read, complete.paths, reports.Config())
    told = " ".join(built["soz_relation"]).replace("\u00a0", " ")
    assert "interval" not in told
    assert (
        "4 mm from the nearest SOZ contact (it stayed in its region, which is about 12 mm wide, in "
        "199 of 200 averages of resampled spikes); SOZ and extent"
    ) in told
    cells = [row["cells"][0] for g in built["metric_groups"] for row in g["rows"]]
    assert not any("interval" in cell for cell in cells)
    (note,) = (note for note in built["metric_notes"] if note.startswith("no interval: "))
    marked = [
        cell["text"] for cell in cells if cell["note"] == built["metric_notes"].index(note) + 1
    ]
    assert marked == ["3.6"] and "about 12\u00a0mm wide" in note
    # A narrow interval is one, and its ends are told apart.
    metrics.loc[own, "ci95_low"] = 3.56
    built = content.build(replace(read, metrics=metrics), complete.paths, reports.Config())
    assert "(95\u00a0% interval 3.56 to 3.60\u00a0mm)" in " ".join(built["soz_relation"])
    cells = [row["cells"][0] for g in built["metric_groups"] for row in g["rows"]]
    assert [cell["interval"] for cell in cells if "interval" in cell] == ["(3.56–3.60)"]
    assert not any(note.startswith("no interval: ") for note in built["metric_notes"])


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
    nearest = read_json(complete.paths.qc("compare"))["nearest_contacts"]["1"]["personalized"][
        "soz"
    ]
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


def two_types(complete, **second):
    """The patient, whose marks are of two types; the second is not imaged unless that is said."""
    (one,) = read_patient(complete.inputs, complete.paths).qc.spikes.types
    reason = "3 of 20 fit their own average, and 5 are needed"
    other = {"number": 2, "n_marks": 20, "share_of_marks": 0.4, "imaged": False, "reason": reason}
    types = (
        replace(one, n_marks=30, share_of_marks=0.6, strongest_on="right"),
        replace(one, **(other | second)),
    )
    doubts = doubts_of_types(types, pooled=False) + doubts_of_each(types)
    return with_quality(complete, "spikes", types=types, doubts=doubts)


def test_two_types_of_spikes_are_no_single_place(complete):
    patient = two_types(complete)
    built = content.build(patient, complete.paths, reports.Config())
    place = findings.place(patient)["sublobar"].capitalize()
    html = html_of(built, read_sections("", ("summary",)))
    assert f'<p class="headline">Type 1 of 2: {place} region</p>' in html
    assert built["verdict"].colour == "amber"
    assert all(doubt.text in built["verdict"].reasons for doubt in patient.qc.spikes.doubts)
    assert built["support_word"] != "well supported"


def test_marks_of_a_detector_are_not_called_what_somebody_marked(complete):
    detected = with_quality(complete, "spikes", n_unreviewed=30)
    answers = content.build(detected, complete.paths, reports.Config())["answers"]
    (answer,) = [told for question, told in answers if "Are the averaged events spikes" in question]
    assert answer.startswith("Not assessable: a detector made 30 of the marks")


def test_an_onset_before_the_map_begins_says_so(complete):
    stored = read_patient(complete.inputs, complete.paths)
    early = replace(stored.qc.spikes.average, half_rise_s=-9.0, onset_snr_db=20.0)
    patient = with_quality(complete, "spikes", average=early)
    answers = dict(content.build(patient, complete.paths, reports.Config())["answers"])
    assert answers["Did the spike begin where the map is?"] == (
        "Not assessable: the map does not reach back to the half rise."
    )


def test_page_one_lists_every_type_and_why_one_is_not_imaged(complete):
    patient = two_types(complete)
    told = SECTIONS["overview"].content([patient])
    assert told["headline"] == "2 types of spikes, 1 of them imaged" and told["findings"] == []
    first, second = told["types"]
    assert (first["marks"], first["over"]) == ("30", "the right side")
    assert first["place"] == findings.place(patient)["gyrus"]
    assert second["place"] == "not imaged: 3 of 20 fit their own average, and 5 are needed"
    both = two_types(complete, imaged=True, reason=None)
    other = replace(both, paths=both.paths.of_type(2))
    told = SECTIONS["overview"].content([both, other])
    assert told["headline"] == "2 types of spikes, each with an image of its own"
    assert [text.split(":")[0] for text in told["findings"]] == ["Type 1", "Type 2"]
    assert findings.place(both)["sublobar"] not in told["headline"]


@pytest.mark.parametrize("page_size", ["A4", "Letter"])
def test_page_one_of_two_types_ends_on_its_page(complete, page_size):
    both = replace(two_types(complete, imaged=True, reason=None), virtual=True)
    told = content.build(both, complete.paths, reports.Config())
    picture = Picture(complete.paths.figure("summary", "png"), 24 * "words ", "A picture")
    shown = {name: picture for name in ("summary-1", "summary-2")}
    own = SECTIONS["overview"].content([both, replace(both, paths=both.paths.of_type(2))])
    own |= {"pictures": shown, "type_pictures": list(shown)}
    part = Part(own_section("overview"), "Spikes", "overview", told | own)
    html = render.to_html(told, [part], page_size)
    assert "Virtual patient" in html
    assert len(render.lay_out(html, complete.paths.figures).pages) == 1


def test_the_overview_comes_first_whatever_sections_are_chosen(complete):
    chosen = read_sections("", ("summary",))
    one = read_patient(complete.inputs, complete.paths)
    assert [section.id for section in with_overview(chosen, [one])] == ["summary"]
    assert [section.id for section in with_overview(chosen, [two_types(complete)])] == [
        "overview",
        "summary",
    ]
    nothing = replace(one, solutions={})
    assert with_overview(chosen, [nothing])[0].id == "overview"


def test_the_worst_verdict_stands_for_all_types():
    amber, red = findings.Verdict("amber", ["a", "b"]), findings.Verdict("red", ["b", "c"])
    assert findings.worst([amber, red]) == findings.Verdict("red", ["a", "b", "c"])
    assert findings.worst([]) is None


def test_where_nothing_is_imaged_the_report_says_so_and_names_no_place(complete):
    stored = read_patient(complete.inputs, complete.paths)
    (one,) = stored.qc.spikes.types
    reason = "the average does not stand out of its noise (SNR 1.2 dB, and 3 dB are needed)"
    spikes = replace(stored.qc.spikes, types=(replace(one, imaged=False, reason=reason),))
    quality_of_none = replace(stored.qc, spikes=spikes, image=None, personalize=None)
    patient = replace(
        stored, solutions={}, stability={}, qc=quality_of_none, metrics=stored.metrics[:0]
    )
    built = content.build(patient, complete.paths, reports.Config())
    told = SECTIONS["overview"].content([patient])
    assert told["headline"] == "Nothing is imaged"
    assert told["types"][0]["place"] == f"not imaged: {reason}"
    assert "place" not in built and "verdict" in built
    html = html_of(built, read_sections("", ("acquisition", "spikes", "quality", "provenance")))
    assert "because nothing is imaged" in html and "GREEN" not in html
    assert findings.place(stored)["gyrus"] not in html


def test_no_grade_where_the_head_lies_worse_than_was_simulated(complete):
    patient = read_patient(complete.inputs, complete.paths)
    measured = quality.measures(patient)
    assert findings.grade_of(patient, replace(measured, coregistration_mm=5.0))[0] == "grade B"
    for distance_mm in (5.1, None):
        word, reason = findings.grade_of(patient, replace(measured, coregistration_mm=distance_mm))
        assert word == "not assessable" and reason


def test_no_certainty_of_cortex_where_a_deep_structure_explains_the_spike_better(complete):
    patient = read_patient(complete.inputs, complete.paths)
    measured = quality.measures(patient)
    image = replace(patient.qc.image, deep=DEEP_BETTER)
    deep = replace(patient, qc=replace(patient.qc, image=image))
    word, reason = findings.grade_of(deep, measured)
    assert word == "not assessable" and "deep structure" in reason
    told = region.region_sentence(deep)
    assert "not assessable: a source in the right hippocampus explains" in told
    alike = replace(patient, qc=replace(patient.qc, image=replace(image, deep=DEEP)))
    assert findings.grade_of(alike, measured)[0] == "grade B"
    assert region.region_sentence(alike) == region.region_sentence(patient)


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
