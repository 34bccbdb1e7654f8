"""Engines that run a cohort's tasks, one file each: it defines ``ENGINE``, an `_engine.Engine`."""

import sys
from typing import TYPE_CHECKING

from pipeline.registry import Registry

if TYPE_CHECKING:
    from bids_app.plan.engines._engine import Engine

ENGINES: "Registry[Engine]" = Registry(sys.modules[__name__], "ENGINE")
