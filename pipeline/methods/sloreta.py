"""sLORETA: the minimum norm standardised by the diagonal of its resolution matrix."""

from pipeline.methods._method import MapMethod
from pipeline.methods._minimum_norm import Options, standardised

METHOD = MapMethod(
    label="sLORETA",
    short="sLORETA",
    order=20,
    marker="^",
    colour="#0072b2",
    sentence="sLORETA {cite}",
    references={
        "sloreta": "Pascual-Marqui RD. Standardized low-resolution brain electromagnetic tomography "
        "(sLORETA): technical details. Methods Find Exp Clin Pharmacol 2002;24 Suppl D:5–12."
    },
    options=Options,
    by_default=True,
    unit="standardised current density",
    activity=standardised("sLORETA"),
)
