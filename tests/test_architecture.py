"""What may import what, as docs/architecture.md says, and how long files and functions may be."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("pipeline", "reports", "bids_app")
FILES = [path for top in TOPS for path in sorted((ROOT / top).rglob("*.py"))]
MAX_LINES, MAX_FUNCTION_LINES = 400, 80


def folder_of(module: str) -> str:
    """``pipeline/compare`` for ``pipeline.compare.rows``; ``pipeline`` for what lies directly in it."""
    parts = module.split(".")
    below = "/".join(parts[:2])
    return below if len(parts) > 1 and (ROOT / below).is_dir() else parts[0]


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {folder_of(module) for module in found if module.split(".")[0] in TOPS}


def allowed() -> dict[str, set[str]]:
    rows = re.findall(
        r"^\| `([\w/]+)` \| (.*) \|$", (ROOT / "docs/architecture.md").read_text(), re.M
    )
    return {folder: set(re.findall(r"`([\w/]+)`", cell)) for folder, cell in rows}


@pytest.mark.parametrize("top", TOPS)
def test_folders_import_what_the_page_allows_and_nothing_else(top):
    rules, actual = allowed(), {}
    for path in FILES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        actual.setdefault(folder_of(module), set()).update(imports_of(path))
    for folder in (name for name in actual if name.split("/")[0] == top):
        assert actual[folder] - {folder, "pipeline"} == rules[folder], folder


def test_the_science_knows_neither_command_line_nor_report():
    for folder, others in allowed().items():
        if folder.startswith("pipeline"):
            assert not [other for other in others if not other.startswith("pipeline")]
        elif folder.startswith("reports"):
            assert not [other for other in others if other.startswith("bids_app")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < MAX_FUNCTION_LINES, node.name
