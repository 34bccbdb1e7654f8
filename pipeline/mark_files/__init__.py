"""Marks of other programs, one file per format: it defines ``FORMAT``, a `_format.MarkFormat`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipeline.registry import Registry

if TYPE_CHECKING:
    from pipeline.mark_files._format import MarkFormat

MARK_FORMATS: Registry[MarkFormat] = Registry(sys.modules[__name__], "FORMAT")
