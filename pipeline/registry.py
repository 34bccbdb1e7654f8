"""One folder per kind of part, one file per part: a folder is the registry of what lies in it."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Generic, TypeVar

Part = TypeVar("Part")


class Registry(Generic[Part]):
    """The parts of a folder, by name.

    A part's name is that of its file; files whose names begin with an underscore hold what several
    parts share. Names are known without importing any part.

    Parameters
    ----------
    package : module
        The folder.
    attribute : str
        What each of its files defines: the part.
    """

    def __init__(self, package: ModuleType, attribute: str):
        self._package, self._attribute = package, attribute

    def names(self) -> tuple[str, ...]:
        """Names of all parts, sorted."""
        modules = pkgutil.iter_modules(self._package.__path__)
        return tuple(sorted(found.name for found in modules if not found.name.startswith("_")))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __getitem__(self, name: str) -> Part:
        """The part; `KeyError` where there is none of that name."""
        if name not in self.names():
            raise KeyError(name)
        module = importlib.import_module(f"{self._package.__name__}.{name}")
        return getattr(module, self._attribute)
