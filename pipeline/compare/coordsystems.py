"""Which coordsystem.json describes an electrodes.tsv, and what it says."""

from pathlib import Path

from pipeline.compare.frames import same_space
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.names import entities_of


def description_of(electrodes: Path, coordsystem: list[Path]) -> tuple[Path, dict, str | None]:
    """The file that describes an electrodes.tsv, its content, and what is doubtful about it.

    By BIDS inheritance, the most specific file whose entities are all those of the table. Else the
    only one beside it that says nothing else about the space.

    Raises
    ------
    InvalidInput
        There is no such file, or several, or it is broken, or speaks of another space.
    """
    path, doubt = _applicable(electrodes, coordsystem)
    try:
        content = read_metadata(path)
    except OSError as error:
        raise InvalidInput("the file cannot be opened", file=path, hint="repair it") from error
    named = entities_of(electrodes.name).get("space")
    stated = content.setdefault("iEEGCoordinateSystem", named or "n/a")
    if named and isinstance(stated, str) and same_space(named, stated) is False:
        raise InvalidInput(
            f"{electrodes.name} is named as in {named} space, but described as in {stated}",
            file=path,
            hint="correct the one that is wrong",
        )
    return path, content, doubt


def _applicable(electrodes: Path, coordsystem: list[Path]) -> tuple[Path, str | None]:
    own = _entities(electrodes)
    above = [path for path in coordsystem if path.parent in electrodes.parents]
    inherited = [path for path in above if _entities(path).items() <= own.items()]
    rank = {path: (len(path.parent.parts), len(_entities(path))) for path in inherited}
    inherited = [path for path in inherited if rank[path] == max(rank.values())]
    beside = [path for path in above if path.parent == electrodes.parent]
    finer = [path for path in beside if not _contradicting(path, own)]
    other = [path for path in beside if "space" not in _contradicting(path, own)]
    for found in (inherited, finer, other):
        if len(found) > 1:
            names = ", ".join(path.name for path in found)
            raise InvalidInput(
                f"each of {names} may describe {electrodes.name}",
                hint="name the coordsystem.json like the electrodes.tsv",
            )
        if found:
            contradicting = ", ".join(sorted(_contradicting(found[0], own)))
            doubt = (
                f"{electrodes.name} was taken as described by {found[0].name}, the only one beside "
                f"it, although they differ in {contradicting}."
            )
            return found[0], doubt if contradicting else None
    others = f" of its space (there is {', '.join(path.name for path in beside)})" if beside else ""
    raise InvalidInput(
        f"{electrodes.name} has no coordsystem.json{others}", hint="add it as BIDS requires"
    )


def _contradicting(path: Path, own: dict[str, str]) -> set[str]:
    """Entities of which a file's name says something else."""
    return {key for key, value in _entities(path).items() if own.get(key, value) != value}


def _entities(path: Path) -> dict[str, str]:
    """Values in lower case: centres write scanras and ScanRAS."""
    return {key: value.lower() for key, value in entities_of(path.name).items()}
