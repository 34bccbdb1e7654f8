"""DeepMEG CNN-1 on a patient: the regions nearest to its points."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="DeepMEG CNN-1",
    short="DeepMEG CNN-1",
    order=93,
    marker="$d$",
    colour="#37991e",
    sentence="DeepMEG CNN-1 {cite}, trained for this head, which answers with one dipole from "
    "sixteen samples",
    references={
        "deepmeg": "Pantazis D, Adler A. MEG source localization via deep learning. Sensors "
        "2021;21:4278."
    },
    unit="relative",
    system="deepmeg_cnn_1",
)
