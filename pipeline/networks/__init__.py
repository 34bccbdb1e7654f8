"""Networks, one file each: it defines ``NETWORK``, a class of `Network`.

The class's ``Architecture`` is a frozen dataclass of everything that shapes its output beside its
weights, with ``n_in`` inputs and ``n_out`` regions; it is made from one and keeps it as
``architecture``. Model cards hold it, so that a default that changes here cannot reinterpret weights
trained before. ``forward(recording, projection, peak, samples)`` takes recordings (batch, rank, n_times) whose
spikes have their peaks at the samples `peak` (batch,), and gives activity (batch, n_out, n_times), or
only some samples of it; ``answer`` gives an `Answer`, and ``window(n_times, peak)`` the weight of each
sample in the training loss.
"""

import sys
from typing import TYPE_CHECKING, Any

from pipeline.errors import InvalidInput
from pipeline.registry import Registry

if TYPE_CHECKING:
    from pipeline.networks._network import Network

NETWORKS: "Registry[type[Network]]" = Registry(sys.modules[__name__], "NETWORK")


def build_network(name: str, **architecture: Any) -> "Network":
    """A network with random weights; what `architecture` does not name has its default.

    Raises
    ------
    InvalidInput
        There is no such network.
    """
    check_network(name)
    network = NETWORKS[name]
    return network(network.Architecture(**architecture))


def check_network(name: str) -> None:
    """Raise `InvalidInput` unless there is a network of this name."""
    if name not in NETWORKS:
        raise InvalidInput(
            f"there is no network named '{name}'", hint=f"choose one of {', '.join(NETWORKS)}"
        )
