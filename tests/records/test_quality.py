"""Quality files: what is written is read, and a file that says more or less is refused."""

import json
from dataclasses import replace

import pytest
from quality_files import HEADMODEL, PERSONALIZE, SPIKES

from pipeline.doubts import Doubt
from pipeline.errors import InvalidInput
from pipeline.paths import PatientPaths
from pipeline.records.compare_qc import (
    CompareQC,
    ContactCountsQC,
    ContactsQC,
    NearContactsQC,
    ResectionQC,
    read_compare_qc,
    write_compare_qc,
)
from pipeline.records.document import document, record_of
from pipeline.records.headmodel_qc import ApartQC, read_headmodel_qc, write_headmodel_qc
from pipeline.records.image_qc import ExistenceQC, MethodQC
from pipeline.records.personalize_qc import read_personalize_qc, write_personalize_qc
from pipeline.records.solution import MapSummary
from pipeline.records.spikes_qc import read_spikes_qc, write_spikes_qc
from reports.quality import _LABELS, _TOLD_ELSEWHERE

UNPLACED = CompareQC(
    warnings=(),
    doubts=(Doubt("sides may be exchanged", grave=True),),
    outcome=None,
    outcome_reason="participants.tsv states no outcome of surgery",
    nearest_contacts={"1": {"generic": NearContactsQC()}},
    contacts=ContactsQC(
        contact_rules={},
        contact_counts=ContactCountsQC(),
        contact_transforms=(),
        soz_assessable=False,
        soz_reason="no iEEG contacts are given",
    ),
    resection=ResectionQC(resected=None, resection_assessable=False, resection_reason="no mask"),
)
MAP = MapSummary(
    max_region=3,
    max_pos_mri_mm=(1.0, 2.0, 3.0),
    max_label="left cuneus",
    max_sublobar="left occipital",
    otsu_threshold=0.5,
    n_extent_regions=4,
    extent_area_cm2=5.0,
)


@pytest.fixture
def paths(tmp_path):
    return PatientPaths(tmp_path, "01")


@pytest.mark.parametrize(
    ("stage", "quality", "write", "read"),
    [
        ("headmodel", HEADMODEL, write_headmodel_qc, read_headmodel_qc),
        ("spikes", SPIKES, write_spikes_qc, read_spikes_qc),
        ("personalize", PERSONALIZE, write_personalize_qc, read_personalize_qc),
        ("compare", UNPLACED, write_compare_qc, read_compare_qc),
    ],
)
def test_what_is_written_is_read_and_nothing_else(paths, stage, quality, write, read):
    write(paths, quality)
    file = paths.qc(stage)
    assert read(paths) == quality
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"hours": 3}))
    with pytest.raises(InvalidInput, match="unknown key 'hours'") as refused:
        read(paths)
    assert refused.value.file == file and refused.value.hint == f"run the {stage} stage again"
    file.write_text(json.dumps({key: content[key] for key in content if key != "warnings"}))
    with pytest.raises(InvalidInput, match="no key 'warnings'"):
        read(paths)
    file.write_text(json.dumps(content | {"warnings": "none"}))
    with pytest.raises(InvalidInput, match="warnings is not of the kind tuple"):
        read(paths)


def test_parts_stand_among_the_keys_and_absent_ones_nowhere(paths):
    content = document(HEADMODEL)
    assert list(content)[:5] == [
        "warnings",
        "doubts",
        "head_model",
        "head_model_sentence",
        "registration",
    ]
    assert "given_to_automatic_at_cortex_max_mm" not in content and "region_labels" not in content
    # A transform was given, and no automatic one could be made: null, not absent.
    apart = ApartQC(
        given_to_automatic_at_cortex_median_mm=None, given_to_automatic_at_cortex_max_mm=None
    )
    given = replace(HEADMODEL, coregistration=replace(HEADMODEL.coregistration, apart=apart))
    assert document(given)["given_to_automatic_at_cortex_max_mm"] is None
    write_headmodel_qc(paths, given)
    assert read_headmodel_qc(paths).coregistration.apart == apart


def test_a_method_is_a_map_a_point_or_nothing():
    failed = MethodQC(assessable=False, reason="Singular matrix", found=None)
    assert document(failed) == {"assessable": False, "reason": "Singular matrix"}
    plain = MethodQC(assessable=True, reason=None, found=MAP)
    explaining = replace(plain, explained_percent=71.5)
    scores = replace(plain, not_explained="its values are scores")
    doubted = replace(plain, doubt=Doubt("ended early"))
    said = replace(plain, existence=ExistenceQC(probability=0.7, threshold=0.4))
    assert document(explaining)["explained_percent"] == 71.5
    for method in (failed, plain, explaining, scores, doubted, said):
        assert record_of(MethodQC, json.loads(json.dumps(document(method)))) == method


def test_the_report_names_no_key_that_no_stage_writes():
    def keys(content) -> set[str]:
        nested = [value for value in content.values() if isinstance(value, dict)]
        return set(content).union(*map(keys, nested))

    written = set().union(*(keys(document(each)) for each in (HEADMODEL, SPIKES, PERSONALIZE)))
    written |= keys(document(UNPLACED))
    absent_here = {
        "methods",
        "dipoles",
        "deep",
        "distance_between_maxima_mm",
        "resection_space",
        "resection_registration",
        "share_in_head",
        "share_in_brain",
        "resected_sublobar",
        "n_resected_regions",
        "contacts",
        "contacts_without_position",
    }
    assert (_TOLD_ELSEWHERE | set(_LABELS)) - written == absent_here
