"""The networks' solutions, generic and personalized, of the averaged spike."""

from dataclasses import dataclass

import numpy as np
import torch

from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.paths import PatientPaths
from pipeline.projection import (
    NETWORK_SFREQ_HZ,
    Projection,
    prepare_recording,
    project_head,
)
from pipeline.records.head import Head
from pipeline.records.spike import Spike
from pipeline.synthesis.patches import template_dictionary
from pipeline.weights import apply, load_model


@dataclass(frozen=True)
class Network:
    """A network made ready for one patient's recordings.

    Attributes
    ----------
    module : torch.nn.Module
    whiten : ndarray, (rank, n_channels)
        From the average's channels to nearly white noise, loaded as in training (`project_head`).
    projection : Projection
        From there to what the network reads.
    start : int
        First sample that it is given, so that one falls on the peak.
    times_s : ndarray, (n_times,)
        Of its output, 125 Hz; one of them is 0, the spike's peak.
    sfreq_hz : float
        Of the recordings.
    """

    module: torch.nn.Module
    whiten: np.ndarray
    projection: Projection
    start: int
    times_s: np.ndarray
    sfreq_hz: float

    def solve(self, data: np.ndarray) -> np.ndarray:
        """Activity (994, n_times) float32, relative units, of an average (n_channels, n_samples)."""
        whitened = self.whiten @ data[:, self.start :]
        recording = prepare_recording(whitened, self.projection, self.sfreq_hz)
        return apply(self.module, recording, self.projection)


def prepare(method: str, head: Head, spike: Spike, paths: PatientPaths) -> Network:
    """Load a network for this patient.

    Both networks read the average through the patient's own leadfield and noise; they differ in
    their weights alone.

    Parameters
    ----------
    method : str
        "generic" or "personalized".

    Raises
    ------
    InvalidInput, MissingResource
        The weights are not there, or the generic ones are not those that were personalized.
    """
    chosen = read_json(paths.qc("personalize"))
    weights = paths.model if method == "personalized" else chosen["generic_model"]
    module, card = load_model(weights, chosen["network"])
    if method == "generic" and card["sha256"] != chosen["generic_model_sha256"]:
        raise InvalidInput(
            "the generic model is not the one that was personalized",
            file=chosen["generic_model"] or None,
            hint="run the personalize stage again",
        )
    whiten, projection = project_head(
        spike.projector @ head.leadfield, spike.noise_matrix, template_dictionary(), card["input"]
    )
    sfreq_hz = spike.average.info["sfreq"]
    start, times_s = samples_through_peak(spike.average.times, sfreq_hz)
    return Network(module, whiten, projection, start, times_s, sfreq_hz)


def samples_through_peak(times_s: np.ndarray, sfreq_hz: float) -> tuple[int, np.ndarray]:
    """The first sample to keep so that every nth sample from it, at 125 Hz, meets t = 0.

    Returns
    -------
    start : int
    kept_times_s : ndarray
    """
    step = max(1, round(sfreq_hz / NETWORK_SFREQ_HZ))
    start = int(np.abs(times_s).argmin()) % step
    return start, times_s[start::step]
