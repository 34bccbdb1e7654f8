"""Images that are there twice, as NAME.nii beside NAME.nii.gz or in two derivatives: alike ones are one."""

from pathlib import Path

from pipeline.compare.images import same_image


def without_copies(images: list[Path], notes: list[str]) -> list[Path]:
    """Those of which no other with the same name and the same content comes first.

    Parameters
    ----------
    images : list of Path
    notes : list of str
        Gets a sentence for each that is left out.
    """
    kept: list[Path] = []
    for path in images:
        alike = [other for other in kept if _stem(other) == _stem(path)]
        first = next((other for other in alike if same_image(other, path)), None)
        if first is None:
            kept.append(path)
        else:
            notes.append(f"{path.name} was passed over: {first.name} holds the same image.")
    return kept


def _stem(path: Path) -> str:
    return path.name.split(".")[0]
