"""DeepMEG MLP-2 on a patient: the regions nearest to its points."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="DeepMEG MLP-2",
    short="DeepMEG MLP-2",
    order=91,
    marker="$b$",
    colour="#99681e",
    sentence="DeepMEG MLP-2 {cite}, trained for this head, which answers with two dipoles from"
    " one sample",
    references={
        "deepmeg": "Pantazis D, Adler A. MEG source localization via deep learning. Sensors "
        "2021;21:4278."
    },
    unit="relative",
    system="deepmeg_mlp_2",
)
