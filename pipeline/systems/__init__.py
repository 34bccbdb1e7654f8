"""Published systems that are trained for one head, one file each: it defines ``SYSTEM`` (`_system.System`).

A system draws its own training examples from a head's field, as its paper does, encodes what its
network reads, and says what its loss is and what its answer is: points, a map or a course for every source.
A file imports torch, so that only names are known without it.
"""

import sys
from typing import TYPE_CHECKING

from pipeline.registry import Registry

if TYPE_CHECKING:
    from pipeline.systems._system import System

SYSTEMS: "Registry[System]" = Registry(sys.modules[__name__], "SYSTEM")
SIZES = ("smoke", "cpu", "paper")
