"""What the reader is told where a network images what it did not learn from."""

import mne

from pipeline.doubts import Doubt
from pipeline.methods._method import Method, NetworkMethod
from pipeline.modality import modality_of

# Of `benchmarks/results/eeg.csv`, discs of 5 to 12 cm² with errors of the head model, found → true, mm:
# mean of the network's and of sLORETA's on 64 electrodes, and on how many recordings.
NETWORK_MM, SLORETA_MM, N_RECORDINGS = 3.97, 26.7, 60
# With fewer electrodes than this share of those nothing was measured.
MEASURED_ELECTRODES, MEASURED_SHARE = 64, 0.75


def other_modality_doubt(part: Method, info: mne.Info) -> Doubt | None:
    """That a network learned from MEG, and what was measured of it on EEG; None for MEG."""
    modality = modality_of(info)
    if not isinstance(part, NetworkMethod) or modality.calibrated:
        return None
    text = (
        f"the network learned from simulated MEG and images {modality.label} here: on {N_RECORDINGS} "
        f"simulated recordings with {MEASURED_ELECTRODES} electrodes what it found lay {NETWORK_MM:.1f} mm "
        f"from the true patch in the mean, without fine-tuning to a head (sLORETA {SLORETA_MM:.1f} mm); how "
        "certain a map is was not measured on it"
    )
    n = len(info["ch_names"])
    if n < MEASURED_SHARE * MEASURED_ELECTRODES:
        text += f", and with {n} electrodes nothing was"
    return Doubt(text)
