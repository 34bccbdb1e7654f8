"""What was recorded and how it was analysed: the facts that precede the findings."""

import nibabel as nib
import numpy as np

from pipeline.modality import modality_of
from pipeline.records.spikes_qc import MaxFilterQC, RunQC
from reports.config import Config
from reports.patient import Patient
from reports.personalization import weights_sentence
from reports.wording import (
    NOT_ASSESSABLE,
    count,
    humanise,
    listing,
    lower_first,
    method_name,
    number,
)


def sensor_names(patient: Patient) -> dict[str, str]:
    """What the report calls the array's sensor types; nothing where there is no average."""
    if patient.average is None:
        return {}
    info = patient.evoked.info
    return modality_of(info).labels(info)


def channel_counts(patient: Patient) -> str:
    """The channels analysed by sensor type."""
    names = sensor_names(patient)
    return listing(
        [
            f"{n} {names.get(kind, humanise(kind)).lower()}"
            for kind, n in patient.qc.spikes.n_channels_used.items()
        ]
    )


def identification(patient: Patient, config: Config, date: str) -> list[tuple[str, str]]:
    """Who the report is about, as far as a report without names may say."""
    return [
        ("Patient (pseudonym)", patient.sub),
        ("Indication", config.indication or patient.clinical.indication or "not given"),
        ("Centre", config.centre or "not given"),
        ("Date of the analysis", date or "not given"),
    ]


def recording(patient: Patient) -> list[tuple[str, str]]:
    """Array, recordings, head position, MRI and iEEG, as far as the stages have noted them."""
    qc, compared = patient.qc.spikes, patient.qc.compare
    contacts = None if compared is None else compared.contacts.contact_counts.contacts
    rows = [
        (f"{patient.modality.label} array", _array(patient)),
        ("Recorded beside and not imaged", _not_imaged(qc.runs)),
        ("Channels analysed", channel_counts(patient)),
        ("Channels left out as bad", str(len(qc.bad_channels))),
        ("Recordings", _recordings(qc.runs)),
        ("Spikes marked in the recordings", str(qc.n_marks)),
        ("Head movement", qc.head_movement),
        ("MaxFilter (SSS)", _maxfilter([run.maxfilter for run in qc.runs if run.maxfilter]))
        if not patient.modality.on_head
        else ("MaxFilter (SSS)", None),
        ("Digitised head points", str(patient.qc.headmodel.residuals.head_points)),
        ("T1w MRI", _voxels(patient)),
        ("Intracranial contacts", None if contacts is None else str(contacts)),
    ]
    return [(name, value) for name, value in rows if value]


def analysis(patient: Patient) -> list[tuple[str, str]]:
    """The steps from the recording to the map, as far as they went, each in a line."""
    qc = patient.qc.spikes
    n_kept = len(qc.kept_projectors)
    cortex = {"template": "template carried to the T1w", "freesurfer": "FreeSurfer reconstruction"}
    rows = [
        (
            "Filter, sampling",
            f"{number(qc.filter.highpass_hz)} to {number(qc.filter.lowpass_hz, 'Hz')}, "
            f"{number(patient.qc.spikes.sfreq_hz, 'Hz')}",
        ),
        ("Artefacts", f"{count(n_kept, 'projector')} applied"),
        ("Noise covariance from", qc.noise_covariance.source),
        ("Cortex", cortex[patient.qc.headmodel.cortex.head_model]),
        ("Reference", "average of the electrodes" if patient.modality.average_reference else ""),
        ("Volume conductor", _conductor(patient)),
        ("Source model", "994 cortical regions, dipoles normal to the cortex"),
    ]
    return [(name, value) for name, value in [*rows, *_imaging(patient)] if value]


def _imaging(patient: Patient) -> list[tuple[str, str]]:
    """How the map was made, where there is one."""
    if not patient.imaged:
        return []
    return [
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


def _not_imaged(runs: tuple[RunQC, ...]) -> str:
    """Sensors of other modalities in the same files."""
    counts = {name: n for run in runs for name, n in (run.not_imaged or {}).items()}
    return listing([f"{n} {name} channels" for name, n in counts.items()]) if counts else ""


def _conductor(patient: Patient) -> str:
    if patient.modality.uses_scalp:
        return "boundary-element model of brain, skull and scalp (0.3, 0.006, 0.3 S/m)"
    return "boundary-element model of the inner skull"


def _array(patient: Patient) -> str:
    if patient.average is None:
        return ""
    info = patient.average.info
    names = modality_of(info).array(info)
    return listing(names) if names else NOT_ASSESSABLE


def _maxfilter(runs: list[MaxFilterQC]) -> str | None:
    """Which recordings were MaxFiltered here, why, and what it did to the noise."""
    told = []
    for why, method in dict.fromkeys((run.why, run.method) for run in runs):
        those = [run for run in runs if (run.why, run.method) == (why, method)]
        if method is None:
            told.append(f"not applied to {count(len(those), 'run')} ({why})")
            continue
        changes = [change for run in those for change in run.noise_change_db.items()]
        kinds = dict.fromkeys(kind for kind, _ in changes)
        noise = listing(
            [
                f"{number(float(np.median([db for k, db in changes if k == kind])), 'dB', 1)} ({kind})"
                for kind in kinds
            ]
        )
        files = [name for name in (those[0].calibration, those[0].crosstalk) if name]
        given = f"with {listing(files)}" if files else "without calibration and crosstalk"
        told.append(
            f"{method} applied to {count(len(those), 'run')} ({why}), {given}; power from 1 to 40 Hz "
            f"changed by {noise}"
        )
    return "; ".join(told) or None


def _recordings(runs: tuple[RunQC, ...]) -> str:
    minutes = sum(run.duration_s for run in runs) / 60
    rates = sorted({run.input_sfreq_hz for run in runs})
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
