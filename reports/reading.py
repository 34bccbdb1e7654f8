"""Reading what the stages have written about one patient; the files' edge of the report."""

from dataclasses import replace
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd

from pipeline.air import air_at_zero
from pipeline.errors import InvalidInput
from pipeline.face import KEPT, read_face_region
from pipeline.files import read_json, read_npz
from pipeline.methods import METHODS
from pipeline.methods._method import PointMethod
from pipeline.paths import PatientPaths
from pipeline.records.compare_qc import read_compare_qc
from pipeline.records.dipoles import read_dipoles
from pipeline.records.head import read_head
from pipeline.records.headmodel_qc import read_headmodel_qc
from pipeline.records.image_qc import read_image_qc
from pipeline.records.personalize_qc import read_personalize_qc
from pipeline.records.solution import (
    Distributed,
    MapSummary,
    Solution,
    read_distributed,
    read_point,
)
from pipeline.records.spike import read_average
from pipeline.records.spikes_qc import read_spikes_qc
from pipeline.records.status import StatusFile, read_status
from pipeline.warp import read_warp
from reports.clinical_file import ClinicalFile, read_clinical_file
from reports.figures.slices import Volume
from reports.inputs import Inputs
from reports.patient import NOTHING_CLINICAL, Patient, Quality, SingleSpikes, is_true
from reports.sight import read_sight


def read_patients(inputs: Inputs, paths: PatientPaths) -> list[Patient]:
    """Read what there is of every type of spikes that has an average, those that are imaged first.

    Where no type has one, there is a single patient without average and without maps.

    Raises
    ------
    InvalidInput
        A result that the report cannot do without is missing.
    """
    patient = _read_shared(inputs, paths)
    views = [paths.of_type(each.number) for each in patient.qc.spikes.types]
    patients = [_of_type(patient, each) for each in views if each.average.exists()] or [patient]
    return sorted(patients, key=lambda patient: not patient.imaged)


def read_patient(inputs: Inputs, paths: PatientPaths) -> Patient:
    """Read one patient's derivatives, and of the types of spikes the one that `paths` is of.

    Raises
    ------
    InvalidInput
        A result that the report cannot do without is missing.
    """
    return _of_type(_read_shared(inputs, paths), paths)


def _read_shared(inputs: Inputs, paths: PatientPaths) -> Patient:
    """The patient with what all types of spikes share, tables of all types among it."""
    for needed in (paths.regions, paths.qc("headmodel"), paths.of_type(1).qc("spikes")):
        _require(needed)
    clinical, clinical_fault = _read_clinical(inputs.clinical)
    spikes = read_spikes_qc(paths.of_type(1))
    status = read_status(paths) if paths.status.exists() else None
    compared, personalized = paths.qc("compare"), paths.qc("personalize")
    return Patient(
        sub=paths.sub,
        paths=paths,
        average=None,
        spike_events=_read_tsv(paths.spike_events),
        single_spikes=None,
        head=read_head(paths),
        head_points=_read_tsv(paths.head_points),
        warp=read_warp(paths.template_xfm),
        dipoles=None,
        trans=mne.read_trans(paths.trans),
        solutions={},
        stability={},
        t1w=_read_t1w(inputs.t1w, paths, read_headmodel_qc(paths).face == KEPT),
        source_volume=None,
        resection=read_volume(paths.resection) if paths.resection.exists() else None,
        contacts=_read_contacts(paths),
        metrics=_read_tsv(paths.metrics),
        metric_descriptions=_read_json_if_there(paths.metrics.with_suffix(".json")),
        training_curve=(_read_tsv(paths.training_curve) if paths.training_curve.exists() else None),
        qc=Quality(
            headmodel=read_headmodel_qc(paths),
            spikes=spikes,
            personalize=read_personalize_qc(paths) if personalized.exists() else None,
            image=None,
            compare=read_compare_qc(paths) if compared.exists() else None,
        ),
        status=status,
        clinical=clinical,
        clinical_fault=clinical_fault,
        virtual=bool(inputs.virtual),
        contact_distances=_read_tsv(paths.contact_distances),
        sight=read_sight(paths, spikes, _limits_db(paths, status)),
    )


def _limits_db(paths: PatientPaths, status: StatusFile | None) -> list[float]:
    """What an average had to exceed to be imaged: the option, and averages of spike-free epochs."""
    judged = [read_spikes_qc(e).presence for e in paths.of_types_there() if e.qc("spikes").exists()]
    limits = [each.chance_db for each in judged if each is not None and each.chance_db is not None]
    record = None if status is None else status.stages.get("spikes")
    if record is not None and "min_snr_db" in (record.options or {}):
        limits.append(float(record.options["min_snr_db"]))
    return limits


def _read_clinical(file: Path | None) -> tuple[ClinicalFile, str]:
    """What an optional file says; where it cannot be read, the reason, which the report then tells."""
    if file is None:
        return NOTHING_CLINICAL, ""
    try:
        return read_clinical_file(file), ""
    except InvalidInput as error:
        return NOTHING_CLINICAL, error.message


def _of_type(patient: Patient, paths: PatientPaths) -> Patient:
    """The patient with what there is of one type of spikes."""
    number, types = paths.spike_type, patient.qc.spikes.types
    imaged = any(each.imaged for each in types if each.number == number)
    averaged = paths.average.exists()
    if not imaged and not averaged:
        return patient
    solutions = _read_solutions(paths) if imaged else {}
    maps = (name for name, found in solutions.items() if isinstance(found, Distributed))
    wanted = next(maps, next(iter(METHODS)))
    for needed in (paths.average, paths.qc("spikes"), *((paths.qc("image"),) if imaged else ())):
        _require(needed)
    if imaged and wanted not in solutions:
        _require_a_map(paths)
        _require(paths.sources(wanted))
    average, _ = read_average(paths, proj=False)
    events, metrics = patient.spike_events, patient.metrics
    if len(types) > 1:
        events = events[events["type"] == number]
    if len(metrics):
        metrics = metrics[metrics["type"] == number]
    distances = patient.contact_distances
    if len(distances):
        distances = distances[distances["type"] == number]
    volume = paths.volume(wanted)
    return replace(
        patient,
        paths=paths,
        average=average,
        spike_events=events,
        single_spikes=_read_single_spikes(paths, average, events),
        solutions=solutions,
        dipoles=read_dipoles(paths) if paths.dipoles.exists() else None,
        stability={
            method: read_npz(paths.bootstrap(method))["stability"]
            for method in solutions
            if paths.bootstrap(method).exists()
        },
        source_volume=read_volume(volume) if imaged and volume.exists() else None,
        resection=patient.resection if _is_assessable(metrics, "resection") else None,
        metrics=metrics,
        contact_distances=distances,
        qc=replace(
            patient.qc,
            spikes=read_spikes_qc(paths),
            image=read_image_qc(paths) if paths.qc("image").exists() else None,
        ),
    )


def _require(file: Path) -> None:
    if not file.exists():
        raise InvalidInput(
            "The report cannot be written without this result",
            file=file,
            hint="run the earlier stages first",
        )


def _require_a_map(paths: PatientPaths) -> None:
    """Refuse what was imaged by methods of which none gave a map, with what became of each."""
    methods = read_image_qc(paths).methods
    if not any(isinstance(each.found, MapSummary) for each in methods.values()):
        told = [
            f"{name} is not assessable ({each.reason})" if each.reason else f"{name} gives a point"
            for name, each in methods.items()
        ]
        raise InvalidInput(
            f"no method gave a map for the report: {'; '.join(told)}",
            file=paths.qc("image"),
            hint="name a method that gives one too, such as sloreta, with --methods",
        )


def _read_solutions(paths: PatientPaths) -> dict[str, Solution]:
    solutions: dict[str, Solution] = {}
    for method in METHODS:
        if isinstance(METHODS[method], PointMethod):
            if paths.point(method).exists():
                solutions[method] = read_point(paths, method)
        elif paths.sources(method).exists():
            solutions[method] = read_distributed(paths, method)
    return solutions


def read_volume(path) -> Volume:
    """A 3D NIfTI as floats; a fourth dimension of one is dropped."""
    image = nib.load(path)
    data = np.asarray(image.dataobj, dtype=np.float32)
    return Volume(data.reshape(data.shape[:3]) if data.ndim > 3 else data, image.affine)


def _read_t1w(file: Path, paths: PatientPaths, keep_face: bool) -> Volume:
    t1w = read_volume(file)
    t1w = Volume(air_at_zero(t1w.data), t1w.affine)
    if keep_face:
        return t1w
    face = read_face_region(paths).voxels(t1w.data.shape, t1w.affine)
    return Volume(np.where(face, t1w.data.min(), t1w.data), t1w.affine)


def _read_single_spikes(
    paths: PatientPaths, average: mne.Evoked, table: pd.DataFrame
) -> SingleSpikes | None:
    if not paths.epochs.exists() or table.empty:
        return None
    epochs = mne.read_epochs(paths.epochs, proj=False, preload=False, verbose="error")
    # Whitened by each sensor type's own size, so that tesla and tesla per metre can be added.
    topography = average.data[:, np.abs(average.times).argmin()].copy()
    types = np.array(average.get_channel_types())
    size = np.ones(len(types))
    for kind in np.unique(types):
        size[types == kind] = np.sqrt(np.mean(topography[types == kind] ** 2))
    weights = topography / size**2
    course = [
        weights @ epochs[i].get_data(picks=average.ch_names, verbose="error")[0]
        for i in range(len(epochs))
    ]
    course = np.array(course).reshape(len(epochs), len(epochs.times)) / (weights @ topography)
    return SingleSpikes(course, epochs.times, table, epochs)


def _read_contacts(paths: PatientPaths) -> pd.DataFrame:
    contacts = _read_tsv(paths.contacts)
    if contacts.empty:
        columns = {name: [] for name in ("name", "x", "y", "z", "sublobar")}
        return pd.DataFrame(columns | {"soz": np.empty(0, bool)})
    contacts["soz"] = contacts["soz"].map(is_true)
    return contacts.dropna(subset=["x", "y", "z"])


def _read_tsv(path) -> pd.DataFrame:
    """Empty where there is no file; "n/a" is missing, and a name such as "NA1" stays a name."""
    if not path.exists():
        return pd.DataFrame()
    return pd.read_csv(
        path, sep="\t", na_values=["n/a"], keep_default_na=False, encoding="utf-8-sig"
    )


def _read_json_if_there(path) -> dict:
    return read_json(path) if path.exists() else {}


def _is_assessable(metrics: pd.DataFrame, reference: str) -> bool:
    if metrics.empty:
        return False
    own = metrics[metrics["reference"] == reference]
    return bool(own["assessable"].map(is_true).any())
