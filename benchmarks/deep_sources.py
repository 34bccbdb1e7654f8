"""How well can a source in a deep structure be told from one in cortex?

    python -m benchmarks.deep_sources CACHE [--development 6] [--test 6]

Averages with sources in hippocampi, amygdalae, thalami, basal ganglia and in cortex near them and
elsewhere (`benchmarks.deep_heads`), put to the image stage's own question: does the best dipole in a
deep structure explain as much of the field as the best patch of cortex? The development heads set
both borders: above the upper one lie 5 % of averages of cortex near deep structures (parahippocampal
and entorhinal cortex, fusiform gyrus, temporal pole, insula), below the lower one 5 % of averages of
deep sources. Other heads, with other arrays, meshes, patches, scatter and waves, measure how often the
answer is right. A source has a signal-to-noise ratio (mean power of the average at its peak over that
of its noise, whitened channels) within a range; one that would need more than 500 nAm, or 1 nAm/mm²
of cortex, is left out. CACHE keeps the heads. Results: ``benchmarks/results/deep_sources.csv``, and
the table that the image stage and the report read.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.deep_heads import DeepHead, deep_head
from benchmarks.simulated_heads import PATHS
from benchmarks.simulated_marks import SFREQ_HZ
from bids_app.demo import activity
from pipeline.files import write_json
from pipeline.image.deep import (
    TABLE,
    Fit,
    Rule,
    Stratum,
    compare,
    cortical_patches,
    dipole_bases,
    patch_fields,
)
from pipeline.localisation import PEAK_WINDOW_S
from pipeline.records.deep_qc import ALIKE, BETTER, WORSE, RateQC
from pipeline.records.document import document
from pipeline.template import load_template
from pipeline.template.cortex import region_adjacency

RESULTS = Path(__file__).parent / "results" / "deep_sources.csv"
SNR_DB = ((3.0, 8.0), (8.0, 16.0))
FIRST_SEED = {"development": 0, "test": 100}
SPIKES = (10, 60)
CASES_PER_SOURCE = 2
# Beyond these a source is none of one patch of brain.
MOST_NAM, MOST_NAM_PER_MM2 = 500.0, 1.0
ERROR_SHARE = 0.05
BASAL_GANGLIA = ("caudate", "putamen", "pallidum", "accumbens")
LATERAL = ("superiortemporal", "middletemporal", "inferiortemporal")
NEAR = {
    "parahippocampal": "parahippocampal gyrus",
    "entorhinal": "entorhinal cortex",
    "fusiform": "fusiform gyrus",
    "temporalpole": "temporal pole",
    "insula": "insula",
}
ELSEWHERE = "other cortex"
PLACES = (
    *("hippocampus", "amygdala", "thalamus", "basal ganglia"),
    *NEAR.values(),
    *("lateral temporal cortex", ELSEWHERE),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("cache", type=Path)
    for kind in FIRST_SEED:
        parser.add_argument(f"--{kind}", type=int, default=6, help=f"{kind} heads")
    arguments = vars(parser.parse_args())
    cases = {}
    for kind, first in FIRST_SEED.items():
        seeds = range(first, first + arguments[kind])
        own = [cases_of(deep_head(arguments["cache"], kind, seed), kind, seed) for seed in seeds]
        cases[kind] = pd.concat(own, ignore_index=True)
    better, worse = borders(cases["development"])
    rule = Rule(
        better_percent=better,
        worse_percent=worse,
        most_moment_nam=MOST_NAM,
        development_heads=arguments["development"],
        test_heads=arguments["test"],
        strata=(),
    )
    rows = rates(cases["test"], rule)
    rows.to_csv(RESULTS, index=False, lineterminator="\n")
    print(rows.to_string(), better, worse)
    content = document(rule) | {"strata": [document(each) for each in strata(rows)]}
    write_json(TABLE, content)


def cases_of(head: DeepHead, kind: str, seed: int) -> pd.DataFrame:
    """One row for each average: what was true, and what the question came to."""
    rng = np.random.default_rng([seed, 1])
    template = load_template()
    patches, centre = cortical_patches(region_adjacency(template.vertex_region, template.faces))
    rows = []
    for index, path in enumerate(PATHS):
        gain = np.einsum("rc,cnx->rnx", head.whiten, head.deep_free[index].astype(float))
        bases = dipole_bases(gain)
        fields = patch_fields(head.whiten @ head.leadfield[index].astype(float), patches)
        for source in range(len(head.place)):
            for snr_db in SNR_DB * CASES_PER_SOURCE:
                data, size = _average(rng, head, source, kind, rng.uniform(*snr_db))
                if size > (MOST_NAM if head.deep[source] else MOST_NAM_PER_MM2):
                    continue
                fit = compare(data, bases, head.structure, fields, centre)
                about = {"head_model": path, "snr_low_db": snr_db[0], "snr_high_db": snr_db[1]}
                true = {"place": place_of(head.place[source]), "deep": bool(head.deep[source])}
                rows.append(about | true | _seen(fit, head.place[source]))
    print(kind, seed, len(rows), flush=True)
    return pd.DataFrame(rows)


def _average(
    rng, head: DeepHead, source: int, kind: str, snr_db: float
) -> tuple[np.ndarray, float]:
    """Samples around the peak in standard deviations of the average's noise, and the source's size."""
    half = round(PEAK_WINDOW_S / 2 * SFREQ_HZ)
    time_s = np.arange(-half, half + 1) / SFREQ_HZ
    stretch = np.exp(rng.normal(0, 0.15))
    if kind == "test":
        wave = activity.spike_waveform(time_s, stretch, rng.uniform(0.1, 0.6), 0.14)
    else:
        wave = np.exp(-0.5 * (time_s / (0.013 * stretch)) ** 2)
    n = int(np.exp(rng.uniform(*np.log(SPIKES))))
    start = rng.integers(head.background.shape[1] - len(wave), size=n)
    noise = sum(head.background[:, s : s + len(wave)].astype(float) for s in start) / np.sqrt(n)
    field = head.field[source].astype(float)
    strength = np.sqrt(len(field) * 10 ** (snr_db / 10)) / np.linalg.norm(field)
    data = noise + strength * rng.choice((-1, 1)) * np.outer(field, wave)
    return data, float(strength / np.sqrt(n))


def _seen(fit: Fit, place: str) -> dict:
    """How much more than cortex the best structure and the true one explain, in points."""
    best = fit.ranked[0]
    own = fit.structures.get(place)
    return {
        "best_percent": 100 * (fit.structures[best][0] - fit.patch_share),
        "own_percent": np.nan if own is None else 100 * (own[0] - fit.patch_share),
        "named": best == place,
    }


def place_of(name: str) -> str:
    """The row of the table that a structure or a Desikan-Killiany label, with its side, belongs to."""
    label = name.split()[1]
    if label in BASAL_GANGLIA:
        return "basal ganglia"
    if label in PLACES:
        return label
    return NEAR.get(label, "lateral temporal cortex" if label in LATERAL else ELSEWHERE)


def borders(cases: pd.DataFrame) -> tuple[dict[str, float], dict[str, float]]:
    """Upper and lower border for each head model; see the module."""
    better, worse = {}, {}
    for path, own in cases.groupby("head_model"):
        near = own.best_percent[own.place.isin(list(NEAR.values()))]
        better[str(path)] = round(float(near.quantile(1 - ERROR_SHARE)), 1)
        worse[str(path)] = round(float(own.own_percent[own.deep].quantile(ERROR_SHARE)), 1)
    return better, worse


def rates(cases: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Verdicts about the best structure by head model, signal-to-noise ratio and true place."""
    verdict = [
        rule.verdict(path, best)
        for path, best in zip(cases.head_model, cases.best_percent, strict=True)
    ]
    cases = cases.assign(verdict=verdict)
    rows = []
    keys = ["head_model", "snr_low_db", "snr_high_db", "place"]
    for (path, low_db, high_db, place), own in cases.groupby(keys):
        row = {"head_model": path, "snr_low_db": low_db, "snr_high_db": high_db, "place": place}
        row |= {"n": len(own)}
        for key, word in (("better", BETTER), ("alike", ALIKE), ("worse", WORSE)):
            row[key] = round(float((own.verdict == word).mean()), 3)
        deep = bool(own.deep.iloc[0])
        row["named"] = round(float(own.named.mean()), 3) if deep else None
        rows.append(row)
    table = pd.DataFrame(rows)
    order = table.place.map(PLACES.index)
    return table.assign(order=order).sort_values([*keys[:3], "order"]).drop(columns="order")


def strata(rows: pd.DataFrame) -> list[Stratum]:
    """The table as the image stage reads it."""
    found = []
    for (path, low_db, high_db), own in rows.groupby(["head_model", "snr_low_db", "snr_high_db"]):
        own_rates = tuple(
            RateQC(
                place=row.place,
                n=int(row.n),
                better=float(row.better),
                alike=float(row.alike),
                worse=float(row.worse),
                named=None if pd.isna(row.named) else float(row.named),
            )
            for row in own.itertuples()
        )
        found.append(
            Stratum(head_model=str(path), snr_db=(float(low_db), float(high_db)), rates=own_rates)
        )
    return found


if __name__ == "__main__":
    main()
