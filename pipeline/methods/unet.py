"""U-Net on a patient."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="U-Net",
    short="U-Net",
    order=99,
    marker="$j$",
    colour="#991e68",
    sentence="a U-Net over MNE, dSPM and sLORETA {cite}, trained for this head",
    references={
        "unet": "Latvala J. Applying neural networks for improving the MEG inverse solution. "
        "Thesis, 2017."
    },
    unit="probability",
    system="unet",
)
