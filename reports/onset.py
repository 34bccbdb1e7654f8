"""The map at the spike's onset, and how far it lies from that at the peak."""

from dataclasses import dataclass

import numpy as np

from pipeline.localisation import peak_map
from reports.patient import Patient
from reports.wording import gyrus, number

PROPAGATED_MM = 15.0
# An average that stands out less is too noisy to be imaged, at its onset as at its peak.
LEAST_SNR_DB = 5.0


@dataclass(frozen=True)
class Propagation:
    """The source between onset and peak.

    Attributes
    ----------
    onset_s : float
        Half rise of the averaged spike, relative to its peak.
    share : ndarray, (994,)
        Map at onset as share of its own maximum.
    gyrus : str
        Of the maximum at onset.
    apart_mm : float
        Distance between the maxima at onset and at the peak.
    """

    onset_s: float
    share: np.ndarray
    gyrus: str
    apart_mm: float

    @property
    def moved(self) -> bool:
        return self.apart_mm > PROPAGATED_MM


def onset_s(patient: Patient) -> float | None:
    """Half rise of the averaged spike before its peak, as the spikes stage found it."""
    average = patient.qc.spikes.average
    return None if average is None else average.half_rise_s


def why_not_assessable(patient: Patient) -> str:
    """Why the map at onset cannot be looked at; empty where it can."""
    average = patient.qc.spikes.average
    if average is None or average.half_rise_s is None:
        return "the average has no clear half rise before its peak"
    if average.onset_snr_db is None or average.onset_snr_db < LEAST_SNR_DB:
        return (
            f"the average does not stand out enough around its half rise (SNR "
            f"{number(average.onset_snr_db, 'dB', 1)}, and {LEAST_SNR_DB:.0f} dB are needed)"
        )
    away_s = np.abs(patient.finding.times_s - average.half_rise_s).min()
    if away_s > patient.window_s / 2:
        return "the map does not reach back to the half rise"
    return ""


def propagation(patient: Patient) -> Propagation | None:
    """Compare the map around the onset with that around the peak; None where that at onset is not assessable."""
    found, start_s = patient.finding, onset_s(patient)
    if start_s is None or why_not_assessable(patient):
        return None
    early = peak_map(found.activity, found.times_s - start_s, patient.window_s)
    region = early.argmax()
    return Propagation(
        onset_s=start_s,
        share=early / early.max(),
        gyrus=gyrus(patient.head.region_label[region]),
        apart_mm=float(np.linalg.norm(patient.head.region_pos_mri_mm[region] - patient.max_mm)),
    )
