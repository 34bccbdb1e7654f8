"""4LCNN on a patient."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="4LCNN",
    short="4LCNN",
    order=96,
    marker="$g$",
    colour="#1e4f99",
    sentence="4LCNN {cite}, trained for this head, a map from the sample of the peak alone",
    references={
        "fourlcnn": "Yokoyama H, et al. M/EEG source localization for both subcortical and "
        "cortical sources using a convolutional neural network with a realistic head "
        "conductivity model. APL Bioeng 2024;8:046104."
    },
    unit="relative",
    system="fourlcnn",
)
