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
    parts share. Names are known without importing any part, unless the parts say their order.

    Parameters
    ----------
    package : module
        The folder.
    attribute : str
        What each of its files defines: the part.
    order : str, optional
        The parts' attribute by which they are sorted; by name where it is alike or not given.
    """

    def __init__(self, package: ModuleType, attribute: str, order: str | None = None):
        self._package, self._attribute, self._order = package, attribute, order

    def names(self) -> tuple[str, ...]:
        """Names of all parts, sorted."""
        names = self._files()
        if self._order is None:
            return tuple(names)
        return tuple(sorted(names, key=lambda name: getattr(self._part(name), self._order)))

    def __contains__(self, name: object) -> bool:
        return name in self._files()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __getitem__(self, name: str) -> Part:
        """The part; `KeyError` where there is none of that name."""
        if name not in self:
            raise KeyError(name)
        return self._part(name)

    def _files(self) -> list[str]:
        modules = pkgutil.iter_modules(self._package.__path__)
        return sorted(module.name for module in modules if not module.name.startswith("_"))

    def _part(self, name: str) -> Part:
        module = importlib.import_module(f"{self._package.__name__}.{name}")
        return getattr(module, self._attribute)
