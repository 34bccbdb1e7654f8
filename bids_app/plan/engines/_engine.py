"""What every engine has, and the templates of those that ship."""

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import jinja2

from bids_app.plan.records import Plan

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Engine:
    """A scheduler that runs one participant per task.

    Attributes
    ----------
    files : callable
        Given a `Plan`, the text of every file that the engine reads, by its path in the plan's folder;
        ``.sh`` files become executable.
    mounts : tuple of PurePosixPath or None
        Where a task sees the dataset and the output folder; None where it sees the paths of this
        machine.
    """

    files: Callable[[Plan], dict[str, str]]
    mounts: tuple[PurePosixPath, PurePosixPath] | None = None


def template(name: str) -> jinja2.Template:
    """A file of the folder ``templates``."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(TEMPLATES)),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # shell scripts and YAML, which the next two filters quote
    )
    templates.filters["words"] = shlex.join
    templates.filters["quoted"] = _yaml_string
    return templates.get_template(name)


def _yaml_string(text: str) -> str:
    """A JSON string, which YAML reads too, but for characters beyond 16 bits and some unprintable."""
    return re.sub(
        r"[^ -~]", lambda found: f"\\U{ord(found[0]):08x}", json.dumps(text, ensure_ascii=False)
    )
