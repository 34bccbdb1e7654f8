"""Can weights that learned from MEG image EEG? ``python -m benchmarks.eeg CACHE``.

The same patches and courses on heads that training shares no rule with, seen by 306 sensors of a helmet, by
64 electrodes, and by both together (`eeg_heads.py`), each at the same SNR over its own ongoing activity. The shipped
network reads any through the head's own projection; sLORETA is the very kernel that it is given.
``--quick`` takes one head.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.eeg_heads import MODALITIES_OF_PAIR, SFREQ_HZ, cached_pair
from benchmarks.robustness import (
    N_TIMES,
    RESULTS,
    WINDOW_S,
    Condition,
    draw_recording,
    noise_cov,
)
from benchmarks.robustness_heads import Head, Patch, Patches
from bids_app.demo.electrodes import cap_names
from pipeline.localisation import NoExtent, nearest_distance_mm, otsu_extent, peak_map
from pipeline.modality import MODALITIES
from pipeline.projection import prepare_recording, project_head
from pipeline.synthesis.patches import template_dictionary
from pipeline.weights import load_model

SEEDS = (900, 901, 902)
N_ELECTRODES = len(cap_names())
AVERAGE = {"source_snr_db": (5.0, 20.0), "sensor_snr_db": (5.0, 20.0)}
CONDITIONS = (
    Condition("disc of 15-40 cm2", **AVERAGE),
    Condition("disc of 5-12 cm2", **AVERAGE, patch=(5.0, 12.0)),
    Condition("a single region", **AVERAGE, patch="region"),
    Condition("branching, 20 regions", **AVERAGE, patch="branching"),
    Condition("disc of 5-12 cm2, source SNR 0 dB", (0, 0), (15, 15), patch=(5.0, 12.0)),
    Condition(
        "disc of 5-12 cm2, with errors of the head model",
        **AVERAGE,
        patch=(5.0, 12.0),
        head_model_errors=True,
    ),
    Condition("no source", n_sources=0),
)


def measure(loaded, name: str, head: Head, known, condition: Condition, n: int, seed: int):
    """Rows of a modality, two per recording: the network's answer and sLORETA's."""
    module, card = loaded
    whiten, projection = known
    wrong = int(condition.head_model_errors)
    for number in range(n):
        # The same patch and course under helmet and cap: each recording has its own streams.
        start = [seed, sum(condition.name.encode()), number]
        rng = np.random.default_rng(start)
        patches = Patches(head, np.random.default_rng([*start, 1]))
        channels, peak, drawn = draw_recording(head, condition, rng, patches)
        recording = prepare_recording(
            whiten @ reference(name, len(channels)) @ channels, projection
        )
        with torch.inference_mode():
            answer = module.answer(recording[None], projection, torch.tensor([peak]))
        said = float(answer.main_existence)
        maps = {
            "network": answer.activity[0].numpy(),
            "sloreta": (projection.kernel @ recording).numpy(),
        }
        for method, activity in maps.items():
            row = errors(activity, peak, drawn, head, head.region_pos_mm[wrong])
            if method == "network":
                row |= {"said": said, "named": said > card["existence"]["threshold"]}
            yield {"condition": condition.name, "modality": name, "method": method} | row


def reference(name: str, n_channels: int) -> np.ndarray:
    """What the average reference leaves (n_channels, n_channels): of electrodes all but their mean."""
    left = np.eye(n_channels)
    if MODALITIES[name].average_reference:
        # A cap's electrodes, which are the last.
        left[-N_ELECTRODES:, -N_ELECTRODES:] -= 1 / N_ELECTRODES
    return left


def errors(activity, peak: int, drawn: list[Patch], head: Head, pos_mm) -> dict[str, float]:
    """Of one answer: found → true, maximum → true patch and area; nothing where there is no source."""
    if not drawn:
        return {}
    mapped = peak_map(activity, (np.arange(N_TIMES) - peak) / SFREQ_HZ, WINDOW_S)
    true = drawn[0].regions
    row = {"max_to_true_mm": nearest_distance_mm(pos_mm[[mapped.argmax()]], pos_mm[true])[0]}
    try:
        _, extent = otsu_extent(mapped)
    except NoExtent:
        return row
    return row | {
        "found_to_true_mm": nearest_distance_mm(pos_mm[extent], pos_mm[true]).mean(),
        "true_to_found_mm": nearest_distance_mm(pos_mm[true], pos_mm[extent]).mean(),
        "area_ratio": head.region_area_mm2[extent].sum() / drawn[0].area_mm2,
    }


def summarise(rows: list[dict]) -> pd.DataFrame:
    """One row per condition, modality and method."""
    grouped = pd.DataFrame(rows).groupby(["condition", "modality", "method"], sort=False)
    columns = {"n": grouped.size(), "named_share": grouped["named"].mean()}
    for name in ("found_to_true_mm", "max_to_true_mm", "true_to_found_mm", "area_ratio"):
        columns[f"{name}_mean"] = grouped[name].mean()
        columns[f"{name}_median"] = grouped[name].median()
    columns["max_to_true_mm_90th"] = grouped["max_to_true_mm"].quantile(0.9)
    return pd.DataFrame(columns).reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path, help="where heads are kept")
    parser.add_argument("--weights", default="", help="a weights file; default: the shipped one")
    parser.add_argument("--quick", action="store_true", help="one head")
    parser.add_argument("--n", type=int, default=20, help="recordings per condition and head")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    loaded = load_model(args.weights)
    rows: list[dict] = []
    for seed in SEEDS[:1] if args.quick else SEEDS:
        pair = cached_pair(args.cache, seed)
        for name in MODALITIES_OF_PAIR:
            head = pair[name]
            left = reference(name, len(head.noise_std))
            cov = left @ noise_cov(head, "right") @ left
            known = [project_head(field, cov, template_dictionary()) for field in head.leadfield]
            for condition in CONDITIONS:
                chosen = known[int(condition.head_model_errors)]
                rows += measure(loaded, name, head, chosen, condition, args.n, seed)
        print(summarise(rows).round(2).to_string(index=False), flush=True)
    args.results.mkdir(parents=True, exist_ok=True)
    summarise(rows).to_csv(args.results / "eeg.csv", index=False, float_format="%.3g")


if __name__ == "__main__":
    main()
