"""Clinical metrics, one file each: it defines ``METRIC``, a `Metric` or `Derived` (see `_metric`).

That is what it is called, means and is counted in, what it needs, how it is computed, and what the
group's report does with it. Table, sidecar and reports take it from there.
"""

import sys
from typing import TYPE_CHECKING

from pipeline.registry import Registry

if TYPE_CHECKING:
    from pipeline.metrics._metric import Derived, Metric

METRICS: "Registry[Metric | Derived]" = Registry(sys.modules[__name__], "METRIC", order="order")
