"""No name and no content of a file may end more than its own participant."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from group_cohort import write_cohort
from markupsafe import Markup
from matplotlib.figure import Figure

from bids_app.cli import main
from bids_app.exit_codes import ExitCode
from bids_app.progress import ConsoleProgress
from pipeline.compare.rows import Table, as_tsv
from pipeline.errors import InvalidInput
from pipeline.files import read_json, read_metadata
from pipeline.tables import to_tsv
from pipeline.text import plain
from reports.figures.style import house_style, save
from reports.render import TEMPLATES, environment

NESTED = b'{"a": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": "\xff', "not valid JSON"),
        (b'{"a": 1', "not valid JSON"),
        (b"", "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (NESTED, "too deeply"),
        (NESTED.replace(b"[", b'{"a":').replace(b"]", b"1}"), "JSON"),
        (b"[1, 2]", "no JSON object"),
        (b'"text"', "no JSON object"),
        (b"null", "no JSON object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("read", [read_json, read_metadata])
def test_file_that_is_no_json_object_is_refused_in_a_sentence(tmp_path, read, content, says):
    file = tmp_path / "x.json"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=says) as refused:
        read(file)
    assert refused.value.file == file


def test_half_characters_of_json_become_the_replacement_character(tmp_path):
    file = tmp_path / "x.json"
    file.write_bytes(b'\xef\xbb\xbf{"a\\ud800": ["\\udfff!", "\\ud83e\\udde0", "\xc3\xa9"]}')
    content = read_json(file)
    assert content == {"a\ufffd": ["\ufffd!", "\U0001f9e0", "é"]}


def test_sidecar_without_what_is_not_known(tmp_path):
    file = tmp_path / "x.json"
    file.write_text('{"a": "n/a", "b": {"c": " N/A", "d": null, "e": 0}, "f": "", "g": ["n/a"]}')
    assert read_metadata(file) == {"b": {"e": 0}, "f": "", "g": ["n/a"]}
    assert read_json(file)["a"] == "n/a"


ESCAPES = "\x1b[2J\x1b]0;title\x07\u202egro.\x9b31m\nfalse line\r\udcff"


def test_plain_text_is_one_line_that_steers_nothing():
    assert plain("Ä–µ\u2060(A·m) 名") == "Ä–µ\u2060(A·m) 名"
    shown = plain(ESCAPES)
    assert shown == "\ufffd[2J\ufffd]0;title\ufffd\ufffdgro.\ufffd31m false line \ufffd"
    assert shown.encode("utf-8")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_log_takes_any_text_and_keeps_it_in_one_line(tmp_path, capfd, log_format):
    log = tmp_path / "sub-01.log"
    progress = ConsoleProgress("sub-01", log, log_format=log_format)
    progress.warn(ESCAPES)
    with progress.step(ESCAPES):
        pass
    written = log.read_bytes().decode("utf-8")
    printed = capfd.readouterr().err
    for told in (written, printed, *progress.warnings):
        assert not set(told) & set("\x1b\x07\x9b\r\u202e")
    assert all(" sub-01 " in line for line in written.splitlines())
    if log_format == "json":
        lines = log.with_suffix(".jsonl").read_text().splitlines()
        assert [json.loads(line)["name"] for line in lines] == ["sub-01"] * len(lines)


def small_dataset(root, names):
    """Participants whose recording is none, so that each ends in its first stage."""
    for label, name in names.items():
        for file in (f"anat/{name}_T1w.nii.gz", f"meg/{name}_meg.fif"):
            path = root / f"sub-{label}" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"nothing")
    (root / "dataset_description.json").write_text('{"Name": "x", "Authors": ["\\udc80"]}')
    return root


def run(bids, out, *options):
    return main([str(bids), str(out), "participant", "--skip-bids-validation", *options])


def test_undecodable_name_ends_its_own_participant_only(tmp_path, capfd):
    names = {"01": "sub-01_task-x" + os.fsdecode(b"\xff"), "02": "sub-02"}
    bids, out = small_dataset(tmp_path / "bids", names), tmp_path / "out"
    assert run(bids, out) == ExitCode.ALL_FAILED
    for label in names:
        status = read_json(out / f"sub-{label}/sub-{label}_status.json")
        assert (status["state"], status["failed_stage"]) == ("failed", "headmodel")
        assert "_meg.fif" in status["message"]
        assert f"sub-{label}" in (out / f"logs/sub-{label}.log").read_text(encoding="utf-8")
    assert main(["status", str(out)]) == ExitCode.DONE
    assert run(bids, out, "--dry-run") == ExitCode.DONE
    assert "2 failed" in capfd.readouterr().out


def test_what_json_holds_ends_its_own_participant_at_most(tmp_path):
    bids, out = (
        small_dataset(tmp_path / "bids", {"01": "sub-01_task-x", "02": "sub-02"}),
        tmp_path / "out",
    )
    meg = bids / "sub-01/meg/sub-01_task-x_meg.json"
    meg.write_text('{"AssociatedEmptyRoom": "bids::\\ud800\\u001b.fif", "x\\udfff": 1}')
    (bids / "sub-02/anat/sub-02_T1w.json").write_bytes(NESTED)
    for i, made_by in enumerate((1, "x", [1], [{}], {"Name": "spikefocus"}, None)):
        description = bids / f"derivatives/d{i}/dataset_description.json"
        description.parent.mkdir(parents=True)
        description.write_text(json.dumps({"GeneratedBy": made_by}))
    (bids / "derivatives/d0/dataset_description.json").write_bytes(NESTED)
    assert run(bids, out) == ExitCode.ALL_FAILED
    states = [
        read_json(out / f"sub-{label}/sub-{label}_status.json")["state"] for label in ("01", "02")
    ]
    assert states == ["failed", "failed"]


def test_status_of_any_content_is_shown(tmp_path, capfd):
    for label, content in {
        "01": '{"state": "failed", "message": "\\u001b[2J\\ud800", "hint": 3}',
        "02": '{"state": "done", "message": ["x"], "failed_stage": {}}',
        "03": "[" * 100_000,
        "04": '{"state": 7}',
    }.items():
        folder = tmp_path / f"sub-{label}"
        folder.mkdir()
        (folder / f"sub-{label}_status.json").write_text(content)
        (folder / ".spikefocus.lock").write_text("[" * 100_000)
    assert main(["status", str(tmp_path)]) == ExitCode.DONE
    shown = capfd.readouterr().out
    assert "\x1b" not in shown and "2 unreadable" in shown


def test_deeply_nested_toml_is_a_usage_error(tmp_path, capfd):
    bids = small_dataset(tmp_path / "bids", {"01": "sub-01"})
    config = tmp_path / "config.toml"
    config.write_text("x = " + "[" * 100_000)
    assert run(bids, tmp_path / "out", "--config", str(config)) == ExitCode.USAGE
    assert "not valid TOML" in capfd.readouterr().err


def test_table_for_a_spreadsheet_holds_no_formula():
    cells = ["=1+1", "+49 30", "-cmd|' /C calc'!A0", "@SUM(A1)", " =x", "\t=x", "\uff1dx"]
    numbers = ["-3.2", "+4", "-1e-3", "5"]
    table = pd.DataFrame(
        {
            "=name": [*cells, *numbers, "A\x1b[2J1", 'a "b"', "n/a"],
            "value": [-1.5] * (len(cells) + len(numbers) + 3),
        }
    )
    rows = [line.split("\t") for line in to_tsv(table).splitlines()]
    assert rows[0] == ["'=name", "value"]
    first = [row[0] for row in rows[1:]]
    assert all(cell.startswith("'") for cell in first[: len(cells)])
    assert first[len(cells) : len(cells) + len(numbers)] == numbers
    assert first[-3] == "A\ufffd[2J1" and first[-1] == "n/a"
    assert {row[1] for row in rows[1:]} == {"-1.5"}
    read_back = pd.read_csv(io.StringIO(to_tsv(table)), sep="\t", keep_default_na=False)
    assert read_back["'=name"].iloc[-2] == 'a "b"'


def test_metrics_and_spike_tables_hold_no_formula():
    table = Table([])
    table.add_absent("sloreta", ["max_to_soz"], "=HYPERLINK(1)\tx")
    assert "\t'=HYPERLINK(1) x" in as_tsv([table])


def test_two_dollars_are_no_formula_in_a_picture(tmp_path):
    with house_style():
        figure = Figure()
        figure.text(0.5, 0.5, r"Klinik $\undefined{$ West")
        figure.subplots().set_title("$a$ $")
        figure.legend([], [], title=r"$\x$")
    save(figure, tmp_path / "figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 1000


def test_pages_show_no_control_characters():
    templates = environment(str, TEMPLATES)
    page = templates.from_string("<p>{{ a }}{{ b }}</p>").render(a=ESCAPES, b=Markup("<i>\n</i>"))
    assert page == f"<p>{plain(ESCAPES)}<i>\n</i></p>"


@pytest.mark.parametrize("centre", [r"=A$\frac{$ <b>", "\x1b[2J"])
def test_centre_of_any_name_does_not_end_the_group_level(tmp_path, centre):
    people = [
        {"participant_id": f"sub-0{i}", "centre": centre if i % 2 else "Nord"} for i in range(1, 5)
    ]
    bids, out = write_cohort(tmp_path, 4, participants=people)
    assert main([str(bids), str(out), "group"]) == ExitCode.DONE
    table = (out / "group/group_metrics.tsv").read_text()
    page = (out / "group/group_report.html").read_text()
    assert "\x1b" not in table + page and "\t=" not in table
    assert "Content-Security-Policy\" content=\"default-src 'none'" in page


def test_table_of_a_night_with_odd_folders_and_odd_status(tmp_path):
    bids, output = tmp_path / "bids", tmp_path / "out"
    for name in ("sub-01", "sub-02", "sub-\udcff", "sub-x\x1b[2J"):
        (bids / name).mkdir(parents=True)
    stand_in = tmp_path / "stand_in.py"
    known = [{"participant": "sub-01", "state": "done"}]
    stand_in.write_text(
        "import sys\n"
        f"print({json.dumps(known)!r}) if sys.argv[1] == 'status' else None\n"
        "sys.exit(0)\n"
    )
    nightly = Path(__file__).parents[2] / "containers/nightly.py"
    done = subprocess.run(
        [sys.executable, nightly, "--settled", "0", bids, output, sys.executable, stand_in],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.decode()
    assert "sub-01: begins (unreadable)" in told and "sub-02: begins (new)" in told
    assert "2 folders are no participants" in told and "\x1b" not in told
