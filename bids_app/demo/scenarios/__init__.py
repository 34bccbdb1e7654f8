"""What virtual patients have, one file each: it defines ``SCENARIO``, a `_scenario.Scenario`.

The file's first line says what `spikefocus demo --scenario NAME` makes. Scenarios hold plain
numbers and import nothing heavy, since the command line reads their names.
"""

import sys
from typing import TYPE_CHECKING

from pipeline.registry import Registry

if TYPE_CHECKING:
    from bids_app.demo.scenarios._scenario import Scenario

SCENARIOS: "Registry[Scenario]" = Registry(sys.modules[__name__], "SCENARIO")
