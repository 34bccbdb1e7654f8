"""Heart and eyes: one linear projector per sensor type, kept only where it spares the spike."""

from dataclasses import dataclass

import mne
import numpy as np
from mne.preprocessing import find_ecg_events
from mne.proj import make_projector
from scipy.signal import find_peaks
from scipy.stats import skew

from pipeline.modality import picks_of_type, re_referenced, sensor_picks, sensor_types
from pipeline.records.spikes_qc import ArtefactQC, ProjectorQC

MIN_EVENTS = {"heart": 20, "eyes": 3}
WINDOW_S = {"heart": (-0.2, 0.4), "eyes": (-0.3, 0.3)}
CORE_S = {"heart": 0.05, "eyes": 0.1}
HEART_RATE_PER_MIN = (35.0, 180.0)
MAX_BEAT_VARIATION = 0.4
SPIKE_GUARD_S = 0.3
MIN_SNR_DB = 6.0
BLINK_LOWPASS_HZ = 10.0
MIN_BLINK_Z = 5.0
MIN_BLINK_INTERVAL_S = 0.5


@dataclass(frozen=True)
class ArtefactAverage:
    """Sum of one run's heart beats or eye movements.

    Attributes
    ----------
    total, alternating : ndarray, (n_channels, n_times)
        Sum over events, and sum with alternating sign (what is left is noise).
    n : int
        Events summed; 0 where the artefact could not be found.
    note : str
        How they were found, or why not.
    """

    total: np.ndarray
    alternating: np.ndarray
    n: int
    note: str


def average_artefact(
    kind: str, filtered: mne.io.RawArray, spikes_s: np.ndarray, bad_s: np.ndarray
) -> ArtefactAverage:
    """Find and sum the heart beats or eye movements of one run, away from spikes.

    Parameters
    ----------
    kind : str
        ``heart`` or ``eyes``.
    filtered : mne.io.RawArray
        With its bad channels marked.
    spikes_s : ndarray, (n_spikes,)
        An artefact within 0.3 s of a spike is left out, lest the spike enter the projector.
    bad_s : ndarray, (n, 2)
        Bad stretches.
    """
    sfreq = filtered.info["sfreq"]
    samples, note = _find_heart(filtered) if kind == "heart" else _find_eyes(filtered)
    before, after = (round(abs(t) * sfreq) for t in WINDOW_S[kind])
    inside = (samples >= before) & (samples + after < filtered.n_times)
    times = samples / sfreq
    if len(spikes_s):
        inside &= np.abs(times[:, np.newaxis] - spikes_s).min(axis=1) > SPIKE_GUARD_S
    for start, stop in bad_s:
        inside &= (times + after / sfreq < start) | (times - before / sfreq > stop)
    picks = sensor_picks(filtered.info)
    total = np.zeros((len(picks), before + after + 1))
    alternating = np.zeros_like(total)
    used = samples[inside]
    used = used[: len(used) // 2 * 2]
    for i, sample in enumerate(used):
        piece = filtered.get_data(picks, sample - before, sample + after + 1)
        total += piece
        alternating += piece if i % 2 else -piece
    return ArtefactAverage(total, alternating, len(used), note)


def artefact_projectors(
    kind: str, runs: list[ArtefactAverage], info: mne.Info, good: np.ndarray
) -> tuple[list[mne.Projection], ArtefactQC]:
    """Projectors from the average over runs, for the sensor types in which it stands out.

    Parameters
    ----------
    kind : str
    runs : list of ArtefactAverage
    info : mne.Info
        MEG channels, good ones only.
    good : ndarray of int
        Their indices in the averages.

    Returns
    -------
    projectors : list of mne.Projection
    quality : ArtefactQC
        ``done`` is False with the reason in ``note``.
    """
    n = sum(run.n for run in runs)
    note = runs[0].note
    if n < MIN_EVENTS[kind]:
        if n:
            note = f"{n} events are too few for a projector ({note})"
        return [], ArtefactQC(done=False, n_events=n, note=note, snr_db={})
    mean = re_referenced(np.sum([run.total for run in runs], axis=0)[good] / n, info)
    noise = re_referenced(np.sum([run.alternating for run in runs], axis=0)[good] / n, info)
    middle = round(abs(WINDOW_S[kind][0]) * info["sfreq"])
    reach = round(CORE_S[kind] * info["sfreq"])
    core = slice(middle - reach, middle + reach + 1)
    projectors: list[mne.Projection] = []
    snr_db: dict[str, float] = {}
    for type_ in sensor_types():
        picks = picks_of_type(info, type_)
        if not len(picks):
            continue
        ratio = np.mean(mean[picks, core] ** 2) / np.mean(noise[picks] ** 2)
        snr_db[type_] = float(round(10 * np.log10(ratio), 1))
        if snr_db[type_] < MIN_SNR_DB:
            continue
        evoked = mne.EvokedArray(
            mean[picks][:, core], mne.pick_info(info, picks), tmin=-CORE_S[kind], nave=n
        )
        count = {"n_mag": 0, "n_grad": 0, "n_eeg": 0} | {f"n_{type_}": 1}
        projectors += mne.compute_proj_evoked(evoked, **count, desc_prefix=f"{kind}-{type_}")
    if not projectors:
        note = f"no projector needed: the artefact does not stand out ({note})"
    return projectors, ArtefactQC(done=bool(projectors), n_events=n, note=note, snr_db=snr_db)


def keep_sparing(
    projectors: list[mne.Projection], topography: np.ndarray, info: mne.Info, max_overlap: float
) -> tuple[list[mne.Projection], tuple[ProjectorQC, ...]]:
    """Drop projectors with which more than `max_overlap` of the spike's power would be lost.

    Artefacts overlap each other, so that two projectors may together take more than the sum of
    what each takes alone: they are admitted one after the other, the most sparing first.

    Parameters
    ----------
    projectors : list of mne.Projection
    topography : ndarray, (n_channels,)
        Unprojected spike at its peak.
    info : mne.Info
        Of these channels.
    max_overlap : float

    Returns
    -------
    kept : list of mne.Projection
    quality : tuple of ProjectorQC
        In the order of the projectors; powers over the projector's own channels.
    """
    alone = [removed_power([projector], topography, info) for projector in projectors]
    judged: dict[int, ProjectorQC] = {}
    for i in np.argsort(alone, kind="stable"):
        channels = set(projectors[i]["data"]["col_names"])
        together = [projectors[i]] + [
            projectors[j]
            for j in sorted(judged)
            if judged[j].kept and channels & set(projectors[j]["data"]["col_names"])
        ]
        removed = removed_power(together, topography, info)
        judged[int(i)] = ProjectorQC(
            name=projectors[i]["desc"],
            spike_power_removed=round(alone[i], 4),
            spike_power_removed_with_kept=round(removed, 4),
            kept=removed <= max_overlap,
        )
    quality = tuple(judged[i] for i in range(len(projectors)))
    return [p for p, entry in zip(projectors, quality, strict=True) if entry.kept], quality


def removed_power(
    projectors: list[mne.Projection], topography: np.ndarray, info: mne.Info
) -> float:
    """Part of a topography's power, over the channels that the projectors name, that they remove.

    The channels must be of one type: the powers of magnetometers and gradiometers do not add up.
    """
    named = {name for projector in projectors for name in projector["data"]["col_names"]}
    picks = [i for i, name in enumerate(info.ch_names) if name in named]
    if not picks:
        return 0.0
    matrix = make_projector(projectors, info.ch_names, include_active=False)[0]
    before = topography[picks]
    after = (matrix @ topography)[picks]
    return float(1 - np.sum(after**2) / np.sum(before**2))


def removed_together(
    projectors: list[mne.Projection], topography: np.ndarray, info: mne.Info
) -> dict[str, float]:
    """What all projectors together remove of a topography's power, by sensor type."""
    removed = {}
    for type_ in sorted(set(info.get_channel_types())):
        picks = picks_of_type(info, type_)
        part = mne.pick_info(info, picks)
        removed[type_] = round(removed_power(projectors, topography[picks], part), 4)
    return removed


def _find_heart(filtered: mne.io.RawArray) -> tuple[np.ndarray, str]:
    nothing = np.empty(0, int)
    has_channel = len(mne.pick_types(filtered.info, meg=False, ecg=True)) > 0
    source = "ECG channel" if has_channel else "heart signal made from the magnetometers"
    if not has_channel and not len(mne.pick_types(filtered.info, meg="mag", ref_meg=False)):
        return nothing, "not done: neither an ECG channel nor magnetometers"
    events = find_ecg_events(filtered)[0][:, 0] - filtered.first_samp
    if len(events) < MIN_EVENTS["heart"]:
        return nothing, f"not done: hardly any heart beats found in the {source}"
    interval_s = np.diff(events) / filtered.info["sfreq"]
    rate = 60 / np.median(interval_s)
    variation = 1.4826 * np.median(np.abs(interval_s / np.median(interval_s) - 1))
    if not HEART_RATE_PER_MIN[0] <= rate <= HEART_RATE_PER_MIN[1] or variation > MAX_BEAT_VARIATION:
        return nothing, f"not done: no plausible heart rhythm in the {source}"
    return events, f"{source}, {rate:.0f} beats per minute"


def _find_eyes(filtered: mne.io.RawArray) -> tuple[np.ndarray, str]:
    picks = mne.pick_types(filtered.info, meg=False, eog=True)
    if not len(picks):
        return np.empty(0, int), "not done: no EOG channel"
    sfreq = filtered.info["sfreq"]
    slow = mne.filter.filter_data(filtered.get_data(picks), sfreq, None, BLINK_LOWPASS_HZ)
    found = [eye_movements(channel, sfreq) for channel in slow]
    return max(found, key=lambda one: one[1])[0], "EOG channel"


def eye_movements(eog: np.ndarray, sfreq: float) -> tuple[np.ndarray, float]:
    """Peaks of one EOG channel at least half as high as its high ones, in its main polarity.

    Parameters
    ----------
    eog : ndarray, (n_times,)
        1 to 10 Hz.
    sfreq : float

    Returns
    -------
    samples : ndarray of int
        Empty where nothing stands out.
    prominence : float
        Height of the high ones (90th percentile) in robust standard deviations.
    """
    centred = eog - np.median(eog)
    spread = 1.4826 * np.median(np.abs(centred))
    peaks, properties = find_peaks(
        centred * np.sign(skew(centred)),
        height=MIN_BLINK_Z * spread,
        distance=round(MIN_BLINK_INTERVAL_S * sfreq),
    )
    if not len(peaks) or spread == 0:
        return np.empty(0, int), 0.0
    heights = properties["peak_heights"]
    high = np.quantile(heights, 0.9)
    # The high-pass leaves lobes beside each blink; they are lower than half of it.
    return peaks[heights >= high / 2], float(high / spread)
