"""Every benchmark can be started: what it imports is where it says."""

import importlib
import pkgutil

import pytest

import benchmarks

NAMES = [
    name
    for _, name, _ in pkgutil.walk_packages(benchmarks.__path__, "benchmarks.")
    if not name.endswith("__main__")
]


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_imports_what_there_is(name, monkeypatch):
    # Scripts among them find their neighbours in their own folder.
    monkeypatch.syspath_prepend(benchmarks.__path__[0])
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip(), "a benchmark says what it asks"
