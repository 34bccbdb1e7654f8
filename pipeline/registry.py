"""One folder per kind of part, one file per part: a folder is the registry of what lies in it."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Generic, TypeVar

Part = TypeVar("Part")


class Registry(Generic[Part]):
    """The parts of a folder, by name.

    A part's name is that of its file; files whose names begin with an underscore hold what several
    parts share. Names are known without importing any part; going through the registry goes by the
    parts' own order, and imports them where they have one.

    Parameters
    ----------
    package : module
        The folder.
    attribute : str
        What each of its files defines: the part.
    order : str, optional
        The parts' attribute by which they are gone through; by name where it is not given.
    """

    def __init__(self, package: ModuleType, attribute: str, order: str | None = None):
        self._package, self._attribute, self._order = package, attribute, order

    def names(self) -> tuple[str, ...]:
        """Names of all parts, sorted."""
        return _names(self._package.__path__)

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[str]:
        names, order = self.names(), self._order
        if order is None:
            return iter(names)
        return iter(sorted(names, key=lambda name: getattr(self[name], order)))

    def __getitem__(self, name: str) -> Part:
        """The part; `KeyError` where there is none of that name."""
        if name not in self:
            raise KeyError(name)
        module = importlib.import_module(f"{self._package.__name__}.{name}")
        return getattr(module, self._attribute)


def names_in(package: str) -> tuple[str, ...]:
    """Names of the parts of a folder (``pipeline.modality``) that is not imported for them, sorted."""
    spec = importlib.util.find_spec(package)
    return _names((spec and spec.submodule_search_locations) or ())


def _names(folders: Iterable[str]) -> tuple[str, ...]:
    modules = pkgutil.iter_modules(list(folders))
    return tuple(sorted(module.name for module in modules if not module.name.startswith("_")))
