"""Which files may be read, and whether their content is here at all."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pipeline.absent import absent_content
from pipeline.errors import InvalidInput
from pipeline.readers import companions

# git-annex keeps content as .../KEY/KEY, the key made of backend, size and checksum.
_ANNEX_KEY = re.compile(r"[A-Z0-9_]+(-[sSmC]\d+)*--.+")


LEADS_OUT = "is a link that leads out of the dataset"


def leads_out(path: Path, roots: list[Path]) -> bool:
    """Whether a path is, or lies behind, a link out of the folders that the command line names.

    A dataset's own annex belongs to it wherever it lies: that of a clone is often a link. A link in
    a circle leads nowhere.
    """
    try:
        target = path.resolve()
    except (OSError, RuntimeError):
        return False
    if any(target.is_relative_to(root.resolve()) for root in roots):
        return False
    return not _is_in_own_annex(path, target, roots)


def refuse_links_out(paths: Iterable[Path], roots: list[Path]) -> None:
    """Refuse what leads out of the folders that the command line names (see `leads_out`).

    Raises
    ------
    InvalidInput
    """
    for path in paths:
        if leads_out(path, roots):
            raise InvalidInput(
                f"The path {LEADS_OUT}",
                file=path,
                hint="copy the file into the dataset, name a derivative's folder with "
                "--derivatives, or allow such links with --follow-links",
            )


def absent_part(path: Path) -> InvalidInput | None:
    """Why content of a file, a folder or a recording with all its parts is not here; None if it is."""
    inside = (child for child in path.rglob("[!.]*") if not child.is_dir()) if path.is_dir() else ()
    reasons = map(absent_content, (path, *inside, *companions(path)))
    return next((reason for reason in reasons if reason is not None), None)


def _is_in_own_annex(path: Path, target: Path, roots: list[Path]) -> bool:
    if target.name != target.parent.name or not _ANNEX_KEY.fullmatch(target.name):
        return False
    folders = (
        folder
        for root in roots
        if path.is_relative_to(root)
        for folder in path.parents
        if folder.is_relative_to(root)
    )
    annexes = filter(None, map(_annex_objects, folders))
    return any(target.is_relative_to(objects) for objects in annexes)


@cache
def _annex_objects(folder: Path) -> Path | None:
    """Where the repository whose top `folder` is keeps its content; None if it is none."""
    git = folder / ".git"
    if git.is_file():  # of a submodule or a worktree
        stated = git.read_text(encoding="utf-8", errors="replace").strip()
        git = folder / stated.removeprefix("gitdir:").strip()
        common = git / "commondir"
        if common.is_file():
            git = git / common.read_text(encoding="utf-8", errors="replace").strip()
    objects = git / "annex" / "objects"
    return objects.resolve() if git.is_dir() else None
