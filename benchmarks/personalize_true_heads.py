"""Does fine-tuning help where the head model is wrong? ``python benchmarks/personalize_true_heads.py``.

The personalize stage measures itself on leadfields that it perturbs by its own approximation.
Here the truth is computed anew: each head's recordings come from its true boundary-element model,
while the stage knows only an estimate with errors of co-registration and cortex. Heads, spikes and
patches are none that training or tuning has seen. Every array gets a head in a process of its own.
"""

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from multiprocessing import get_context
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from pipeline.personalize import Config, stage
from pipeline.personalize.jitter import sensor_motion_derivatives
from pipeline.progress import Progress, Step
from pipeline.records.head import MeasuredHead
from pipeline.records.spike import Spike
from pipeline.synthesis import population
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import template_dictionary
from pipeline.synthesis.recordings import HeadTensors, prepare_head
from pipeline.template import N_REGIONS, load_template
from pipeline.template.cortex import region_adjacency
from pipeline.training.evaluate import METRICS
from pipeline.weights import load_model

RESULTS = Path(__file__).parent / "results" / "personalize_true_heads.csv"
FIRST_SEED = 4000


def draw_head(array: str, seed: int, split: str) -> tuple[MeasuredHead, Spike, HeadTensors]:
    """What the stage knows of a random head, and the head that generates the recordings of a split."""
    rng = np.random.default_rng(seed)
    cortex = load_template().source_cortex
    info = mne.channels.montage.read_meg_canonical_info(array)
    head = population.random_head(info, rng)
    true = population.geometry(cortex, head.deform)
    estimated = population.geometry(cortex, head.estimated_deform)
    true_leadfield = population.geometry_leadfield(info, head.device_to_head, true)
    adjacency = region_adjacency(cortex.vertex_region, cortex.faces)
    noise_cov = population.random_noise_cov(
        true_leadfield, info.get_channel_types(), adjacency, rng
    )
    known = population.geometry_leadfield(info, head.estimated_device_to_head, estimated)
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", head.estimated_device_to_head)
    patient = MeasuredHead(
        region_pos_mri_mm=estimated.region_pos_mm,
        region_area_mm2=np.ones(N_REGIONS),
        region_label=np.full(N_REGIONS, ""),
        region_sublobar=np.zeros(N_REGIONS, int),
        vertex_region=cortex.vertex_region,
        surfaces={},
        leadfield=known,
        trans=mne.transforms.Transform("head", "mri"),
    )
    silence = mne.EvokedArray(np.zeros((len(known), 1)), info, verbose="error")
    noise = mne.Covariance(noise_cov, info["ch_names"], [], [], 1)
    generating = prepare_head(
        true_leadfield,
        known,
        noise_cov,
        true.region_pos_mm,
        load_library(split),
        template_dictionary(),
    )
    return patient, Spike(silence, info, noise), generating


def measure_head(array: str, seed: int, config: Config, split: str = "test") -> list[dict]:
    """Errors of the generic and the personalized model on recordings of the true head, mm."""
    patient, spike, generating = draw_head(array, seed, split)
    generic, card = load_model()
    personalized = deepcopy(generic).train()
    derivatives = sensor_motion_derivatives(spike.sensors, patient.region_pos_head_m)
    projected = stage.project_patient(patient, spike, card["input"], "cpu")
    heads = {
        part: stage.possible_heads(patient, spike, projected, derivatives, part, config.seed)
        for part in stage.N_HEADS
    }
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        stage.fine_tune(personalized, heads, config, "cpu", Path(folder), Progress())
    seconds = {"generic": 0.0, "personalized": time.monotonic() - begin}
    rows = []
    for name, module in (("generic", generic), ("personalized", personalized.eval())):
        errors_mm = stage.measure(module, [generating], config, "cpu", Step(), split)
        row = {"array": array, "seed": seed, "model": name, "n": len(errors_mm)}
        for metric, column in zip(METRICS, errors_mm.T, strict=True):
            row |= {
                f"{metric}_mean": column.mean(),
                f"{metric}_sd": column.std(),
                f"{metric}_median": np.median(column),
            }
        rows.append(row | {"fine_tuning_seconds": seconds[name]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arrays", nargs="+", default=["neuromag", "ctf275"])
    args = parser.parse_args()
    seeds = range(FIRST_SEED, FIRST_SEED + len(args.arrays))
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        configs = [Config()] * len(args.arrays)
        rows = [row for head in pool.map(measure_head, args.arrays, seeds, configs) for row in head]
    table = pd.DataFrame(rows).round(2)
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
