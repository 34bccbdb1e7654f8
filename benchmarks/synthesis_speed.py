"""Is synthesis fast enough? ``python benchmarks/synthesis_speed.py``.

Samples per second, on one machine in one run, of (a) a per-sample loader that does what that of the
reference does - for each source read a simulated clip of all regions from a ``.mat`` file and put the
spike into a patch; add the clips, apply the leadfield, add noise, normalise -, (b) the synthesizer's
batches, and (c) the training step that consumes them. Every sample has two sources, as the
reference's training set, whose clips (994 x 156 of 4 MB) fit into no memory: the loader is timed
with its files in memory and with files that have to come from the disk. Medians of `N_ROUNDS`
rounds that alternate.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import torch
from scipy.io import loadmat, savemat

from pipeline.networks import NETWORKS, build_network
from pipeline.synthesis.library import load_library
from pipeline.synthesis.patches import patch_bank, template_dictionary, template_graph
from pipeline.synthesis.population import random_member
from pipeline.synthesis.recordings import prepare_head
from pipeline.template import load_template
from pipeline.training.generic import make_synthesizer
from pipeline.training.train import relative_error

RESULTS = Path(__file__).parent / "results" / "synthesis_speed.csv"
N_LOADED, N_BATCHES, BATCH_SIZE, N_ROUNDS = 32, 8, 64, 7
N_SOURCES, TWO_SOURCES = 2, (0.0, 1.0)
IN_MEMORY, ON_DISK = "per-sample loader, files in memory", "per-sample loader, files on disk"
CLIP_SAMPLES = 500  # 1 s at 500 Hz, as the reference stores and reads it


def write_clips(folder: Path) -> None:
    """Clips of all regions' activity, at the reference's rate and precision."""
    background = load_library("train").background
    rng = np.random.default_rng(0)
    for number in range(N_SOURCES * N_LOADED):
        start = rng.integers(background.shape[1] - CLIP_SAMPLES)
        clip = background[:, start : start + CLIP_SAMPLES].T.astype(float)
        savemat(folder / f"clip_{number}.mat", {"data": clip})


def forget(files: list[Path]) -> None:
    """Take the files out of the system's cache."""
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def load_sample(files, patches, fall_offs, spike, leadfield, snr_db, rng):
    """One training sample, the reference's way: input (500, n_channels), target (500, 994)."""
    activity = np.zeros((CLIP_SAMPLES, leadfield.shape[1]))
    for file, patch, fall_off in zip(files, patches, fall_offs, strict=True):
        clip = loadmat(file)["data"]
        clip[:, patch] = spike[:, None] * fall_off
        activity += clip
    recording = activity @ leadfield.T
    noise = rng.standard_normal(recording.shape) * recording.std(0) * 10 ** (-snr_db / 20)
    recording = recording + noise / np.sqrt(2)
    recording -= recording.mean(0)
    recording -= recording.mean(1, keepdims=True)
    target = np.zeros_like(activity)
    for patch in patches:
        target[:, patch] = activity[:, patch]
    return (recording / np.abs(recording).max()).astype(np.float32), target / np.abs(target).max()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    info = mne.channels.montage.read_meg_canonical_info("ctf151")
    member = random_member(info, load_template().source_cortex, 9000)
    head = prepare_head(
        member.true_leadfield,
        member.estimated_leadfield,
        member.noise_cov,
        member.region_pos_mm,
        load_library("train"),
        template_dictionary(),
    )
    synthesizer = make_synthesizer("train", 1, 1, "cpu")
    patches, _ = patch_bank(template_graph(), 1, 0)
    rng = np.random.default_rng(0)
    wave = np.hanning(CLIP_SAMPLES)
    networks = {}
    for name in NETWORKS:
        module = build_network(name)
        networks[name] = module, torch.optim.Adam(module.parameters())

    def per_sample(files):
        for clips in rng.permutation(files).reshape(N_LOADED, N_SOURCES):
            chosen = patches[rng.integers(len(patches), size=N_SOURCES)]
            fall_offs = [rng.uniform(0.5, 1, patch.sum()) for patch in chosen]
            load_sample(clips, chosen, fall_offs, wave, member.true_leadfield, 10.0, rng)
        return N_LOADED

    def batches():
        for _ in range(N_BATCHES):
            synthesizer.batch(head, BATCH_SIZE, TWO_SOURCES)
        return N_BATCHES * BATCH_SIZE

    def training_step(name, n):
        module, optimizer = networks[name]
        batch = synthesizer.batch(head, n, TWO_SOURCES)
        begin = time.perf_counter()
        optimizer.zero_grad()
        relative_error(module, batch, head.projection, slice(0, None, 4)).backward()
        optimizer.step()
        return n / (time.perf_counter() - begin)

    rates = {IN_MEMORY: [], ON_DISK: [], "synthesizer": []}
    rates |= {f"training step, {name}": [] for name in NETWORKS}
    with tempfile.TemporaryDirectory() as folder:
        write_clips(Path(folder))
        files = sorted(Path(folder).iterdir())
        for _ in range(N_ROUNDS):
            forget(files)
            for name, work in (
                (ON_DISK, lambda: per_sample(files)),
                (IN_MEMORY, lambda: per_sample(files)),
                ("synthesizer", batches),
            ):
                begin = time.perf_counter()
                n = work()
                rates[name].append(n / (time.perf_counter() - begin))
            rates["training step, compact"].append(training_step("compact", BATCH_SIZE))
            rates["training step, deepsif"].append(training_step("deepsif", 8))
    median = {name: statistics.median(values) for name, values in rates.items()}
    table = pd.DataFrame(
        {
            "what": list(median),
            "samples_per_s": [round(rate, 1) for rate in median.values()],
            "relative_to_loader_in_memory": [
                round(rate / median[IN_MEMORY], 1) for rate in median.values()
            ],
            "relative_to_loader_on_disk": [
                round(rate / median[ON_DISK], 1) for rate in median.values()
            ],
            "threads": args.threads,
        }
    )
    RESULTS.parent.mkdir(exist_ok=True)
    table.to_csv(RESULTS, index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
