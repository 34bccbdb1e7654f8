"""4LCNN's experiments with clusters of cortex on the 994 regions of a test head, beside its rivals.

Test data come from the head's true leadfield, the known one inverts, as the paper's mismatched model. There
are no subcortical sources here: nothing of the paper's deep ones, nor a rate of false deep ones.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score

from benchmarks.systems.heads import known_field, test_members, true_field
from benchmarks.systems.rivals import kernel
from benchmarks.systems.rows import NOT_PRINTED, row
from benchmarks.systems.trained import trained
from pipeline.systems import SYSTEMS
from pipeline.systems._system import Examples, Field
from pipeline.systems._topography import Topographic

FULL, QUICK = 300, 60
TEST_SEED = 41
SNRS_DB = (0, 5, 10, 15, 20, 25, 30)
NETWORKS = ("fourlcnn", "convdip")
MEASURES = ("localisation error, mm", "spatial dispersion, mm", "AUPRC")
# Of cortical sources, mm.
PRINTED_MM = {
    ("4LCNN", 30): "6.6",
    ("eLORETA", 30): "9.3",
    ("4LCNN", 5): "< 20",
    ("4LCNN", 0): "≈ 50",
}
PRINTED_MM |= {("4LCNN", snr_db): "< 10" for snr_db in (15, 20, 25)}
PRINTED_SIZE = {"4LCNN": "0.43 to 0.68"}
OTHERS_SIZE = "-0.19 to 0.14"


def run(work: Path, quick: bool) -> list[dict]:
    """S1-S4 with cortical clusters, 0-30 dB, and two clusters at once, for which no network was trained."""
    member = test_members(1, work)[0][1]
    known, n = known_field(member), QUICK if quick else FULL
    system = SYSTEMS["fourlcnn"]
    assert isinstance(system, Topographic)
    rows = []
    for n_clusters in (1, 2):
        for snr_db in SNRS_DB if n_clusters == 1 else (20,):
            generator = torch.Generator().manual_seed(TEST_SEED)
            drawn = system.condition(true_field(member), n, generator, snr_db, n_clusters)
            words = f"{n_clusters} cluster{'s' * (n_clusters > 1)}, {snr_db} dB"
            for name, solve in _solvers(work, known, snr_db).items():
                values, size_r = measured(solve(drawn.data), drawn, known.pos_mm)
                label = name.split(",")[0]
                figure = PRINTED_MM.get((label, snr_db), NOT_PRINTED) if n_clusters == 1 else None
                figures = (figure or NOT_PRINTED, "curve without numbers", "curve without numbers")
                for column, (what, printed) in enumerate(zip(MEASURES, figures, strict=True)):
                    rows.append(row(name, f"{words}, {what}", values[:, column], printed))
                printed = (
                    PRINTED_SIZE.get(label, OTHERS_SIZE)
                    if n_clusters == 1 and snr_db >= 15
                    else NOT_PRINTED
                )
                extent = row(name, f"{words}, r of sizes", np.array([size_r]), printed)
                rows.append(extent | {"n": n})
    return rows


def _solvers(
    work: Path, field: Field, snr_db: float
) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Maps (n, n_sources) of recordings (n, n_channels, 1), by the method's name."""
    snr = 10 ** (snr_db / 20)
    eloreta = kernel("eloreta", field, snr)
    solvers = {
        "eLORETA": lambda data: (eloreta @ data[..., 0].T).T.abs(),
        "LCMV": lambda data: single_map_lcmv(data[..., 0], field.gain, snr),
    }
    for name in NETWORKS:
        network = trained(work, name, field)
        if network is not None:
            label, answer = network
            solvers[label] = lambda data, one=name, net=answer: net(
                SYSTEMS[one].encode(field, data)
            )
    return solvers


def single_map_lcmv(data: torch.Tensor, gain: torch.Tensor, snr: float) -> torch.Tensor:
    """|Beamformer| (n, n_sources) of unit noise gain, for single maps (n, n_channels).

    The covariance of one map is no covariance: it is taken as x xᵀ + λ I, λ the map's mean power over snr².
    Its inverse is known (Sherman & Morrison 1950).
    """
    power = data.square().sum(1, keepdim=True)
    ridge = power / data.shape[1] / snr**2
    part = 1 / (ridge + power)
    along = data @ gain
    length = gain.square().sum(0)
    filtered = along * part
    # lᵀ C⁻² l with C⁻¹ = (I - x xᵀ part) / λ, times λ² as lᵀ C⁻¹ x is times λ.
    size = length - along.square() * part * (2 - part * power)
    return (filtered * ridge / size.clamp_min(1e-12).sqrt()).abs()


def measured(maps: torch.Tensor, drawn: Examples, pos_mm: torch.Tensor) -> tuple[np.ndarray, float]:
    """`MEASURES` (n, 3) of maps (n, n_sources), and the correlation of their sizes with the clusters'.

    Error from the largest entry to the (nearest) centre; dispersion √(Σ (a d)² / Σ a²) about the largest
    entry; precision and recall of being active over all thresholds; size: the sources above half of
    the largest.
    """
    true = drawn.activity[..., 0].abs()
    scaled = maps.clamp_min(0) / maps.amax(1, keepdim=True).clamp_min(1e-30)
    peak = scaled.argmax(1)
    error = (pos_mm[peak][:, None] - pos_mm[drawn.sources]).norm(dim=2).amin(1)
    away = torch.cdist(pos_mm[peak], pos_mm)
    dispersion = ((scaled * away).square().sum(1) / scaled.square().sum(1)).sqrt()
    precision = [
        average_precision_score(active > 0, found)
        for active, found in zip(true.numpy(), scaled.numpy(), strict=True)
    ]
    sizes = (true > 0.5).sum(1).numpy(), (scaled > 0.5).sum(1).numpy()
    constant = min(size.std() for size in sizes) == 0
    size_r = np.nan if constant else float(np.corrcoef(*sizes)[0, 1])
    return np.column_stack([error, dispersion, precision]), size_r
