"""Errors of a network on DeepSIF's test heads, sample by sample."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmarks.deepsif.candidates import deepsif_library, input_head, synthesizer
from benchmarks.deepsif.geometry import DeepSif
from benchmarks.deepsif.heads import TestHead
from benchmarks.deepsif.measure import METRICS, batch_metrics
from pipeline.projection import NETWORK_SFREQ_HZ
from pipeline.synthesis.population import Member
from pipeline.synthesis.recordings import Batch, HeadTensors

SENSOR_SNRS_DB = (5, 10, 15, 20)
SOURCE_SNRS_DB = (10, 15)
PATCHES_PER_REGION = 3
BATCH_SIZE = 50
TEST_SEED = 1
# Below this cosine a patch's field has changed much between two heads.
CHANGED_TOPOGRAPHY = 0.85


def head_tensors(
    head: TestHead, known: np.ndarray, candidate: str, deepsif: DeepSif
) -> HeadTensors:
    """The head generates; what a candidate's network sees goes through the `known` leadfield."""
    member = Member(head.leadfield, known, head.noise_cov, head.region_pos_mm)
    library = deepsif_library("test", deepsif)
    return input_head(member, known, candidate, library, deepsif)


def test_batches(
    head: HeadTensors, deepsif: DeepSif, n_sources: int, n: int, reference_noise: bool = False
) -> list[tuple[int, Batch]]:
    """At least `n` recordings in batches with their sensor SNR, the same for every network.

    Equal parts have sensor SNRs of 5, 10, 15 and 20 dB and source SNRs of 10 and 15 dB.
    """
    per_part = -(-n // (len(SENSOR_SNRS_DB) * len(SOURCE_SNRS_DB)))
    batch_size = min(BATCH_SIZE, per_part)
    n_batches = -(-per_part // batch_size)
    shares = (0.0,) * (n_sources - 1) + (1.0,)
    batches = []
    for sensor_snr_db in SENSOR_SNRS_DB:
        for source_snr_db in SOURCE_SNRS_DB:
            drawn = synthesizer(
                "test",
                deepsif,
                TEST_SEED + 100 * sensor_snr_db + source_snr_db,
                PATCHES_PER_REGION,
                sensor_snr_db=(sensor_snr_db, sensor_snr_db),
                source_snr_db=(source_snr_db, source_snr_db),
                reference_noise=reference_noise,
            )
            for _ in range(n_batches):
                batches.append((sensor_snr_db, drawn.batch(head, batch_size, shares)))
    return batches


def measure(
    solve: Callable[[Batch], torch.Tensor],
    batches: list[tuple[int, Batch]],
    head: TestHead,
) -> pd.DataFrame:
    """One row of `METRICS` per recording, with its SNR.

    Parameters
    ----------
    solve : callable
        From a batch to activity (n, 994, n_times) at 125 Hz.
    """
    rows = []
    for number, (snr_db, batch) in enumerate(batches):
        with torch.inference_mode():
            activity = solve(batch)
        metrics = batch_metrics(
            activity,
            batch,
            head.region_pos_mm,
            head.area_mm2,
            NETWORK_SFREQ_HZ,
            first=number * BATCH_SIZE,
        )
        for cosine, row in zip(topography_cosine(batch, head), metrics, strict=True):
            rows.append({"sensor_snr_db": snr_db, "topography_cosine": cosine, **row})
    return pd.DataFrame(rows)


def topography_cosine(batch: Batch, head: TestHead) -> np.ndarray:
    """Cosine (n,) of the first source's field under the true and under the estimated leadfield."""
    magnitude = batch.magnitude[:, 0].cpu().numpy()
    true, estimated = magnitude @ head.leadfield.T, magnitude @ head.estimated_leadfield.T
    norms = np.linalg.norm(true, axis=1) * np.linalg.norm(estimated, axis=1)
    return (true * estimated).sum(1) / norms


def network_solver(module: nn.Module, head: HeadTensors) -> Callable[[Batch], torch.Tensor]:
    return lambda batch: module(batch.recording, head.projection, batch.peak)


def summarise(table: pd.DataFrame, **labels) -> dict:
    """Mean, SD and median of every metric; the error by SNR and where the topography has changed."""
    row = {**labels, "n": len(table)}
    for name in METRICS:
        row[f"{name}_mean"] = table[name].mean()
        row[f"{name}_sd"] = table[name].std()
        row[f"{name}_median"] = table[name].median()
    for snr_db, part in table.groupby("sensor_snr_db"):
        row[f"found_to_true_mm_mean_{snr_db}dB"] = part["found_to_true_mm"].mean()
    changed = table[table["topography_cosine"] < CHANGED_TOPOGRAPHY]["found_to_true_mm"]
    row["n_changed_topography"] = len(changed)
    row["found_to_true_mm_mean_changed_topography"] = changed.mean()
    row["area_correlation"] = table["true_area_cm2"].corr(table["found_area_cm2"])
    return row


def write_table(rows: list[dict], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.4g")
