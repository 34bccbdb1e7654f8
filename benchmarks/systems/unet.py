"""The U-Net's experiments on the 994 regions of a test head, beside the three images that it reads.

Each example is a dipole, or several at once, and counts once: the mean of its active samples.
"""

from pathlib import Path

import numpy as np
import torch

from benchmarks.systems.heads import known_field, test_members, true_field
from benchmarks.systems.rows import NOT_PRINTED, row
from benchmarks.systems.trained import trained
from pipeline.systems import SYSTEMS
from pipeline.systems._system import Examples, Field
from pipeline.systems.unet import SNR, UNet, images

FULL, QUICK = 400, 12
TEST_SEED = 37
MEG2_SNR = 1.0
IMAGES = ("MNE", "dSPM", "sLORETA")
MEASURES = ("DLE, cm", "SD, 100 √m", "OA")
# Printed means by data and method: DLE, SD and OA, of 642 vertices of the right hemisphere.
PRINTED = {
    "1 dipole, MEG1": {
        "MNE": (4.901, 23.923, 112.658),
        "sLORETA": (4.289, 23.544, 144.095),
        "dSPM": (4.171, 23.458, 153.743),
        "U-Net": (3.587, 19.170, 138.884),
    },
    "1 dipole, MEG1 net on MEG2 images": {
        "MNE": (5.282, 23.060, 113.547),
        "sLORETA": (4.967, 23.460, 151.765),
        "dSPM": (4.872, 23.373, 157.972),
        "U-Net": (4.489, 23.342, 138.888),
    },
    # Of the network of MEG and EEG.
    "2-5 dipoles, MEG1": {
        "MNE": (4.846, 23.162, 108.505),
        "sLORETA": (4.771, 23.533, 127.918),
        "dSPM": (4.760, 23.605, 134.513),
        "U-Net": (4.324, 22.619, 103.458),
    },
}


def run(work: Path, quick: bool) -> list[dict]:
    """Thesis, ch. 5: one dipole, images of another regularisation, and two to five dipoles at once."""
    member = test_members(1, work)[0][1]
    field, other = known_field(member), true_field(member)
    system, n = SYSTEMS["unet"], QUICK if quick else FULL
    assert isinstance(system, UNet)
    rows = []
    for condition, source, snr, n_dipoles in (
        ("1 dipole, MEG1", field, SNR, (1,)),
        ("1 dipole, MEG1 net on MEG2 images", field, MEG2_SNR, (1,)),
        ("2-5 dipoles, MEG1", field, SNR, (2, 3, 4, 5)),
        ("1 dipole, MEG1, head known with errors", other, SNR, (1,)),
    ):
        generator = torch.Generator().manual_seed(TEST_SEED)
        share = n // len(n_dipoles)
        drawn = [system.condition(source, share, generator, k) for k in n_dipoles]
        rows += _rows(work, field, drawn, condition, snr)
    return rows


def _rows(
    work: Path, field: Field, drawn: list[Examples], condition: str, snr: float
) -> list[dict]:
    network = trained(work, "unet", field)
    found: dict[str, list[np.ndarray]] = {}
    for part in drawn:
        shown = images(field, part.data, snr)
        shown = shown / shown.amax(2, keepdim=True).clamp_min(1e-30)
        maps = dict(zip(IMAGES, shown.unbind(1), strict=True))
        if network is not None:
            maps[network[0]] = network[1](shown)
        for name, activity in maps.items():
            found.setdefault(name, []).append(measured(activity, part, field.pos_mm))
    rows = []
    for name, parts in found.items():
        printed = PRINTED.get(condition, {}).get("U-Net" if name not in IMAGES else name)
        for column, words in enumerate(MEASURES):
            figure = NOT_PRINTED if printed is None else f"{printed[column]}"
            values = np.concatenate(parts)[:, column]
            rows.append(row(name, f"{condition}, {words}", values, figure))
    return rows


def measured(activity: torch.Tensor, drawn: Examples, pos_mm: torch.Tensor) -> np.ndarray:
    """`MEASURES` (n, 3) of non-negative maps (n, n_sources, n_times), the mean over the active samples.

    As its author does: the k largest entries, k being known, are paired with the k dipoles, nearest
    first; the spread is about the largest entry, in roots of distances; maps are taken over their maximum.
    """
    distance_mm = torch.cdist(pos_mm, pos_mm)
    rows = []
    for maps, sources, true in zip(activity, drawn.sources, drawn.activity, strict=True):
        times = torch.where(true[sources[0]] != 0)[0].tolist()
        rows.append(
            np.mean([_of_sample(maps[:, time], sources, distance_mm) for time in times], axis=0)
        )
    return np.array(rows)


def _of_sample(
    values: torch.Tensor, sources: torch.Tensor, distance_mm: torch.Tensor
) -> tuple[float, float, float]:
    scaled = values / values.amax()
    largest = scaled.topk(len(sources)).indices
    between = distance_mm[largest][:, sources].clone()
    paired = []
    for _ in sources:
        paired.append(float(between.min()))
        i, j = divmod(int(between.argmin()), len(sources))
        between[i], between[:, j] = torch.inf, torch.inf
    power = scaled.square()
    spread_m = (distance_mm[largest[0]] * power).sum() / power.sum() / 1000
    return float(np.mean(paired)) / 10, 100 * float(spread_m.sqrt()), float(scaled.sum())
