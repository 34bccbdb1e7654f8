"""A stage is computed again when, and only when, code that it runs has changed."""

import shutil

import pytest

from bids_app import code
from bids_app.code import ROOT, code_files
from bids_app.stages import MODULES


def names(package: str) -> set[str]:
    return {str(file.relative_to(ROOT)) for file in code_files(package)}


def test_what_a_stage_imports_at_last_belongs_to_it():
    spikes = names("pipeline.spikes")
    assert {"pipeline/spikes/stage.py", "pipeline/fif.py", "pipeline/errors.py"} <= spikes
    assert not any(name.startswith(("pipeline/networks", "reports")) for name in spikes)
    personalize = names("pipeline.personalize")
    assert "pipeline/networks/deepsif.py" in personalize  # by the registry alone
    assert "pipeline/networks/weights/generic_compact.safetensors" in personalize
    assert "pipeline/synthesis/spike_library.npz" in personalize
    assert "reports/templates/report.css" in names("reports")


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The sources in another folder, where they may be changed."""
    for package in ("bids_app", "pipeline", "reports"):
        shutil.copytree(ROOT / package, tmp_path / package)
    monkeypatch.setattr(code, "ROOT", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget():
    for cached in (code.code_files, code._imported, code._data_in):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("changed", "stages"),
    [
        ("pipeline/personalize/jitter.py", {"personalize"}),
        ("pipeline/compare/rows.py", {"compare"}),
        ("pipeline/errors.py", set(MODULES)),
        ("reports/templates/report.css", {"report"}),
        ("bids_app/status.py", set()),
    ],
)
def test_a_change_counts_where_the_code_runs(copy, changed, stages):
    before = {stage: code.code_hash(module) for stage, module in MODULES.items()}
    forget()
    with (copy / changed).open("a") as file:
        file.write("\n")
    after = {stage: code.code_hash(module) for stage, module in MODULES.items()}
    assert {stage for stage in MODULES if before[stage] != after[stage]} == stages
