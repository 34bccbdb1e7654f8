"""A network made ready for one patient."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pipeline.methods._model import Problem
from pipeline.networks._network import Network as NetworkModule
from pipeline.projection import Projection, prepare_recording, project_head
from pipeline.records.image_qc import ExistenceQC
from pipeline.sampling import NETWORK_SFREQ_HZ, samples_through_peak
from pipeline.synthesis.patches import template_dictionary
from pipeline.weights import apply


@dataclass(frozen=True, eq=False)
class Network:
    """A network made ready for one patient's recordings.

    Attributes
    ----------
    module : pipeline.networks._network.Network
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
    kind : str
        Of its input (`project_head`).
    existence_threshold : float or None
        Of its word that there is a source (`ExistenceQC`); None where it does not say.
    """

    module: NetworkModule
    whiten: np.ndarray
    projection: Projection
    start: int
    times_s: np.ndarray
    sfreq_hz: float
    kind: str
    existence_threshold: float | None = None

    def solve(self, data: np.ndarray) -> np.ndarray:
        """Activity (994, n_times) float32, relative units, of an average (n_channels, n_samples)."""
        return apply(self.module, self._read(data), self.projection, self.peak)

    def _read(self, data: np.ndarray) -> torch.Tensor:
        whitened = self.whiten @ data[:, self.start :]
        return prepare_recording(whitened, self.projection, self.sfreq_hz)

    def existence(self, data: np.ndarray) -> ExistenceQC | None:
        """Whether there is a source in an average (n_channels, n_samples), where the network says so."""
        if self.existence_threshold is None:
            return None
        peak = torch.tensor([self.peak])
        with torch.inference_mode():
            answer = self.module.answer(self._read(data)[None], self.projection, peak)
        probability = round(float(answer.main_existence), 3)
        return ExistenceQC(probability=probability, threshold=self.existence_threshold)

    @property
    def peak(self) -> int:
        """The sample of the spike's peak, of what the network is given."""
        return int(np.abs(self.times_s).argmin())

    def bridged_channels(self, data: np.ndarray) -> list[int]:
        """Channels of an average that `prepare_recording` replaces by what the others tell."""
        bridge = self.projection.bridge
        if bridge is None:
            return []
        step = round(self.sfreq_hz / NETWORK_SFREQ_HZ)
        recording = torch.as_tensor(self.whiten @ data[:, self.start :: step]).float()
        return bridge.bad_channels(recording - recording.mean(1, keepdim=True))


def prepare(
    loaded: tuple[NetworkModule, dict[str, Any]],
    problem: Problem,
    ready: Iterable[Network] = (),
) -> Network:
    """Make weights ready for a patient: they read the average through its own leadfield and noise.

    Parameters
    ----------
    loaded : tuple
        Module and model card.
    problem : Problem
    ready : iterable of Network
        Of this problem: where one has these weights, it is the answer.
    """
    module, card = loaded
    for network in ready:
        if network.kind == card["input"] and _have_equal_weights(network.module, module):
            return network
    spike = problem.spike
    whiten, projection = project_head(
        spike.projector @ problem.model.head.leadfield,
        spike.noise_matrix,
        template_dictionary(),
        card["input"],
    )
    sfreq_hz = spike.average.info["sfreq"]
    start, times_s = samples_through_peak(spike.average.times, sfreq_hz)
    threshold = (card.get("existence") or {}).get("threshold")
    return Network(module, whiten, projection, start, times_s, sfreq_hz, card["input"], threshold)


def _have_equal_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    """Whether two networks of one architecture answer alike."""
    if getattr(one, "architecture", None) != getattr(other, "architecture", None):
        return False
    weights, others = one.state_dict(), other.state_dict()
    return weights.keys() == others.keys() and all(
        torch.equal(value, others[name]) for name, value in weights.items()
    )
