"""What was recorded and how it was analysed: the facts that precede the findings."""

import nibabel as nib
import numpy as np

from pipeline.modality import modality_of
from reports.config import Config
from reports.derivatives import Patient
from reports.figures import sensors
from reports.personalization import weights_sentence
from reports.wording import NOT_ASSESSABLE, count, listing, lower_first, method_name, number


def sensor_names(patient: Patient) -> dict[str, str]:
    """What the report calls the array's sensor types."""
    info = patient.average.info
    return modality_of(info).labels(info)


def channel_counts(patient: Patient) -> str:
    """The channels of the average by sensor type."""
    names = sensor_names(patient)
    return listing(
        [
            f"{len(patient.average.copy().pick(kind).ch_names)} {names[kind].lower()}"
            for kind in sensors.channel_types(patient.average)
        ]
    )


def identification(patient: Patient, config: Config, date: str) -> list[tuple[str, str]]:
    """Who the report is about, as far as a report without names may say."""
    return [
        ("Patient (pseudonym)", patient.sub),
        ("Indication", config.indication or "not given"),
        ("Centre", config.centre or "not given"),
        ("Date of the analysis", date or "not given"),
    ]


def recording(patient: Patient) -> list[tuple[str, str]]:
    """Array, recordings, head position, MRI and iEEG, as far as the stages have noted them."""
    qc, head = patient.qc["spikes"], patient.qc["headmodel"]
    counts = patient.qc["compare"].get("contact_counts", {})
    rows = [
        ("MEG array", _array(patient)),
        ("Channels analysed", channel_counts(patient)),
        (
            "Channels left out as bad",
            str(len(qc["bad_channels"])) if "bad_channels" in qc else None,
        ),
        ("Recordings", _recordings(qc)),
        ("Spikes marked in the recordings", _plain(qc.get("n_annotated"))),
        ("Head movement", qc.get("head_movement")),
        ("Digitised head points", _plain(head.get("head_points"))),
        ("T1w MRI", _voxels(patient)),
        ("Intracranial contacts", _plain(counts.get("contacts"))),
    ]
    return [(name, value) for name, value in rows if value]


def analysis(patient: Patient) -> list[tuple[str, str]]:
    """The steps from the recording to the map, each in a line."""
    qc, head = patient.qc["spikes"], patient.qc["headmodel"]
    band = qc.get("filter", {})
    kept = [p for p in qc.get("projectors", ()) if p["kept"]]
    cortex = {"template": "template carried to the T1w", "freesurfer": "FreeSurfer reconstruction"}
    rows = [
        (
            "Filter, sampling",
            f"{number(band['highpass_hz'])} to {number(band['lowpass_hz'], 'Hz')}, "
            f"{number(patient.average.info['sfreq'], 'Hz')}"
            if {"highpass_hz", "lowpass_hz"} <= set(band)
            else number(patient.average.info["sfreq"], "Hz"),
        ),
        ("Artefacts", f"{count(len(kept), 'projector')} applied" if "projectors" in qc else None),
        ("Noise covariance from", qc.get("noise_covariance", {}).get("source")),
        ("Cortex", cortex.get(head.get("head_model"))),
        ("Volume conductor", "boundary-element model of the inner skull"),
        ("Source model", "994 cortical regions, dipoles normal to the cortex"),
        ("Network", weights_sentence(patient)),
        (
            "Methods beside it",
            listing(
                [
                    lower_first(method_name(method))
                    for method in patient.solutions
                    if method != patient.finding_method
                ]
            ),
        ),
        ("Map", f"mean absolute activity over {patient.window} around the peak"),
        ("Extent", "regions above Otsu’s threshold"),
    ]
    return [(name, value) for name, value in rows if value]


def _array(patient: Patient) -> str:
    info = patient.average.info
    names = modality_of(info).array(info)
    return listing(names) if names else NOT_ASSESSABLE


def _recordings(qc: dict) -> str | None:
    runs = qc.get("runs", ())
    if not runs:
        return None
    minutes = sum(run["duration_s"] for run in runs) / 60
    rates = sorted({run["input_sfreq_hz"] for run in runs})
    return (
        f"{count(len(runs), 'run')}, {number(minutes, 'min')} in all, sampled at "
        f"{listing([number(rate, 'Hz') for rate in rates])}"
    )


def _voxels(patient: Patient) -> str:
    sizes = nib.affines.voxel_sizes(patient.t1w.affine)
    shape = " × ".join(str(n) for n in patient.t1w.data.shape)
    if np.ptp(sizes) < 0.01:
        return f"{shape} voxels of {number(sizes[0], 'mm')}"
    return f"{shape} voxels of {' × '.join(number(size) for size in sizes)} mm"


def _plain(value) -> str | None:
    return None if value is None else str(value)
