"""How many sources RAP-MUSIC and TRAP-MUSIC are to take, on the product's own question."""

from pathlib import Path

import numpy as np

from benchmarks.systems.heads import test_members
from benchmarks.systems.product import conventional_methods, keep_errors, recordings, solved
from benchmarks.systems.rows import row
from pipeline.synthesis.library import load_library
from pipeline.training.generic import member_tensors

FULL, QUICK = (4, 50), (1, 8)
# Most sources, and the least correlation with the signal's subspace; the first is the product's default.
SETTINGS = ((3, 0.0), (1, 0.0), (2, 0.0), (5, 0.0), (3, 0.95))
METHODS = ("rap_music", "trap_music")
SHOWN = {
    "found_to_true_mm": "found → true, mm",
    "true_to_found_mm": "true → found, mm",
    "maximum_to_centre_mm": "maximum → centre, mm",
}


def run(work: Path, quick: bool) -> list[dict]:
    """RAP-MUSIC and TRAP-MUSIC told of 1 to 5 sources where there are one to three."""
    n_heads, n = QUICK if quick else FULL
    found: dict[tuple[str, str], list[float]] = {}
    for _, member in test_members(n_heads, work):
        [tensors] = member_tensors([member], load_library("test"), "projected", "cpu")
        methods = conventional_methods(tensors, member)
        for n_sources in (1, 2, 3):
            batch = recordings(tensors, n, n_sources)
            for name in METHODS:
                for most, correlation in SETTINGS:
                    activity = solved(
                        methods, name, batch, music_sources=most, music_correlation=correlation
                    )
                    label = f"{name}, {most} sources, correlation {correlation:g}"
                    of = f"{n_sources} of truth"
                    keep_errors(found, label, of, SHOWN, activity, batch, member)
                    taken = (activity.abs().amax(2) > 0).sum(1).tolist()
                    found.setdefault((label, f"{of}, sources taken"), []).extend(taken)
    return [row(name, condition, np.array(values)) for (name, condition), values in found.items()]
