"""The networks' solutions, generic and personalized, of the averaged spike."""

import mne
import numpy as np
from mne.proj import make_projector

from pipeline.errors import InvalidInput
from pipeline.files import read_json
from pipeline.image.patient import Patient
from pipeline.networks.project import NETWORK_SFREQ_HZ, prepare_recording, project_head
from pipeline.networks.weights import apply, load_model
from pipeline.paths import PatientPaths
from pipeline.synthesis.patches import template_dictionary


def solve(method: str, patient: Patient, paths: PatientPaths) -> tuple[np.ndarray, np.ndarray]:
    """Activity of the regions as a network sees it.

    Both networks read the average through the patient's own leadfield and noise; they differ in
    their weights alone.

    Parameters
    ----------
    method : str
        "generic" or "personalized".

    Returns
    -------
    activity : ndarray float32, (994, n_times)
        Relative units, 125 Hz.
    times_s : ndarray, (n_times,)
        One of them is 0, the spike's peak.

    Raises
    ------
    InvalidInput, MissingResource
        The weights are not there, or the generic ones are not those that were personalized.
    """
    chosen = read_json(paths.qc("personalize"))
    weights = paths.model if method == "personalized" else chosen["generic_model"]
    module, card = load_model(weights, chosen["network"])
    if method == "generic" and card["sha256"] != chosen["generic_model_sha256"]:
        raise InvalidInput(
            "the generic model is not the one that was personalized",
            file=chosen["generic_model"] or None,
            hint="run the personalize stage again",
        )
    whiten, projection = project_head(
        projected_leadfield(patient), noise_matrix(patient), template_dictionary(), card["input"]
    )
    start, times_s = samples_through_peak(patient.average.times, patient.average.info["sfreq"])
    recording = prepare_recording(
        whiten @ patient.average.data[:, start:], projection, patient.average.info["sfreq"]
    )
    return apply(module, recording, projection), times_s


def samples_through_peak(times_s: np.ndarray, sfreq_hz: float) -> tuple[int, np.ndarray]:
    """The first sample to keep so that every nth sample from it, at 125 Hz, meets t = 0.

    Returns
    -------
    start : int
    kept_times_s : ndarray
    """
    step = max(1, round(sfreq_hz / NETWORK_SFREQ_HZ))
    start = int(np.abs(times_s).argmin()) % step
    return start, times_s[start::step]


def projected_leadfield(patient: Patient) -> np.ndarray:
    """The leadfield (n_channels, 994) as the recording's projectors leave it."""
    info = patient.average.info
    projector, _, _ = make_projector(info["projs"], info["ch_names"])
    return projector @ patient.leadfield


def noise_matrix(patient: Patient) -> np.ndarray:
    """Noise covariance (n_channels, n_channels) in the order of the average's channels."""
    names = patient.average.ch_names
    return mne.pick_channels_cov(patient.noise_cov, names, ordered=True, verbose="error")["data"]
