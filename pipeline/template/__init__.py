"""fsaverage5 with its 994 regions and 20 sublobar regions: the generic head's cortex."""

from pipeline.template.cortex import (
    N_REGIONS,
    SUBLOBAR_NAMES,
    SourceCortex,
    Template,
    load_template,
)

__all__ = ["N_REGIONS", "SUBLOBAR_NAMES", "SourceCortex", "Template", "load_template"]
