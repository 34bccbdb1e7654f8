"""Pages of the documentation that are made from the code: ``python -m bids_app.documentation``."""

import json
from collections.abc import Callable
from pathlib import Path

from bids_app import boutiques, options
from bids_app.exit_codes import ExitCode
from pipeline import STAGES
from pipeline.files import write_text
from pipeline.metrics import METRICS
from pipeline.paths import RESULTS

ROOT = Path(__file__).parents[1]
_EXIT_CODES = """\
# Exit codes

| code | meaning | what a scheduler should do |
| --- | --- | --- |
"""
_OUTPUTS = """\
# What a run writes

Below the output folder, which is a BIDS derivatives dataset; `sub-X` stands for the participant. Lengths
are in millimetres and frames in the names or sidecars; what could not be assessed says so in place of a number.
Files of methods that were not asked for, and of optional inputs that were not given, are absent.

Where the marked spikes are of several types, what the stages spikes and image write of the first has the names below;
of the second type `Type2` follows the description (`desc-spikesType2_ave.fif`, `desc-sloretaType2_sources.npz`,
`desc-imageType2_qc.json`), and so on. Tables have a column `type`. A type that is not imaged has no files of the stage
image; where none is imaged, there are none of `personalize` and `image` but the report, which says why.
"""
_METRICS = """\
# Metrics

What `sub-X_metrics.tsv` holds for each method, and what the reports call it. A metric that the data do not allow has
a row that says why. Those made of others stand in the group's tables alone.

| metric | in the reports | unit | compared with | better | definition |
| --- | --- | --- | --- | --- | --- |
"""
_COMPARED = {
    "soz": "seizure-onset contacts",
    "resection": "resection",
    "model": "–",
    "": "others (group)",
}


def exit_codes() -> str:
    """Table of the exit codes."""
    rows = [f"| {int(code)} | {code.meaning} | {code.advice} |" for code in ExitCode]
    return _EXIT_CODES + "\n".join(rows) + "\n"


def outputs() -> str:
    """Tables of the files that each stage leaves."""
    parts = [_OUTPUTS]
    for stage in (*STAGES, "train", "all"):
        rows = [f"| `{one.name}` | {one.meaning} |" for one in RESULTS if one.stage == stage]
        title = {"all": "every stage", "train": "spikefocus train"}.get(stage, stage)
        parts.append(
            "\n".join([f"## {title}", "", "| file | content |", "| --- | --- |", *rows]) + "\n"
        )
    return "\n".join(parts)


def metrics() -> str:
    """Table of the metrics."""
    rows = []
    for name in METRICS:
        metric = METRICS[name]
        better = {True: "higher", False: "lower", None: "–"}[metric.higher_is_better]
        compared = _COMPARED[getattr(metric, "reference", "")]
        cells = (f"`{name}`", metric.label, metric.unit, compared, better, metric.definition)
        rows.append(f"| {' | '.join(cells)} |")
    return _METRICS + "\n".join(rows) + "\n"


def descriptor() -> str:
    """Boutiques descriptor of the command line."""
    return json.dumps(boutiques.descriptor(), indent=2) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/options.md": options.markdown,
    "docs/exit_codes.md": exit_codes,
    "docs/outputs.md": outputs,
    "docs/metrics.md": metrics,
    "spikefocus.json": descriptor,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        write_text(ROOT / name, page())
