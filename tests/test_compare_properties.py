"""The resolver of marks on generated sidecars, as untidy as published ones."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.compare.contacts import Resolution, resolve_contacts
from pipeline.compare.labels import read_contact_labels
from pipeline.compare.placing import Carried

SLOW = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
HOMES = {
    "electrodes.tsv:soz": "yes/no",
    "electrodes.tsv:seizure_zone": "zones",
    "channels.tsv:status_description": "words",
}
SCALP_MM = 100 * (lambda v: v / np.linalg.norm(v, axis=1, keepdims=True))(
    np.random.default_rng(0).standard_normal((2000, 3))
)

flags = st.booleans()


@dataclass(frozen=True)
class Style:
    """How a centre writes its tables."""

    mark: bytes
    newline: str
    quote: bool
    padding: str
    case: str
    separator: str
    reverse: bool

    def cell(self, text: str) -> str:
        text = {"lower": text.lower(), "upper": text.upper(), "as is": text}[self.case]
        return f'{self.padding}"{text}"{self.padding}' if self.quote else self.padding + text

    def save(self, path: Path, header: list[str], rows: list[list[str]]) -> Path:
        rows = rows[::-1] if self.reverse else rows
        lines = ["\t".join(cells) for cells in (header, *rows)]
        path.write_bytes(self.mark + (self.newline.join(lines) + self.newline).encode())
        return path


styles = st.builds(
    Style,
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    quote=flags,
    padding=st.sampled_from(["", " ", "  "]),
    case=st.sampled_from(["lower", "upper", "as is"]),
    separator=st.sampled_from([",", ", ", ";", " | "]),
    reverse=flags,
)
contacts = st.lists(
    st.tuples(st.sampled_from("ABCDE"), st.integers(1, 15)), min_size=2, max_size=15, unique=True
).map(lambda pairs: [f"{letter}{number}" for letter, number in pairs])


@st.composite
def marked_contacts(draw):
    """Contacts' names and those that are SOZ, not empty, and resected."""
    names = draw(contacts)
    soz = draw(st.sets(st.sampled_from(names), min_size=1))
    return names, soz, draw(st.sets(st.sampled_from(names)))


def cells(home: str, names, soz, resected, style: Style, odd) -> list[str]:
    """One cell per contact, as the home spells it; `odd` gives what stands for nothing."""
    if HOMES[home] == "yes/no":
        return [style.cell("yes" if name in soz else "no") for name in names]
    words = {
        "zones": ("SOZ", "Resected", "IrritativeZone"),
        "words": ("soz", "resect", None),
    }[HOMES[home]]
    found = []
    for name, other in zip(names, odd, strict=True):
        own = [word for word, marks in zip(words, (soz, resected), strict=False) if name in marks]
        if words[2] and other:
            own.append(words[2])
        found.append(style.cell(style.separator.join(own)) if own else "n/a")
    return found


def resolve(folder: Path, names, columns: dict, style: Style, bad=None, labels=None) -> Resolution:
    """Write the tables with columns by home, and resolve them."""
    tables = {"electrodes.tsv": ["x", "y", "z"], "channels.tsv": ["type", "status"]}
    rows = {
        "electrodes.tsv": [
            [name, f"{-60 + 5 * i}", "0", f"{5 * i}"] for i, name in enumerate(names)
        ],
        "channels.tsv": [
            [name, "SEEG", "bad" if bad and bad[i] else "good"] for i, name in enumerate(names)
        ],
    }
    for home, column in columns.items():
        table, name = home.split(":")
        tables[table] = [*tables[table], name]
        rows[table] = [[*row, cell] for row, cell in zip(rows[table], column, strict=True)]
    files = {
        table: style.save(folder / f"sub-01_{table}", ["name", *header], rows[table])
        for table, header in tables.items()
    }
    system = folder / "sub-01_coordsystem.json"
    system.write_text(json.dumps({"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}))
    return resolve_contacts(
        [files["electrodes.tsv"]],
        [files["channels.tsv"]],
        [system],
        Path("sub-01_T1w.nii.gz"),
        [],
        read_contact_labels(labels, "sub-01"),
        lambda frame: Carried(lambda pos_mm: pos_mm, "as given"),
        SCALP_MM,
    )


def marked(found: Resolution, mark: str) -> set[str]:
    return {
        name
        for name, is_marked in zip(found.contacts.name, getattr(found.contacts, mark), strict=True)
        if is_marked
    }


@SLOW
@given(marked_contacts(), st.sampled_from(sorted(HOMES)), styles, st.data())
def test_marks_come_back_however_they_are_written(truth, home, style, data):
    names, soz, resected = truth
    same_length = st.lists(flags, min_size=len(names), max_size=len(names))
    odd, bad = data.draw(same_length), data.draw(same_length)
    with tempfile.TemporaryDirectory() as folder:
        column = cells(home, names, soz, resected, style, odd)
        found = resolve(Path(folder), names, {home: column}, style, bad)
    assert marked(found, "soz") == soz
    assert found.rules["soz"] == home
    assert found.counts["soz"] == len(soz) and found.counts["contacts"] == len(names)
    if HOMES[home] != "yes/no":
        assert marked(found, "resected") == resected
        assert found.rules["resected"] == (home if resected else None)
    doubtful = [text for text in found.warnings if not text.startswith("All ")]
    assert doubtful == []


@SLOW
@given(marked_contacts(), st.data(), styles)
def test_of_contradicting_columns_the_most_explicit_decides_and_all_are_named(truth, data, style):
    names, _, _ = truth
    sets = [data.draw(st.sets(st.sampled_from(names))) for _ in HOMES]
    nothing = [False] * len(names)
    columns = {
        home: cells(home, names, soz, set(), style, nothing)
        for home, soz in zip(HOMES, sets, strict=True)
    }
    with tempfile.TemporaryDirectory() as folder:
        found = resolve(Path(folder), names, columns, style)
    decisive = next((i for i, soz in enumerate(sets) if soz), None)
    assert marked(found, "soz") == (sets[decisive] if decisive is not None else set())
    assert found.rules["soz"] == (None if decisive is None else list(HOMES)[decisive])
    # A column of "no" is a statement; a column of n/a is none.
    said = [soz for i, soz in enumerate(sets) if soz or i == 0]
    disagree = len({frozenset(soz) for soz in said}) > 1
    assert disagree == any("disagree on the soz" in text for text in found.warnings)


unknown_words = st.sampled_from(["sozz", "SOZ?", "onset?", "probable SOZ", "SOZ2", "resectioned"])


@SLOW
@given(marked_contacts(), st.sampled_from(sorted(HOMES)), unknown_words, styles, st.data())
def test_unknown_spellings_never_mark_and_never_pass_unnoticed(truth, home, word, style, data):
    names, soz, _ = truth
    column = cells(home, names, soz, set(), style, [False] * len(names))
    where = data.draw(st.sampled_from(range(len(names))))
    column[where] = word
    with tempfile.TemporaryDirectory() as folder:
        found = resolve(Path(folder), names, {home: column}, style)
    assert marked(found, "soz") == soz - {names[where]}
    assert any("not understood" in text and home in text for text in found.warnings)


@SLOW
@given(marked_contacts(), styles, st.data())
def test_the_mapping_file_overrides_every_column(truth, style, data):
    names, soz, _ = truth
    listed = data.draw(st.sets(st.sampled_from(names)))
    nothing = [False] * len(names)
    columns = {home: cells(home, names, soz, set(), style, nothing) for home in HOMES}
    with tempfile.TemporaryDirectory() as folder:
        labels = Path(folder) / "labels.json"
        written = {"participants": {"sub-01": {"soz": [name.lower() for name in sorted(listed)]}}}
        labels.write_text(json.dumps(written))
        found = resolve(Path(folder), names, columns, style, labels=labels)
    assert marked(found, "soz") == listed
    assert found.rules["soz"] == "--contact-labels (list)"


@SLOW
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_our_words(content):
    from pipeline.errors import InvalidInput
    from pipeline.tables import read_tsv

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sub-01_electrodes.tsv"
        path.write_bytes(b"name\tx\n" + content)
        try:
            table = read_tsv(path, ("name",), [])
        except InvalidInput as error:
            assert error.file == path
        else:
            assert list(table.columns) == ["name", "x"]
            assert table.map(lambda cell: isinstance(cell, str)).all(axis=None)
