"""Was what a report is certain of right?

    python -m benchmarks.certainty nothing CACHE
    python -m benchmarks.certainty calibrate CACHE [--heads 8]

``nothing``: how often marks without a source are taken for spikes, and marks of a source are; on the
test heads of `benchmarks.simulated_marks`, by `pipeline.spikes.presence`. Strengths are multiples of
the smallest one whose average stands out by 3 dB.

``calibrate``: makes ``pipeline/image/region_calibration.json`` on the calibration heads of
`benchmarks.simulated_heads`, and tests it on the test heads, which differ in seed, array, mesh, patch
rule and waves. The radius is fitted to what is seen of a spike (quantile regression), and its scale is
set by the errors of heads that a fit left out (cross-conformal). To be run again whenever the generic
weights change: the table names the weights that it holds for. Cases are kept in CACHE by the weights.

CACHE keeps the heads. Results: ``benchmarks/results/certainty_*.csv``.
"""

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import QuantileRegressor

from benchmarks.imaged_cases import cases_of
from benchmarks.simulated_heads import imaged_head
from pipeline.files import write_json
from pipeline.image.region import LEAST_MM, TABLE, Calibration, Evidence
from pipeline.records.document import document
from pipeline.records.image_qc import Grade
from pipeline.weights import SHIPPED, load_model

RESULTS = Path(__file__).parent / "results"
# The rule was settled after heads 900 and 901 had been seen: tests begin behind them.
FIRST_SEED = {"calibration": 500, "test": 950}
COVERAGE = 0.9
NEAR_MM = 15.0
EVIDENCE = list(Evidence.__dataclass_fields__)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("part", choices=("nothing", "calibrate"))
    parser.add_argument("cache", type=Path)
    parser.add_argument("--heads", type=int, default=9, help="of each kind")
    arguments = parser.parse_args()
    if arguments.part == "nothing":
        from benchmarks.certainty_nothing import measure

        measure(arguments.cache, RESULTS / "certainty_nothing.csv")
        return
    tables = {kind: cases(arguments.cache, kind, arguments.heads) for kind in FIRST_SEED}
    calibrate(tables["calibration"], tables["test"])


def cases(cache: Path, kind: str, n_heads: int) -> pd.DataFrame:
    """Simulated spikes of all heads of a kind, imaged by the shipped network."""
    _, card = load_model(SHIPPED)
    parts = []
    for seed in range(FIRST_SEED[kind], FIRST_SEED[kind] + n_heads):
        path = cache / f"cases_{kind}_{seed}_{card['sha256'][:8]}.csv"
        if not path.exists():
            cases_of(imaged_head(cache, kind, seed), kind, seed).to_csv(path, index=False)
            print(f"imaged {path.name}", flush=True)
        parts.append(pd.read_csv(path))
    return pd.concat(parts, ignore_index=True)


def calibrate(calibration: pd.DataFrame, test: pd.DataFrame) -> None:
    """Write the table and what it gives on the test heads."""
    weights, plain = fit(calibration, ""), fit(calibration, "sloreta_")
    test = judged(test, weights, "")
    test = judged(test, plain, "sloreta_")
    edges = np.quantile(radius_mm(calibration, weights, ""), (1 / 3, 2 / 3)).round()
    grades = [
        grade_of(test, name, low, high)
        for name, low, high in zip("ABC", (0, *edges), (*edges, np.inf), strict=True)
    ]
    grades[-1] = replace(grades[-1], up_to_radius_mm=1e3)
    table = Calibration(
        coverage=COVERAGE,
        weights=tuple(weights.round(5).tolist()),
        grades=tuple(grades),
        generic_sha256=load_model(SHIPPED)[1]["sha256"],
        calibration_spikes=len(calibration),
        calibration_heads=calibration["seed"].nunique(),
        test_spikes=len(test),
        test_heads=test["seed"].nunique(),
        test_coverage=round(float(test["covered"].mean()), 3),
    )
    write_json(TABLE, document(table))
    pd.DataFrame([asdict(grade) for grade in grades]).to_csv(
        RESULTS / "certainty_grades.csv", index=False, lineterminator="\n"
    )
    coverage = strata(test)
    coverage.to_csv(RESULTS / "certainty_coverage.csv", index=False, lineterminator="\n")
    print(coverage.to_string(), "\n", pd.DataFrame(map(asdict, grades)).to_string())


def features(table: pd.DataFrame, prefix: str) -> np.ndarray:
    """`Evidence.features` of every case (n, 7); `prefix` picks whose."""
    rows = table[[prefix + name for name in EVIDENCE]].to_numpy()
    return np.array([Evidence(**dict(zip(EVIDENCE, row, strict=True))).features for row in rows])


def radius_mm(table: pd.DataFrame, weights: np.ndarray, prefix: str) -> np.ndarray:
    return np.exp(features(table, prefix) @ weights)


def fit(table: pd.DataFrame, prefix: str) -> np.ndarray:
    """Weights (7,) of the logarithm of the radius.

    All heads give its shape; its scale comes from each head under the shape that the others give.
    """
    heads = table["seed"].to_numpy()
    error = np.log(np.maximum(table[prefix + "error_mm"], LEAST_MM)).to_numpy()
    x = features(table, prefix)
    score = np.empty(len(error))
    for head in np.unique(heads):
        own = heads == head
        score[own] = error[own] - x[own] @ _shape(x[~own], error[~own])
    weights = _shape(x, error)
    rank = int(np.ceil((len(score) + 1) * COVERAGE))
    weights[-1] += np.sort(score)[min(len(score), rank) - 1]
    return weights


def _shape(x: np.ndarray, error: np.ndarray) -> np.ndarray:
    model = QuantileRegressor(quantile=COVERAGE, alpha=1e-3, fit_intercept=False, solver="highs")
    return model.fit(x, error).coef_


def judged(table: pd.DataFrame, weights: np.ndarray, prefix: str) -> pd.DataFrame:
    """With the radius of each case, whether it holds the source, and its volume of cortex."""
    radius = radius_mm(table, weights, prefix)
    return table.assign(
        **{
            prefix + "radius_mm": radius,
            prefix + "covered": table[prefix + "error_mm"].to_numpy() <= radius,
            prefix + "region_cm3": _volume_cm3(table, radius, prefix),
        }
    )


def volume_at_coverage(part: pd.DataFrame, prefix: str, coverage: float) -> float:
    """Mean volume of cortex where all radii are scaled by one factor to hold a share of the sources."""
    radius = part[prefix + "radius_mm"].to_numpy()
    factor = np.quantile(part[prefix + "error_mm"].to_numpy() / radius, coverage)
    return float(np.mean(_volume_cm3(part, factor * radius, prefix)))


def _volume_cm3(table: pd.DataFrame, radius: np.ndarray, prefix: str) -> list[float]:
    """Volume of cortex within a radius of each case, between those at which it was counted."""
    at_mm = np.array([int(name[len(prefix + "volume_") :]) for name in _volumes(table, prefix)])
    counted = table[_volumes(table, prefix)].to_numpy()
    return [float(np.interp(r, at_mm, row)) for r, row in zip(radius, counted, strict=True)]


def _volumes(table: pd.DataFrame, prefix: str) -> list[str]:
    return [name for name in table if name.startswith(prefix + "volume_")]


def grade_of(test: pd.DataFrame, name: str, low: float, high: float) -> Grade:
    some = test[(test["radius_mm"] > low) & (test["radius_mm"] <= high)]
    error = some["error_mm"]
    return Grade(
        name=name,
        up_to_radius_mm=float(high),
        n_spikes=len(some),
        median_error_mm=round(float(error.median()), 1),
        percentile_90_error_mm=round(float(error.quantile(0.9)), 1),
        within_15_mm=round(float((error <= NEAR_MM).mean()), 3),
        covered=round(float(some["covered"].mean()), 3),
    )


def strata(test: pd.DataFrame) -> pd.DataFrame:
    """Coverage and volume, in all cases and in each stratum."""
    cut = {
        "depth, mm from the sensors": pd.cut(test["depth_mm"], (0, 45, 60, 200)).astype(str),
        "SNR, dB": pd.cut(test["snr_db"], (-50, 8, 14, 60)).astype(str),
        "array": test["array"],
        "head model": np.where(test["template_path"], "template", "freesurfer"),
        "source, cm²": pd.cut(test["area_cm2"], (0, 7, 10, 30)).astype(str),
        "spikes": pd.cut(test["n_spikes"], (0, 10, 25, 500)).astype(str),
        "head": test["seed"].astype(str),
    }
    rows = [_summary("all", "all", test)]
    for stratum, values in cut.items():
        rows += [_summary(stratum, value, part) for value, part in test.groupby(values)]
    return pd.DataFrame(rows)


def _summary(stratum: str, value: str, part: pd.DataFrame) -> dict:
    return {
        "stratum": stratum,
        "value": value,
        "n": len(part),
        "coverage": round(float(part["covered"].mean()), 3),
        "radius_median_mm": round(float(part["radius_mm"].median()), 1),
        "volume_median_cm3": round(float(part["region_cm3"].median()), 2),
        "volume_mean_cm3": round(float(part["region_cm3"].mean()), 2),
        "error_median_mm": round(float(part["error_mm"].median()), 1),
        "sloreta_coverage": round(float(part["sloreta_covered"].mean()), 3),
        "sloreta_radius_median_mm": round(float(part["sloreta_radius_mm"].median()), 1),
        "sloreta_volume_median_cm3": round(float(part["sloreta_region_cm3"].median()), 2),
        "sloreta_volume_mean_cm3": round(float(part["sloreta_region_cm3"].mean()), 2),
        "sloreta_volume_mean_at_equal_coverage_cm3": round(
            volume_at_coverage(part, "sloreta_", float(part["covered"].mean())), 2
        ),
        "sloreta_error_median_mm": round(float(part["sloreta_error_mm"].median()), 1),
    }


if __name__ == "__main__":
    main()
