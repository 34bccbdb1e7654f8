"""MNE: the minimum norm as it is, in the unit of currents, drawn to cortex near the sensors."""

from pipeline.methods._method import MapMethod
from pipeline.methods._minimum_norm import Options, standardised

METHOD = MapMethod(
    label="Minimum norm",
    short="MNE",
    order=36,
    marker=">",
    colour="#7f7f7f",
    sentence="the minimum norm (MNE) {cite}, which is drawn to cortex near the sensors",
    references={
        "mne": "Hämäläinen MS, Ilmoniemi RJ. Interpreting magnetic fields of the brain: minimum norm "
        "estimates. Med Biol Eng Comput 1994;32:35–42."
    },
    options=Options,
    unit="A·m",
    activity=standardised("MNE"),
)
