"""Reading BIDS tables as clinics write them: quotes, byte-order marks, ragged and repeated rows."""

import re
from pathlib import Path

import pandas as pd

from pipeline.errors import InvalidInput


def read_tsv(path: Path, required: tuple[str, ...], warnings: list[str]) -> pd.DataFrame:
    """Read a table as text, column names in lower case.

    A byte-order mark, spaces and quotes around cells are taken off. A quote never joins lines, as
    it would by the rules of CSV: an unclosed one would swallow the contacts that follow.

    Parameters
    ----------
    required : tuple of str
        Columns that must be there.
    warnings : list of str
        Gets a sentence where rows were too short.

    Raises
    ------
    InvalidInput
        The file is no UTF-8 text, or lacks a column, or has one twice, or a row has too many cells.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "the table cannot be read", file=path, hint="save it as tab-separated UTF-8 text"
        ) from error
    numbered = [
        (number, [_unquoted(cell) for cell in line.split("\t")])
        for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1)
        if line.strip()
    ]
    header = [name.lower() for name in numbered[0][1]] if numbered else []
    missing = [column for column in required if column not in header]
    if missing:
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


def normalised(word: str) -> str:
    """A word without case, spaces, underscores and hyphens: "Non-SOZ" gives "nonsoz"."""
    return re.sub(r"[\s_\-]+", "", word).lower()


def words(cell: str) -> set[str]:
    """The normalised words of a list: ``"resect,SOZ"`` gives resect and soz."""
    return {normalised(word) for word in re.split(r"[,;|+]", cell.replace('"', ""))} - {""}


def stacked(tables: list[pd.DataFrame]) -> pd.DataFrame | None:
    """All rows of several tables; n/a where a table lacks a column. None without tables."""
    if not tables:
        return None
    rows = pd.concat(tables, ignore_index=True)
    text = rows.select_dtypes(exclude=["number", "bool"]).columns
    return rows.fillna(dict.fromkeys(text, "n/a"))


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
