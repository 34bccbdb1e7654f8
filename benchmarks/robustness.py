"""Does the network hold outside of what it was trained on? ``python -m benchmarks.robustness CACHE``.

Virtual patients' heads (`robustness_heads.py`), discs grown along the mesh, single regions and arms
along shortest paths, Gaussian waves and ongoing activity that is 1/f with alpha: training shares none
of these rules. A place is named where the network says that there is a source (its card's threshold).
Each row is measured twice, by what is known of the head: its very leadfield, or one of another mesh and
one shell. ``--quick`` takes one head.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.robustness_heads import SFREQ_HZ, Head, Patch, Patches, cached_head
from bids_app.demo import activity
from pipeline.localisation import NoExtent, nearest_distance_mm, otsu_extent, peak_map
from pipeline.projection import prepare_recording, project_head
from pipeline.synthesis.patches import template_dictionary
from pipeline.weights import load_model

RESULTS = Path(__file__).parent / "results"
SEEDS = (700, 701, 702)
N_TIMES = 125
WINDOW_S = 0.02
SNR_SAMPLES = 6
COVARIANCE_SAMPLES = 5000
SENSOR_SNR_DB = 15.0
# What is known of the head's leadfield.
TRUE, MODELLED, MISTAKEN = "true", "another mesh, one shell", "with errors"
UNHEARD_MM = 15.0


@dataclass(frozen=True)
class Condition:
    """How recordings of a row of the table are made.

    `patch`: a disc of an area in cm2, or "region" or "branching". `covariance`: what is known of the
    noise, "right" (sensors and ongoing activity) or "sensors".
    """

    name: str
    source_snr_db: tuple[float, float] = (10.0, 20.0)
    sensor_snr_db: tuple[float, float] = (10.0, 20.0)
    patch: tuple[float, float] | str = (15.0, 40.0)
    n_sources: int = 1
    noisy_channel: float = 0.0
    covariance: str = "right"
    head_model_errors: bool = False


FAINT = {"sensor_snr_db": (SENSOR_SNR_DB, SENSOR_SNR_DB)}
CONDITIONS = (
    Condition("as trained"),
    *(Condition(f"source SNR {db} dB", (db, db), **FAINT) for db in (5, 0, -5)),
    *(
        Condition(
            f"source SNR {db} dB, activity not in the covariance",
            (db, db),
            **FAINT,
            covariance="sensors",
        )
        for db in (5, 0, -5)
    ),
    Condition("activity not in the covariance", covariance="sensors"),
    Condition("a single region", patch="region"),
    Condition("disc of 2-4 cm2", patch=(2.0, 4.0)),
    Condition("disc of 5-12 cm2", patch=(5.0, 12.0)),
    Condition("branching, 20 regions", patch="branching"),
    Condition("one channel with ten times the noise", noisy_channel=10.0),
    Condition("two sources 60 mm apart, one course", n_sources=2),
    Condition("with errors of the head model", head_model_errors=True),
    Condition("no source", n_sources=0),
)


def power_of(rows: np.ndarray, std: np.ndarray) -> float:
    """Mean power of channels over that of their noise."""
    return float(np.mean((rows / std[:, None]) ** 2))


def draw_recording(head: Head, condition: Condition, rng, patches: Patches):
    """Channels (n_channels, 125), the sample of the peak, and the patches."""
    peak = int(rng.integers(40, 85))
    time_s = (np.arange(N_TIMES) - peak) / SFREQ_HZ
    stretch, slow = np.exp(rng.normal(0, 0.25)), rng.uniform(0, 0.8)
    wave = activity.spike_waveform(time_s, stretch, slow, rng.uniform(0.1, 0.18))
    start = int(rng.integers(COVARIANCE_SAMPLES, head.background.shape[1] - N_TIMES))
    background = head.background[:, start : start + N_TIMES]
    drawn: list[Patch] = []
    for number in range(condition.n_sources):
        drawn.append(
            patches.draw(condition.patch, patches.sixty_mm_from(drawn[0]) if number else None)
        )
    recording = background.copy()
    if drawn:
        sizes = [head.dipole_field @ patch.weight for patch in drawn]
        sizes = [size / np.linalg.norm(size / head.noise_std) for size in sizes]
        spike = np.outer(sum(sizes), wave)
        near = slice(peak - SNR_SAMPLES, peak + SNR_SAMPLES + 1)
        ratio = 10 ** (rng.uniform(*condition.source_snr_db) / 10)
        power = power_of(background, head.noise_std) / power_of(spike[:, near], head.noise_std)
        recording += spike * np.sqrt(ratio * power)
    noise = activity.coloured_noise(rng, len(recording), N_TIMES, SFREQ_HZ, _up_to_40_hz)
    ratio = 10 ** (-rng.uniform(*condition.sensor_snr_db) / 10)
    noise = noise * (head.noise_std * np.sqrt(ratio * power_of(recording, head.noise_std)))[:, None]
    if condition.noisy_channel:
        noise[rng.integers(len(noise))] *= condition.noisy_channel
    return recording + noise, peak, drawn


def _up_to_40_hz(frequency: np.ndarray) -> np.ndarray:
    return (frequency <= 40).astype(float)


def noise_cov(head: Head, kind: str) -> np.ndarray:
    """Of sensors 15 dB below the ongoing activity, with this or without."""
    seen = head.background[:, :COVARIANCE_SAMPLES]
    sensors = power_of(seen, head.noise_std) * 10 ** (-SENSOR_SNR_DB / 10)
    cov = np.diag(head.noise_std**2 * sensors)
    return cov + seen @ seen.T / COVARIANCE_SAMPLES if kind == "right" else cov


def measure(
    loaded: tuple, head: Head, known: tuple, condition: Condition, n: int, seed: int
) -> list[dict]:
    """One row per recording; `known` is `project_head` of what is known, `loaded` a network and its card."""
    module, card = loaded
    threshold = card["existence"]["threshold"]
    rng = np.random.default_rng([seed, sum(condition.name.encode())])
    patches, wrong = Patches(head, rng), int(condition.head_model_errors)
    whiten, projection = known
    rows = []
    for _ in range(n):
        channels, peak, drawn = draw_recording(head, condition, rng, patches)
        recording = prepare_recording(whiten @ channels, projection)
        with torch.inference_mode():
            answer = module.answer(recording[None], projection, torch.tensor([peak]))
        found, said = answer.activity[0].numpy(), float(answer.main_existence)
        sloreta = (projection.kernel @ recording).numpy()
        row = errors(found, sloreta, peak, drawn, head.region_pos_mm[wrong], head.region_area_mm2)
        rows.append({"condition": condition.name, "named": said > threshold} | row)
    return rows


def errors(found, sloreta, peak, drawn, pos_mm, area_mm2) -> dict[str, float]:
    """Of one answer: found → true, areas, unheard patches, and how far sLORETA's peak lies off."""
    times_s = (np.arange(N_TIMES) - peak) / SFREQ_HZ
    try:
        _, extent = otsu_extent(peak_map(found, times_s, WINDOW_S))
    except NoExtent:
        return {}
    if not drawn:
        return {}
    true = np.any([patch.regions for patch in drawn], axis=0)
    highest = peak_map(sloreta, times_s, WINDOW_S).argmax()
    away_mm = [nearest_distance_mm(pos_mm[patch.regions], pos_mm[extent]).min() for patch in drawn]
    return {
        "found_to_true_mm": nearest_distance_mm(pos_mm[extent], pos_mm[true]).mean(),
        "area_ratio": area_mm2[extent].sum() / sum(patch.area_mm2 for patch in drawn),
        "unheard": np.mean(np.array(away_mm) > UNHEARD_MM),
        "sloreta_mm": nearest_distance_mm(pos_mm[[highest]], pos_mm[true])[0],
    }


def summarise(rows: list[dict]) -> pd.DataFrame:
    """One row per condition and what is known of the leadfield."""
    grouped = pd.DataFrame(rows).groupby(["condition", "leadfield"], sort=False)
    return pd.DataFrame(
        {
            "n": grouped.size(),
            "named_share": grouped["named"].mean(),
            "found_to_true_mm_mean": grouped["found_to_true_mm"].mean(),
            "found_to_true_mm_median": grouped["found_to_true_mm"].median(),
            "area_ratio_median": grouped["area_ratio"].median(),
            "unheard_share": grouped["unheard"].mean(),
            "sloreta_peak_to_true_mm_mean": grouped["sloreta_mm"].mean(),
            "sloreta_peak_to_true_mm_median": grouped["sloreta_mm"].median(),
        }
    ).reset_index()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path, help="where heads are kept")
    parser.add_argument("--weights", default="", help="a weights file; default: the shipped one")
    parser.add_argument("--quick", action="store_true", help="one head")
    parser.add_argument("--n", type=int, default=40, help="recordings per condition and head")
    parser.add_argument("--name", default="robustness", help="of the table")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    loaded = load_model(args.weights)
    rows: list[dict] = []
    for seed in SEEDS[:1] if args.quick else SEEDS:
        head = cached_head(args.cache, seed)
        leadfields = {
            TRUE: head.true_leadfield,
            MODELLED: head.leadfield[0],
            MISTAKEN: head.leadfield[1],
        }
        projected = {}
        for condition in CONDITIONS:
            known = (MISTAKEN,) if condition.head_model_errors else (TRUE, MODELLED)
            for which in known:
                key = which, condition.covariance
                if key not in projected:
                    cov = noise_cov(head, condition.covariance)
                    projected[key] = project_head(leadfields[which], cov, template_dictionary())
                measured = measure(loaded, head, projected[key], condition, args.n, seed)
                rows += [{"leadfield": which} | row for row in measured]
    args.results.mkdir(parents=True, exist_ok=True)
    table = summarise(rows)
    table.to_csv(args.results / f"{args.name}.csv", index=False, float_format="%.3g")
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
