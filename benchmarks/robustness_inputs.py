"""What could make the shipped network hold where it breaks? ``python -m benchmarks.robustness_inputs CACHE``.

The recordings of `benchmarks.robustness`, read in other ways and with the shipped weights, which have
learned none of them: a window about the spike's peak laid over the recording, and a dictionary whose
repeated patches (a centre with all its neighbours stands there 27 times) give way to smaller ones.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.robustness import (
    CONDITIONS,
    N_TIMES,
    RESULTS,
    SEEDS,
    draw_recording,
    errors,
    noise_cov,
)
from benchmarks.robustness_heads import SFREQ_HZ, Patches, cached_head
from pipeline.projection import prepare_recording, project_head
from pipeline.synthesis.patches import (
    DICTIONARY_PER_REGION,
    HALF_MAGNITUDE_MM,
    MAX_RINGS,
    PatchDictionary,
    template_dictionary,
    template_graph,
)
from pipeline.weights import apply, load_model

WINDOW_SD_S = 0.05
# What the window leaves of a recording far from the peak.
WINDOW_FLOORS = (1.0, 0.3, 0.1)
PATCH_SEED = 5
# Share of a centre's neighbours that a small patch takes in.
NEIGHBOUR_SHARES = (0.25, 0.5, 0.75)


def dictionary_with_small_patches() -> PatchDictionary:
    """The template's dictionary with a single region and parts of its ring in place of repetitions."""
    graph, dictionary = template_graph(), template_dictionary()
    n = len(graph.adjacency)
    rng = np.random.default_rng(PATCH_SEED)
    half_mm = np.mean(HALF_MAGNITUDE_MM)
    fall_off = np.exp(-np.log(2) * (graph.distance_mm / half_mm) ** 2)
    patches = dictionary.patches.reshape(DICTIONARY_PER_REGION, n, n).clone()
    repeated = range(MAX_RINGS, DICTIONARY_PER_REGION, MAX_RINGS)
    for number, at in enumerate(repeated):
        share = NEIGHBOUR_SHARES[number % len(NEIGHBOUR_SHARES)] if number else 0.0
        drawn = graph.adjacency & (rng.random((n, n)) < share)
        patches[at] = torch.as_tensor((drawn | np.eye(n, dtype=bool)) * fall_off).half()
    return replace(dictionary, patches=patches.flatten(0, 1))


def peak_window(peak: int, floor: float) -> torch.Tensor:
    """Weight (125,) of each sample: 1 at the peak, `floor` far from it."""
    time_s = (np.arange(N_TIMES) - peak) / SFREQ_HZ
    weight = floor + (1 - floor) * np.exp(-0.5 * (time_s / WINDOW_SD_S) ** 2)
    return torch.as_tensor(weight, dtype=torch.float32)


def measure(module, cache: Path, seed: int, n: int) -> list[dict]:
    """One row per recording, dictionary and window on one head."""
    head = cached_head(cache, seed)
    dictionaries = {"as shipped": template_dictionary(), "small": dictionary_with_small_patches()}
    known: dict[tuple, tuple] = {}
    rows = []
    for condition in CONDITIONS:
        rng = np.random.default_rng([seed, sum(condition.name.encode())])
        patches, wrong = Patches(head, rng), int(condition.head_model_errors)
        drawn = [draw_recording(head, condition, rng, patches) for _ in range(n)]
        for name, dictionary in dictionaries.items():
            key = name, wrong, condition.covariance
            if key not in known:
                cov = noise_cov(head, condition.covariance)
                known[key] = project_head(head.leadfield[wrong], cov, dictionary)
            whiten, projection = known[key]
            for channels, peak, true in drawn:
                recording = prepare_recording(whiten @ channels, projection)
                sloreta = (projection.kernel @ recording).numpy()
                for floor in WINDOW_FLOORS:
                    # Prepared again: centred and scaled as the network was trained to read it.
                    seen = prepare_recording(recording * peak_window(peak, floor), projection)
                    found = apply(module, seen, projection, peak)
                    place = head.region_pos_mm[wrong], head.region_area_mm2
                    row = errors(found, sloreta, peak, true, *place)
                    about = {"condition": condition.name, "dictionary": name, "floor": floor}
                    rows.append(about | row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path, help="where heads are kept")
    parser.add_argument("--n", type=int, default=12, help="recordings per condition and head")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    module, _ = load_model("")
    rows = pd.DataFrame(
        [row for seed in SEEDS for row in measure(module, args.cache, seed, args.n)]
    )
    grouped = rows.groupby(["condition", "dictionary", "floor"], sort=False)
    table = pd.DataFrame(
        {
            "n": grouped.size(),
            "found_to_true_mm_mean": grouped["found_to_true_mm"].mean(),
            "found_to_true_mm_median": grouped["found_to_true_mm"].median(),
            "area_ratio_median": grouped["area_ratio"].median(),
            "unheard_share": grouped["unheard"].mean(),
        }
    ).reset_index()
    table.to_csv(args.results / "robustness_inputs.csv", index=False, float_format="%.3g")
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
