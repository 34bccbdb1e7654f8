"""Which coordsystem.json describes an electrodes.tsv, and what it says."""

from pathlib import Path

from pipeline.compare.frames import same_space
from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.names import entities_of

_SYSTEM, _UNITS = "iEEGCoordinateSystem", "iEEGCoordinateUnits"


def description_of(
    electrodes: Path, coordsystem: list[Path], notes: list[str]
) -> tuple[Path, dict]:
    """The file that describes an electrodes.tsv, and its content; `notes` gets what is doubtful about it.

    It is the nearest one up the folders whose name says nothing else than the table's: by BIDS
    inheritance the most specific whose entities are all those of the table, else the only one that
    says more. Without any, the only one beside the table that says nothing else about the space.
    System and unit may also be inherited one by one.

    Raises
    ------
    InvalidInput
        There is no such file, or several, or it is broken, or speaks of another space.
    """
    levels = [
        [path for path in coordsystem if path.parent == folder] for folder in electrodes.parents
    ]
    own = _entities(electrodes)
    path = _nearest(electrodes, levels, own)
    content = _content(path, notes)
    for level in levels[list(electrodes.parents).index(path.parent) + 1 :]:
        above = _most_specific(level, own)
        if len(above) == 1 and not {_SYSTEM, _UNITS} <= content.keys():
            content = _completed(content, _content(above[0], notes))
    naming = next((each for each in (electrodes, path) if "space" in entities_of(each.name)), path)
    named = entities_of(naming.name).get("space")
    stated = content.setdefault(_SYSTEM, named or "n/a")
    if named and isinstance(stated, str) and same_space(named, stated) is False:
        raise InvalidInput(
            f"{naming.name} is named as in {named} space, but described as in {stated}",
            file=path,
            hint="correct the one that is wrong",
        )
    contradicting = ", ".join(sorted(_contradicting(path, own)))
    if contradicting:
        notes.append(
            f"{electrodes.name} was taken as described by {path.name}, the only one beside it, although "
            f"they differ in {contradicting}."
        )
    return path, content


def _nearest(electrodes: Path, levels: list[list[Path]], own: dict[str, str]) -> Path:
    beside = levels[0]
    pools = [
        *(_most_specific(level, own) or _not_contradicting(level, own) for level in levels),
        [path for path in beside if "space" not in _contradicting(path, own)],
    ]
    found = next(filter(None, pools), [])
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InvalidInput(
            f"each of {names} may describe {electrodes.name}",
            hint="name the coordsystem.json like the electrodes.tsv",
        )
    if not found:
        others = f" of its space (there is {', '.join(path.name for path in beside)})"
        raise InvalidInput(
            f"{electrodes.name} has no coordsystem.json{others if beside else ''}",
            hint="add it as BIDS requires",
        )
    return found[0]


def _most_specific(paths: list[Path], own: dict[str, str]) -> list[Path]:
    """Of those whose entities are all the table's, the ones that name its space, or the most."""
    inherited = [path for path in paths if _entities(path).items() <= own.items()]
    rank = {path: ("space" in _entities(path), len(_entities(path))) for path in inherited}
    return [path for path in inherited if rank[path] == max(rank.values())]


def _not_contradicting(paths: list[Path], own: dict[str, str]) -> list[Path]:
    return [path for path in paths if not _contradicting(path, own)]


def _contradicting(path: Path, own: dict[str, str]) -> set[str]:
    """Entities of which a file's name says something else."""
    return {key for key, value in _entities(path).items() if own.get(key, value) != value}


def _completed(content: dict, above: dict) -> dict:
    """What is said with what is said above it, unless that speaks of another system."""
    systems = [each[_SYSTEM] for each in (content, above) if _SYSTEM in each]
    if len(systems) == 2 and systems[0] != systems[1] and not same_space(*map(str, systems)):
        return content
    return above | content


def _content(path: Path, notes: list[str]) -> dict:
    try:
        return read_metadata(path, notes)
    except OSError as error:
        raise InvalidInput("the file cannot be opened", file=path, hint="repair it") from error


def _entities(path: Path) -> dict[str, str]:
    """Values in lower case: centres write scanras and ScanRAS."""
    return {key: value.lower() for key, value in entities_of(path.name).items()}
