"""Read what the stages have written about one patient; the files' edge of the report."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import mne
import numpy as np
import pandas as pd

from pipeline.face import REMOVED
from pipeline.methods import METHODS
from pipeline.modality import modality_of_types
from pipeline.paths import PatientPaths
from pipeline.records.compare_qc import CompareQC, NearContactsQC
from pipeline.records.dipoles import DipolesQC, SpikeDipoles
from pipeline.records.head import Head
from pipeline.records.headmodel_qc import HeadmodelQC
from pipeline.records.image_qc import ImageQC
from pipeline.records.personalize_qc import PersonalizeQC
from pipeline.records.solution import (
    Distributed,
    Solution,
)
from pipeline.records.spikes_qc import SpikesQC, SpikeTypeQC
from pipeline.records.status import StatusFile
from pipeline.warp import HeadWarp
from reports.clinical_file import ClinicalFile
from reports.figures.slices import Volume
from reports.sight import Sight

if TYPE_CHECKING:
    from pipeline.modality._modality import Modality

NOTHING_CLINICAL = ClinicalFile()
StageQC = HeadmodelQC | SpikesQC | PersonalizeQC | ImageQC | CompareQC


@dataclass(frozen=True)
class Quality:
    """What the stages measured about themselves, in the order in which they run.

    None where a stage was not asked for, as a map without networks needs no personalization, or had
    nothing to do, as where no type of spikes is imaged. The image stage may have fitted dipoles to
    single spikes of a type that it did not image.
    """

    headmodel: HeadmodelQC
    spikes: SpikesQC
    personalize: PersonalizeQC | None
    image: ImageQC | None
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
    epochs : mne.BaseEpochs
        The accepted spikes, still in their file: a long recording has more than memory should hold.
    """

    course: np.ndarray
    times_s: np.ndarray
    table: pd.DataFrame
    epochs: mne.BaseEpochs

    @property
    def accepted(self) -> np.ndarray:
        return self.table["accepted"].map(is_true).to_numpy(bool)

    def traces(self, ch_names: list[str], chosen: np.ndarray) -> np.ndarray:
        """Some channels of some accepted spikes (n_chosen, n_channels, n_times), in T and T/m."""
        shape = (len(chosen), len(ch_names), len(self.times_s))
        data = np.empty(shape)
        for one, index in zip(data, chosen, strict=True):
            one[:] = self.epochs[int(index)].get_data(picks=ch_names, verbose="error")[0]
        return data


@dataclass(frozen=True)
class Patient:
    """Everything that the report tells of one type of spikes; None where a stage left nothing.

    Attributes
    ----------
    sub : str
        Pseudonymous identifier, as in BIDS.
    paths : PatientPaths
        Of the type's files.
    average : mne.Evoked or None
        None where too few spikes of any type agree.
    spike_events : DataFrame
        The marks of this type; where there is one type, all of them.
    solutions : dict
        By method; a method that failed is absent.
    stability : dict
        By network: how often each region (994,) is in the extent of averages of resampled spikes,
        0 to 1.
    metrics : DataFrame
        One row per method and metric; empty where the comparison wrote none.
    head_points : DataFrame
        Those that may be shown, with x, y, z in mm and their distance from the scalp.
    warp : HeadWarp
        Between MNI152 and the T1w.
    dipoles : SpikeDipoles or None
        Of the single spikes.
    t1w : Volume
        Without face and ears, unless the option keeps them.
    qc : Quality
    status : StatusFile or None
    clinical : ClinicalFile
        Empty where there is none.
    clinical_fault : str
        Why a clinical file that is there is not printed.
    virtual : bool
        Whether the dataset says that there is no such person.
    contact_distances : DataFrame
        Of each contact from what each method has found; empty without contacts.
    sight : Sight or None
        The smallest sources that would have been shown; None where that is not known.
    """

    sub: str
    paths: PatientPaths
    average: mne.Evoked | None
    spike_events: pd.DataFrame
    single_spikes: SingleSpikes | None
    head: Head
    head_points: pd.DataFrame
    warp: HeadWarp
    dipoles: SpikeDipoles | None
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
    clinical: ClinicalFile = NOTHING_CLINICAL
    clinical_fault: str = ""
    virtual: bool = False
    contact_distances: pd.DataFrame = field(default_factory=pd.DataFrame)
    sight: Sight | None = None

    @property
    def sources(self) -> dict[str, Distributed]:
        """The solutions that are maps."""
        return {
            method: solution
            for method, solution in self.solutions.items()
            if isinstance(solution, Distributed)
        }

    @property
    def modality(self) -> "Modality":
        """What was recorded."""
        return modality_of_types(self.qc.spikes.n_channels_used)

    @property
    def imaged(self) -> bool:
        """Whether there is a map of this type."""
        return bool(self.sources)

    @property
    def spike_type(self) -> SpikeTypeQC | None:
        """The type; None where no mark could be looked at."""
        number = self.paths.spike_type
        return next((each for each in self.qc.spikes.types if each.number == number), None)

    @property
    def type_title(self) -> str:
        """The type's number among all of them; empty where there is one."""
        n_types = len(self.qc.spikes.types)
        return f"Type {self.paths.spike_type} of {n_types}" if n_types > 1 else ""

    @property
    def image(self) -> ImageQC:
        """What the image stage measured, of a type that is imaged."""
        assert self.qc.image is not None
        return self.qc.image

    @property
    def dipoles_qc(self) -> DipolesQC | None:
        """What came of the single spikes' dipoles, with or without a map."""
        return None if self.qc.image is None else self.qc.image.dipoles

    @property
    def evoked(self) -> mne.Evoked:
        """The average, of a type that has one."""
        assert self.average is not None
        return self.average

    @property
    def nearest_contacts(self) -> dict[str, NearContactsQC]:
        """By method; empty where nothing was compared."""
        compared = self.qc.compare
        number = str(self.paths.spike_type)
        return {} if compared is None else compared.nearest_contacts[number]

    @property
    def methods(self) -> list[str]:
        """Those that the report tells of: what runs by default, and what was asked for."""
        asked = self.image.methods
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
        return self.image.peak_window_s

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


def is_true(value) -> bool:
    return str(value).strip().lower() in {"true", "yes", "1"}
