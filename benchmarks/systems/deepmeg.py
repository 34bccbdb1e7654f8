"""DeepMEG's experiments on the 994 regions of a test head, its rivals beside it.

A network that was not trained in WORK has no row: ``python -m benchmarks.systems train NAME --size cpu``.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.systems.heads import known_field, test_members
from benchmarks.systems.rows import NOT_PRINTED, row
from benchmarks.systems.trained import trained
from pipeline.methods._music import pursue
from pipeline.systems import SYSTEMS
from pipeline.systems._deepmeg import DeepMeg, localisation_error_mm
from pipeline.systems._system import Field

FULL, QUICK = 1000, 60
# Of each of the 24 cells of experiment 2.
QUICK_OF_CELL = 24
TEST_SEED = 31
SINGLE_SNRS_DB = (-10, -5, 0, 5, 10, 15, 20)
SERIES_SNRS_DB = (-15.0, -12.5, -10.0)
CORRELATIONS = (0.0, 0.3, 0.6, 0.9)
# Table 2, ms: by dipoles and samples, of RAP-MUSIC on 15,002 points and of the network (i5-9400F, RTX 2080).
TABLE_2_MS = {
    (1, 1): (135.47, 0.19),
    (2, 1): (452.17, 0.19),
    (3, 1): (736.76, 0.19),
    (1, 16): (136.59, 0.25),
    (2, 16): (478.23, 0.27),
    (3, 16): (741.51, 0.27),
}
CURVE_ONLY = "curve without numbers"


def snr(work: Path, quick: bool) -> list[dict]:
    """Experiment 1: error of two dipoles from one sample against SNR."""
    rows = []
    for snr_db in SINGLE_SNRS_DB:
        rows += _errors(
            work,
            "deepmeg_mlp_2",
            snr_db,
            0.0,
            f"2 dipoles, {snr_db} dB, mm",
            QUICK if quick else FULL,
        )
    return rows


def correlation(work: Path, quick: bool) -> list[dict]:
    """Experiment 2: error of two and three dipoles from 16 samples against their correlation."""
    rows = []
    for n_points in (2, 3):
        for snr_db in SERIES_SNRS_DB:
            for wanted in CORRELATIONS:
                condition = f"{n_points} dipoles, {snr_db:g} dB, correlation {wanted}, mm"
                name = f"deepmeg_cnn_{n_points}"
                rows += _errors(
                    work, name, snr_db, wanted, condition, QUICK_OF_CELL if quick else FULL
                )
    return rows


def times(work: Path, quick: bool) -> list[dict]:
    """Experiment 4: milliseconds a recording; RAP-MUSIC here on 994 points, not on 15,002.

    Time needs no training: networks of random weights, alone and 256 at a time.
    """
    field, rows = _field(work), []
    for (n_points, n_times), (rap_ms, network_ms) in TABLE_2_MS.items():
        kind = "mlp" if n_times == 1 else "cnn"
        system = SYSTEMS[f"deepmeg_{kind}_{n_points}"]
        assert isinstance(system, DeepMeg)
        module = system.network(field).eval()
        drawn = _draw(system, field, 8, 0.0, 0.5)
        read = system.encode(field, drawn.data)
        condition = f"{n_points} dipoles, {n_times} samples, ms"
        alone = _milliseconds(lambda one=read[:1], net=module: net(one), 5 if quick else 20)
        many = read[:1].expand(256, *read.shape[1:])
        batch = _milliseconds(lambda all_=many, net=module: net(all_), 2 if quick else 5) / 256
        gain, data = field.gain.double().numpy(), drawn.data.double().numpy()
        music = _milliseconds(lambda d=data[0], k=n_points, g=gain: pursue(d, g, k), 5)
        rows.append(row(f"{system.label}, one alone", condition, alone, f"{network_ms}"))
        rows.append(row(f"{system.label}, 256 at a time", condition, batch, f"{network_ms}"))
        rows.append(row("RAP-MUSIC", condition, music, f"{rap_ms}"))
    return rows


def _milliseconds(compute: Callable[[], object], n: int) -> np.ndarray:
    taken = []
    with torch.inference_mode():
        compute()
        for _ in range(n):
            begin = time.perf_counter()
            compute()
            taken.append(1000 * (time.perf_counter() - begin))
    return np.array(taken)


def _field(work: Path) -> Field:
    return known_field(test_members(1, work)[0][1])


def _draw(system: DeepMeg, field: Field, n: int, snr_db: float, wanted: float):
    generator = torch.Generator().manual_seed(TEST_SEED)
    return system.condition(field, n, generator, snr_db, torch.full((n,), wanted))


def _errors(
    work: Path, name: str, snr_db: float, wanted: float, condition: str, n: int
) -> list[dict]:
    system, field = SYSTEMS[name], _field(work)
    assert isinstance(system, DeepMeg)
    drawn = _draw(system, field, n, snr_db, wanted)
    true_mm = field.pos_mm[drawn.sources]
    gain = field.gain.double().numpy()
    rows = []
    for label, truncated in (("RAP-MUSIC", False), ("TRAP-MUSIC", True)):
        found = [
            pursue(one, gain, system.n_points, truncated)[0] for one in drawn.data.double().numpy()
        ]
        error = localisation_error_mm(field.pos_mm[torch.tensor(found)], true_mm)
        printed = NOT_PRINTED if truncated else CURVE_ONLY
        rows.append(row(label, condition, error.numpy(), printed))
    network = trained(work, name, field)
    if network is not None:
        label, solve = network
        error = localisation_error_mm(solve(system.encode(field, drawn.data)), true_mm)
        rows.append(row(label, condition, error.numpy(), CURVE_ONLY))
    return rows
