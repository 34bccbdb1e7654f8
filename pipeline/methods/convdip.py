"""ConvDip on a patient."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="ConvDip",
    short="ConvDip",
    order=97,
    marker="$h$",
    colour="#371e99",
    sentence="ConvDip {cite}, trained for this head, a map from the sample of the peak alone",
    references={
        "convdip": "Hecker L, Rupprecht R, Tebartz van Elst L, Kornmeier J. ConvDip: a "
        "convolutional neural network for better EEG source imaging. Front Neurosci "
        "2021;15:569918."
    },
    unit="relative",
    system="convdip",
)
