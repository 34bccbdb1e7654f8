"""4LCNN's S5 as a stand-in: stages of a somatosensory response, simulated on a test head.

The paper stimulates the right median nerve of three persons: medulla at 13 to 14 ms, left thalamus at 16 to
17 ms, left hand area at 20 ms. Here clusters of one ring lie in the thalamus and around the hand area, with
the SNRs that it prints. The medulla is left out: the source space has no brainstem.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from mne.transforms import apply_trans

from benchmarks.systems.deep import fields_with_deep
from benchmarks.systems.fourlcnn import TEST_SEED, solvers_of
from benchmarks.systems.heads import test_members
from benchmarks.systems.rows import row
from pipeline.systems import SYSTEMS
from pipeline.systems._system import Examples, Field
from pipeline.systems._topography import Topographic, places_mm
from pipeline.template import load_template
from pipeline.template.cortex import region_means, vertex_areas_mm2
from pipeline.template.deep import DEEP_NAMES
from pipeline.warp import MNI305_TO_MNI152

FULL, QUICK = 300, 60
# Printed for the three persons, dB.
SNRS_DB = (18.6, 20.1, 22.0)
THALAMUS = "left thalamus"
# Left hand knob in MNI152, mm (Yousry et al. 1997), and from how near regions are its own.
HAND_MNI152_MM, HAND_RADIUS_MM = (-37.0, -25.0, 60.0), 15.0
STAGES = {"17 ms": "left thalamus in 2 of 3", "20 ms": "hand area in 3 of 3"}


def run(work: Path, quick: bool) -> list[dict]:
    """S5 as a stand-in: simulated thalamus (17 ms) and hand area (20 ms), whether and how near they are found."""
    name, member = test_members(1, work)[0]
    known, true = fields_with_deep(name, member, work)
    targets = {"17 ms": thalamus(known), "20 ms": hand_area(known)}
    rows = []
    for stage, printed in STAGES.items():
        for snr_db in SNRS_DB:
            drawn = responses(true, targets[stage], snr_db, QUICK if quick else FULL)
            for method, solve in solvers_of(work, known, snr_db).items():
                peak = solve(drawn.data).argmax(1)
                inside = targets[stage][peak].double().numpy()
                places = places_mm(known)
                away = (places[peak] - places[drawn.sources[:, 0]]).norm(dim=1).numpy()
                condition = f"{stage}, {snr_db} dB"
                own = printed if method.startswith(SYSTEMS["fourlcnn"].label) else "not printed"
                rows.append(row(method, f"{condition}, share found there", inside, own))
                rows.append(row(method, f"{condition}, maximum to centre, mm", away))
    return rows


def thalamus(field: Field) -> torch.Tensor:
    """Which sources (n_sources + n_deep,) lie in the left thalamus."""
    assert field.deep is not None
    own = field.deep.structure == DEEP_NAMES.index(THALAMUS)
    return torch.cat([torch.zeros(len(field.pos_mm), dtype=torch.bool), own])


def hand_area(field: Field) -> torch.Tensor:
    """Which sources are regions of the left hand area, by the template."""
    cortex = load_template().source_cortex
    area_mm2 = vertex_areas_mm2(cortex.pos_mm, cortex.faces)
    regions_mm = region_means(cortex.pos_mm, area_mm2, cortex.vertex_region)
    away_mm = np.linalg.norm(apply_trans(MNI305_TO_MNI152, regions_mm) - HAND_MNI152_MM, axis=1)
    own = torch.as_tensor(away_mm < HAND_RADIUS_MM)
    n_deep = len(places_mm(field)) - len(own)
    return torch.cat([own, torch.zeros(n_deep, dtype=torch.bool)])


def responses(field: Field, target: torch.Tensor, snr_db: float, n: int) -> Examples:
    """Clusters whose centres lie in a target, as the systems' training draws them elsewhere."""
    system = SYSTEMS["fourlcnn"]
    assert isinstance(system, Topographic)
    is_deep = bool(target[len(field.pos_mm) :].any())
    generator, kept = torch.Generator().manual_seed(TEST_SEED), []
    while sum(len(each.sources) for each in kept) < n:
        drawn = system.with_deep_share(float(is_deep)).condition(field, 4096, generator, snr_db)
        inside = target[drawn.sources[:, 0]]
        kept.append(_chosen(drawn, lambda values, inside=inside: values[inside]))
    joined = Examples(
        *(
            torch.cat([getattr(each, part) for each in kept])
            for part in ("data", "clean", "sources", "activity")
        )
    )
    return _chosen(joined, lambda values: values[:n])


def _chosen(drawn: Examples, of: Callable[[torch.Tensor], torch.Tensor]) -> Examples:
    return replace(
        drawn,
        data=of(drawn.data),
        clean=of(drawn.clean),
        sources=of(drawn.sources),
        activity=of(drawn.activity),
    )
