"""How much of an answer to silence: ``python -m benchmarks.faint_parts measure|write|fresh CACHE``.

A network's last layers leave a little activity where no source is; a single region on such a floor has no
best threshold, and Otsu's takes the floor for found. Further sources are now and then ongoing activity. Both
are silenced by constants that are set after training: regions below a part of their source's largest one, and
sources below a probability. They are chosen here, on the validation heads of the population, with patches of
one region, two regions and the validation's rule. ``write`` puts those of the code into the card of the
weights that ship, with the held-out figures that they then have; ``fresh`` asks on further test heads how
often a source is named where there is none.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.robustness import UNHEARD_MM
from pipeline.files import sha256, write_json, write_text
from pipeline.localisation import (
    NoExtent,
    localisation_error_mm,
    nearest_distance_mm,
    otsu_extent,
)
from pipeline.networks import build_network
from pipeline.networks.compact import CompactArchitecture
from pipeline.progress import Progress
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patch_rules import elliptic_patches
from pipeline.synthesis.patches import template_dictionary, template_graph
from pipeline.synthesis.population import cached_member, population_seeds
from pipeline.synthesis.recordings import PATIENTS_RANGES, HeadTensors, Synthesizer, prepare_head
from pipeline.template import load_template
from pipeline.training.card import card_markdown
from pipeline.training.existence import existence_of
from pipeline.training.generic import (
    TEST_BATCH,
    TEST_SAMPLES_PER_HEAD,
    TrainConfig,
    existence_card,
    make_synthesizer,
    measure_test,
    member_tensors,
    population,
)
from pipeline.weights import SHIPPED, load_model, read_weights, save_model

RESULTS = Path(__file__).parent / "results"
N_HEADS, N_PER_HEAD, SEED = 4, 60, 77
HALF_MAGNITUDE_MM = (20.0, 80.0)
FAINT_REGIONS = (0.05, 0.15, 0.25, 0.3, 0.35, 0.45)
LEAST_EXISTENCES = (0.0, 0.2, 0.45, 0.6, 0.8)
CONSTANTS = ("faint_region", "least_existence")
FAR_MM = 20.0


@dataclass(frozen=True)
class Condition:
    """Patches of so many regions, and what a `Synthesizer` makes of them."""

    name: str
    n_regions: tuple[int, int]
    options: dict[str, Any] = field(default_factory=dict)
    covariance: bool = True


CONDITIONS = (
    Condition("one region", (1, 1)),
    Condition("two regions", (2, 2)),
    Condition("3-8 regions", (3, 8)),
    Condition("9-30 regions", (9, 30)),
    Condition("above 30 regions", (31, 100)),
    Condition("9-30 regions, source SNR -3 to 5 dB", (9, 30), {"source_snr_db": (-3.0, 5.0)}),
    Condition(
        "9-30 regions, source SNR 0 to 8 dB, covariance of the channels alone",
        (9, 30),
        {"source_snr_db": (0.0, 8.0)},
        covariance=False,
    ),
    Condition("two sources of 3-30 regions", (3, 30), {"source_shares": (0.0, 1.0)}),
    Condition(
        "two sources of 3-30 regions, one course",
        (3, 30),
        {"source_shares": (0.0, 1.0), "same_course_share": 1.0},
    ),
)


def patches_of(n_regions: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Patches bool (n, 994) of the validation's rule with so many regions, and their centres (n,)."""
    graph = template_graph()
    if n_regions == (1, 1):
        return np.eye(len(graph.adjacency), dtype=bool), np.arange(len(graph.adjacency))
    patches, centres = elliptic_patches(graph, 6 if n_regions == (2, 2) else 1, SEED)
    low, high = n_regions
    chosen = (patches.sum(1) >= low) & (patches.sum(1) <= high)
    return patches[chosen], centres[chosen]


def heads(cache: Path) -> Iterator[tuple[str, bool, HeadTensors]]:
    """What is known of the leadfield, whether the covariance is known in full, and the head."""
    cortex, library = load_template().source_cortex, load_library("validation")
    for array, seed in population_seeds("validation", N_HEADS, ("neuromag", "ctf275")):
        member = cached_member(cache / "population", array, cortex, seed)
        for known in ("true", "with errors"):
            leadfield = member.true_leadfield if known == "true" else member.estimated_leadfield
            for covariance in (True, False):
                cov = member.noise_cov if covariance else np.diag(np.diag(member.noise_cov))
                head = prepare_head(
                    member.true_leadfield,
                    leadfield,
                    cov,
                    member.region_pos_mm,
                    library,
                    template_dictionary(),
                    true_noise_cov=None if covariance else member.noise_cov,
                )
                yield known, covariance, head


def rows_of(module, condition: Condition, known: str, head: HeadTensors) -> Iterator[dict]:
    """One row for each recording and each set of constants that differs from the code's in one."""
    standing = {name: getattr(CompactArchitecture(), name) for name in CONSTANTS}
    tried = [standing | {"faint_region": value} for value in FAINT_REGIONS]
    tried += [standing | {"least_existence": value} for value in LEAST_EXISTENCES]
    tried = [pair for number, pair in enumerate(tried) if pair not in tried[:number]]
    patches, centres = patches_of(condition.n_regions)
    synthesizer = Synthesizer(
        load_library("validation"),
        template_graph(),
        patches,
        centres,
        SEED,
        **{"half_magnitude_mm": HALF_MAGNITUDE_MM, "source_shares": (1.0,)} | condition.options,
    )
    batch = synthesizer.batch(head, N_PER_HEAD)
    trained = module.architecture
    for pair in tried:
        module.architecture = replace(trained, **pair)
        with torch.inference_mode():
            activity = module(batch.recording, head.projection, batch.peak).numpy()
        module.architecture = trained
        for found, peak, patches in zip(activity, batch.peak, batch.patches, strict=True):
            about = {"condition": condition.name, "leadfield": known, **pair}
            near_peak = found[:, peak - 1 : peak + 2]
            yield about | errors(near_peak, patches.numpy(), head.region_pos_mm)


def errors(found: np.ndarray, patches: np.ndarray, pos_mm: np.ndarray) -> dict[str, float]:
    """Of activity (994, 3) about the peak, and patches bool (k, 994) of which some are empty."""
    try:
        _, extent = otsu_extent(np.abs(found).mean(1))
    except NoExtent:
        return {}
    true = patches.any(0)
    both, to_found, to_true = localisation_error_mm(pos_mm[true], pos_mm[extent])
    away_mm = [
        nearest_distance_mm(pos_mm[patch], pos_mm[extent]).min() for patch in patches if patch.any()
    ]
    off_mm = nearest_distance_mm(pos_mm[extent], pos_mm[true])
    return {
        "found_to_true_mm": to_true,
        "true_to_found_mm": to_found,
        "error_mm": both,
        "unheard": np.mean(np.array(away_mm) > UNHEARD_MM),
        "far": float((off_mm > FAR_MM).any()),
        "area": extent.sum() / true.sum(),
    }


def measure(cache: Path) -> pd.DataFrame:
    module, _ = load_model()
    rows: list[dict] = []
    for known, covariance, head in heads(cache):
        for condition in CONDITIONS:
            if condition.covariance == covariance:
                rows += rows_of(module, condition, known, head)
    keys = ["condition", "leadfield", *CONSTANTS]
    grouped = pd.DataFrame(rows).groupby(keys, sort=False)
    table = grouped[["found_to_true_mm", "true_to_found_mm", "error_mm", "unheard", "far"]].mean()
    table.insert(0, "n", grouped.size())
    return table.assign(area_median=grouped["area"].median()).reset_index()


def write_constants(cache: Path) -> None:
    """Give the shipped weights the code's constants, and their card what is then measured."""
    tensors, card = read_weights(SHIPPED, "restore the file")
    constants = {name: getattr(CompactArchitecture(), name) for name in CONSTANTS}
    card["changed_after_training"] = constants
    module = build_network(card["network"], **card["architecture"] | constants)
    module.load_state_dict(tensors)
    module.eval()
    cortex = load_template().source_cortex
    held_out = {
        split: member_tensors(
            population(split, N_HEADS, TrainConfig().arrays, cortex, cache, Progress()),
            load_library(split),
            card["input"],
            "cpu",
        )
        for split in ("validation", "test")
    }
    card["test"] = measure_test(module, held_out["test"], "cpu", Progress())
    card["existence"] = existence_card(module, held_out, "cpu", Progress())
    card = save_model(SHIPPED, module, card, torch.float16)
    write_json(SHIPPED.with_suffix(".json"), card)
    write_text(SHIPPED.with_suffix(".md"), card_markdown(card))
    sums = SHIPPED.with_name("SHA256SUMS")
    write_text(sums, f"{sha256(SHIPPED)}  {SHIPPED.name}\n")


def fresh(cache: Path) -> pd.DataFrame:
    """What the network says on test heads behind those of the card, one row each."""
    module, card = load_model()
    members = population(
        "test", 2 * N_HEADS, TrainConfig().arrays, load_template().source_cortex, cache, Progress()
    )
    threshold, rows = card["existence"]["threshold"], []
    for number, member in enumerate(members[N_HEADS:], N_HEADS):
        (head,) = member_tensors([member], load_library("test"), card["input"], "cpu")
        synthesizer = make_synthesizer(
            "test", SEED + number, 3, "cpu", **PATIENTS_RANGES, silent_share=0.5
        )
        said = existence_of(module, synthesizer, [head], TEST_SAMPLES_PER_HEAD, TEST_BATCH)
        named, silent = said["said"] > threshold, said["silent"]
        rows.append(
            {
                "head": number,
                "n_silent": silent.sum(),
                "named_silent": named[silent].mean(),
                "n_with_source": (~silent).sum(),
                "named_with_source": named[~silent].mean(),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", choices=("measure", "write", "fresh"))
    parser.add_argument("cache", type=Path, help="where the population's heads are kept")
    arguments = parser.parse_args()
    if arguments.part == "write":
        write_constants(arguments.cache)
        return
    part, name = {"measure": (measure, "faint_parts"), "fresh": (fresh, "existence_fresh")}[
        arguments.part
    ]
    table = part(arguments.cache)
    path = RESULTS / f"{name}.csv"
    table.to_csv(path, index=False, float_format="%.3g", lineterminator="\n")
    print(table.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
