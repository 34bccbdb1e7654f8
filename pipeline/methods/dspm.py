"""dSPM: the minimum norm in standard deviations of the noise that it projects."""

from pipeline.methods._method import MapMethod
from pipeline.methods._minimum_norm import Options, standardised

METHOD = MapMethod(
    label="dSPM",
    short="dSPM",
    order=30,
    marker="v",
    colour="#009e73",
    sentence="dSPM {cite}",
    references={
        "dspm": "Dale AM, et al. Dynamic statistical parametric mapping: combining fMRI and MEG for "
        "high-resolution imaging of cortical activity. Neuron 2000;26:55–67."
    },
    options=Options,
    by_default=True,
    unit="standard deviations of the noise",
    activity=standardised("dSPM"),
)
