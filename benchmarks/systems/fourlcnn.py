"""4LCNN's experiments with clusters of cortex and of deep structures on a test head, beside its rivals.

Test data come from the head's true leadfield, the known one inverts, as the paper's mismatched model. The control
that the paper lacks: networks that were trained with as many deep clusters as cortical ones, two clusters at once, and how
often the largest source is deep where the truth is cortical.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score

from benchmarks.systems.deep import columns_of, fields_with_deep, sizes_of
from benchmarks.systems.heads import test_members
from benchmarks.systems.rivals import kernel
from benchmarks.systems.rows import NOT_PRINTED, row
from benchmarks.systems.trained import trained
from pipeline.systems import SYSTEMS
from pipeline.systems._system import Examples, Field
from pipeline.systems._topography import Topographic, places_mm

FULL, QUICK = 300, 60
TEST_SEED = 41
SNRS_DB = (0, 5, 10, 15, 20, 25, 30)
BELOW_ZERO_DB = (-20, -10)
NETWORKS = ("fourlcnn", "convdip")
MEASURES = ("localisation error, mm", "spatial dispersion, mm", "AUPRC")
CORTICAL, DEEP, MIXED = "cortical", "subcortical", "cortical and subcortical"
# Of the clusters that are drawn.
DEEP_SHARE = {CORTICAL: 0.0, DEEP: 1.0, MIXED: 0.5}
# Mean localisation error, mm.
PRINTED_MM = {
    (CORTICAL, "4LCNN", 30): "6.6",
    (CORTICAL, "eLORETA", 30): "9.3",
    (CORTICAL, "4LCNN", 5): "< 20",
    (CORTICAL, "4LCNN", 0): "≈ 50",
    (DEEP, "4LCNN", 30): "5.9",
    (DEEP, "4LCNN", 5): "< 30",
    (DEEP, "4LCNN", 0): "≈ 50",
}
PRINTED_MM |= {(CORTICAL, "4LCNN", snr_db): "< 10" for snr_db in (15, 20, 25)}
PRINTED_MM |= {(DEEP, "4LCNN", snr_db): "< 10" for snr_db in (20, 25)}
PRINTED_SIZE = {(CORTICAL, "4LCNN"): "0.43 to 0.68", (DEEP, "4LCNN"): "0.32 to 0.41"}
OTHERS_SIZE = "-0.19 to 0.14"


def run(work: Path, quick: bool) -> list[dict]:
    """S1-S4 with clusters of cortex and of deep structures, and two clusters, for which no network was trained."""
    name, member = test_members(1, work)[0]
    known, true = fields_with_deep(name, member, work)
    single = [
        (place, 1, snr_db) for place in (CORTICAL, DEEP) for snr_db in (*BELOW_ZERO_DB, *SNRS_DB)
    ]
    rows = []
    for place, n_clusters, snr_db in [*single, (CORTICAL, 2, 20), (MIXED, 2, 20)]:
        generator = torch.Generator().manual_seed(TEST_SEED)
        system = SYSTEMS["fourlcnn"]
        assert isinstance(system, Topographic)
        drawn = system.with_deep_share(DEEP_SHARE[place]).condition(
            true, QUICK if quick else FULL, generator, snr_db, n_clusters
        )
        rows += _rows(drawn, solvers_of(work, known, snr_db), known, place, snr_db)
        print(place, n_clusters, snr_db, flush=True)
    return rows


def _rows(
    drawn: Examples,
    solvers: dict[str, Callable[[torch.Tensor], torch.Tensor]],
    known: Field,
    place: str,
    snr_db: int,
) -> list[dict]:
    n, n_clusters = drawn.sources.shape
    words = f"{n_clusters} {place} cluster{'s' * (n_clusters > 1)}, {snr_db} dB"
    rows = []
    for name, solve in solvers.items():
        maps = solve(drawn.data)
        values, size_r = measured(maps, drawn, places_mm(known))
        label = name.split(",")[0]
        figure = PRINTED_MM.get((place, label, snr_db)) if n_clusters == 1 else None
        figures = (figure or NOT_PRINTED, "curve without numbers", "curve without numbers")
        for column, (what, printed) in enumerate(zip(MEASURES, figures, strict=True)):
            rows.append(row(name, f"{words}, {what}", values[:, column], printed))
        of_sizes = n_clusters == 1 and snr_db >= 15
        printed = PRINTED_SIZE.get((place, label), OTHERS_SIZE) if of_sizes else NOT_PRINTED
        rows.append(row(name, f"{words}, r of sizes", np.array([size_r]), printed) | {"n": n})
        is_deep = (maps.argmax(1) >= len(known.pos_mm)).double().numpy()
        rows.append(row(name, f"{words}, share whose largest source is deep", is_deep))
    return rows


def solvers_of(
    work: Path, field: Field, snr_db: float
) -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Maps (n, n_sources + n_deep) of recordings (n, n_channels, 1), by the method's name.

    The rivals have the three directions of a deep point as sources of their own, whose root of the sum of squares is told.
    """
    snr, columns = 10 ** (snr_db / 20), columns_of(field)
    eloreta = kernel("eloreta", columns, snr)
    solvers = {
        "eLORETA": lambda data: sizes_of((eloreta @ data[..., 0].T).T, field),
        "LCMV": lambda data: sizes_of(single_map_lcmv(data[..., 0], columns.gain, snr), field),
    }
    for name in NETWORKS:
        for variant in ("", "balanced"):
            network = trained(work, name, field, variant)
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
    """`MEASURES` (n, 3) of maps (n, n_sources + n_deep), and the correlation of their sizes with the clusters'.

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
