"""Which code and data a stage is made of: the closure of its imports."""

import ast
import hashlib
from functools import cache
from pathlib import Path
from types import ModuleType

from pipeline import __version__

ROOT = Path(__file__).resolve().parents[1]
_REGISTRY = "Registry"


def code_hash(package: ModuleType) -> str:
    """Hash of the version and of all files that decide what a package does."""
    digest = hashlib.sha256(__version__.encode())
    for file in code_files(package.__name__):
        digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return digest.hexdigest()


@cache
def code_files(module: str) -> tuple[Path, ...]:
    """Our own source files that a module imports, at last, and the data beside them, sorted."""
    sources: set[Path] = set()
    waiting = [file for file in [_file_of(module)] if file]
    while waiting:
        file = waiting.pop()
        if file not in sources:
            sources.add(file)
            waiting += _imported(file)
    data = {path for folder in {file.parent for file in sources} for path in _data_in(folder)}
    return tuple(sorted(sources | data))


@cache
def _imported(file: Path) -> tuple[Path, ...]:
    """Our own files that a file imports anywhere in it; all parts, where it keeps a registry."""
    names, keeps_registry = set(), False
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and getattr(node.func, "id", None) == _REGISTRY:
            keeps_registry = True
    # Importing a module runs the packages above it.
    names |= {
        name.rsplit(".", depth)[0] for name in names for depth in range(1, name.count(".") + 1)
    }
    files = {found for name in names if (found := _file_of(name))}
    if keeps_registry:
        files |= set(file.parent.glob("*.py"))
    return tuple(files - {file})


def _file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next(
        (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None
    )


@cache
def _data_in(folder: Path) -> tuple[Path, ...]:
    """Files that are no source, in a folder of sources and in its folders without any."""
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name.startswith((".", "__pycache__")):
            continue
        if path.is_dir():
            if not any(path.glob("*.py")):
                found += _data_in(path)
        elif path.suffix not in (".py", ".pyc"):
            found.append(path)
    return tuple(found)
