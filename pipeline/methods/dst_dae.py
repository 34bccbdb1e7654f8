"""DST-DAE on a patient."""

from pipeline.methods._system import SystemMethod

METHOD = SystemMethod(
    label="DST-DAE",
    short="DST-DAE",
    order=98,
    marker="$i$",
    colour="#801e99",
    sentence="DST-DAE {cite}, trained for this head with the courses and the noise level of "
    "these averages",
    references={
        "dst_dae": "Huang G, Yu ZL, Liu K, et al. Electromagnetic source imaging via a data-"
        "synthesis-based denoising autoencoder. 2022."
    },
    unit="relative",
    system="dst_dae",
)
