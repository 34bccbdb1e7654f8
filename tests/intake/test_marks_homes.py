"""Every home of a mark in both tables, tables that disagree, and tables that cannot be read."""

import json

import pytest
from contact_files import NAMES, POS_MM, resolve, spherical_scalp

from pipeline.compare.labels import read_contact_labels

FLAGS = {
    "yes/no": ("yes", "no"),
    "Yes/No": ("Yes", "No"),
    "1/0": ("1", "0"),
    "true/false": ("TRUE", "false"),
    "x": ("X", ""),
    "n/a": ("yes", "n/a"),
}


def write(folder, electrodes=None, *channels):
    """One electrodes.tsv and any number of channels.tsv, with columns by name; what they come to."""
    cells = [[f"{value:g}" for value in pos] for pos in POS_MM]
    table = {"x": [row[0] for row in cells], "y": [row[1] for row in cells]}
    table |= {"z": [row[2] for row in cells]} | (electrodes or {})
    path = save(folder / "sub-01_electrodes.tsv", table)
    runs = [
        save(folder / f"sub-01_run-{i}_channels.tsv", {"type": ["SEEG"] * 4} | columns)
        for i, columns in enumerate(channels, 1)
    ]
    system = folder / "sub-01_coordsystem.json"
    system.write_text(json.dumps({"iEEGCoordinateSystem": "ScanRAS", "iEEGCoordinateUnits": "mm"}))
    return resolve([path], runs, [system], spherical_scalp())


def save(path, columns):
    rows = ["\t".join(["name", *columns])]
    rows += ["\t".join(cells) for cells in zip(NAMES, *columns.values(), strict=True)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("table", ["electrodes.tsv", "channels.tsv"])
@pytest.mark.parametrize(
    ("column", "mark"),
    [
        ("soz", "soz"),
        ("SOZ", "soz"),
        ("resected", "resected"),
        ("resection", "resected"),
        ("edge", "edge"),
    ],
)
@pytest.mark.parametrize("flags", FLAGS)
def test_columns_of_yes_and_no(tmp_path, table, column, mark, flags):
    yes, no = FLAGS[flags]
    columns = {column: [no, yes, yes, no]}
    found = write(tmp_path, columns) if table == "electrodes.tsv" else write(tmp_path, {}, columns)
    assert getattr(found.contacts, mark).tolist() == [False, True, True, False]
    assert found.rules[mark] == f"{table}:{column.lower()}"
    assert found.warnings == []


@pytest.mark.parametrize("table", ["electrodes.tsv", "channels.tsv"])
@pytest.mark.parametrize("column", ["seizure_zone", "status_description"])
def test_columns_of_words(tmp_path, table, column):
    columns = {column: ["SOZ", "Resected, soz", "ResectedEdge", "NonSOZ"]}
    found = write(tmp_path, columns) if table == "electrodes.tsv" else write(tmp_path, {}, columns)
    assert found.contacts.soz.tolist() == [True, True, False, False]
    assert found.contacts.resected.tolist() == [False, True, False, False]
    assert found.contacts.edge.tolist() == [False, False, True, False]
    assert set(found.rules.values()) == {f"{table}:{column}"}
    assert found.warnings == []


@pytest.mark.parametrize("sign", [",", ";", "|", "+", "/", " / ", " & "])
def test_words_are_parted_by_any_usual_sign(tmp_path, sign):
    cells = [f"resect{sign}soz", f"SOZ{sign}irritative", "n/a", "N/A"]
    found = write(tmp_path, {}, {"status_description": cells})
    assert found.contacts.soz.tolist() == [True, True, False, False]
    assert found.contacts.resected.tolist() == [True, False, False, False]
    assert found.warnings == []


def test_words_in_a_column_of_its_own(tmp_path):
    found = write(
        tmp_path,
        {"soz": ["SOZ", "non-SOZ", "n/a", "n/a"]},
        {"resection": ["resected", "not resected", "n/a", "n/a"]},
    )
    assert found.contacts.soz.tolist() == found.contacts.resected.tolist() == [1, 0, 0, 0]
    assert found.warnings == []


def test_runs_that_disagree_give_the_union_and_are_told_by_contact(tmp_path):
    found = write(
        tmp_path,
        {},
        {"soz": ["yes", "yes", "no", "no"]},
        {"soz": ["yes", "no", "yes", "no"]},
    )
    assert found.contacts.soz.tolist() == [True, True, True, False]
    assert found.warnings == [
        "Runs disagree on the soz contacts (channels.tsv:soz): A2, A3 not marked in all of them; "
        "marked in one is marked."
    ]


def test_a_run_that_says_nothing_disagrees_with_none(tmp_path):
    told = {"status_description": ["soz", "soz", "n/a", "n/a"]}
    less = {"status_description": ["soz", "n/a", "n/a", "n/a"]}
    silent = {"status_description": ["n/a"] * 4}
    assert write(tmp_path, {}, told, silent, {}).warnings == []
    found = write(tmp_path, {}, told, silent, less)
    assert found.contacts.soz.tolist() == [True, True, False, False]
    assert [text for text in found.warnings if "Runs disagree" in text and ": A2 not" in text]


@pytest.mark.parametrize(
    "column", ["soz_clinical", "EZ_resected_2", "seizure_onset", "zone", "ablation", "ictal_onset"]
)
def test_a_column_that_looks_like_marks_and_is_not_read_is_named(tmp_path, column):
    found = write(tmp_path, {}, {column: ["yes", "no", "no", "no"]})
    assert found.rules["soz"] is None and not found.contacts.soz.any()
    named = f"channels.tsv:{column.lower()}"
    assert any(named in text and "--contact-labels" in text for text in found.warnings)
    assert found.no_soz == f"no mark of seizure onset could be read: {named} was not read"
    # An empty one says nothing.
    assert write(tmp_path, {}, {column: ["n/a"] * 4}).warnings == []


def test_other_columns_are_none(tmp_path):
    other = {"group": ["A"] * 4, "hemisphere": ["L"] * 4, "size": ["5"] * 4}
    assert write(tmp_path, other, {"units": ["uV"] * 4, "notch": ["50"] * 4}).warnings == []


@pytest.mark.parametrize(
    "content", [b"", b"A1\tSEEG\tgood\nA2\tSEEG\tgood\n", b"name\ttype\nA1\tSEEG\tgood\textra\n"]
)
def test_a_channels_table_that_cannot_be_read_is_said_to_be_the_reason(tmp_path, content):
    found = write(tmp_path, {}, {})
    channels = tmp_path / "sub-01_run-1_channels.tsv"
    channels.write_bytes(content)
    files = [tmp_path / f"sub-01_{name}" for name in ("electrodes.tsv", "coordsystem.json")]
    found = resolve([files[0]], [channels], [files[1]], spherical_scalp())
    assert found.contacts.name == list(NAMES)
    assert found.no_soz.startswith("no mark of seizure onset could be read: ")
    assert channels.name in found.no_soz
    # Marks in the other table count all the same.
    save(
        files[0],
        dict(zip("xyz", ([f"{v:g}" for v in axis] for axis in POS_MM.T), strict=True))
        | {"soz": ["yes", "no", "no", "no"]},
    )
    found = resolve([files[0]], [channels], [files[1]], spherical_scalp())
    assert found.contacts.soz.tolist() == [True, False, False, False]
    assert any(channels.name in text for text in found.warnings)


def test_one_broken_electrodes_table_costs_no_other(tmp_path):
    write(tmp_path, {"soz": ["yes", "no", "no", "no"]})
    broken = tmp_path / "sub-01_acq-b_electrodes.tsv"
    broken.write_bytes(b"\x00\x01\x02")
    files = [tmp_path / "sub-01_electrodes.tsv", broken]
    system = tmp_path / "sub-01_coordsystem.json"
    found = resolve(files, [], [system], spherical_scalp())
    assert found.contacts.soz.tolist() == [True, False, False, False]
    assert any(broken.name in text for text in found.warnings)


def test_latin_1_in_channels(tmp_path):
    found = write(tmp_path, {}, {"units": ["µV"] * 4, "soz": ["yes", "no", "no", "no"]})
    channels = tmp_path / "sub-01_run-1_channels.tsv"
    channels.write_bytes(channels.read_text(encoding="utf-8").encode("latin-1"))
    files = [tmp_path / f"sub-01_{name}" for name in ("electrodes.tsv", "coordsystem.json")]
    found = resolve([files[0]], [channels], [files[1]], spherical_scalp())
    assert found.contacts.soz.tolist() == [True, False, False, False]
    assert found.warnings == [f"{channels.name} is not UTF-8; it was read as Latin-1."]


@pytest.mark.parametrize(
    ("cells", "levels", "soz"),
    [
        # Numbers mean what the sidecar says, also where they would be read otherwise without it.
        ("1 2 2 1", {"1": "no", "2": "yes"}, [0, 1, 1, 0]),
        ("1 2 2 1", {"1": "SOZ", "2": "Not SOZ"}, [1, 0, 0, 1]),
        ("A B B A", {"A": {"Description": "seizure onset zone"}, "B": "non-SOZ"}, [1, 0, 0, 1]),
        # What the sidecar only describes keeps its own meaning.
        ("yes no no yes", {"yes": "the epileptologist said so", "no": "all else"}, [1, 0, 0, 1]),
        ("1 0 0 1", {"1": "in it", "0": 5}, [1, 0, 0, 1]),
        ("1 0 0 1", "yes or no", [1, 0, 0, 1]),
    ],
)
@pytest.mark.parametrize("table", ["electrodes", "run-1_channels"])
def test_levels_of_the_sidecar_tell_what_a_cell_means(tmp_path, table, cells, levels, soz):
    columns = {"SOZ": cells.split()}
    write(tmp_path, *([columns] if table == "electrodes" else [{}, columns]))
    sidecar = tmp_path / "sub-01_sidecar.json"
    sidecar.write_text(json.dumps({"soz": {"Levels": levels}, "x": {"Units": "mm"}, "y": "text"}))
    found = resolved(tmp_path, {tmp_path / f"sub-01_{table}.tsv": [sidecar]})
    assert found.contacts.soz.tolist() == soz
    assert found.warnings == []


def resolved(folder, tables_json=None, labels=None):
    files = (sorted(folder.glob(f"*_{name}")) for name in ("electrodes.tsv", "channels.tsv"))
    system = folder / "sub-01_coordsystem.json"
    return resolve(
        *files, [system], spherical_scalp(), labels=labels, tables_json=tables_json or {}
    )


def test_a_broken_sidecar_costs_its_levels_alone(tmp_path):
    write(tmp_path, {}, {"soz": ["yes", "no", "no", "no"]})
    sidecar = tmp_path / "sub-01_run-1_channels.json"
    sidecar.write_text("{")
    found = resolved(tmp_path, {tmp_path / "sub-01_run-1_channels.tsv": [sidecar]})
    assert found.contacts.soz.tolist() == [1, 0, 0, 0]
    assert [text for text in found.warnings if sidecar.name in text]


def test_marks_that_are_not_understood_are_never_said_to_be_missing(tmp_path):
    found = write(tmp_path, {}, {"soz": ["2", "3", "3", "2"]})
    assert "no contact is marked" not in found.no_soz
    assert "channels.tsv:soz holds words that are not understood" in found.no_soz
    found = write(tmp_path, {}, {"status_description": ["sozz", "n/a", "n/a", "n/a"]})
    assert "sozz" in found.no_soz
    # A list of other participants, and a column of the centre's own that is not there.
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"participants": {"sub-02": {"soz": ["A1"]}}}))
    found = resolved(tmp_path, labels=read_contact_labels(path, "sub-01"))
    assert "lists contacts of 1 participants, but not of sub-01" in found.no_soz
    path.write_text(json.dumps({"soz": {"channels.tsv:onset_zone": ["yes"]}}))
    found = resolved(tmp_path, labels=read_contact_labels(path, "sub-01"))
    assert "onset_zone) is not among the columns" in found.no_soz
