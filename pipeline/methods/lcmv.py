"""The LCMV beamformer of unit noise gain, adapted to the single spikes."""

from dataclasses import dataclass

import mne
import numpy as np

from pipeline.methods._method import MapMethod
from pipeline.methods._model import Problem
from pipeline.options import check_options, option
from pipeline.spikes.config import EPOCH_S

LEAST_WINDOW_S = 0.05


@dataclass(frozen=True)
class Options:
    """Regularisation, and what the covariance is taken of."""

    lcmv_reg: float = option(
        0.05,
        "regularisation of the beamformer, as a share of the sensors' power",
        above=0,
        high=1,
    )
    lcmv_window_s: tuple[float, float] = option(
        (-EPOCH_S / 2, EPOCH_S / 2),
        "part of the single spikes that the beamformer's covariance is taken of, from and to, "
        "around the peak",
        unit="s",
        low=-EPOCH_S / 2,
        high=EPOCH_S / 2,
    )

    def __post_init__(self) -> None:
        check_options(self)
        start_s, end_s = self.lcmv_window_s
        if end_s - start_s < LEAST_WINDOW_S:
            raise ValueError(
                f"lcmv_window_s is [{start_s:g}, {end_s:g}]; it must end at least "
                f"{LEAST_WINDOW_S:g} s after its start"
            )


def activity(problem: Problem, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Unit-noise-gain beamformer (994, n_times) of the average.

    The data covariance comes from the single spikes: that of the average holds no more than the
    spike itself, which the beamformer would cancel (van Veen et al. 1997). A share of the mean
    whitened sensor power is added to its diagonal.
    """
    model, average = problem.model, problem.spike.average
    data_cov = problem.spike.covariance(options.lcmv_window_s)
    ranks = [
        mne.compute_rank(cov, info=average.info, verbose="error")
        for cov in (data_cov, model.noise_cov)
    ]
    filters = mne.beamformer.make_lcmv(
        average.info,
        model.forward,
        data_cov,
        reg=options.lcmv_reg,
        noise_cov=model.noise_cov,
        pick_ori=None,
        weight_norm="unit-noise-gain",
        rank={kind: min(rank[kind] for rank in ranks) for kind in ranks[0]},
        depth=None,
        verbose="error",
    )
    return mne.beamformer.apply_lcmv(average, filters, verbose="error").data, average.times


METHOD = MapMethod(
    label="LCMV beamformer",
    short="LCMV",
    order=40,
    marker="D",
    colour="#d55e00",
    sentence="an LCMV beamformer {cite} whose covariance came from the single spikes",
    references={
        "lcmv": "Van Veen BD, van Drongelen W, Yuchtman M, Suzuki A. Localization of brain "
        "electrical activity via linearly constrained minimum variance spatial filtering. IEEE "
        "Trans Biomed Eng 1997;44:867–880."
    },
    options=Options,
    by_default=True,
    unit="standard deviations of the noise",
    activity=activity,
)
