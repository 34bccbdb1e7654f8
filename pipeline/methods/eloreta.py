"""eLORETA: the minimum norm with weights that make it exact for a single source without noise."""

from pipeline.methods._method import MapMethod
from pipeline.methods._minimum_norm import Options, standardised

METHOD = MapMethod(
    label="eLORETA",
    short="eLORETA",
    order=35,
    marker="<",
    colour="#56b4e9",
    sentence="eLORETA {cite}",
    references={
        "eloreta": "Pascual-Marqui RD. Discrete, 3D distributed, linear imaging methods of electric "
        "neuronal activity. Part 1: exact, zero error localization. arXiv 2007:0710.3341."
    },
    options=Options,
    unit="A·m",
    activity=standardised("eLORETA"),
)
