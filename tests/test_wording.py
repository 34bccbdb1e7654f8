"""How the report says numbers, places and names."""

import numpy as np
import pytest

from pipeline.metrics._metric import YES_OR_NO
from reports.wording import (
    count,
    humanise,
    listing,
    lower_first,
    lps,
    sentence,
    split_unit,
    written_unit,
)


def test_counts_have_their_noun():
    assert [count(n, "spike") for n in (0, 1, 2)] == ["0 spikes", "1 spike", "2 spikes"]
    assert count(2, "axis", "axes") == "2 axes" and count(1, "axis", "axes") == "1 axis"


def test_items_are_joined_as_in_a_sentence():
    assert [listing(list("abc")[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listing(["a", "b"], "or") == "a or b"


def test_dicom_looks_to_the_left_and_back():
    assert lps(np.array([53.2, -23.4, 4.0])) == "x, y, z = \u221253, 23, 4\u00a0mm"
    assert lps(np.array([-0.2, 0.3, -4.0])) == "x, y, z = 0, 0, \u22124\u00a0mm"


@pytest.mark.parametrize(
    ("key", "words", "unit"),
    [
        ("residual_mm", "Residual", "mm"),
        ("mm", "mm", ""),
        ("moment_x", "Moment x", ""),
        ("largest_residual_mm", "Largest residual", "mm"),
    ],
)
def test_a_key_has_words_and_a_unit(key, words, unit):
    assert split_unit(key) == (humanise(words), unit)


def test_what_is_true_or_not_has_no_unit():
    assert written_unit(YES_OR_NO) == "" and written_unit("mm") == "mm"
    assert written_unit("cm2") == "cm²" and written_unit("x") == "x"


@pytest.mark.parametrize(
    ("text", "small"),
    [
        ("The map", "the map"),
        ("SOZ", "SOZ"),
        ("iEEG", "iEEG"),
        ("T1w", "T1w"),
        ("A", "a"),
        ("", ""),
    ],
)
def test_abbreviations_keep_their_first_letter(text, small):
    assert lower_first(text) == small


def test_a_sentence_begins_large_and_ends():
    assert sentence(" the map") == "The map." and sentence("why?") == "Why?"
    assert sentence("so.") == "So." and sentence("  ") == ""
