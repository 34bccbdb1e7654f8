"""Jansen-Rit neural masses on a whole-cortex connectome, vectorised over realisations.

The model is that of Jansen & Rit (1995) in the form and with the parameters of The Virtual
Brain (Sanz-Leon et al. 2013), changed as in the reference implementation of DeepSIF
(Sun et al. 2022): where one node's excitability is raised, isolated spikes come out of it.
"""

import warnings
from dataclasses import dataclass

import numpy as np
import torch

# Jansen & Rit 1995, time in ms, potentials in mV.
B_MV = 22.0
A_PER_MS = 0.1
B_PER_MS = 0.05
FIRING_MAX_PER_MS = 0.0025
SLOPE_PER_MV = 0.56
THRESHOLD_MV = 6.0
J = 135.0
A_1, A_2, A_3, A_4 = 1.0, 0.8, 0.25, 0.25

BACKGROUND_A_MV = 3.25
SOURCE_A_MV = 3.5
P_MIN, P_MAX = 0.03, 0.15

STEP_MS = 0.5
KEEP_EVERY = 4
SFREQ_HZ = 1000 / (STEP_MS * KEEP_EVERY)

# Cortical connection weights fall off exponentially with distance: 0.19 per mm in the macaque
# (Ercsey-Ravasz et al. 2013), scaled by the cube root of the ratio of brain volumes to man.
CONNECTION_DECAY_PER_MM = 0.08
# Longer connections, 5 % of the weight between the template's regions, are left out.
LONGEST_CONNECTION_MM = 60.0
# Sum of the weights that reach a region: enough to couple neighbours, too little to spread spikes.
TOTAL_WEIGHT = 20.0
# The Virtual Brain's default for `Connectivity.speed`.
CONDUCTION_MM_PER_MS = 3.0


@dataclass(frozen=True)
class Setting:
    """Constant input (1/ms) and relative noise of one of the three working points."""

    mu: float
    noise: float


SETTINGS = (Setting(0.087, 1.0), Setting(0.08, 1.7), Setting(0.083, 1.5))


@dataclass(frozen=True)
class Connectome:
    """Which region drives which, how strongly and how late.

    Attributes
    ----------
    weights : ndarray float64, (n_regions, n_regions)
        Row: the region driven; column: the region that drives. Rows sum to `TOTAL_WEIGHT`.
    delay_steps : ndarray int, (n_regions, n_regions)
        Conduction delay in integration steps of `STEP_MS`.
    """

    weights: np.ndarray
    delay_steps: np.ndarray


def connectome(pos_mm: np.ndarray) -> Connectome:
    """Exponential distance rule and conduction delays between region centres (n, 3), straight."""
    distance_mm = np.linalg.norm(pos_mm[:, None] - pos_mm[None], axis=2)
    weights = np.exp(-CONNECTION_DECAY_PER_MM * distance_mm)
    weights[distance_mm > LONGEST_CONNECTION_MM] = 0
    np.fill_diagonal(weights, 0)
    delay_steps = np.rint(distance_mm / CONDUCTION_MM_PER_MS / STEP_MS).astype(int)
    return Connectome(TOTAL_WEIGHT * weights / weights.sum(1, keepdims=True), delay_steps)


def _firing(potential: torch.Tensor) -> torch.Tensor:
    return 2 * FIRING_MAX_PER_MS * torch.sigmoid(SLOPE_PER_MV * (potential - THRESHOLD_MV))


class Column:
    """The three second-order filters of every region: pyramidal, excitatory, inhibitory.

    Their potentials are y0, y1, y2 of The Virtual Brain's model and their velocities y3, y4, y5,
    kept side by side in (3, n_regions, n_realisations) so that few operations serve them all.
    """

    def __init__(self, gain_mv: torch.Tensor):
        """`gain_mv` (n_regions, n_realisations): the excitatory gain A."""
        self.rate = gain_mv.new_tensor([A_PER_MS, A_PER_MS, B_PER_MS])[:, None, None]
        # How many of a firing cell's synapses each population has.
        synapses = gain_mv.new_tensor([1, A_2 * J, A_4 * J])[:, None, None]
        gains = torch.stack([gain_mv, gain_mv, torch.full_like(gain_mv, B_MV)])
        self.amplification = gains * self.rate * synapses
        self.afferent = gain_mv * A_PER_MS
        self.seen = torch.empty_like(
            self.amplification
        )  # allocating it anew takes most of the time

    def acceleration(
        self, potential: torch.Tensor, velocity: torch.Tensor, coming: torch.Tensor
    ) -> torch.Tensor:
        """Change of the velocities; `coming` (n_regions, n_realisations) from outside, per ms."""
        pyramidal, excitatory, inhibitory = potential
        torch.sub(excitatory, inhibitory, out=self.seen[0])
        torch.mul(pyramidal, A_1 * J, out=self.seen[1])
        torch.mul(pyramidal, A_3 * J, out=self.seen[2])
        drive = _firing(self.seen).mul_(self.amplification)
        drive[1].addcmul_(self.afferent, coming)
        drive.addcmul_(self.rate, velocity, value=-2)
        return drive.addcmul_(self.rate**2, potential, value=-1)


class DelayedCoupling:
    """Sum of the firing that reaches each region, each connection with its own delay.

    The firing of the last `horizon` steps lies in one stretch of a buffer, oldest first, so that
    one sparse product with it, flattened over time and regions, does all connections at once.
    The buffer is twice as long as that and moves its newest part back to its start when full.
    """

    def __init__(self, network: Connectome, firing: torch.Tensor):
        """`firing` (n_regions, n_realisations): of the initial state, taken to have lasted."""
        to, source = np.nonzero(network.weights)
        delay = network.delay_steps[to, source]
        self.horizon = int(delay.max()) + 1
        n_regions = len(firing)
        incoming = torch.sparse_coo_tensor(
            torch.as_tensor(np.array([to, (self.horizon - 1 - delay) * n_regions + source])),
            torch.as_tensor(network.weights[to, source], dtype=firing.dtype),
            (n_regions, self.horizon * n_regions),
            device=firing.device,
            check_invariants=True,
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
            self.incoming = incoming.to_sparse_csr()
        self.buffer = firing.repeat(2 * self.horizon, 1, 1)
        self.end = self.horizon - 1

    def step(self, firing: torch.Tensor) -> torch.Tensor:
        """Input (n_regions, n_realisations) at the step at which the regions fire at `firing`."""
        if self.end == len(self.buffer):
            self.buffer[: self.horizon - 1] = self.buffer[self.end - self.horizon + 1 :]
            self.end = self.horizon - 1
        self.buffer[self.end] = firing
        self.end += 1
        return self.incoming @ self.buffer[self.end - self.horizon : self.end].flatten(0, 1)


def simulate(
    network: Connectome,
    a_mv: np.ndarray,
    setting: Setting,
    seconds: float,
    seed: int,
    dropped_seconds: float = 2.0,
    device: str = "cpu",
) -> np.ndarray:
    """Integrate the network by the stochastic Heun scheme, as The Virtual Brain does.

    The input from other regions is delayed by its conduction time and, over one step, constant.
    Before the start all regions have been at rest (all states zero).

    Parameters
    ----------
    network : Connectome
    a_mv : ndarray, (n_realisations, n_regions)
        Excitatory gain A: `BACKGROUND_A_MV`, or `SOURCE_A_MV` where spikes shall arise.
    setting : Setting
    seconds, dropped_seconds : float
        Length kept, and length of the transient dropped before it.
    seed : int
    device : str

    Returns
    -------
    potential_mv : ndarray float32, (n_realisations, n_regions, seconds * 500)
        y1 - y2, the input of the pyramidal cells, at 500 Hz.
    """
    generator = torch.Generator(device).manual_seed(seed)
    gain = torch.as_tensor(a_mv.T.copy(), dtype=torch.float32, device=device)
    amplitude = A_PER_MS * BACKGROUND_A_MV * (P_MAX - P_MIN) * 0.5 * setting.noise * STEP_MS**0.5
    column = Column(gain)
    potential = torch.zeros((3, *gain.shape), device=device)
    velocity = torch.zeros_like(potential)
    coupling = DelayedCoupling(network, _firing(potential[1] - potential[2]))
    n_dropped = round(dropped_seconds * 1000 / STEP_MS)
    n_steps = round(seconds * 1000 / STEP_MS)
    kept = torch.empty((n_steps // KEEP_EVERY, *gain.shape), device=device)
    for step in range(-n_dropped, n_steps):
        coming = setting.mu + coupling.step(_firing(potential[1] - potential[2]))
        noise = amplitude * torch.randn(gain.shape, generator=generator, device=device)
        acceleration = column.acceleration(potential, velocity, coming)
        potential_ahead = potential.add(velocity, alpha=STEP_MS)
        velocity_ahead = velocity.add(acceleration, alpha=STEP_MS)
        velocity_ahead[1] += noise
        potential.add_(velocity.add(velocity_ahead), alpha=STEP_MS / 2)
        acceleration += column.acceleration(potential_ahead, velocity_ahead, coming)
        velocity.add_(acceleration, alpha=STEP_MS / 2)
        velocity[1] += noise
        if step >= 0 and step % KEEP_EVERY == 0:
            kept[step // KEEP_EVERY] = potential[1] - potential[2]
    return kept.permute(2, 1, 0).cpu().numpy()
