"""DeepMEG CNN-2 on a patient: the regions nearest to its points."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="DeepMEG CNN-2",
    short="DeepMEG CNN-2",
    order=94,
    marker="$e$",
    colour="#1e994f",
    sentence="DeepMEG CNN-2 {cite}, trained for this head, which answers with two dipoles from"
    " sixteen samples",
    references={
        "deepmeg": "Pantazis D, Adler A. MEG source localization via deep learning. Sensors "
        "2021;21:4278."
    },
    unit="relative",
    system="deepmeg_cnn_2",
)
