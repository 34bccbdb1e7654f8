"""BIDS inheritance: which sidecar files speak of a data file.

A sidecar applies if it lies in the file's folder or in one above it, up to the dataset's root, has
the asked suffix, and all entities in its name are the file's own (BIDS, "The Inheritance Principle").
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from pipeline.errors import InvalidInput
from pipeline.files import read_metadata
from pipeline.names import entities_of

# Parts of one recording share what is said of it.
_OF_ONE_PART = "split"


def applicable(
    path: Path, suffix: str, extension: str, root: Path, beside: Collection[str] = ()
) -> list[Path]:
    """All sidecars of a data file, the most specific first.

    Parameters
    ----------
    path : Path
        The data file or folder.
    suffix, extension : str
        ``events`` and ``.tsv``, for example.
    root : Path
        The dataset's root, at which the search ends.
    beside : collection of str
        Entities that a sidecar may have though the file has none: ``space`` of electrodes.
    """
    entities = {key: value for key, value in entities_of(path.name).items() if key != _OF_ONE_PART}
    own = path.name.split(".")[0].rpartition("_")[0]
    folders = [folder for folder in path.parents if folder == root or root in folder.parents]
    sidecars = []
    for depth, folder in enumerate(folders):
        for sidecar in folder.glob(f"*{suffix}{extension}"):
            stem = sidecar.name.removesuffix(extension)
            named = entities_of(sidecar.name)
            named.pop(_OF_ONE_PART, None)
            asked = {key: value for key, value in named.items() if key not in beside}
            if (
                not sidecar.name.startswith(".")
                and stem.split("_")[-1] == suffix
                and asked.items() <= entities.items()
            ):
                # Of run-1 and run-01 that which is written as the file's own name goes first.
                unlike = stem.rpartition("_")[0] != own
                sidecars.append((depth, -len(named), unlike, sidecar.name, sidecar))
    return [sidecar for *_, sidecar in sorted(sidecars)]


def dataset_root(path: Path) -> Path:
    """The root of the dataset that a file lies in; its own folder where no description tells one."""
    described = (each for each in path.parents if (each / "dataset_description.json").is_file())
    return next(described, path.parent)


def nearest(path: Path, suffix: str, extension: str, root: Path) -> Path | None:
    """The most specific sidecar: for a table, the only one that counts."""
    sidecars = applicable(path, suffix, extension, root)
    return sidecars[0] if sidecars else None


def merged_metadata(path: Path, suffix: str, root: Path, notes: list[str]) -> dict:
    """What all JSON sidecars of a file say together: the more specific one has the last word.

    Parameters
    ----------
    path, suffix, root
        As for `applicable`.
    notes : list of str
        Gets a sentence for each sidecar that cannot be read.
    """
    merged: dict[str, Any] = {}
    for sidecar in reversed(applicable(path, suffix, ".json", root)):
        try:
            merged |= read_metadata(sidecar, notes)
        except InvalidInput as error:
            notes.append(f"{sidecar.name} was passed over: {error.message}.")
        except OSError:
            notes.append(f"{sidecar.name} was passed over: it cannot be opened.")
    return merged
