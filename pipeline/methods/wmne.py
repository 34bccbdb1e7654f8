"""wMNE: the minimum norm whose prior makes up for how weakly the sensors see a region.

mne weights by depth where orientations are free; the regions' field is fixed.
"""

import numpy as np

from pipeline.methods._method import MapMethod
from pipeline.methods._minimum_norm import Options
from pipeline.methods._model import Problem
from pipeline.methods._weighted import weighted
from pipeline.methods._whitened import Whitened


def depth_prior(gain: np.ndarray) -> np.ndarray:
    """Variance (n_regions,) of each region: ‖l‖⁻², which gives all regions fields of one power.

    Lin et al. 2006, eq. 4, with the depth parameter of 1 (Fuchs et al. 1999).
    """
    return 1 / np.sum(gain**2, axis=0)


def _prior(problem: Problem, seen: Whitened) -> np.ndarray:
    return depth_prior(seen.gain)


METHOD = MapMethod(
    label="Weighted minimum norm",
    short="wMNE",
    order=37,
    marker="<",
    colour="#8c564b",
    sentence="the depth-weighted minimum norm (wMNE) {cite}",
    references={
        "wmne": "Lin FH, Witzel T, Ahlfors SP, et al. Assessing and improving the spatial accuracy in "
        "MEG source localization by depth-weighted minimum-norm estimates. NeuroImage "
        "2006;31:160–171."
    },
    options=Options,
    unit="A·m",
    activity=weighted(_prior),
)
