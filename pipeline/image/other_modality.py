"""What the reader is told where a network images what it did not learn from."""

import mne

from pipeline.doubts import Doubt
from pipeline.methods._method import Method, NetworkMethod
from pipeline.modality import modality_of, picks_against_average

# On how many recordings it was measured (`pipeline.modality`), with how many electrodes; with fewer than this
# share of those nothing was.
N_RECORDINGS, MEASURED_ELECTRODES, MEASURED_SHARE = 60, 64, 0.75


def other_modality_doubt(part: Method, info: mne.Info) -> Doubt | None:
    """That a network learned from MEG, and what was measured of it on EEG; None for MEG."""
    modality = modality_of(info)
    if not isinstance(part, NetworkMethod) or modality.calibrated:
        return None
    text = f"the network learned from simulated MEG and images {modality.label} here"
    if modality.network_mm is None or modality.sloreta_mm is None:
        return Doubt(f"{text}, on which nothing was measured", grave=True)
    n = len(picks_against_average(info))
    text += (
        f": on {N_RECORDINGS} simulated recordings with {MEASURED_ELECTRODES} electrodes what it found lay "
        f"{modality.network_mm:.1f} mm from the true patch in the mean, without fine-tuning to a head (sLORETA "
        f"{modality.sloreta_mm:.1f} mm); how certain a map is was not measured on it"
    )
    if n < MEASURED_SHARE * MEASURED_ELECTRODES:
        text += f", and with {n} electrodes nothing was"
    return Doubt(text)
