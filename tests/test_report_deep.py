"""What the report says of deep structures, from records whose answer is known."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from quality_files import DEEP, DEEP_BETTER, HEADMODEL, structure

from pipeline.records.deep_qc import WORSE, DeepQC
from pipeline.records.document import document, record_of
from reports import deep
from reports.translation import ENGLISH, LANGUAGES, Translator, read_language

FAR = replace(
    DEEP,
    cortex_label="left precentral",
    structures=(structure("left putamen", 40.0, -40.0, WORSE), *DEEP.structures[2:]),
)


def patient_with(found, label="left precentral"):
    """The parts of a patient that the sentences ask for; the map's maximum lies in `label`."""
    return SimpleNamespace(
        qc=SimpleNamespace(image=SimpleNamespace(deep=found), headmodel=HEADMODEL),
        head=SimpleNamespace(region_label=np.array(["left insula", label])),
        finding=SimpleNamespace(peak_map=np.array([0.1, 0.9])),
    )


def test_page_one_says_what_cannot_be_told_apart():
    told = deep.page_one_sentence(patient_with(DEEP))
    assert told.startswith(
        "A source in the right hippocampus explains the spike as well as cortex does (right "
        "parahippocampal gyrus): MEG cannot tell them apart here."
    )
    told = deep.page_one_sentence(patient_with(DEEP_BETTER))
    assert told.startswith(
        "A source in the right hippocampus explains the spike better than cortex"
    )


def test_page_one_keeps_silent_of_cortex_far_from_deep_structures_alone():
    assert deep.page_one_sentence(patient_with(FAR)) == ""
    near = deep.page_one_sentence(patient_with(FAR, "left entorhinal"))
    assert near.startswith("Cortex explains the spike better than any source in the left putamen")
    assert deep.page_one_sentence(patient_with(DeepQC(reason="no points"))) == ""


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != ENGLISH])
def test_page_one_says_it_in_every_language(code):
    for found in (DEEP, DEEP_BETTER, FAR):
        translator = Translator(read_language(code))
        told = translator(deep.page_one_sentence(patient_with(found, "left insula")))
        assert "explains" not in str(told) and "<i" not in str(told)


def test_the_statement_has_both_shares_and_what_else_is_no_worse():
    told = deep.statement(DEEP)
    assert "MEG cannot tell them apart here" in told
    assert "explains 83.0\u00a0% of the averaged field" in told and "80.0\u00a0%" in told
    assert "No worse than cortex are also: right amygdala." in told and "would need" not in told
    assert deep.statement(FAR).startswith(
        "Cortex explains the spike better than any deep structure."
    )


def test_a_source_that_would_have_to_be_implausibly_strong_is_told():
    best = replace(DEEP_BETTER.structures[0], moment_nam=900.0)
    told = deep.statement(replace(DEEP_BETTER, structures=(best,)))
    assert "would need 900\u00a0nA·m, more than the 500\u00a0nA·m" in told
    assert "cortex is the likelier source" in told


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != ENGLISH])
def test_page_one_says_so_too_in_every_language(code):
    best = replace(DEEP_BETTER.structures[0], moment_nam=900.0)
    told = deep.page_one_sentence(patient_with(replace(DEEP_BETTER, structures=(best,))))
    assert (
        told.endswith("was simulated: cortex is the likelier source.") and "500\u00a0nA·m" in told
    )
    translated = str(Translator(read_language(code))(told))
    assert "likelier" not in translated and "<i" not in translated


def test_rates_of_few_averages_are_no_percentages():
    hippocampus, thalamus, entorhinal = deep.rate_rows(DEEP)
    assert hippocampus == ("hippocampus", "80", "70", "30", "0", "94")
    assert thalamus == ("thalamus", "4", *["too few"] * 4)
    assert entorhinal == ("entorhinal cortex", "60", "12", "72", "16", "")


def test_what_is_not_assessable_says_why():
    told = deep.content(patient_with(DeepQC(reason="the head model has no points")))
    assert told["deep_reason"] == "Not assessable: the head model has no points."
    assert deep.why_not_assessable(patient_with(DEEP)) is None
    assert deep.why_not_assessable(patient_with(None)) is not None


@pytest.mark.parametrize("found", [DEEP, DEEP_BETTER, DeepQC(reason="no points")])
def test_the_record_comes_back_from_its_file(found):
    assert record_of(DeepQC, document(found) | {}) == found
