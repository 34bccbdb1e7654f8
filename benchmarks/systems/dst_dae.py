"""DST-DAE's experiments I-IV on the 994 regions of a test head, with the leak of its authors and without.

Its authors take temporal bases and SNR from the very signal that they then invert. The network of `train dst_dae`
knows neither; that of `train dst_dae --of-tested` knows the bases and the SNR of experiment I's recordings at
-5 dB, and is measured there alone.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from benchmarks.systems.heads import known_field, test_members, true_field
from benchmarks.systems.rivals import kernel, one_by_one
from benchmarks.systems.rows import row
from benchmarks.systems.trained import trained
from pipeline.systems import SYSTEMS
from pipeline.systems._draw import examples, grown_patches
from pipeline.systems._system import Examples, Field, System
from pipeline.systems.dst_dae import SFREQ_HZ, damped_sinusoids

FULL, QUICK = 100, 24
TEST_SEED = 43
TWO_PATCHES_APART_MM = 50.0
LINEAR = ("wmne", "loreta", "sloreta")
# Seconds a recording: these get a part of the others' recordings, the last one none in quick runs.
ITERATED = {"focuss": 12, "champagne": 12, "sttonnica_like": 50}
TESTED = "I: 5 cm², -5 dB"
SIZE_SD_CM2 = 0.58
MEASURES = ("AUC", "RMSE", "DLE, mm", "SD, mm")
CURVE_ONLY = "curve without numbers"
# Table I, of 63 channels of EEG, by the SNR in dB.
TABLE_I = {-5: "0.781", 0: "0.519", 5: "0.269", 10: "0.132"}

Condition = tuple[float, tuple[float, ...], float | None]


def conditions() -> dict[str, Condition]:
    """SNR in dB of powers, areas of the patches in cm², and the courses' correlation, by name."""
    listed: dict[str, Condition] = {
        f"I: 5 cm², {snr_db} dB": (snr_db, (5.0,), None) for snr_db in TABLE_I
    }
    listed |= {f"II: {area} cm², -5 dB": (-5, (area,), None) for area in (3, 6, 10, 15)}
    listed |= {
        f"III: {a} + {b} cm², -5 dB": (-5, (a, b), None) for a, b in ((4, 4), (4, 10), (10, 10))
    }
    listed |= {f"IV: 7 + 7 cm², r = {r}, -5 dB": (-5, (7, 7), r) for r in (0.0, 0.3, 0.6, 0.9)}
    return listed


def run(work: Path, quick: bool) -> list[dict]:
    """Experiments I-IV: one patch by SNR and area, two by area and by the courses' correlation."""
    member = test_members(1, work)[0][1]
    known, true = known_field(member), true_field(member)
    rows = []
    for name, condition in conditions().items():
        rows += _rows(work, known, known, name, condition, quick)
    for snr_db in TABLE_I:
        name = f"I: 5 cm², {snr_db} dB"
        rows += _rows(
            work, true, known, name, conditions()[name], quick, ", head known with errors"
        )
    return rows


def of_tested(field: Field) -> System:
    """The system as its authors train it: for the bases and the SNR of the recordings that it will invert."""
    condition = conditions()[TESTED]
    data = draw(field, FULL, condition).data
    return SYSTEMS["dst_dae"].for_recordings(data, torch.full((FULL,), float(condition[0])))


def draw(field: Field, n: int, condition: Condition) -> Examples:
    """Recordings of one or two patches, 50 mm apart at least, each active by a damped sinusoid of its own."""
    snr_db, areas_cm2, correlation = condition
    generator = torch.Generator().manual_seed(TEST_SEED)
    centres = torch.randint(len(field.pos_mm), (n, len(areas_cm2)), generator=generator)
    courses = damped_sinusoids(n * len(areas_cm2), generator).unflatten(0, (n, -1))
    if len(areas_cm2) == 2:
        far = torch.cdist(field.pos_mm[centres[:, 0]], field.pos_mm) >= TWO_PATCHES_APART_MM
        centres[:, 1] = torch.multinomial(far.float(), 1, generator=generator)[:, 0]
        if correlation is not None:
            courses = _correlated(courses, correlation)
    activity = torch.zeros(n, len(field.pos_mm), courses.shape[2])
    for k, area_cm2 in enumerate(areas_cm2):
        spread = SIZE_SD_CM2 if len(areas_cm2) == 1 and area_cm2 == 5 else 0.0
        area_mm2 = 100 * (area_cm2 + spread * torch.randn(n, generator=generator))
        patch = grown_patches(field, centres[:, k], area_mm2)
        course = courses[:, k] / courses[:, k].abs().amax(1, keepdim=True)
        activity += patch[..., None] * course[:, None]
    ratio = torch.full((n,), 10 ** (snr_db / 20))
    return examples(field, centres, activity, ratio, generator)


def _correlated(courses: torch.Tensor, correlation: float) -> torch.Tensor:
    """Courses (n, 2, n_times) of which the second is as correlated with the first as is wanted."""
    first = courses[:, 0] / courses[:, 0].norm(dim=1, keepdim=True)
    rest = courses[:, 1] - (courses[:, 1] * first).sum(1, keepdim=True) * first
    rest = rest / rest.norm(dim=1, keepdim=True)
    return torch.stack([first, correlation * first + (1 - correlation**2) ** 0.5 * rest], 1)


def _rows(
    work: Path,
    source: Field,
    known: Field,
    name: str,
    condition: Condition,
    quick: bool,
    words: str = "",
) -> list[dict]:
    n = QUICK if quick else FULL
    drawn = draw(source, n, condition)
    rows = []
    for method, solve in _solvers(work, known, drawn, name == TESTED, condition[0]).items():
        values = measured(solve(), drawn, known.pos_mm)
        for column, what in enumerate(MEASURES):
            rmse = method.startswith("DST-DAE") and what == "RMSE" and name.startswith("I:")
            printed = TABLE_I[int(condition[0])] if rmse else CURVE_ONLY
            rows.append(row(method, f"{name}{words}, {what}", values[:, column], printed))
    print(name, words, flush=True)
    return rows


def _solvers(
    work: Path, field: Field, drawn: Examples, is_tested: bool, snr_db: float
) -> dict[str, Callable[[], torch.Tensor]]:
    """Activity of the examples, or of the first of them, by the method's name."""
    system, snr = SYSTEMS["dst_dae"], 10 ** (snr_db / 20)
    solvers: dict[str, Callable[[], torch.Tensor]] = {}
    for name in LINEAR:
        solvers[name] = lambda one=name: kernel(one, field, snr) @ drawn.data
    for name, share in ITERATED.items():
        part = len(drawn.data) // share
        if part:
            solvers[name] = lambda one=name, k=part: one_by_one(one, field, drawn, k, SFREQ_HZ)
    for variant in ("", "of_tested")[: 1 + is_tested]:
        network = trained(work, "dst_dae", field, variant)
        if network is not None:
            label, answer = network
            solvers[label] = lambda net=answer: net(system.encode(field, drawn.data))
    return solvers


def measured(activity: torch.Tensor, drawn: Examples, pos_mm: torch.Tensor) -> np.ndarray:
    """`MEASURES` (n, 4) of activity (n, n_sources, n_times) of the first `n` examples.

    The paper's formulas are in a supplement that is not at hand. AUC: of each source's energy, all sources
    counting. RMSE: ‖aŜ - S‖ / ‖S‖ at the factor a that makes it smallest, since methods differ in unit.
    DLE: within the half nearest to each patch's centre, from the source of most energy to the centre.
    SD: root of the mean squared distance to the nearest active source, weighted by energy.
    """
    rows = []
    for found, true, centres in zip(
        activity, drawn.activity[: len(activity)], drawn.sources, strict=False
    ):
        energy, active = found.square().sum(1), true.square().sum(1) > 0
        cosine = (found * true).sum() / (found.norm() * true.norm()).clamp_min(1e-30)
        away = torch.cdist(pos_mm, pos_mm[centres])
        nearest = away.argmin(1)
        error = [
            float(away[torch.where(nearest == k, energy, -1.0).argmax(), k])
            for k in range(len(centres))
        ]
        outside = torch.cdist(pos_mm, pos_mm[active]).amin(1).square()
        spread = (outside * energy).sum() / energy.sum().clamp_min(1e-30)
        rows.append(
            (
                roc_auc_score(active.numpy(), energy.numpy()),
                float((1 - cosine.square()).clamp_min(0).sqrt()),
                np.mean(error),
                float(spread.sqrt()),
            )
        )
    return np.array(rows)
