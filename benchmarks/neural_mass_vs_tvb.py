"""Do our neural masses behave as The Virtual Brain's? ``python benchmarks/neural_mass_vs_tvb.py``.

Both integrate the same 994-region network with the same delays, gains, noise and step, each with
noise of its own, on one thread; ours a batch of realisations at once, as the spike library is
built. Compared are the resting regions' signal, the spikes of the regions whose excitability is
raised, and the time that a second of one network takes. tvb-library (GPL-3) is used here and in
its test alone, never by the product.
"""

import argparse
import logging
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy.signal import find_peaks, peak_widths, welch
from threadpoolctl import threadpool_limits

from pipeline.synthesis.library import SPIKE_GAP_S, SPIKE_MV, template_region_pos_mm
from pipeline.synthesis.neural_mass import (
    A_PER_MS,
    BACKGROUND_A_MV,
    CONDUCTION_MM_PER_MS,
    KEEP_EVERY,
    P_MAX,
    P_MIN,
    SETTINGS,
    SFREQ_HZ,
    SOURCE_A_MV,
    STEP_MS,
    THRESHOLD_MV,
    Connectome,
    Setting,
    connectome,
    simulate,
)

RESULTS = Path(__file__).parent / "results"
BANDS_HZ = ((1, 4), (4, 8), (8, 13), (13, 30), (30, 40))
OURS, TVB = "spikefocus", "tvb"
COLOUR = {OURS: "#0072b2", TVB: "#d55e00"}


def simulate_with_tvb(
    network: Connectome,
    a_mv: np.ndarray,
    setting: Setting,
    seconds: float,
    seed: int,
    dropped_seconds: float,
) -> np.ndarray:
    """What `simulate` does, by The Virtual Brain, for one realisation `a_mv` (n_regions,).

    Model and noise as in the script that made DeepSIF's data (Sun et al. 2022): noise on the
    fifth state variable alone, gains by region. The history before the start is at rest.

    Returns
    -------
    potential_mv : ndarray float32, (n_regions, seconds * 500)
    """
    from tvb.simulator.lab import connectivity, coupling, integrators, models, monitors, noise
    from tvb.simulator.lab import simulator as simulators

    logging.getLogger("tvb").setLevel(logging.ERROR)
    n_regions = len(a_mv)
    # Lengths that give these delays exactly.
    length_mm = network.delay_steps * STEP_MS * CONDUCTION_MM_PER_MS
    structure = connectivity.Connectivity(
        weights=network.weights,
        tract_lengths=length_mm,
        speed=np.array([CONDUCTION_MM_PER_MS]),
        centres=np.zeros((n_regions, 3)),
        region_labels=np.array([str(region) for region in range(n_regions)]),
    )
    dispersion = np.zeros(6)
    spread = (P_MAX - P_MIN) * 0.5 * setting.noise
    dispersion[4] = (A_PER_MS * BACKGROUND_A_MV * spread) ** 2 / 2
    additive = noise.Additive(nsig=dispersion, noise_seed=seed)
    additive.random_stream = np.random.RandomState(seed)
    model = models.JansenRit(
        A=np.asarray(a_mv, float),
        mu=np.array([setting.mu]),
        v0=np.array([THRESHOLD_MV]),
        p_min=np.array([P_MIN]),
        p_max=np.array([P_MAX]),
    )
    run = simulators.Simulator(
        model=model,
        connectivity=structure,
        coupling=coupling.SigmoidalJansenRit(a=np.array([1.0])),
        integrator=integrators.HeunStochastic(dt=STEP_MS, noise=additive),
        monitors=(monitors.Raw(),),
        initial_conditions=np.zeros((network.delay_steps.max() + 1, 6, n_regions, 1)),
    ).configure()
    ((_, state),) = run.run(simulation_length=1000 * (dropped_seconds + seconds))
    n_dropped = round(dropped_seconds * 1000 / STEP_MS)
    potential_mv = state[n_dropped::KEEP_EVERY, 1, :, 0] - state[n_dropped::KEEP_EVERY, 2, :, 0]
    return potential_mv.T.astype(np.float32)


def rest_statistics(potential_mv: np.ndarray) -> dict[str, np.ndarray]:
    """Per region (n_regions, n_times): mean, standard deviation and power by band."""
    frequency_hz, power = welch(potential_mv, SFREQ_HZ, nperseg=round(SFREQ_HZ), axis=-1)
    whole = power[:, (frequency_hz >= 1) & (frequency_hz < 40)].sum(1)
    bands = {
        f"power {low}-{high} Hz, share of 1-40 Hz": power[
            :, (frequency_hz >= low) & (frequency_hz < high)
        ].sum(1)
        / whole
        for low, high in BANDS_HZ
    }
    return {"mean, mV": potential_mv.mean(1), "SD, mV": potential_mv.std(1)} | bands


def spike_statistics(potential_mv: np.ndarray) -> dict[str, np.ndarray]:
    """Rate of each region (n_regions, n_times); amplitude and half width of each spike."""
    rate_hz, amplitude_mv, half_width_ms = [], [], []
    for signal in potential_mv:
        peaks, _ = find_peaks(signal, height=SPIKE_MV, distance=round(SPIKE_GAP_S * SFREQ_HZ))
        rate_hz.append(len(peaks) / (len(signal) / SFREQ_HZ))
        amplitude_mv.extend(signal[peaks])
        half_width_ms.extend(1000 / SFREQ_HZ * peak_widths(signal, peaks, rel_height=0.5)[0])
    return {
        "spike rate, 1/s": np.array(rate_hz),
        "spike amplitude, mV": np.array(amplitude_mv),
        "spike half width, ms": np.array(half_width_ms),
    }


def average_spike(potential_mv: np.ndarray, half_s: float = 0.3) -> np.ndarray:
    """Mean over the spikes of (n_regions, n_times), `half_s` seconds on both sides of the peak."""
    half = round(half_s * SFREQ_HZ)
    clips = []
    for signal in potential_mv:
        peaks, _ = find_peaks(signal, height=SPIKE_MV, distance=round(SPIKE_GAP_S * SFREQ_HZ))
        inside = peaks[(peaks >= half) & (peaks < len(signal) - half)]
        clips += [signal[peak - half : peak + half + 1] for peak in inside]
    return np.mean(clips, axis=0)


def compare(number: int, signals: dict[str, tuple[np.ndarray, np.ndarray]]) -> list[dict]:
    """Rows of the table for one setting; `signals`: (resting, spiking) regions per simulator."""
    statistics = {
        who: rest_statistics(resting) | spike_statistics(spiking)
        for who, (resting, spiking) in signals.items()
    }
    rows = []
    for quantity in statistics[OURS]:
        row = {"setting": number, "quantity": quantity}
        for who in (OURS, TVB):
            values = statistics[who][quantity]
            row |= {
                f"{who}_n": len(values),
                f"{who}_mean": values.mean(),
                f"{who}_se": values.std(ddof=1) / np.sqrt(len(values)),
                f"{who}_median": np.median(values),
            }
        rows.append(row)
    return rows


def draw(signals: dict[int, dict], path: Path) -> None:
    figure, axes = plt.subplots(3, len(signals), figsize=(9, 8), layout="constrained")
    for column, (number, by_simulator) in zip(axes.T, signals.items(), strict=True):
        for who, (resting, spiking) in by_simulator.items():
            line = {"color": COLOUR[who], "linestyle": "-" if who == OURS else "--"}
            frequency_hz, power = welch(resting, SFREQ_HZ, nperseg=round(SFREQ_HZ), axis=-1)
            shown = (frequency_hz >= 1) & (frequency_hz <= 100)
            column[0].loglog(frequency_hz[shown], power.mean(0)[shown], label=who, **line)
            spike = average_spike(spiking)
            column[1].plot(
                1000 * (np.arange(len(spike)) - len(spike) // 2) / SFREQ_HZ, spike, **line
            )
            amplitude_mv = spike_statistics(spiking)["spike amplitude, mV"]
            edges_mv = np.linspace(SPIKE_MV, 14, 25)
            column[2].hist(amplitude_mv, edges_mv, density=True, histtype="step", **line)
        setting = SETTINGS[number]
        column[0].set_title(f"mu {setting.mu} /ms, noise {setting.noise}")
        column[0].set_xlabel("Hz")
        column[1].set_xlabel("ms from the peak")
        column[2].set_xlabel("spike amplitude, mV")
    axes[0, 0].set_ylabel("resting regions, mV²/Hz")
    axes[1, 0].set_ylabel("average spike, mV")
    axes[2, 0].set_ylabel("share of spikes, 1/mV")
    axes[0, 0].legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="kept per setting")
    parser.add_argument("--dropped-seconds", type=float, default=1.0, help="transient")
    parser.add_argument("--realisations", type=int, default=16, help="in one batch of ours")
    parser.add_argument("--sources", type=int, default=64, help="regions that spike")
    options = parser.parse_args()
    torch.set_num_threads(1)

    network = connectome(template_region_pos_mm())
    n_regions = len(network.weights)
    sources = np.random.default_rng(0).choice(n_regions, options.sources, replace=False)
    spikes = np.zeros(n_regions, bool)
    spikes[sources] = True
    a_mv = np.where(spikes, SOURCE_A_MV, BACKGROUND_A_MV)
    length = {"seconds": options.seconds, "dropped_seconds": options.dropped_seconds}
    total_s = options.seconds + options.dropped_seconds
    signals, rows, speed = {}, [], []
    for number, setting in enumerate(SETTINGS):
        batch = np.tile(a_mv, (options.realisations, 1))
        runs = {
            OURS: (simulate, batch, options.realisations),
            TVB: (simulate_with_tvb, a_mv, 1),
        }
        signals[number] = {}
        for who, (run, gains, n_networks) in runs.items():
            with threadpool_limits(1):
                wall, cpu = time.perf_counter(), time.process_time()
                potential_mv = run(network, gains, setting, seed=number, **length)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            potential_mv = potential_mv.reshape(n_networks, n_regions, -1)
            signals[number][who] = tuple(
                potential_mv[:, chosen].reshape(-1, potential_mv.shape[2])
                for chosen in (~spikes, spikes)
            )
            for clock, elapsed in (("wall", wall), ("CPU", cpu)):
                speed.append((number, clock, who, n_networks * total_s / elapsed))
            print(f"setting {number}, {who}: {wall:.0f} s", flush=True)
        rows += compare(number, signals[number])
    for number, clock in sorted({entry[:2] for entry in speed}):
        row = {"setting": number, "quantity": f"network-seconds per {clock} second, one thread"}
        row |= {f"{who}_mean": value for n, c, who, value in speed if (n, c) == (number, clock)}
        rows.append(row)
    table = pd.DataFrame(rows)
    table["ratio_of_means"] = table[f"{OURS}_mean"] / table[f"{TVB}_mean"]
    RESULTS.mkdir(exist_ok=True)
    table.to_csv(RESULTS / "neural_mass_vs_tvb.csv", index=False, float_format="%.4g")
    draw(signals, RESULTS / "neural_mass_vs_tvb.svg")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
