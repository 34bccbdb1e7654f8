"""What MaxFilter (SSS) leaves of a spike's field, by the source's depth and the sensors' errors.

    python -m benchmarks.maxfilter_loss RESULTS.csv

Tangential dipoles in a conducting sphere under a MEGIN helmet, without noise. The fields are those of
sensors whose gains are off by 0, 0.3 or 1 % (one draw each); the separation does not know of it, as
without a fine calibration. Loss: power of the field that is gone; likeness: correlation with the
field before, both over all channels of a type, median and 5 % worst.
"""

import csv
import sys
from pathlib import Path

import mne
import numpy as np
from mne.channels.montage import read_meg_canonical_info

from pipeline.progress import Progress
from pipeline.spikes import maxfilter

N, SFREQ = 400, 20.0
RADII_MM = (30, 45, 60, 75)
GAIN_ERRORS = (0.0, 0.003, 0.01)
COLUMNS = "radius_mm gain_error kind loss_median loss_p95 likeness_median likeness_p5".split()
CENTRE_HEAD_M = np.array([0.0, 0.0, 0.045])


def fields(info: mne.Info, radius_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Fields (n_channels, N) of tangential dipoles of 100 nAm in the upper part of a sphere."""
    radial = rng.normal(size=(N, 3))
    radial[:, 2] = np.abs(radial[:, 2])
    radial /= np.linalg.norm(radial, axis=1, keepdims=True)
    moment = np.cross(radial, rng.normal(size=(N, 3)))
    moment /= np.linalg.norm(moment, axis=1, keepdims=True)
    place = CENTRE_HEAD_M + radius_mm / 1000 * radial
    dipoles = mne.Dipole(np.arange(N) / SFREQ, place, np.full(N, 1e-7), moment, np.full(N, 100.0))
    sphere = mne.make_sphere_model(CENTRE_HEAD_M, head_radius=None)
    forward, _ = mne.make_forward_dipole(dipoles, sphere, info)
    forward = forward if isinstance(forward, list) else [forward]
    return 1e-7 * np.hstack([each["sol"]["data"] for each in forward])


def main(results: Path) -> None:
    mne.set_log_level("error")
    rng = np.random.default_rng(0)
    info = read_meg_canonical_info("neuromag")
    info = mne.pick_info(info, mne.pick_types(info, meg=True))
    head = np.eye(4)
    head[:3, 3] = [0.0, 0.0, 0.045]
    with info._unlock():
        info["sfreq"] = SFREQ
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", head)
    maxfilter._found_bad = lambda raw, settings: set()  # there is none, and no noise to tell by
    maxfilter.noise_change_db = lambda before, after: {}
    with results.open("w", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(COLUMNS)
        for radius_mm in RADII_MM:
            before = fields(info, radius_mm, rng)
            for error in GAIN_ERRORS:
                measured = before * (1 + error * rng.normal(size=(len(before), 1)))
                raw = mne.io.RawArray(measured, info)
                done = maxfilter.maxfiltered(raw, Path("a_meg.fif"), "on", 0.0, [], Progress())
                with done as (filtered, _):
                    after = filtered.get_data()
                for kind in ("mag", "grad"):
                    picks = mne.pick_types(info, meg=kind)
                    a, b = before[picks], after[picks]
                    loss = 1 - (b**2).sum(0) / (a**2).sum(0)
                    like = (a * b).sum(0) / np.linalg.norm(a, axis=0) / np.linalg.norm(b, axis=0)
                    row = [radius_mm, error, kind, np.median(loss), np.percentile(loss, 95)]
                    row += [np.median(like), np.percentile(like, 5)]
                    table.writerow([*row[:3], *(f"{value:.4f}" for value in row[3:])])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
