"""Tables as text: what is refused, what is told, and what a spreadsheet would execute."""

import numpy as np
import pandas as pd
import pytest

from pipeline import tables
from pipeline.errors import InvalidInput
from pipeline.tables import described, normalised, read_tsv, stacked, to_tsv, words


@pytest.fixture
def file(tmp_path):
    return tmp_path / "events.tsv"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tb\n1\t2\t3\n", "line 2 of the table has 3 cells instead of 2"),
        ("\n\na\tb\n\n1\t2\t\t3\n", "line 5 of the table has 4 cells instead of 2"),
        ("A\ta\n1\t2\n", "the column 'a' twice"),
        ("b\n1\n", "no column 'a'"),
    ],
)
def test_what_cannot_be_read_is_told_by_its_line(file, text, said):
    file.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_tsv(file, ("a",), [])


def test_tabs_behind_the_last_column_are_none_and_short_rows_are_told(file):
    file.write_text("a\t\tb\t\t\n1\t2\t3\t\n4\n5\t6\n\n")
    warnings: list[str] = []
    table = read_tsv(file, ("a", "b"), warnings)
    assert list(table.columns) == ["a", "", "b"]
    assert table["b"].tolist() == ["3", "n/a", "n/a"] and table["a"].tolist() == ["1", "4", "5"]
    assert warnings == ["2 rows of events.tsv are too short; their missing cells count as n/a."]
    file.write_text("a\n1\n")
    warnings.clear()
    assert read_tsv(file, ("a",), warnings)["a"].tolist() == ["1"] and warnings == []


def test_a_table_of_the_largest_size_is_read(file, monkeypatch):
    file.write_text("a\n1\n")
    monkeypatch.setattr(tables, "MAX_FILE_BYTES", 4)
    assert len(read_tsv(file, ("a",), [])) == 1
    monkeypatch.setattr(tables, "MAX_FILE_BYTES", 3)
    with pytest.raises(InvalidInput, match="far too large"):
        read_tsv(file, ("a",), [])
    monkeypatch.undo()
    assert tables.MAX_FILE_BYTES == 209_715_200


def test_formulas_become_text_and_numbers_stay():
    cells = ["=1+1", " +cmd", "@x", "\uff1dA1", "-5", "+1.5e3", "a=b", "-", None]
    written = to_tsv(pd.DataFrame({"=c": cells, "n": np.arange(9) / 3}), "%.2f").split("\n")
    assert written[0] == "'=c\tn"
    told = [line.split("\t")[0] for line in written[1:-1]]
    assert told == ["'=1+1", "' +cmd", "'@x", "'\uff1dA1", "-5", "+1.5e3", "a=b", "'-", "n/a"]
    assert written[2].split("\t")[1] == "0.33" and written[-1] == ""


def test_a_sidecar_says_meaning_and_unit():
    assert described({"a": ("what", "mm"), "b": ("which", None)}) == {
        "a": {"Description": "what", "Units": "mm"},
        "b": {"Description": "which"},
    }


def test_rows_of_several_tables_are_one_table():
    one, other = pd.DataFrame({"a": ["1"], "n": [2.0]}), pd.DataFrame({"b": ["3"]})
    both = stacked([one, other])
    assert both["a"].tolist() == ["1", "n/a"] and both["b"].tolist() == ["n/a", "3"]
    assert np.isnan(both["n"][1]) and stacked([]) is None


def test_words_of_a_cell():
    assert normalised("Non-SOZ _x") == "nonsozx"
    assert words('"resect,SOZ"; a|b + ') == {"resect", "soz", "a", "b"}
