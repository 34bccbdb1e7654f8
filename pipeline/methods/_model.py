"""What methods are given: the spike, and the forward model of head and sensors that they share."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import mne
import numpy as np

from pipeline.modality import modality_of
from pipeline.paths import PatientPaths
from pipeline.records.head import MeasuredHead
from pipeline.records.spike import Spike

# One fixed dipole per region; no depth weighting, as sLORETA and dSPM were published.
_FIXED = {"fixed": True, "depth": None}
_SPHERE_ORIGIN_HEAD_M = (0.0, 0.0, 0.04)


@dataclass(frozen=True, eq=False)
class Model:
    """Head, sensors and noise; what is made of them is made once for all methods and spikes.

    Attributes
    ----------
    head : MeasuredHead
    info : mne.Info
        MEG channels of the leadfield.
    noise_cov : mne.Covariance
        Of a single spike.
    adjacency : ndarray of bool, (n_regions, n_regions)
        Which regions are neighbours.
    """

    head: MeasuredHead
    info: mne.Info
    noise_cov: mne.Covariance
    adjacency: np.ndarray

    @cached_property
    def forward(self) -> mne.Forward:
        """See `region_forward`."""
        head = self.head
        return region_forward(self.info, head.trans, head.leadfield, head.region_pos_mri_mm)

    @cached_property
    def inverse(self) -> mne.minimum_norm.InverseOperator:
        """Of the minimum norm, one fixed dipole per region, without depth weighting."""
        return mne.minimum_norm.make_inverse_operator(
            self.info, self.forward, self.noise_cov, **_FIXED, verbose="error"
        )


@dataclass(frozen=True, eq=False)
class Problem:
    """A spike to image.

    Attributes
    ----------
    model : Model
    spike : Spike
    window_s : float
        Width of the window around the peak whose mean is the map.
    paths : PatientPaths or None
        Where the patient's network lies; none where no network is asked.
    networks : dict
        Those that were made ready, and what systems loaded, by label.
    """

    model: Model
    spike: Spike
    window_s: float
    paths: PatientPaths | None = None
    networks: dict[str, Any] = field(default_factory=dict)


def region_forward(
    info: mne.Info, trans: mne.Transform, leadfield: np.ndarray, region_pos_mri_mm: np.ndarray
) -> mne.Forward:
    """An mne forward solution of 994 fixed sources whose field is the regions' leadfield.

    mne has no constructor for a leadfield that comes from elsewhere. The sources' orientations and
    the sphere that they are solved in serve only to have mne build the structure; the field is then
    replaced. Never save it: mne writes such an object to FIF wrongly.

    Parameters
    ----------
    info : mne.Info
        MEG channels only.
    trans : mne.Transform
        Head to MRI.
    leadfield : ndarray, (n_channels, 994)
        In the order of `info`.
    region_pos_mri_mm : ndarray, (994, 3)
    """
    outward = region_pos_mri_mm - region_pos_mri_mm.mean(0)
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    src = mne.setup_volume_source_space(
        pos={"rr": region_pos_mri_mm / 1000, "nn": outward}, verbose="error"
    )
    modality = modality_of(info)
    sphere = modality.sphere(np.array(_SPHERE_ORIGIN_HEAD_M))
    forward = modality.forward(info, trans, src, sphere, ignore_ref=True)
    forward = mne.convert_forward_solution(
        forward, force_fixed=True, use_cps=False, verbose="error"
    )
    if forward["sol"]["row_names"] != info["ch_names"]:
        raise ValueError("mne reordered the channels of the forward solution")
    forward["sol"]["data"] = np.array(leadfield, float)
    return forward
