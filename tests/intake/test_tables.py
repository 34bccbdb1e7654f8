"""Tables as they come: encodings, line ends, quotes, case, decimal commas."""

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import InvalidInput
from pipeline.tables import numbers, read_tsv

ROWS = "onset\ttrial_type\n1.5\tspike µV\n2.5\tspike\n"


@pytest.mark.parametrize(
    ("content", "n_warnings"),
    [
        (ROWS.encode(), 0),
        (b"\xef\xbb\xbf" + ROWS.encode(), 0),
        (ROWS.encode("latin-1"), 1),
        (ROWS.encode("utf-16"), 0),
        (ROWS.replace("\n", "\r\n").encode(), 0),
        (ROWS.replace("\n", "\r").encode(), 0),
        (ROWS.replace("onset", "Onset").replace("trial_type", "Trial_Type").encode(), 0),
        (ROWS.replace("spike µV", '"spike µV').encode(), 0),
        (ROWS.replace("spike µV", '"spike µV"').encode(), 0),
    ],
)
def test_a_table_is_read_however_it_was_saved(tmp_path, content, n_warnings):
    file = tmp_path / "events.tsv"
    file.write_bytes(content)
    warnings = []
    table = read_tsv(file, ("onset",), warnings)
    assert list(table["onset"]) == ["1.5", "2.5"]
    assert list(table["trial_type"]) == ["spike µV", "spike"]
    assert len(warnings) == n_warnings


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "empty"), (b"\n \n", "empty"), (b"onset\0", "no text")]
)
def test_what_is_no_table_is_refused(tmp_path, content, said):
    file = tmp_path / "events.tsv"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=said):
        read_tsv(file, ("onset",), [])


@pytest.mark.parametrize(
    ("cells", "values", "n_odd"),
    [
        (["4,911", "12,5", "n/a"], [4.911, 12.5, np.nan], 0),
        (["4,911", "12.5"], [np.nan, 12.5], 1),
        (["1e-3", " -2 ", "+.5"], [0.001, -2, 0.5], 0),
        (["12:30:01", "", "7"], [np.nan, np.nan, 7], 1),
        (["1_000", "inf", "0x10"], [np.nan] * 3, 3),
        (["3", "4,5"], [3, 4.5], 0),
    ],
)
def test_numbers(cells, values, n_odd):
    got, odd = numbers(pd.Series(cells, dtype=str))
    np.testing.assert_array_equal(got, values)
    assert odd.sum() == n_odd


def test_primes_of_windows_are_primes(tmp_path):
    """Excel writes A’1 in the code page of Windows, in which Latin-1 has a control character."""
    file = tmp_path / "electrodes.tsv"
    file.write_bytes(b"name\tx\nA\x921\t1\n")
    assert list(read_tsv(file, ("name",), [])["name"]) == ["A\u20191"]
    file.write_bytes(b"name\tx\nA\x811\t1\n")  # of no character in Windows
    assert list(read_tsv(file, ("name",), [])["name"]) == ["A\x811"]


@pytest.mark.parametrize("mark", ["\ufeff\ufeff", "\u200b", "\ufeff\u200b"])
def test_what_cannot_be_seen_before_the_first_column_is_none_of_its_name(tmp_path, mark):
    file = tmp_path / "events.tsv"
    file.write_bytes((mark + ROWS).encode())
    assert list(read_tsv(file, ("onset",), [])["onset"]) == ["1.5", "2.5"]


def test_a_column_of_another_name_is_not_blamed_on_separators(tmp_path):
    file = tmp_path / "events.tsv"
    file.write_bytes(b"onset (s)\tduration\ttrial_type\n1\t0\tspike\n")
    with pytest.raises(InvalidInput, match="no column 'onset'"):
        read_tsv(file, ("onset",), [])


def test_a_header_of_tabs_alone_names_no_column(tmp_path):
    file = tmp_path / "events.tsv"
    file.write_bytes(b'""\t\t\n1\t0\tspike\n')
    with pytest.raises(InvalidInput, match="no column 'onset'"):
        read_tsv(file, ("onset",), [])
