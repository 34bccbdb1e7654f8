"""DeepMEG MLP-3 on a patient: the regions nearest to its points."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="DeepMEG MLP-3",
    short="DeepMEG MLP-3",
    order=92,
    marker="$c$",
    colour="#80991e",
    sentence="DeepMEG MLP-3 {cite}, trained for this head, which answers with three dipoles "
    "from one sample",
    references={
        "deepmeg": "Pantazis D, Adler A. MEG source localization via deep learning. Sensors "
        "2021;21:4278."
    },
    unit="relative",
    system="deepmeg_mlp_3",
)
