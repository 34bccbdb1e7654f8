"""Read what the stages have written about one patient; the files' edge of the report."""

from dataclasses import dataclass, fields
from pathlib import Path

import mne
import nibabel as nib
import numpy as np
import pandas as pd

from pipeline.air import air_at_zero
from pipeline.errors import InvalidInput
from pipeline.face import KEPT, REMOVED, read_face_region
from pipeline.files import read_json, read_npz
from pipeline.methods import METHODS
from pipeline.methods._method import PointMethod
from pipeline.paths import PatientPaths
from pipeline.records.compare_qc import CompareQC, read_compare_qc
from pipeline.records.head import Head, read_head
from pipeline.records.headmodel_qc import HeadmodelQC, read_headmodel_qc
from pipeline.records.image_qc import ImageQC, read_image_qc
from pipeline.records.personalize_qc import PersonalizeQC, read_personalize_qc
from pipeline.records.solution import (
    Distributed,
    Solution,
    read_distributed,
    read_point,
)
from pipeline.records.spike import read_average
from pipeline.records.spikes_qc import SpikesQC, read_spikes_qc
from pipeline.records.status import StatusFile, read_status
from reports.figures.slices import Volume
from reports.inputs import Inputs

StageQC = HeadmodelQC | SpikesQC | PersonalizeQC | ImageQC | CompareQC


@dataclass(frozen=True)
class Quality:
    """What the stages measured about themselves, in the order in which they run.

    None where a stage was not asked for: a map without networks needs no personalization.
    """

    headmodel: HeadmodelQC
    spikes: SpikesQC
    personalize: PersonalizeQC | None
    image: ImageQC
    compare: CompareQC | None

    def by_stage(self) -> dict[str, StageQC]:
        """Those that there are."""
        stages = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: quality for name, quality in stages.items() if quality is not None}


QC_STAGES = tuple(each.name for each in fields(Quality))


@dataclass(frozen=True)
class SingleSpikes:
    """The accepted spikes one by one.

    Attributes
    ----------
    course : ndarray, (n_accepted, n_times)
        Each spike through the average's topography at the peak, 1 where it equals the average.
    times_s : ndarray, (n_times,)
    table : DataFrame
        All marked spikes.
    """

    course: np.ndarray
    times_s: np.ndarray
    table: pd.DataFrame

    @property
    def accepted(self) -> np.ndarray:
        return self.table["accepted"].map(_is_true).to_numpy(bool)


@dataclass(frozen=True)
class Patient:
    """Everything that the report tells, as the stages left it; None where a stage left nothing.

    Attributes
    ----------
    sub : str
        Pseudonymous identifier, as in BIDS.
    solutions : dict
        By method; a method that failed is absent.
    stability : dict
        By network: how often each region (994,) is in the extent of averages of resampled spikes,
        0 to 1.
    metrics : DataFrame
        One row per method and metric; empty where the comparison wrote none.
    head_points : DataFrame
        Those that may be shown, with x, y, z in mm and their distance from the scalp.
    t1w : Volume
        Without face and ears, unless the option keeps them.
    qc : Quality
    status : StatusFile or None
    """

    sub: str
    average: mne.Evoked
    spike_events: pd.DataFrame
    single_spikes: SingleSpikes | None
    head: Head
    head_points: pd.DataFrame
    trans: mne.Transform
    solutions: dict[str, Solution]
    stability: dict[str, np.ndarray]
    t1w: Volume
    source_volume: Volume | None
    resection: Volume | None
    contacts: pd.DataFrame
    metrics: pd.DataFrame
    metric_descriptions: dict
    training_curve: pd.DataFrame | None
    qc: Quality
    status: StatusFile | None

    @property
    def sources(self) -> dict[str, Distributed]:
        """The solutions that are maps."""
        return {
            method: solution
            for method, solution in self.solutions.items()
            if isinstance(solution, Distributed)
        }

    @property
    def methods(self) -> list[str]:
        """Those that the report tells of: what runs by default, and what was asked for."""
        asked = self.qc.image.methods
        return [name for name in METHODS if METHODS[name].by_default or name in asked]

    @property
    def finding_method(self) -> str:
        """The method whose map the report is about: the personalized network, if it was run."""
        return next(method for method in METHODS if method in self.sources)

    @property
    def personalization_used(self) -> bool:
        """Whether the map called "personalized" has weights of its own; the generic ones serve else."""
        return self.qc.personalize is None or self.qc.personalize.improved

    @property
    def finding_name(self) -> str:
        """What made the map that the report is about, by its weights."""
        method = METHODS[self.finding_method]
        unused = method.fine_tuned and not self.personalization_used
        return METHODS["generic"].label if unused else method.label

    @property
    def same_weights_sentence(self) -> str:
        """Why two methods have one map, where they do."""
        if self.personalization_used or "personalized" not in self.solutions:
            return ""
        return (
            "Personalization was not used: the personalized network has the generic one’s weights."
        )

    @property
    def finding(self) -> Distributed:
        return self.sources[self.finding_method]

    @property
    def shows_face(self) -> bool:
        """Whether a person can be recognised in what the report shows."""
        return self.qc.headmodel.face != REMOVED

    @property
    def window_s(self) -> float:
        """Length of the window around the peak over which the maps are averaged."""
        return self.qc.image.peak_window_s

    @property
    def window(self) -> str:
        return f"{1000 * self.window_s:.0f}\u00a0ms"

    @property
    def max_mm(self) -> np.ndarray:
        return self.finding.max_mri_mm(self.head)

    @property
    def soz_mm(self) -> np.ndarray:
        return self._contact_positions(self.contacts["soz"])

    @property
    def other_contacts_mm(self) -> np.ndarray:
        return self._contact_positions(~self.contacts["soz"])

    def _contact_positions(self, chosen: pd.Series) -> np.ndarray:
        return self.contacts.loc[chosen, ["x", "y", "z"]].to_numpy(float)


def read_patient(inputs: Inputs, paths: PatientPaths) -> Patient:
    """Read one patient's derivatives.

    Raises
    ------
    InvalidInput
        Where the average or any map is missing: there is nothing to report then.
    """
    solutions = _read_solutions(paths)
    maps = (name for name, found in solutions.items() if isinstance(found, Distributed))
    wanted = next(maps, next(iter(METHODS)))
    qualities = [paths.qc(stage) for stage in ("headmodel", "spikes", "image")]
    for needed in (paths.average, paths.regions, paths.sources(wanted), *qualities):
        if not needed.exists():
            raise InvalidInput(
                "The report cannot be written without this result",
                file=needed,
                hint="run the earlier stages first",
            )
    qc = _read_quality(paths)
    metrics = _read_tsv(paths.metrics)
    resection = None
    if paths.resection.exists() and _is_assessable(metrics, "resection"):
        resection = read_volume(paths.resection)
    volume = paths.volume(wanted)
    average, _ = read_average(paths, proj=False)
    spike_events = _read_tsv(paths.spike_events)
    return Patient(
        sub=paths.sub,
        average=average,
        spike_events=spike_events,
        single_spikes=_read_single_spikes(paths, average, spike_events),
        head=read_head(paths),
        head_points=_read_tsv(paths.head_points),
        trans=mne.read_trans(paths.trans),
        solutions=solutions,
        stability={
            method: read_npz(paths.bootstrap(method))["stability"]
            for method in solutions
            if paths.bootstrap(method).exists()
        },
        t1w=_read_t1w(inputs.t1w, paths, qc.headmodel.face == KEPT),
        source_volume=read_volume(volume) if volume.exists() else None,
        resection=resection,
        contacts=_read_contacts(paths),
        metrics=metrics,
        metric_descriptions=_read_json_if_there(paths.metrics.with_suffix(".json")),
        training_curve=_read_tsv(paths.training_curve) if paths.training_curve.exists() else None,
        qc=qc,
        status=read_status(paths) if paths.status.exists() else None,
    )


def _read_quality(paths: PatientPaths) -> Quality:
    return Quality(
        headmodel=read_headmodel_qc(paths),
        spikes=read_spikes_qc(paths),
        personalize=read_personalize_qc(paths) if paths.qc("personalize").exists() else None,
        image=read_image_qc(paths),
        compare=read_compare_qc(paths) if paths.qc("compare").exists() else None,
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
    epochs = mne.read_epochs(paths.epochs, proj=False, preload=True, verbose="error")
    data = epochs.get_data(picks=average.ch_names, verbose="error")
    # Whitened by each sensor type's own size, so that tesla and tesla per metre can be added.
    topography = average.data[:, np.abs(average.times).argmin()].copy()
    types = np.array(average.get_channel_types())
    size = np.ones(len(types))
    for kind in np.unique(types):
        size[types == kind] = np.sqrt(np.mean(topography[types == kind] ** 2))
    weights = topography / size**2
    course = np.einsum("c,nct->nt", weights, data) / (weights @ topography)
    return SingleSpikes(course, epochs.times, table)


def _read_contacts(paths: PatientPaths) -> pd.DataFrame:
    contacts = _read_tsv(paths.contacts)
    if contacts.empty:
        columns = {name: [] for name in ("name", "x", "y", "z", "sublobar")}
        return pd.DataFrame(columns | {"soz": np.empty(0, bool)})
    contacts["soz"] = contacts["soz"].map(_is_true)
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
    return bool(own["assessable"].map(_is_true).any())


def _is_true(value) -> bool:
    return str(value).strip().lower() in {"true", "yes", "1"}
