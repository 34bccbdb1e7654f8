"""Tables: reading them as clinics write them, and writing ours so that none does harm."""

import codecs
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.absent import require_content
from pipeline.errors import InvalidInput
from pipeline.text import plain, western

MAX_FILE_BYTES = 200 * 2**20
NOT_GIVEN = frozenset({"n/a", "", "na", "nan"})
# Also the full-width forms, which spreadsheets take for the same.
_FORMULA_SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_SEPARATORS = {";": "semicolons", ",": "commas", r"\|": "bars", r"\s+": "spaces"}
# Byte-order marks, also of files that were joined.
_INVISIBLE = "\ufeff\u200b"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA_NUMBER = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?")


def read_tsv(path: Path, required: tuple[str, ...], warnings: list[str]) -> pd.DataFrame:
    """Read a table as text, column names in lower case.

    A byte-order mark, spaces and quotes around cells are taken off. A quote never joins lines, as
    it would by the rules of CSV: an unclosed one would swallow the rows that follow.

    Parameters
    ----------
    path : Path
    required : tuple of str
        Columns that must be there.
    warnings : list of str
        Gets a sentence where rows were too short, or where the text is not UTF-8.

    Raises
    ------
    InvalidInput
        The file is no text, or lacks a column, or has one twice, or a row has too many cells.
    """
    text = _text(Path(path), warnings)
    numbered = [
        (number, [_unquoted(cell) for cell in line.split("\t")])
        for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1)
        if line.strip()
    ]
    if not numbered:
        raise InvalidInput("the table is empty", file=path, hint="fill it, or remove the file")
    header = [name.lower() for name in numbered[0][1]]
    # Tabs at the end of a line are no columns.
    header = header[: max((i for i, name in enumerate(header, 1) if name), default=0)]
    missing = [column for column in required if column not in header]
    if missing:
        separator = _other_separator(header, missing)
        if separator is not None:
            raise InvalidInput(
                f"the table's columns are separated by {separator} instead of tabs",
                file=path,
                hint="save it as tab-separated UTF-8 text",
            )
        raise InvalidInput(
            f"the table has no column {missing[0]!r}", file=path, hint="add it as BIDS requires"
        )
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise InvalidInput(
            f"the table has the column {twice[0]!r} twice", file=path, hint="keep one of them"
        )
    rows = [_fitted(cells, len(header), number, path) for number, cells in numbered[1:]]
    n_short = sum(len(cells) < len(header) for _, cells in numbered[1:])
    if n_short:
        warnings.append(
            f"{n_short} rows of {Path(path).name} are too short; their missing cells count as n/a."
        )
    return pd.DataFrame(rows, columns=header, dtype=str)


def to_tsv(table: pd.DataFrame, float_format: str | None = None) -> str:
    """A table as tab-separated text that a spreadsheet shows and does not execute.

    Text that a spreadsheet would take for a formula gets an apostrophe before it, control
    characters are replaced; numbers stay numbers, None and NaN become ``n/a``.
    """
    safe = table.map(_inert).rename(columns=_inert)
    return safe.to_csv(
        sep="\t", index=False, na_rep="n/a", float_format=float_format, lineterminator="\n"
    )


def described(columns: Mapping[str, tuple[str, str | None]]) -> dict[str, dict]:
    """A table's sidecar, as BIDS has it: what each column means and, where it has one, its unit."""
    return {
        name: {"Description": meaning} | ({"Units": unit} if unit else {})
        for name, (meaning, unit) in columns.items()
    }


def numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column of text.

    A comma is a decimal comma where no cell of the column has a point: ``4,911`` beside ``12,5`` is
    4.911. Beside points it may be either, so that such a cell is no number.

    Parameters
    ----------
    column : Series of str, (n,)

    Returns
    -------
    values : ndarray, (n,)
        NaN where a cell is none.
    odd : ndarray of bool, (n,)
        The cell says something, but no number.
    """
    cells = column.str.strip().str.replace("\u2212", "-", regex=False)
    given = ~cells.str.lower().isin(NOT_GIVEN)
    pointed = cells.map(lambda cell: _NUMBER.fullmatch(cell) is not None)
    comma = cells.map(lambda cell: _COMMA_NUMBER.fullmatch(cell) is not None)
    if comma.any() and not cells[pointed].str.contains(".", regex=False).any():
        cells, pointed = cells.str.replace(",", ".", regex=False), pointed | comma
    values = pd.to_numeric(cells.where(pointed), errors="coerce").to_numpy(float, copy=True)
    values[~np.isfinite(values)] = np.nan
    return values, (given & np.isnan(values)).to_numpy(bool)


def normalised(word: str) -> str:
    """A word without case, spaces, underscores and hyphens: "Non-SOZ" gives "nonsoz"."""
    return re.sub(r"[\s_\-]+", "", word).lower()


def words(cell: str) -> set[str]:
    """The normalised words of a list: ``"resect,SOZ"`` gives resect and soz, ``n/a`` itself."""
    text = cell.replace('"', "")
    parts = [text] if text.strip().lower() in NOT_GIVEN else re.split(r"[,;|+/&]", text)
    return {normalised(word) for word in parts} - {""}


def stacked(tables: list[pd.DataFrame]) -> pd.DataFrame | None:
    """All rows of several tables; n/a where a table lacks a column. None without tables."""
    if not tables:
        return None
    rows = pd.concat(tables, ignore_index=True)
    text = rows.select_dtypes(exclude=["number", "bool"]).columns
    return rows.fillna(dict.fromkeys(text, "n/a"))


def _text(path: Path, warnings: list[str]) -> str:
    hint = "save it as tab-separated UTF-8 text"
    require_content(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InvalidInput("the table is far too large", file=path, hint=hint)
        content = path.read_bytes()
        # First the longer mark, which begins as that of UTF-16 does.
        if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            return content.decode("utf-32")
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return content.decode("utf-16")
        if b"\0" in content:
            raise InvalidInput("the table is no text", file=path, hint=hint)
        try:
            return content.decode("utf-8").lstrip(_INVISIBLE)
        except UnicodeDecodeError:
            warnings.append(f"{path.name} is not UTF-8; it was read as Latin-1.")
            return western(content)
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput("the table cannot be read", file=path, hint=hint) from error


def _other_separator(header: list[str], missing: list[str]) -> str | None:
    """What separates the columns of a header in which tabs do not; None where nothing does."""
    if len(header) > 1:
        return None
    return next(
        (
            name
            for sign, name in _SEPARATORS.items()
            if set(missing) <= {_unquoted(cell) for cell in re.split(sign, "".join(header))}
        ),
        None,
    )


def _inert(cell):
    if not isinstance(cell, str):
        return cell
    text = plain(cell)
    is_formula = text.lstrip().startswith(_FORMULA_SIGNS) and not _NUMBER.fullmatch(text.strip())
    return f"'{text}" if is_formula else text


def _unquoted(cell: str) -> str:
    return cell.strip().strip('"').strip().replace('""', '"')


def _fitted(cells: list[str], n: int, number: int, path: Path) -> list[str]:
    if any(cells[n:]):
        raise InvalidInput(
            f"line {number} of the table has {len(cells)} cells instead of {n}",
            file=path,
            hint="correct that line: a tab too many moves a mark to another column",
        )
    return cells[:n] + ["n/a"] * (n - len(cells))
