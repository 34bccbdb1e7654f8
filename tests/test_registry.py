"""Names of parts, with and without importing their folder."""

import subprocess
import sys

import pytest

from pipeline.methods import METHODS
from pipeline.modality import MODALITIES
from pipeline.registry import names_in


@pytest.mark.parametrize("registry", [METHODS, MODALITIES])
def test_names_of_a_folder_are_the_registrys(registry):
    package = type(registry[registry.names()[0]]).__module__.rpartition(".")[0]
    assert package in {"pipeline.methods", "pipeline.modality"}
    assert names_in(package) == registry.names() == tuple(sorted(registry.names()))
    assert not any(name.startswith("_") for name in registry.names())


def test_names_do_not_import_the_folder():
    script = (
        "import sys; from pipeline.registry import names_in; names = names_in('pipeline.modality'); "
        "sys.exit('pipeline.modality' in sys.modules or 'meg_eeg' not in names)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
