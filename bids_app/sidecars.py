"""BIDS inheritance: which sidecar files speak of a data file.

A sidecar applies if it lies in the file's folder or in one above it, up to the dataset's root, has
the asked suffix, and all entities in its name are the file's own (BIDS, "The Inheritance Principle").
"""

from pathlib import Path

from pipeline.names import entities_of

# Parts of one recording share what is said of it.
_OF_ONE_PART = "split"


def applicable(path: Path, suffix: str, extension: str, root: Path) -> list[Path]:
    """All sidecars of a data file, the most specific first.

    Parameters
    ----------
    path : Path
        The data file or folder.
    suffix, extension : str
        ``events`` and ``.tsv``, for example.
    root : Path
        The dataset's root, at which the search ends.
    """
    entities = {key: value for key, value in entities_of(path.name).items() if key != _OF_ONE_PART}
    folders = [folder for folder in path.parents if folder == root or root in folder.parents]
    sidecars = []
    for depth, folder in enumerate(folders):
        for sidecar in folder.glob(f"*{suffix}{extension}"):
            stem = sidecar.name.removesuffix(extension)
            named = entities_of(sidecar.name)
            named.pop(_OF_ONE_PART, None)
            if (
                not sidecar.name.startswith(".")
                and stem.split("_")[-1] == suffix
                and named.items() <= entities.items()
            ):
                sidecars.append((depth, -len(named), sidecar.name, sidecar))
    return [sidecar for *_, sidecar in sorted(sidecars)]


def nearest(path: Path, suffix: str, extension: str, root: Path) -> Path | None:
    """The most specific sidecar: for a table, the only one that counts."""
    sidecars = applicable(path, suffix, extension, root)
    return sidecars[0] if sidecars else None
