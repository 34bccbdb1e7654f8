"""Does cMEM draw sources that the array sees weakly to those that it sees strongly?

    python benchmarks/cmem_depth.py OUTPUT LABEL [--sources N]

OUTPUT holds a finished participant LABEL. One region with its neighbours is active, with the time
course and the peak's signal-to-noise ratio of that participant's own averaged spike, in white noise;
cMEM, sLORETA and the plain minimum norm that scales cMEM's prior see the same data with the true
leadfield. Results, by quarter of the regions' field strength: ``benchmarks/results/cmem_depth.csv``.
"""

import argparse
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from pipeline.image.config import Config
from pipeline.localisation import peak_map
from pipeline.methods.cmem import cmem
from pipeline.paths import PatientPaths
from pipeline.records.head import MeasuredHead, read_measured_head
from pipeline.records.spike import Spike, read_spike
from pipeline.sampling import samples_through_peak
from pipeline.template import load_template
from pipeline.template.cortex import region_adjacency
from pipeline.whitening import whitener

RESULTS = Path(__file__).parent / "results" / "cmem_depth.csv"
AROUND_PEAK_S = 0.05
QUARTERS = ("weakest quarter", "second", "third", "strongest quarter")
FAR_MM = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("label")
    parser.add_argument("--sources", type=int, default=96)
    args = parser.parse_args()
    mne.set_log_level("error")
    paths = PatientPaths(args.output, args.label)
    spike = read_spike(paths, epochs=False)
    errors = localise(read_measured_head(paths, spike.ch_names), spike, args.sources)
    quarter = pd.qcut(errors.pop("field strength"), 4, labels=QUARTERS)
    rows = []
    for name, group in errors.groupby(quarter, observed=True):
        for method, error_mm in group.items():
            rows.append(
                {
                    "regions": name,
                    "method": method,
                    "n": len(error_mm),
                    "median_mm": error_mm.median(),
                    "p90_mm": error_mm.quantile(0.9),
                    "beyond_30_mm": (error_mm > FAR_MM).mean(),
                }
            )
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS, index=False, float_format="%.3g", lineterminator="\n")
    print(table.to_string(index=False))


def localise(head: MeasuredHead, spike: Spike, n_sources: int) -> pd.DataFrame:
    """Distance of each method's maximum from the patch's centre, a row per source, mm."""
    average, config = spike.average, Config()
    whiten = whitener(spike.noise_matrix / average.nave)
    leadfield = whiten @ (spike.projector @ head.leadfield)
    strength = np.linalg.norm(leadfield, axis=0)
    adjacency = region_adjacency(head.vertex_region, load_template().faces)
    _, times_s = samples_through_peak(average.times, average.info["sfreq"])
    times_s = times_s[np.abs(times_s) <= AROUND_PEAK_S]
    data = (whiten @ average.data)[:, np.isin(average.times, times_s)]
    power = np.mean(data**2, axis=0)
    *_, courses = np.linalg.svd(data, full_matrices=False)
    course = courses[0] * np.sign(courses[0, power.argmax()])
    course *= np.sqrt(power.max()) / np.abs(course).max()
    gain = leadfield @ leadfield.T
    ridge = np.trace(gain) / len(gain) / config.snr**2
    minimum_norm = leadfield.T @ np.linalg.inv(gain + ridge * np.eye(len(gain)))
    resolution = np.einsum("rc,cr->r", minimum_norm, leadfield)

    rng = np.random.default_rng(0)
    rows = []
    for region in rng.permutation(len(strength))[:n_sources]:
        patch = adjacency[region] | (np.arange(len(strength)) == region)
        field = leadfield[:, patch].sum(1)
        field /= np.sqrt(np.mean(field**2))
        measured = np.outer(field, course) + rng.standard_normal(data.shape)
        baseline = rng.standard_normal((len(data), 200))
        plain = minimum_norm @ measured
        activity = {
            "cMEM": cmem(measured, leadfield, baseline, adjacency, config.snr),
            "sLORETA": plain / np.sqrt(resolution)[:, None],
            "plain minimum norm": plain,
        }
        centre_mm = head.region_pos_mri_mm[patch].mean(0)
        row = {"field strength": strength[region]}
        for method, found in activity.items():
            peak = peak_map(found, times_s, config.peak_window_s).argmax()
            row[method] = np.linalg.norm(head.region_pos_mri_mm[peak] - centre_mm)
        rows.append(row)
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
