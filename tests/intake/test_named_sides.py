"""Sides that contacts' names tell: by letters before or behind, by primes, beside any column hemisphere."""

import pandas as pd
import pytest

from pipeline.compare.sides import side_doubts

LETTERS = ("LA", "LB", "RA", "RB")


def doubts(shafts, x_mm, hemisphere=None):
    """Of shafts of three contacts each, the outermost at `x_mm`."""
    rows = [
        (f"{shaft}{i}", x - i if x > 0 else x + i, None if hemisphere is None else hemisphere[n])
        for n, (shaft, x) in enumerate(zip(shafts, x_mm, strict=True))
        for i in range(3)
    ]
    table = pd.DataFrame(rows, columns=["name", "x_mri_mm", "hemisphere"])
    table = table.assign(key=table["name"].str.lower())
    said = table[["key", "hemisphere"]] if hemisphere is not None else table[["key"]]
    return [(doubt.grave, doubt.text) for doubt in side_doubts(table, said, 0.0)]


MIRRORED, RIGHT = (40, 40, -40, -40), (-40, -40, 40, 40)


@pytest.mark.parametrize(
    "shafts",
    [
        LETTERS,
        ("HL", "TL", "HR", "TR"),
        ("A'", "B'", "A", "B"),
        ("A'", "B'", "C", "D"),
        ("A’", "B’", "A", "B"),
        ("Left Amyg ", "Left Hip ", "Right Amyg ", "Right Hip "),
    ],
)
def test_names_of_every_way_tell_a_mirrored_head(shafts):
    ((grave, text),) = doubts(shafts, MIRRORED)
    assert grave and text.startswith("All 12 contacts") and "may be mirrored" in text
    assert doubts(shafts, RIGHT) == []
    # One of them on its own side is enough to say nothing.
    assert doubts(shafts, (40, 40, -40, 40)) == []


@pytest.mark.parametrize("shafts", [("A'", "B'"), ("Left A", "Left B"), ("LA", "LB")])
def test_of_one_side_alone_it_is_no_grave_doubt(shafts):
    assert [grave for grave, _ in doubts(shafts, (40, 45))] == [False]
    assert doubts(shafts, (-40, -45)) == []


@pytest.mark.parametrize(
    "shafts", [("A", "B", "C", "D"), ("HL", "TL", "OR", "PR"), ("L", "L", "R", "R")]
)
def test_names_that_tell_no_side_say_nothing(shafts):
    """Letters behind mean sides only where a shaft of the other letter aims at the same."""
    assert doubts(shafts, MIRRORED) == []


@pytest.mark.parametrize(
    ("hemisphere", "grave"),
    [
        (("n/a",) * 4, True),
        (("R", "R", "L", "n/a"), True),
        # Computed from the coordinates, it proves nothing, but may have been written by hand.
        (("R", "R", "L", "L"), False),
    ],
)
def test_a_column_that_says_nothing_hides_no_names(hemisphere, grave):
    ((found, text),) = doubts(LETTERS, MIRRORED, hemisphere)
    assert found == grave and "named L… or R…" in text


def test_a_column_that_contradicts_is_told_alone():
    ((grave, text),) = doubts(LETTERS, MIRRORED, ("L", "L", "R", "R"))
    assert grave and "the column hemisphere" in text
