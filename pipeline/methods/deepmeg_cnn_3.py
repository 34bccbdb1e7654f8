"""DeepMEG CNN-3 on a patient: the regions nearest to its points."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="DeepMEG CNN-3",
    short="DeepMEG CNN-3",
    order=95,
    marker="$f$",
    colour="#1e9999",
    sentence="DeepMEG CNN-3 {cite}, trained for this head, which answers with three dipoles "
    "from sixteen samples",
    references={
        "deepmeg": "Pantazis D, Adler A. MEG source localization via deep learning. Sensors "
        "2021;21:4278."
    },
    unit="relative",
    system="deepmeg_cnn_3",
)
