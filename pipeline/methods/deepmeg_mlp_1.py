"""DeepMEG MLP-1 on a patient: the regions nearest to its points."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="DeepMEG MLP-1",
    short="DeepMEG MLP-1",
    order=90,
    marker="$a$",
    colour="#991e1e",
    sentence="DeepMEG MLP-1 {cite}, trained for this head, which answers with one dipole from "
    "one sample",
    references={
        "deepmeg": "Pantazis D, Adler A. MEG source localization via deep learning. Sensors "
        "2021;21:4278."
    },
    unit="relative",
    system="deepmeg_mlp_1",
)
