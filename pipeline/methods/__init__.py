"""Inverse methods, one file each: it defines ``METHOD``, a kind of `Method` (see `_method`).

That is how the method is called, cited and drawn, its options, and how it images a spike. A file
imports torch only when it is asked to image, so that names and labels are known without it.
"""

import sys
from typing import TYPE_CHECKING

from pipeline.registry import Registry

if TYPE_CHECKING:
    from pipeline.methods._method import Method

METHODS: "Registry[Method]" = Registry(sys.modules[__name__], "METHOD", order="order")
