"""Pages that are made from the code are as the code makes them."""

import json
import re
from pathlib import Path

import pytest

from bids_app.documentation import PAGES
from bids_app.exit_codes import ExitCode

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_as_the_code_makes_them(name):
    assert (ROOT / name).read_text() == PAGES[name](), "run `make docs`"


def test_every_exit_code_is_explained():
    page = (ROOT / "docs/exit_codes.md").read_text()
    assert re.findall(r"^\| (\d+) \|", page, re.MULTILINE) == [str(int(code)) for code in ExitCode]
    assert all(code.meaning.endswith(".") and code.advice for code in ExitCode)


def test_every_result_is_explained():
    rows = re.findall(r"^\| `(.*)` \| (.*) \|$", (ROOT / "docs/outputs.md").read_text(), re.M)
    assert ("sub-X/sub-X_status.json" in dict(rows)) and len(rows) > 25
    assert all(meaning for _, meaning in rows), "a file without a docstring"


def test_the_descriptor_has_every_option_once():
    described = json.loads((ROOT / "spikefocus.json").read_text())
    keys = [one["value-key"] for one in described["inputs"]]
    assert described["command-line"].split()[1:] == keys and len(set(keys)) == len(keys)
    by_id = {one["id"]: one for one in described["inputs"]}
    assert by_id["participant_label"]["command-line-flag"] == "--participant-label"
    assert by_id["participant_label"]["list"] and by_id["participant_label"]["optional"]
    assert by_id["follow_links"]["type"] == "Flag"
    assert by_id["bids_dir"] == by_id["bids_dir"] | {"type": "File", "optional": False}
    assert by_id["analysis_level"]["value-choices"] == ["participant", "group"]


def test_every_page_of_intake_names_tests_that_are_there():
    page = (ROOT / "docs/intake.md").read_text()
    rows = [row for row in page.splitlines() if row.startswith("| ") and not row.startswith("| -")]
    named = {name.strip() for row in rows for name in row.split("|")[-2].split(",")} - {"Test"}
    paths = {name: f"intake/{name}" if "/" not in name else name for name in named}
    files = {name: "/test_".join(path.split("/")) + ".py" for name, path in paths.items()}
    missing = [name for name, file in files.items() if not (ROOT / "tests" / file).exists()]
    assert len(rows) > 40 and not missing
