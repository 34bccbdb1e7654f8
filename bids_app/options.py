"""``spikefocus options``: every option of ``--config``, from where the stages define them."""

import dataclasses
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bids_app.stages import MODULES
from pipeline.options import allowed_values

_HEADER = ("option", "default", "allowed", "meaning")
_INTRODUCTION = """\
# Options

`--config FILE` takes a TOML file with one table per stage, for example

```toml
[spikes]
min_spikes = 10
```

Every option is checked before anything is processed; a wrong one ends the run with exit code 2.
`spikefocus options` prints the same tables (`spikefocus options --markdown` wrote this page).
"""


def rows(stage: str) -> Iterator[tuple[str, str, str, str]]:
    """Name, default, allowed values and meaning of each option of a stage."""
    config_class = MODULES[stage].Config
    for field in dataclasses.fields(config_class):
        yield (
            field.name,
            _as_toml(field.default),
            allowed_values(config_class, field),
            field.metadata["help"],
        )


def show() -> None:
    """Print one table per stage."""
    console = Console()
    for stage in MODULES:
        table = Table(*_HEADER, title=f"[{stage}]".replace("[", r"\["))
        for row in rows(stage):
            table.add_row(*map(Text, row))
        console.print(table)


def markdown() -> str:
    """The same as a page of the documentation."""
    parts = [_INTRODUCTION]
    for stage in MODULES:
        lines = [f"## {stage}", "", _line(_HEADER), _line(["---"] * len(_HEADER))]
        for name, default, allowed, meaning in rows(stage):
            lines.append(_line((f"`{name}`", f"`{default}`", allowed, meaning)))
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _line(cells) -> str:
    return "| " + " | ".join(cells) + " |"


def _as_toml(value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_as_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else f"{value:.12g}"
